# What doxygen reads of a header, line by line: without what is no name (defaulted functions, guides of deduction,
# instances, the ABI's namespace), and with a word for what every layer has.
1s|^#pragma once$|/// \\file|
s/^.*= (default|delete);.*$//
s/^inline namespace KEEL_ABI \{$//
s/^\}  \/\/ namespace KEEL_ABI$//
s/^ *KEEL_(INSTANCE|REFUSE_OTHERS|REFUSE_OTHER_OPTIONS).*$//
/^#define KEEL_REFUSE_OTHERS/,/<float>;$/s/.*//
/^#define KEEL_REFUSE_OTHER_OPTIONS/,/operator=.*default;$/s/.*//
s/^ +KEEL_REFUSED\(.*$/;/
s/^ *# *define (KEEL_ABI|KEEL_DOTTED|KEEL_SIMD_SOURCE|MPICH_).*$//
/^template <class [A-Za-z]+(, class [A-Za-z]+)*>$/{
N
s/^.*\n[A-Za-z0-9]+\(.*\) ?-> ?[A-Za-z0-9<>:, ]+;$/\n/
}
s/^(explicit )?[A-Za-z0-9]+\(.*\) ?-> ?[A-Za-z0-9<>, ]+;.*$//
s#^( *)((static )?[A-Za-z0-9_<>:]+ from_config\()#\1/** The layer that `config()` of another describes. */ \2#
s#^( *)(const [A-Za-z0-9_]+& options\(\) const)#\1/** What it was made with. */ \2#
s#^( *)([A-Za-z].* (type|output_shape|forward|backward|build|parameters|config|finish_forward|counters|multiply_adds|is_synchronized|acceleration)\(.*(override|,|final).*)$#\1/** As `Layer` says. */ \2#
s#^( *)(void fields\(F&& f\))#\1/** Calls f("field", field) for those that a file keeps. */ \2#
s#^( *)([A-Za-z].* override( \{.*|;|)$)#\1/** As its base says. */ \2#
s#^( *)((explicit )?[A-Z][A-Za-z0-9_]*\((const )?[A-Za-z0-9]*Options&? [a-z]+( = \{\})?[,)].*)$#\1/** Throws ConfigError for an option outside its range. */ \2#
s#^( *)(static OptimizerSpec torch\(.*)$#\1/** With PyTorch's formula, names and defaults. */ \2#
s#^( *)((inline )?void (read|write)_option\(.*)$#\1/** One option, from or to a Config. */ \2#
s#^( *)(void apply\(UpdateStep<T>& .*)$#\1/** A step by the formula of the class. */ \2#
s#^( *)([A-Z][A-Za-z]*Rule\(double .*)$#\1/** The numbers of the formula. */ \2#
/\/\/\/ Refused: /,/= delete;|= $|^$/s/.*//
s#^struct ([A-Za-z0-9]+)Options \{#/** What \1 has beside its arguments. */ &#
s#^( *)((explicit )?[A-Z][A-Za-z0-9]*\([A-Za-z].*, (const )?[A-Za-z0-9]+Options&? (options|o).*)$#\1/** The class says what the arguments are, and what is thrown for values outside their range. */ \2#
s#^( *)(Parameter<T>& [a-z_]+\(\) \{ return .*)$#\1/** The parameter of that name, once the layer is built. */ \2#
s#^( *)((virtual )?void operator\(\)\(const std::string& name, .*)$#\1/** Writes the value under that name, or reads it. */ \2#
s#^( *)(void check\(\) const \{.*)$#\1/** Throws ConfigError for a number outside its range. */ \2#
s#^( *)(double operator\(\)\(Index step\) const .*)$#\1/** The rate of a step, counted from 0. */ \2#
s#^( *)(bool operator\(\)\(Index epoch, Index step, Batch<T>& batch\).*)$#\1/** A step's batch of an epoch; false where the epoch has ended. */ \2#
s#^( *)((Index|double|Pair) ([a-z_]+)\(\) const \{ return ([a-z_]+_|this->spec\(\).units); \})$#\1/** As given. */ \2#
# `T a = 0, b = 0;  ///< text`: the text is said of both.
:names
s#(^ *|\*/ )((static const )?[A-Za-z_][A-Za-z_:0-9]*(<[A-Za-z_:0-9, <>]*>)?) ([a-z_0-9]+( = [^,;]*|\{\})?), ([a-z_0-9][^;]*;) *///< (.*)$#\1\2 \5; /**< \8 */ \2 \7  ///< \8#
tnames
