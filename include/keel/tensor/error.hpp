#pragma once
/// The exceptions that keel throws.

#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <keel/tensor/abi.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Base of every exception that keel throws. It says who failed, what was expected, what came and, where
/// there is one, what to do; `what()` joins them: `[where] expected ..., got ... (hint)`.
class Error : public std::runtime_error {
 public:
  /// The four parts, each in words; `where` is a layer, a file or a function.
  [[gnu::cold]] Error(std::string_view where, std::string_view expected, std::string_view got,
                      std::string_view hint = {})
      : std::runtime_error(message(where, expected, got, hint)),
        where_(where),
        expected_(expected),
        got_(got),
        hint_(hint) {}

  const std::string& where() const noexcept { return where_; }        ///< who failed
  const std::string& expected() const noexcept { return expected_; }  ///< what was expected
  const std::string& got() const noexcept { return got_; }            ///< what came
  const std::string& hint() const noexcept { return hint_; }          ///< what to do; may be empty

 private:
  [[gnu::cold]] static std::string message(std::string_view where, std::string_view expected, std::string_view got,
                                           std::string_view hint) {
    std::string text = "[";
    text.append(where).append("] expected ").append(expected).append(", got ").append(got);
    if (!hint.empty()) text.append(" (").append(hint).append(")");
    return text;
  }

  std::string where_, expected_, got_, hint_;
};

/// Shapes or ranks that do not fit.
class ShapeError : public Error {
  using Error::Error;
};

/// An option or argument outside its range, or a call in the wrong order.
class ConfigError : public Error {
  using Error::Error;
};

/// Values that cannot be used: labels out of range, an empty batch, a loss that is not finite.
class DataError : public Error {
  using Error::Error;
};

/// A file that is missing, broken, or not what it claims to be.
class FormatError : public Error {
  using Error::Error;
};

/// Stands in what the compiler says of a call that no constructor or function takes, in place of a list of those that
/// there are: an option has no such name, or a value of another type, or an argument is missing, or one too many.
struct MisspeltOptionOrWrongTypeOrArgument;

/// KEEL_REFUSE_OTHERS(Conv2D) behind a class template with options: `Conv2D(32, 3, {.paddding = 1})` names, of all
/// types that Conv2D is none of, MisspeltOptionOrWrongTypeOrArgument. (A constructor `Conv2D(...) = delete` instead
/// would take part where {2, 2} is to become a Conv2D.)
#define KEEL_REFUSE_OTHERS(Name)                             \
  template <>                                                \
  class Name<MisspeltOptionOrWrongTypeOrArgument> {          \
   public:                                                   \
    explicit Name(...) = delete;                             \
  };                                                         \
  template <class Why = MisspeltOptionOrWrongTypeOrArgument> \
  Name(...) -> Name<Why>;                                    \
  Name()->Name<float>;

/// KEEL_REFUSE_OTHER_OPTIONS(Adam) in a class with options: the same for `Adam({.lr = 1e-3})`. So that the deleted
/// constructor takes no part where {1e-3} is to become the options, braces do not lead to the constructors that copy:
/// they take what may change, or are templates. The volatile one lets derived classes copy what may not.
#define KEEL_REFUSE_OTHER_OPTIONS(Name)                                                 \
  template <class Why = MisspeltOptionOrWrongTypeOrArgument>                            \
  explicit Name(...) = delete;                                                          \
  Name(Name&) = default;                                                                \
  Name(const volatile Name&) = delete;                                                  \
  template <std::derived_from<Name> Same>                                               \
  Name(const Same& other) : Name(const_cast<Name&>(static_cast<const Name&>(other))) {} \
  Name& operator=(const Name&) = default;

/// What a text may be that names something: "relu".
template <class Text>
concept NameText = std::convertible_to<const Text&, std::string_view> && !std::is_same_v<Text, std::nullptr_t>;

/// KEEL_REFUSED("a layer is ...") in place of the body of a constructor template that takes what can be no value of its
/// class: the compiler says the text where it is called. (clang leaves deleted ones out where braces become options.)
#if defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 12)
#define KEEL_REFUSED(says) __attribute__((unavailable("keel: " says)));
#else
#define KEEL_REFUSED(says) = delete;
#endif

}  // namespace KEEL_ABI
}  // namespace keel
