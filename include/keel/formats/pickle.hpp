#pragma once
/// Python pickles as data, protocols 2 to 5. No callable exists here: a pickle can only build none, booleans, numbers,
/// texts, bytes, tuples, lists and dicts, note that something of a given list was called with some arguments, and name
/// other things. Such a foreign thing, and whatever is made with it, is refused, or becomes a value that holds its
/// name and nothing else. Every other opcode is refused.

#include <deque>
#include <unordered_map>

#include <keel/formats/archive.hpp>
#include <keel/formats/content.hpp>
#include <keel/formats/pickle_opcodes.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A name that a pickle may use: `module name` as in `collections OrderedDict`.
struct PickleGlobal {
  enum class Use : unsigned char {
    value,         ///< only mentioned
    call,          ///< called
    object,        ///< called, and then given a state
    dict,          ///< called with nothing or with a list of pairs, which makes a dict
    counter,       ///< called with nothing or with a dict, which makes a dict
    default_dict,  ///< called with what makes its missing values, which makes a dict
  };
  std::string_view name;
  Use use = Use::value;
};

struct PickleValue {
  enum class Kind : unsigned char {
    none,
    boolean,
    integer,
    real,
    text,
    bytes,
    tuple,
    list,
    dict,
    global,
    call,
    persistent,
    foreign
  };
  Kind kind = Kind::none;
  std::uint32_t state = 0;   ///< what a dict or object was given by BUILD, or 0
  std::int64_t integer = 0;  ///< the value of an integer or a boolean
  double real = 0;
  std::string_view
      text;  ///< text or bytes, inside the pickle's bytes; the name of a global, a function called, a class
  std::vector<std::uint32_t> items;  ///< of a tuple or list; keys and values of a dict in turn; arguments
};

/// What becomes of names that are not in the list.
enum class PickleForeign : unsigned char {
  refuse,  ///< the pickle is refused
  skip     ///< the object is not made; a value of kind `foreign` with the name of its class stands for it
};

namespace formats {

/// Whether a name is of what runs, loads or opens things. None of it could happen here, but a pickle that asks for it
/// was made to do harm elsewhere, and is refused as a whole.
inline bool is_hostile(std::string_view name) {
  constexpr std::string_view modules[] = {"os",      "posix",  "nt",      "subprocess", "sys",      "pty",
                                          "shutil",  "socket", "ctypes",  "importlib",  "runpy",    "webbrowser",
                                          "marshal", "pickle", "_pickle", "cPickle",    "torch.hub"};
  constexpr std::string_view functions[] = {"eval",  "exec",       "execfile",   "compile", "open", "file",
                                            "input", "__import__", "breakpoint", "apply",   "load"};
  const std::size_t space = name.find(' ');
  const std::string_view module = name.substr(0, space), function = name.substr(space + 1);
  const std::string_view package = module.substr(0, module.find('.'));
  const auto is = [](std::string_view wanted) { return [wanted](std::string_view one) { return one == wanted; }; };
  if (std::any_of(std::begin(modules), std::end(modules), is(module)) ||
      std::any_of(std::begin(modules), std::end(modules), is(package)))
    return true;
  return (module == "builtins" || module == "__builtin__" || module == "torch" || module == "torch.jit") &&
         std::any_of(std::begin(functions), std::end(functions), is(function));
}

}  // namespace formats

/// The values of one pickle by index. Keeps views of the bytes, which must outlive it. Throws FormatError.
class Pickle {
 public:
  /// `advice` is what to do in Python about a pickle that holds something else.
  Pickle(formats::ByteReader& reader, std::span<const PickleGlobal> globals, formats::Budget& budget,
         PickleForeign foreign = PickleForeign::refuse,
         const char* advice = "in Python, save model.state_dict() instead of the model or a whole checkpoint")
      : reader_(reader),
        where_(reader.where()),
        globals_(globals),
        budget_(budget),
        skips_(foreign == PickleForeign::skip),
        advice_(advice) {
    run();
  }

