#pragma once
/// A layer's options as data.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <keel/tensor/shape.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A layer's options as data, under Keras's names ("filters", "kernel_size", "padding"): what is saved with a
/// model and what the registry builds layers from. Entries keep their order.
class Config {
 public:
  /// What an option may be.
  using Value = std::variant<bool, Index, double, std::string, std::vector<Index>, std::vector<double>>;

  Config() = default;
  /// Copies of these entries, in their order.
  Config(std::initializer_list<std::pair<std::string, Value>> entries) { copy(entries); }
  Config(const Config& other) { copy(other.entries_); }  ///< Copies of the entries.
  Config(Config&&) = default;
  /// Copies of the entries, or those of a temporary.
  Config& operator=(Config other) noexcept {
    entries_.swap(other.entries_);
    return *this;
  }
  ~Config() = default;

  /// All of them, in their order.
  const std::vector<std::pair<std::string, Value>>& entries() const& { return entries_; }
  /// Of a temporary, which a loop over `layer.config().entries()` outlives, the entries themselves.
  std::vector<std::pair<std::string, Value>> entries() && { return std::move(entries_); }
  /// Replaces the entry of that name, or adds it behind the others.
  void set(std::string_view name, const Value& value) { set(name, copy_of(value)); }
  /// The same, taking the value.
  void set(std::string_view name, Value&& value) {
    for (auto& entry : entries_)
      if (entry.first == name) {
        entry.second = std::move(value);
        return;
      }
    entries_.emplace_back(name, std::move(value));
  }
  /// The value of that name, or null.
  const Value* find(std::string_view name) const {
    for (const auto& entry : entries_)
      if (entry.first == name) return &entry.second;
    return nullptr;
  }

  /// The option of that name, or `fallback` where there is none. Throws ConfigError if it has another type;
  /// an integer is accepted where a real number is wanted, integers where a list of real numbers is, and one number
  /// where a list is.
  template <class V>
  V get(std::string_view name, V fallback) const {
    const Value* value = find(name);
    if (!value) return fallback;
    if (const V* exact = std::get_if<V>(value)) return *exact;
    if constexpr (std::is_same_v<V, double>)
      if (const Index* integer = std::get_if<Index>(value)) return static_cast<double>(*integer);
    if constexpr (std::is_same_v<V, std::vector<Index>>)
      if (const Index* one = std::get_if<Index>(value)) return {*one};
    if constexpr (std::is_same_v<V, std::vector<double>>) {
      if (const auto* integers = std::get_if<std::vector<Index>>(value)) return V(integers->begin(), integers->end());
      if (std::holds_alternative<double>(*value) || std::holds_alternative<Index>(*value))
        return {get<double>(name, 0)};
    }
    fail(name, type_name(Value(fallback)), type_name(*value));
  }
  /// A pair such as kernel_size: one integer stands for both.
  std::pair<Index, Index> get_pair(std::string_view name, Index fallback) const {
    const Value* value = find(name);
    if (!value) return {fallback, fallback};
    if (const Index* both = std::get_if<Index>(value)) return {*both, *both};
    const auto* list = std::get_if<std::vector<Index>>(value);
    if (!list || list->size() != 2) fail(name, "an integer or two", "something else");
    return {(*list)[0], (*list)[1]};
  }
  friend bool operator==(const Config&, const Config&) = default;

 private:
  static const char* type_name(const Value& value) {
    static constexpr const char* types[] = {"a bool",   "an integer",         "a real number",
                                            "a string", "a list of integers", "a list of real numbers"};
    return types[value.index()];
  }
  [[noreturn, gnu::cold]] static void fail(std::string_view name, const char* expected, const char* got) {
    throw ConfigError("option " + std::string(name), expected, got);
  }

  /// By what it holds: libstdc++ 12 destroys a variant that was never made when memory runs out in its copy
  /// constructor.
  static Value copy_of(const Value& value) {
    return std::visit([](const auto& each) { return Value(each); }, value);
  }
  template <class Entries>
  void copy(const Entries& entries) {
    entries_.reserve(entries.size());
    for (const auto& [name, value] : entries) entries_.emplace_back(name, copy_of(value));
  }

  std::vector<std::pair<std::string, Value>> entries_;
};

}  // namespace KEEL_ABI
}  // namespace keel
