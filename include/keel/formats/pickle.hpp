#pragma once
/// Python pickles as data. No callable exists here: a pickle can only build none, booleans, numbers, texts,
/// tuples, lists and dicts, name things of a given list, and note that one of them was called with some arguments;
/// where the list has objects, also bytes, and an object's state. Every other opcode, name or call is refused.
/// Protocols 2 to 4.
/// https://docs.python.org/3/library/pickletools.html

#include <unordered_map>

#include <keel/formats/archive.hpp>
#include <keel/formats/content.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A name that a pickle may use: `module name` as in `collections OrderedDict`.
struct PickleGlobal {
  enum class Use : unsigned char { value, call, dict, object };
  std::string_view name;
  Use use = Use::value;  ///< only mentioned, called, called to make a dict, or called and then given a state
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
    persistent
  };
  Kind kind = Kind::none;
  std::uint32_t state = 0;   ///< what a dict or object was given by BUILD, or 0
  std::int64_t integer = 0;  ///< the value; index of a global or of the global called
  double real = 0;
  std::string_view text;             ///< or bytes, inside the pickle's bytes
  std::vector<std::uint32_t> items;  ///< of a tuple or list; keys and values of a dict in turn; arguments
};

/// The values of one pickle by index. Keeps views of the bytes, which must outlive it.
class Pickle {
 public:
  /// `advice` is what to do in Python about a pickle that holds something else.
  Pickle(formats::ByteReader& reader, std::span<const PickleGlobal> globals, formats::Budget& budget,
         const char* advice = "in Python, save model.state_dict() instead of the model or a whole checkpoint")
      : reader_(reader), where_(reader.where()), globals_(globals), budget_(budget), advice_(advice) {
    for (const PickleGlobal& global : globals_) has_objects_ |= global.use == Use::object;
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

 private:
  using Kind = PickleValue::Kind;
  using Use = PickleGlobal::Use;
  static constexpr std::size_t max_marks = 10'000;

  [[noreturn]] void fail(const std::string& expected, const std::string& got, const std::string& hint = {}) const {
    reader_.fail(expected, got, hint);
  }

  std::uint32_t push(PickleValue value) {
    budget_.charge(2 * (sizeof(PickleValue) + sizeof(std::uint32_t)), where_);
    values_.push_back(std::move(value));
    stack_.push_back(static_cast<std::uint32_t>(values_.size() - 1));
    return stack_.back();
  }
  void push(Kind kind, std::int64_t integer = 0) {
    PickleValue value;
    value.kind = kind;
    value.integer = integer;
    push(std::move(value));
  }
  void push_text(std::uint64_t length, Kind kind = Kind::text) {
    PickleValue value;
    value.kind = kind;
    value.text = formats::text_of(reader_.take(length, "a text"));
    push(std::move(value));
  }
  /// Items above the last mark belong to it: an opcode may not reach below.
  std::uint32_t pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("a value on the stack", "none");
    const std::uint32_t id = stack_.back();
    stack_.pop_back();
    return id;
  }
  std::vector<std::uint32_t> pop_to_mark() {
    if (marks_.empty()) fail("a mark on the stack", "none");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<std::uint32_t> items(begin, stack_.end());
    budget_.charge(2 * items.size() * sizeof(std::uint32_t), where_);
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  void push_tuple(std::vector<std::uint32_t> items) {
    PickleValue value;
    value.kind = Kind::tuple;
    value.items = std::move(items);
    push(std::move(value));
  }
  std::vector<std::uint32_t> pop_some(std::size_t count) {
    std::vector<std::uint32_t> items(count);
    budget_.charge(32, where_);
    while (count-- > 0) items[count] = pop();
    return items;
  }
  /// The list or dict on top of the stack, to be filled.
  PickleValue& top(Kind kind, const char* name) {
    const std::uint32_t id = pop();
    stack_.push_back(id);
    if (values_[id].kind != kind) fail(name, "something else");
    return values_[id];
  }
  void extend(PickleValue& container, const std::vector<std::uint32_t>& items) {
    budget_.charge(3 * items.size() * sizeof(std::uint32_t) + 16, where_);
    container.items.insert(container.items.end(), items.begin(), items.end());
  }
  void set_items(const std::vector<std::uint32_t>& items) {
    if (items.size() % 2 != 0) fail("keys and values in pairs", "an odd number");
    for (std::size_t i = 0; i < items.size(); i += 2)
      if (const Kind kind = values_[items[i]].kind; kind != Kind::text && kind != Kind::integer)
        fail("texts or integers as keys of a dict", "something else");
    extend(top(Kind::dict, "a dict"), items);
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
    const std::string full = std::string(module) + " " + std::string(name);
    for (std::size_t i = 0; i < globals_.size(); ++i)
      if (globals_[i].name == full) return push(Kind::global, static_cast<std::int64_t>(i));
    fail("tensors, numbers, texts, lists and dicts", "a pickle that names " + formats::shown(full), advice_);
  }
  void reduce() {
    std::vector<std::uint32_t> parts = pop_some(2);
    const PickleValue& function = values_[parts[0]];
    const PickleValue& arguments = values_[parts[1]];
    if (function.kind != Kind::global || arguments.kind != Kind::tuple)
      fail("a call of a known name", "something else");
    const PickleGlobal& global = globals_[static_cast<std::size_t>(function.integer)];
    PickleValue result;
    if (global.use == Use::dict) {
      if (!arguments.items.empty()) fail("an empty " + std::string(global.name), "one with arguments");
      result.kind = Kind::dict;
    } else if (global.use == Use::call || global.use == Use::object) {
      result.kind = Kind::call;
      result.integer = function.integer;
      budget_.charge(arguments.items.size() * sizeof(std::uint32_t) + 16, where_);
      result.items = arguments.items;
    } else {
      fail("a call of a known function", "one of " + formats::shown(global.name));
    }
    push(std::move(result));
  }
  /// What an OrderedDict has besides its items, or an object's values.
  void build() {
    const std::uint32_t state = pop(), id = pop();
    stack_.push_back(id);
    PickleValue& value = values_[id];
    if (value.kind == Kind::call && globals_[static_cast<std::size_t>(value.integer)].use == Use::object) {
      value.state = state;
      return;
    }
    if (value.kind != Kind::dict) fail("BUILD of a dict only", "something else");
    if (values_[state].kind != Kind::dict) fail("attributes as a dict", "something else");
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

  void run() {
    if (reader_.u8("PROTO") != 0x80) fail("a pickle of protocol 2 to 4", "something else");
    const std::uint8_t protocol = reader_.u8("protocol");
    if (protocol < 2 || protocol > 4)
      fail("a pickle of protocol 2 to 4", "protocol " + std::to_string(protocol), "torch.save writes protocol 2");
    for (;;) {
      const std::uint8_t opcode = reader_.u8("an opcode");
      if (opcode == '.') break;
      step(opcode);
    }
    root_ = pop();
    if (!stack_.empty() || !marks_.empty()) fail("one value at the end", "more");
  }

  void step(std::uint8_t opcode) {
    if (has_objects_ && opcode == 'C') return push_text(reader_.u8("a length"), Kind::bytes);
    if (has_objects_ && opcode == 'B') return push_text(reader_.u32("a length"), Kind::bytes);
    if (has_objects_ && opcode == 0x8e) return push_text(reader_.u64("a length"), Kind::bytes);
    switch (opcode) {
      case '(':
        if (marks_.size() == max_marks) fail("at most 10000 marks", "more");
        return marks_.push_back(stack_.size());
      case 'N': return push(Kind::none);
      case 0x88: return push(Kind::boolean, 1);
      case 0x89: return push(Kind::boolean, 0);
      case 'K': return push(Kind::integer, reader_.u8("an integer"));
      case 'M': return push(Kind::integer, reader_.u16("an integer"));
      case 'J': return push(Kind::integer, static_cast<std::int32_t>(reader_.u32("an integer")));
      case 0x8a: {  // LONG1
        const std::uint8_t size = reader_.u8("a length");
        if (size > 8) fail("integers of at most 64 bits", std::to_string(size) + " bytes");
        std::uint64_t bits = reader_.little(size, "an integer");
        if (size > 0 && size < 8 && bits >> (8 * size - 1)) bits |= ~std::uint64_t{0} << (8 * size);
        return push(Kind::integer, static_cast<std::int64_t>(bits));
      }
      case 'G': {  // BINFLOAT, big-endian
        std::uint64_t bits = 0;
        for (int i = 0; i < 8; ++i) bits = bits << 8 | reader_.u8("a float");
        PickleValue value;
        value.kind = Kind::real;
        value.real = std::bit_cast<double>(bits);
        push(std::move(value));
        return;
      }
      case 'X':
      case 'T': return push_text(reader_.u32("a length"));
      case 0x8c:
      case 'U': return push_text(reader_.u8("a length"));
      case 0x8d: return push_text(reader_.u64("a length"));
      case ')': return push(Kind::tuple);
      case 't': return push_tuple(pop_to_mark());
      case 0x85: return push_tuple(pop_some(1));
      case 0x86: return push_tuple(pop_some(2));
      case 0x87: return push_tuple(pop_some(3));
      case ']': return push(Kind::list);
      case 'a': {
        const std::vector<std::uint32_t> item = pop_some(1);
        return extend(top(Kind::list, "a list"), item);
      }
      case 'e': {
        const std::vector<std::uint32_t> items = pop_to_mark();
        return extend(top(Kind::list, "a list"), items);
      }
      case '}': return push(Kind::dict);
      case 's': return set_items(pop_some(2));
      case 'u': return set_items(pop_to_mark());
      case 'c': {
        const std::string_view module = line();
        return push_global(module, line());
      }
      case 0x93: {  // STACK_GLOBAL
        const std::vector<std::uint32_t> names = pop_some(2);
        if (values_[names[0]].kind != Kind::text || values_[names[1]].kind != Kind::text)
          fail("a name as texts", "something else");
        return push_global(values_[names[0]].text, values_[names[1]].text);
      }
      case 'R': return reduce();
      case 'b': return build();
      case 'Q': {
        PickleValue value;
        value.kind = Kind::persistent;
        value.items = pop_some(1);
        push(std::move(value));
        return;
      }
      case 'q': return memoize(reader_.u8("a number"));
      case 'r': return memoize(reader_.u32("a number"));
      case 0x94: return memoize(static_cast<std::uint32_t>(memo_.size()));
      case 'h': return recall(reader_.u8("a number"));
      case 'j': return recall(reader_.u32("a number"));
      case 0x95: return reader_.skip(8, "a frame's length");
      default: {
        constexpr const char* digits = "0123456789abcdef";
        fail("opcodes that build tensors, numbers, texts, lists and dicts",
             std::string("opcode 0x") + digits[opcode >> 4] + digits[opcode & 15], advice_);
      }
    }
  }

  formats::ByteReader& reader_;
  std::string where_;
  std::span<const PickleGlobal> globals_;
  formats::Budget& budget_;
  std::string advice_;
  bool has_objects_ = false;
  std::vector<PickleValue> values_;
  std::vector<std::uint32_t> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, std::uint32_t> memo_;
  std::uint32_t root_ = 0;
};

}  // namespace KEEL_ABI
}  // namespace keel
