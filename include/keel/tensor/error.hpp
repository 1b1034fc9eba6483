#pragma once
/// The exceptions that keel throws.

#include <stdexcept>
#include <string>
#include <string_view>
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
struct MisspeltOptionOrWrongArgument;

/// KEEL_REFUSE_OTHERS(Conv2D) behind a class template with options: `Conv2D(32, 3, {.paddding = 1})` names, of all types
/// that Conv2D is none of, MisspeltOptionOrWrongArgument. (A constructor `Conv2D(...) = delete` instead would take part
/// where {2, 2} is to become a Conv2D.)
#define KEEL_REFUSE_OTHERS(Name)                       \
  template <>                                          \
  class Name<MisspeltOptionOrWrongArgument> {          \
   public:                                             \
    explicit Name(...) = delete;                       \
  };                                                   \
  template <class Why = MisspeltOptionOrWrongArgument> \
  Name(...) -> Name<Why>;                              \
  Name()->Name<float>;

}  // namespace KEEL_ABI
}  // namespace keel