  const PickleValue& root() const { return values_[root_]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(values_.size()); }
  const PickleValue& operator[](std::uint32_t id) const { return values_[id]; }
  /// The value of a text key in a dict, or none.
  const PickleValue* find(const PickleValue& dict, std::string_view key) const {
    for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2)
      if (const PickleValue& name = values_[dict.items[i]]; name.kind == Kind::text && name.text == key)
        return &values_[dict.items[i + 1]];
    return nullptr;
  }
  /// Throws for a foreign thing that cannot be left out.
  [[noreturn]] void refuse(std::string_view name) const {
    throw FormatError(where_, "tensors, numbers, texts, lists and dicts", "a pickle that names " + formats::shown(name),
                      advice_);
  }

 private:
  using Kind = PickleValue::Kind;
  using Use = PickleGlobal::Use;
  using Op = formats::PickleOp;
  using Ids = std::vector<std::uint32_t>;
  static constexpr std::size_t max_marks = 10'000;

  [[noreturn]] void fail(const std::string& expected, const std::string& got, const std::string& hint = {}) const {
    reader_.fail(expected, got, hint);
  }
  [[noreturn]] void fail(Op op) const {
    constexpr const char* digits = "0123456789abcdef";
    const auto code = static_cast<unsigned char>(op);
    fail("opcodes that build tensors, numbers, texts, lists and dicts",
         std::string("opcode 0x") + digits[code >> 4] + digits[code & 15], advice_);
  }

  void push(PickleValue value) {
    budget_.charge(2 * (sizeof(PickleValue) + sizeof(std::uint32_t)), where_);
    values_.push_back(std::move(value));
    stack_.push_back(static_cast<std::uint32_t>(values_.size() - 1));
  }
  void push(Kind kind, std::int64_t integer = 0) {
    PickleValue value;
    value.kind = kind;
    value.integer = integer;
    push(std::move(value));
  }
  void push_text(Kind kind, std::string_view text) {
    PickleValue value;
    value.kind = kind;
    value.text = text;
    push(std::move(value));
  }
  void push_items(Kind kind, Ids items) {
    PickleValue value;
    value.kind = kind;
    value.items = std::move(items);
    push(std::move(value));
  }
  /// Items above the last mark belong to it: an opcode may not reach below.
  std::uint32_t pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("a value on the stack", "none");
    const std::uint32_t id = stack_.back();
    stack_.pop_back();
    return id;
  }
  Ids pop_to_mark() {
    if (marks_.empty()) fail("a mark on the stack", "none");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    Ids items(begin, stack_.end());
    budget_.charge(2 * items.size() * sizeof(std::uint32_t), where_);
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  Ids pop_some(std::size_t count) {
    Ids items(count);
    budget_.charge(32, where_);
    while (count-- > 0) items[count] = pop();
    return items;
  }
  /// A set, or an integer too large for 64 bits: foreign, as far as keel is concerned.
  void push_foreign(Op op, std::string_view name) {
    if (!skips_) fail(op);
    push_text(Kind::foreign, name);
  }

  /// Adds to the list or dict on top of the stack; what goes into a foreign object is left out with it.
  void extend(Kind kind, const char* name, const Ids& items) {
    const std::uint32_t id = pop();
    stack_.push_back(id);
    PickleValue& container = values_[id];
    if (container.kind == Kind::foreign) return;
    if (container.kind != kind) fail(name, "something else");
    budget_.charge(3 * items.size() * sizeof(std::uint32_t) + 16, where_);
    container.items.insert(container.items.end(), items.begin(), items.end());
  }
  void set_items(const Ids& items) {
    if (items.size() % 2 != 0) fail("keys and values in pairs", "an odd number");
    for (std::size_t i = 0; i < items.size() && !skips_; i += 2)
      if (const Kind kind = values_[items[i]].kind; kind != Kind::text && kind != Kind::integer)
        fail("texts or integers as keys of a dict", "something else");
    extend(Kind::dict, "a dict", items);
  }

  std::string_view line() {
    std::uint64_t length = 0;
    formats::ByteReader ahead = reader_;
    while (ahead.u8("a line") != '\n')
      if (++length > 256) fail("a name of at most 256 bytes", "a longer one");
    const std::string_view text = formats::text_of(reader_.take(length, "a name"));
    reader_.skip(1, "a line");
    return text;
  }
  void push_global(std::string_view module, std::string_view name) {
    std::string full = std::string(module) + " " + std::string(name);
    for (std::size_t i = 0; i < globals_.size(); ++i)
      if (globals_[i].name == full) {
        push_text(Kind::global, globals_[i].name);
        values_.back().integer = static_cast<std::int64_t>(i);
        return;
      }
    if (!skips_ || full.size() > 512 || formats::is_hostile(full)) refuse(full);
    budget_.charge(full.size() + 64, where_);
    push_text(Kind::foreign, foreign_names_.emplace_back(std::move(full)));
  }
  void push_stack_global() {
    const Ids names = pop_some(2);
    if (values_[names[0]].kind != Kind::text || values_[names[1]].kind != Kind::text)
      fail("a name as texts", "something else");
    push_global(values_[names[0]].text, values_[names[1]].text);
  }

  void reduce() {
    const Ids parts = pop_some(2);
    const PickleValue& function = values_[parts[0]];
    const PickleValue& arguments = values_[parts[1]];
    if (function.kind == Kind::foreign) return push_text(Kind::foreign, class_of(function, arguments));
    if (function.kind != Kind::global || arguments.kind != Kind::tuple)
      fail("a call of a known name with a tuple", "something else");
    switch (const PickleGlobal& global = globals_[static_cast<std::size_t>(function.integer)]; global.use) {
      case Use::value: fail("a call of a known function", "one of " + formats::shown(global.name));
      case Use::call:
      case Use::object: {
        budget_.charge(arguments.items.size() * sizeof(std::uint32_t) + 16, where_);
        PickleValue call;
        call.kind = Kind::call;
        call.integer = function.integer;
        call.text = global.name;
        call.items = arguments.items;
        return push(std::move(call));
      }
      default: return push_items(Kind::dict, dict_items(global, arguments));
    }
  }
  /// Python 2 makes objects of old classes by a function that takes the class.
  std::string_view class_of(const PickleValue& function, const PickleValue& arguments) const {
    const bool maker = function.text == "copyreg _reconstructor" || function.text == "copy_reg _reconstructor";
    if (!maker || arguments.kind != Kind::tuple || arguments.items.empty()) return function.text;
    const PickleValue& made = values_[arguments.items[0]];
    return made.kind == Kind::foreign || made.kind == Kind::global ? made.text : function.text;
  }
  /// Keys and values in turn of a dict that is made by a call.
  Ids dict_items(const PickleGlobal& global, const PickleValue& arguments) {
    if (arguments.items.empty()) return {};
    const PickleValue& first = values_[arguments.items[0]];
    const bool fits = arguments.items.size() == 1 && (global.use == Use::dict      ? first.kind == Kind::list
                                                      : global.use == Use::counter ? first.kind == Kind::dict
                                                                                   : is_name(first.kind));
    if (!fits) fail("an empty " + std::string(global.name), "one with arguments");
    budget_.charge(2 * first.items.size() * sizeof(std::uint32_t) + 16, where_);
    if (global.use == Use::counter) return first.items;
    Ids items;
    for (const std::uint32_t id : first.items) {
      const PickleValue& pair = values_[id];
      if ((pair.kind != Kind::list && pair.kind != Kind::tuple) || pair.items.size() != 2)
        fail("pairs of a key and a value", "something else");
      items.insert(items.end(), pair.items.begin(), pair.items.end());
    }
    return items;
  }
  static bool is_name(Kind kind) { return kind == Kind::none || kind == Kind::global || kind == Kind::foreign; }

  /// An object of a class; only foreign classes are made so.
  void new_object(Op op, std::size_t arguments) {
    const std::uint32_t made = pop_some(1 + arguments)[0];
    if (values_[made].kind != Kind::foreign) fail(op);
    push_text(Kind::foreign, values_[made].text);
  }
  /// What an OrderedDict has besides its items, or an object's values.
  void build() {
    const std::uint32_t state = pop(), id = pop();
    stack_.push_back(id);
    PickleValue& value = values_[id];
    if (value.kind == Kind::foreign) return;
    const bool object =
        value.kind == Kind::call && globals_[static_cast<std::size_t>(value.integer)].use == Use::object;
    if (!object && value.kind != Kind::dict) fail("BUILD of a dict only", "something else");
    if (!object && values_[state].kind != Kind::dict) fail("attributes as a dict", "something else");
    value.state = state;
  }
  void memoize(std::uint32_t key) {
    if (stack_.empty()) fail("a value to remember", "an empty stack");
    budget_.charge(64, where_);
    memo_[key] = stack_.back();
  }
  void recall(std::uint32_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) fail("a value remembered before", "number " + std::to_string(key));
    budget_.charge(2 * sizeof(std::uint32_t), where_);
    stack_.push_back(found->second);
  }
  void push_long(Op op, std::uint64_t size) {
    const ByteSpan digits = reader_.take(size, "an integer");
    if (size > 8 && !skips_) fail("integers of at most 64 bits", std::to_string(size) + " bytes");
    if (size > 8) return push_foreign(op, "builtins int");
    std::uint64_t bits = formats::load_little(digits.data(), size);
    if (size > 0 && size < 8 && bits >> (8 * size - 1)) bits |= ~std::uint64_t{0} << (8 * size);
    push(Kind::integer, static_cast<std::int64_t>(bits));
  }
  void push_float() {
    std::uint64_t bits = 0;
    for (int i = 0; i < 8; ++i) bits = bits << 8 | reader_.u8("a float");
    PickleValue value;
    value.kind = Kind::real;
    value.real = std::bit_cast<double>(bits);
    push(std::move(value));
  }
  void push_mark() {
    if (marks_.size() == max_marks) fail("at most 10000 marks", "more");
    marks_.push_back(stack_.size());
  }
  std::string_view text(std::uint64_t length) { return formats::text_of(reader_.take(length, "a text")); }

  void run() {
    if (reader_.u8("PROTO") != static_cast<unsigned char>(Op::proto))
      fail("a pickle of protocol 2 to 5", "something else");
    const std::uint8_t protocol = reader_.u8("protocol");
    if (protocol < 2 || protocol > 5)
      fail("a pickle of protocol 2 to 5", "protocol " + std::to_string(protocol), "torch.save writes protocol 2");
    for (;;) {
      const Op op{reader_.u8("an opcode")};
      if (op == Op::stop) break;
      step(op);
    }
    root_ = pop();
    if (!stack_.empty() || !marks_.empty()) fail("one value at the end", "more");
  }

  void step(Op op) {
    switch (op) {
      case Op::frame: return reader_.skip(8, "a frame's length");
      case Op::mark: return push_mark();
      case Op::pop: return static_cast<void>(pop());
      case Op::pop_mark: return static_cast<void>(pop_to_mark());
      case Op::binput: return memoize(reader_.u8("a number"));
      case Op::long_binput: return memoize(reader_.u32("a number"));
      case Op::memoize: return memoize(static_cast<std::uint32_t>(memo_.size()));
      case Op::binget: return recall(reader_.u8("a number"));
      case Op::long_binget: return recall(reader_.u32("a number"));
      case Op::none: return push(Kind::none);
      case Op::newtrue: return push(Kind::boolean, 1);
      case Op::newfalse: return push(Kind::boolean, 0);
      case Op::binint: return push(Kind::integer, static_cast<std::int32_t>(reader_.u32("an integer")));
      case Op::binint1: return push(Kind::integer, reader_.u8("an integer"));
      case Op::binint2: return push(Kind::integer, reader_.u16("an integer"));
      case Op::long1: return push_long(op, reader_.u8("a length"));
      case Op::long4: return push_long(op, reader_.u32("a length"));
      case Op::binfloat: return push_float();
      case Op::binstring:
      case Op::binunicode: return push_text(Kind::text, text(reader_.u32("a length")));
      case Op::short_binstring:
      case Op::short_binunicode: return push_text(Kind::text, text(reader_.u8("a length")));
      case Op::binunicode8: return push_text(Kind::text, text(reader_.u64("a length")));
      case Op::short_binbytes: return push_text(Kind::bytes, text(reader_.u8("a length")));
      case Op::binbytes: return push_text(Kind::bytes, text(reader_.u32("a length")));
      case Op::binbytes8:
      case Op::bytearray8: return push_text(Kind::bytes, text(reader_.u64("a length")));
      case Op::empty_tuple: return push(Kind::tuple);
      case Op::tuple: return push_items(Kind::tuple, pop_to_mark());
      case Op::tuple1: return push_items(Kind::tuple, pop_some(1));
      case Op::tuple2: return push_items(Kind::tuple, pop_some(2));
      case Op::tuple3: return push_items(Kind::tuple, pop_some(3));
      case Op::empty_list: return push(Kind::list);
      case Op::append: return extend(Kind::list, "a list", pop_some(1));
      case Op::appends: return extend(Kind::list, "a list", pop_to_mark());
      case Op::empty_dict: return push(Kind::dict);
      case Op::setitem: return set_items(pop_some(2));
      case Op::setitems: return set_items(pop_to_mark());
      case Op::empty_set: return push_foreign(op, "builtins set");
      case Op::additems: return extend(Kind::foreign, "a set", pop_to_mark());
      case Op::frozenset: pop_to_mark(); return push_foreign(op, "builtins frozenset");
      case Op::global: {
        const std::string_view module = line();
        return push_global(module, line());
      }
      case Op::stack_global: return push_stack_global();
      case Op::reduce: return reduce();
      case Op::build: return build();
      case Op::newobj: return new_object(op, 1);
      case Op::newobj_ex: return new_object(op, 2);
      case Op::binpersid: return push_items(Kind::persistent, pop_some(1));
      default: fail(op);
    }
  }

  formats::ByteReader& reader_;
  std::string where_;
  std::span<const PickleGlobal> globals_;
  formats::Budget& budget_;
  bool skips_;
  std::string advice_;
  std::vector<PickleValue> values_;
  std::deque<std::string> foreign_names_;  // a deque, so that views of them stay
  std::vector<std::uint32_t> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, std::uint32_t> memo_;
  std::uint32_t root_ = 0;
};

}  // namespace KEEL_ABI
}  // namespace keel
