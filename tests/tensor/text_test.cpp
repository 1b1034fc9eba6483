#include <keel/tensor/shape.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

using namespace keel;

TEST_CASE("numbers as text are those of printf in the C locale") {
  const double values[] = {0,
                           -0.0,
                           1,
                           -1.5,
                           0.1,
                           1e-7,
                           123456789,
                           1e300,
                           -2.5e-310,
                           3.14159265358979,
                           std::numeric_limits<double>::infinity()};
  for (const double value : values)
    for (const int digits : {1, 6, 9, 17}) {
      char expected[400];
      std::snprintf(expected, sizeof expected, "%.*g", digits, value);
      CHECK(detail::text(value, digits) == expected);
      std::snprintf(expected, sizeof expected, "%.*f", digits, value);
      CHECK(detail::fixed(value, digits) == expected);
      std::snprintf(expected, sizeof expected, "%.*e", digits, value);
      CHECK(detail::scientific(value, digits) == expected);
    }
  CHECK(detail::text(std::nan("")) == "nan");
  CHECK(detail::text(1e-7) == "1e-07");
  CHECK(detail::shortest(0.1) == "0.1");
  CHECK(detail::shortest(double(0.3f)) == "0.30000001192092896");
  for (const double value : values) CHECK(std::strtod(detail::shortest(value).c_str(), nullptr) == value);
}

TEST_CASE("join") {
  CHECK(detail::join(std::vector<std::string>{}, ", ") == "");
  CHECK(detail::join(std::vector<std::string>{"", "", "a"}, ", ") == ", , a");
  CHECK(detail::join(std::vector<Index>{3, 4}, "x") == "3x4");
  CHECK(detail::join(std::vector<const char*>{"a", "b"}, ", ") == "a, b");
  CHECK(detail::join(std::vector<Shape>{{1, 2}, {3}}, " -> ", [](const Shape& s) { return s.to_string(); }) ==
        "(1, 2) -> (3)");
}

TEST_CASE("signed indices") {
  std::vector<int> values{1, 2, 3};
  const std::vector<int>& same = values;
  static_assert(std::is_same_v<decltype(nth(values, 0)), int&>);
  static_assert(std::is_same_v<decltype(nth(same, 0)), const int&>);
  static_assert(std::is_same_v<decltype(count_of(values)), Index>);
  nth(values, Index{2}) = 5;
  CHECK(same[2] == 5);
  CHECK(count_of(same) == 3);
  CHECK(to_size(count_of(same) - 1) == 2u);
  std::vector<bool> flags(3);
  nth(flags, 1) = true;
  CHECK(flags[1]);
  const double plain[] = {1, 2};
  CHECK(nth(plain, 1) == 2);
}
