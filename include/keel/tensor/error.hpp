#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include <keel/tensor/abi.hpp>

namespace keel::inline KEEL_ABI {

/// Base of every exception that keel throws. It says who failed, what was expected, what came and, where
/// there is one, what to do; `what()` joins them: `[where] expected ..., got ... (hint)`.
class Error : public std::runtime_error {
 public:
  Error(std::string where, std::string expected, std::string got, std::string hint = {})
      : std::runtime_error("[" + where + "] expected " + expected + ", got " + got +
                           (hint.empty() ? std::string{} : " (" + hint + ")")),
        where_(std::move(where)),
        expected_(std::move(expected)),
        got_(std::move(got)),
        hint_(std::move(hint)) {}

  const std::string& where() const noexcept { return where_; }
  const std::string& expected() const noexcept { return expected_; }
  const std::string& got() const noexcept { return got_; }
  const std::string& hint() const noexcept { return hint_; }

 private:
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

}  // namespace keel::inline KEEL_ABI
