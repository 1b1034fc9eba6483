#pragma once
/// A decimal number's text as the nearest double, whatever the locale: std::from_chars, or, where the standard library
/// has none for doubles (libc++ before 20), the same by whole numbers of any length.

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <utility>
#include <version>
#include <vector>

#include <keel/tensor/abi.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// A natural number of any length, lowest digit (of 32 bits) first, none of 0.
class Natural {
 public:
  /// this = this * factor + add
  void scale(std::uint32_t factor, std::uint32_t add = 0) {
    std::uint64_t carry = add;
    for (std::uint32_t& digit : digits_) {
      carry += std::uint64_t{digit} * factor;
      digit = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) digits_.push_back(static_cast<std::uint32_t>(carry));
  }
  void scale_by_ten(int times) {
    for (; times >= 9; times -= 9) scale(1'000'000'000);
    for (; times > 0; --times) scale(10);
  }
  void shift(int bits) {
    if (digits_.empty()) return;
    scale(std::uint32_t{1} << bits % 32);
    digits_.insert(digits_.begin(), static_cast<std::size_t>(bits / 32), 0);
  }
  bool zero() const { return digits_.empty(); }
  int bits() const {
    return digits_.empty() ? 0 : static_cast<int>(32 * digits_.size()) - std::countl_zero(digits_.back());
  }
  /// Less than 0, 0 or more, as this is less than, equal to or more than the other.
  int compare(const Natural& other) const {
    if (digits_.size() != other.digits_.size()) return digits_.size() < other.digits_.size() ? -1 : 1;
    for (std::size_t i = digits_.size(); i-- > 0;)
      if (digits_[i] != other.digits_[i]) return digits_[i] < other.digits_[i] ? -1 : 1;
    return 0;
  }
  /// this = this - other, which is not more.
  void subtract(const Natural& other) {
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < digits_.size(); ++i) {
      const std::uint64_t less = borrow + (i < other.digits_.size() ? other.digits_[i] : 0);
      borrow = digits_[i] < less ? 1 : 0;
      digits_[i] = static_cast<std::uint32_t>(digits_[i] - less);
    }
    while (!digits_.empty() && digits_.back() == 0) digits_.pop_back();
  }

 private:
  std::vector<std::uint32_t> digits_;
};

/// numerator / denominator, neither 0, rounded to the nearest double, a tie to the even one; infinity where it is
/// larger than all of them.
inline double nearest_quotient(Natural numerator, Natural denominator) {
  constexpr int digits = 53, least = -1074;  // of a double's fraction; exponent of the smallest double
  // quotient = numerator / denominator 2^-exponent has 53 or 54 bits before the point, fewer below the normal doubles
  const int exponent = (std::max)(numerator.bits() - denominator.bits() - digits, least);
  if (exponent > 1100) return HUGE_VAL;
  if (exponent < 0)
    numerator.shift(-exponent);
  else
    denominator.shift(exponent);
  const int rounds = (std::max)(numerator.bits() - denominator.bits() + 1, 0);
  denominator.shift(rounds);
  std::uint64_t quotient = 0;
  for (int i = 0; i <= rounds; ++i) {  // long division: the numerator doubles in place of halves of the denominator
    quotient <<= 1;
    if (numerator.compare(denominator) >= 0) {
      numerator.subtract(denominator);
      quotient |= 1;
    }
    numerator.shift(1);
  }
  // the numerator is now twice the remainder; a 54th bit is rounded away with it
  int shift = 0;
  bool more = numerator.compare(denominator) > 0, half = numerator.compare(denominator) == 0;
  if (quotient >> digits != 0) {
    shift = 1;
    more = (quotient & 1) != 0 && !numerator.zero();
    half = (quotient & 1) != 0 && numerator.zero();
    quotient >>= 1;
  }
  if (more || (half && (quotient & 1) != 0)) ++quotient;
  return std::ldexp(static_cast<double>(quotient), exponent + shift);
}

/// A number's text as digits * 10^power, without its sign.
struct Decimal {
  /// Digits that can decide how a double is rounded; of those behind, only whether one is not 0.
  static constexpr int most = 800;
  Natural digits;
  std::int64_t power = 0;

  explicit Decimal(std::string_view text) {
    const std::size_t end = (std::min)(text.find_first_of("eE"), text.size());
    const std::size_t point = (std::min)(text.find('.'), end);
    int read = 0;
    bool rest = false;
    for (std::size_t at = 0; at < end; ++at) {
      if (at == point) continue;
      const auto digit = static_cast<std::uint32_t>(text[at] - '0');
      if (read < most) {
        digits.scale(10, digit);
        read += !digits.zero();
        power -= at > point;
      } else {
        rest = rest || digit != 0;
        power += at < point;
      }
    }
    if (rest) {
      digits.scale(10, 1);
      --power;
    }
    if (end < text.size()) power += exponent(text.substr(end + 1));
  }

 private:
  /// One past an int's is past every double too, unless as many digits make up for it.
  static int exponent(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    int value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc()) return value;
    return text.starts_with('-') ? -1'000'000'000 : 1'000'000'000;
  }
};

/// `read_double` without the standard library's help.
inline std::errc read_double_exactly(std::string_view text, double& value) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  Decimal number(text);
  double nearest = 0;
  if (!number.digits.zero()) {
    if (number.power < -400 - Decimal::most || number.power > 400) return std::errc::result_out_of_range;
    Natural one;
    one.scale(0, 1);
    const int times = static_cast<int>(number.power);
    (times < 0 ? one : number.digits).scale_by_ten(times < 0 ? -times : times);
    nearest = nearest_quotient(std::move(number.digits), std::move(one));
    if (nearest == 0 || nearest == HUGE_VAL) return std::errc::result_out_of_range;
  }
  value = negative ? -nearest : nearest;
  return std::errc();
}

/// Whether a text is a number as people write it: "-12.5e+3", ".5", "5."; at most one sign, no space, no infinity.
inline bool is_decimal(std::string_view text) {
  const auto take = [&](std::string_view characters) {
    const bool there = !text.empty() && characters.find(text[0]) != characters.npos;
    if (there) text.remove_prefix(1);
    return there;
  };
  const auto take_digits = [&] {
    bool any = false;
    while (take("0123456789")) any = true;
    return any;
  };
  take("+-");
  const bool whole = take_digits();
  const bool fraction = take(".") && take_digits();
  if (!whole && !fraction) return false;
  if (take("eE")) {
    take("+-");
    if (!take_digits()) return false;
  }
  return text.empty();
}

/// Reads a number as JSON writes it: -12.5e+3; also one without a digit before or behind its point. Gives
/// result_out_of_range, and leaves `value`, where the nearest double is
/// infinite, or 0 for what is not 0.
inline std::errc read_double(std::string_view text, double& value) {
#if defined(__cpp_lib_to_chars)
  return std::from_chars(text.data(), text.data() + text.size(), value).ec;
#else
  return read_double_exactly(text, value);
#endif
}

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
