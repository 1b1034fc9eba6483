#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>

#include <keel/formats/decimal.hpp>
#include <keel/tensor/rng.hpp>
#include <keel/tensor/text.hpp>

using namespace keel;

namespace {

/// The value by the exact reader; NaN where it says out of range. Both readers have to say the same.
double decimal(const std::string& text) {
  double exact = std::nan(""), given = std::nan("");
  const bool fits = formats::read_double_exactly(text, exact) == std::errc();
  CHECK((formats::read_double(text, given) == std::errc()) == fits);
  if (fits) CHECK(std::bit_cast<std::uint64_t>(exact) == std::bit_cast<std::uint64_t>(given));
  return exact;
}

/// All digits of a value, which is a multiple of 2^-1074.
std::string all_digits(double value) {
  char text[1500];
  return {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%.1080f", value))};
}

}  // namespace

TEST_CASE("a decimal is read as the nearest double") {
  CHECK(decimal("0.1") == 0.1);
  CHECK(decimal("-12.5e+3") == -12500);
  CHECK(decimal("1E2") == 100);
  CHECK(decimal("5e-1") == 0.5);
  CHECK(std::signbit(decimal("-0.000")));
  CHECK(decimal("0e99999999999999999999") == 0);
  CHECK(decimal("9007199254740993.0") == 9007199254740992.0);  // a tie, to even
  CHECK(decimal("9007199254740995.0") == 9007199254740996.0);  // a tie, to even
  CHECK(decimal("9007199254740993.00000000000000000000000000001") == 9007199254740994.0);
  CHECK(decimal("1.7976931348623157e308") == (std::numeric_limits<double>::max)());
  CHECK(decimal("1.7976931348623158e308") == (std::numeric_limits<double>::max)());
  CHECK(std::isnan(decimal("1.7976931348623159e308")));
  CHECK(std::isnan(decimal("1e400")));
  CHECK(std::isnan(decimal("1e99999999999999999999")));
  CHECK(decimal("2.2250738585072011e-308") == 2.2250738585072011e-308);
  CHECK(decimal("4.9e-324") == std::numeric_limits<double>::denorm_min());
  CHECK(std::isnan(decimal("2.4703282292062327e-324")));  // half of the smallest is 0
  CHECK(decimal("2.4703282292062328e-324") == std::numeric_limits<double>::denorm_min());
  CHECK(std::isnan(decimal("1e-99999999999999999999")));
  CHECK(decimal(std::string(400, '9') + ".5e-399") == 10);
  CHECK(decimal("0." + std::string(2000, '0') + "25e2000") == 0.25);
  CHECK(decimal("1" + std::string(1000, '0') + "e-1000") == 1);
}

TEST_CASE("what is a number is told before it is read") {
  for (const char* text : {"0", "12", "-12.5e+3", "+1", ".5", "5.", "-.5e-1", "1E2", "1e400"}) {
    CAPTURE(text);
    CHECK(formats::is_decimal(text));
  }
  for (const char* text : {"", "-", "+-1", "--1", ".", "e5", ".e5", "1e", "1e+", "1 ", " 1", "1,5", "1.2.3", "0x1p3",
                           "inf", "nan", "1f"}) {
    CAPTURE(text);
    CHECK(!formats::is_decimal(text));
  }
  CHECK(decimal(".5") == 0.5);
  CHECK(decimal("5.") == 5);
  CHECK(decimal("-.25e1") == -2.5);
}

TEST_CASE("doubles of every size are read back from their digits") {
  Rng random(11);
  for (int i = 0; i < 20'000; ++i) {
    const double value = std::bit_cast<double>(random.next_u64());
    if (!std::isfinite(value) || value == 0) continue;
    CHECK(decimal(detail::shortest(value)) == value);
    CHECK(decimal(detail::scientific(value, 16)) == value);
  }
}

TEST_CASE("half way between two doubles decides for the even one, a digit more for the larger") {
  Rng random(12);
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t exponent = i < 100 ? static_cast<std::uint64_t>(i) : random.next_u64() % 1150;
    const std::uint64_t bits = exponent << 52 | (random.next_u64() >> 12);
    const double below = std::bit_cast<double>(bits), above = std::bit_cast<double>(bits + 1);
    const double even = (bits & 1) == 0 ? below : above;
    std::string digits = all_digits(below);
    // below + (above - below) / 2, exactly: the digits of the sum are halved
    const std::string other = all_digits(above);
    std::string half;
    int carry = 0;
    for (std::size_t d = 0, at = digits.size(), to = other.size(); d < other.size(); ++d) {
      --to;
      const char a = at > 0 ? digits[--at] : '0', b = other[to];
      if (b == '.') {
        half += '.';
        continue;
      }
      const int sum = (a - '0') + (b - '0') + carry;
      half += static_cast<char>('0' + sum % 10);
      carry = sum / 10;
    }
    if (carry != 0) half += '1';
    std::string result;
    int rest = 0;
    for (std::size_t d = half.size(); d-- > 0;) {
      if (half[d] == '.') {
        result += '.';
        continue;
      }
      const int value = rest * 10 + (half[d] - '0');
      result += static_cast<char>('0' + value / 2);
      rest = value % 2;
    }
    result += static_cast<char>('0' + rest * 5);
    CAPTURE(result);
    if (even != 0) CHECK(decimal(result) == even);
    CHECK(decimal(result + "0001") == above);
    CHECK(decimal(result + std::string(900, '0') + "1") == above);
  }
}
