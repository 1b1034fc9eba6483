#include <keel/formats/archive.hpp>

#include <doctest/doctest.h>

#include <limits>

using namespace keel;

namespace {
NamedArray array(DType type, std::initializer_list<std::uint64_t> bits) {
  NamedArray result{"x", type, Shape{static_cast<Index>(bits.size())}, {}};
  for (const std::uint64_t value : bits) formats::append_little(result.bytes, value, size_of(type));
  return result;
}
}  // namespace

TEST_CASE("every type becomes a tensor") {
  CHECK(to_tensor<float>(array(DType::boolean, {0, 1, 255})) == Tensor<float>(Shape{3}, {0, 1, 1}));
  CHECK(to_tensor<float>(array(DType::u8, {0, 255})) == Tensor<float>(Shape{2}, {0, 255}));
  CHECK(to_tensor<float>(array(DType::i8, {0xff, 0x80})) == Tensor<float>(Shape{2}, {-1, -128}));
  CHECK(to_tensor<float>(array(DType::u16, {65535})) == Tensor<float>(Shape{1}, {65535}));
  CHECK(to_tensor<float>(array(DType::i16, {0xffff})) == Tensor<float>(Shape{1}, {-1}));
  CHECK(to_tensor<double>(array(DType::u32, {0xffffffff})) == Tensor<double>(Shape{1}, {4294967295.0}));
  CHECK(to_tensor<double>(array(DType::i32, {0xffffffff})) == Tensor<double>(Shape{1}, {-1}));
  CHECK(to_tensor<double>(array(DType::u64, {std::uint64_t{1} << 63})) == Tensor<double>(Shape{1}, {0x1p63}));
  CHECK(to_tensor<std::int64_t>(array(DType::i64, {~std::uint64_t{0}})) == Tensor<std::int64_t>(Shape{1}, {-1}));
  CHECK(to_tensor<float>(array(DType::f16, {0x3c00, 0xc000, 1, 0x7bff, 0x8000, 0x0400})) ==
        Tensor<float>(Shape{6}, {1, -2, 0x1p-24f, 65504, -0.f, 0x1p-14f}));
  CHECK(to_tensor<float>(array(DType::bf16, {0x3f80, 0xc000, 0x7f7f})) ==
        Tensor<float>(Shape{3}, {1, -2, std::bit_cast<float>(0x7f7f0000u)}));
  CHECK(to_tensor<double>(array(DType::f32, {std::bit_cast<std::uint32_t>(0.1f)}))[0] == static_cast<double>(0.1f));
  CHECK(to_tensor<float>(array(DType::f64, {std::bit_cast<std::uint64_t>(0.1)}))[0] == 0.1f);
}

TEST_CASE("every half of 65536 has the value of its definition") {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const std::uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
    if (exponent == 31) continue;
    const double magnitude =
        exponent == 0 ? fraction * 0x1p-24 : (1024 + fraction) * std::ldexp(1.0, int(exponent) - 25);
    const float value = formats::half_to_float(static_cast<std::uint16_t>(bits));
    REQUIRE(static_cast<double>(std::abs(value)) == magnitude);
    REQUIRE(std::signbit(value) == (bits >= 0x8000));
  }
  CHECK(formats::half_to_float(0x7c00) == std::numeric_limits<float>::infinity());
  CHECK(std::isnan(formats::half_to_float(0x7e00)));
}

TEST_CASE("a value that the wanted type cannot hold is refused by name") {
  const auto check = [](auto wanted, const NamedArray& from) {
    CHECK_THROWS_WITH_AS(to_tensor<decltype(wanted)>(from), doctest::Contains("x] expected values that fit"),
                         FormatError);
  };
  check(float{}, array(DType::f64, {std::bit_cast<std::uint64_t>(1e300)}));
  check(std::uint8_t{}, array(DType::i32, {300}));
  check(std::uint8_t{}, array(DType::i8, {0xff}));
  check(std::int64_t{}, array(DType::f32, {std::bit_cast<std::uint32_t>(0.5f)}));
  check(std::int64_t{}, array(DType::f64, {std::bit_cast<std::uint64_t>(0x1p63)}));
  check(std::int64_t{}, array(DType::f32, {0x7fc00000}));
  check(std::int64_t{}, array(DType::u64, {~std::uint64_t{0}}));
  check(std::int32_t{}, array(DType::i64, {std::uint64_t{1} << 31}));
  CHECK(to_tensor<std::int32_t>(array(DType::f32, {std::bit_cast<std::uint32_t>(-3.f)}))[0] == -3);
  CHECK(to_tensor<float>(array(DType::f64, {0x7ff0000000000000}))[0] == std::numeric_limits<float>::infinity());
}

TEST_CASE("values that are not finite are counted, and refused on request") {
  Archive archive{"file", "", {}, {}};
  archive.tensors.push_back(array(DType::f32, {0x3f800000, 1, 0x80000000}));
  archive.tensors.push_back(array(DType::i64, {~std::uint64_t{0}}));
  CHECK(count_nonfinite(archive.tensors[0]) == 0);
  CHECK_NOTHROW(require_finite(archive));
  archive.tensors.push_back(array(DType::f16, {0x7c00, 0x7e00, 0x3c00}));
  archive.tensors.push_back(array(DType::bf16, {0xff80, 0x7fff, 0x3f80}));
  archive.tensors.push_back(array(DType::f64, {0x7ff0000000000000, 0xfff8000000000000, 0}));
  for (std::size_t i = 2; i < 5; ++i) CHECK(count_nonfinite(archive.tensors[i]) == 2);
  CHECK_THROWS_WITH_AS(require_finite(archive), doctest::Contains("[file: x] expected finite values, got 2 of 3"),
                       FormatError);
}

TEST_CASE("a tensor goes into an archive and comes back") {
  Archive archive{"file", "", {}, {}};
  const Tensor<double> tensor(Shape{2, 2}, {1, -0.0, 1e-310, std::numeric_limits<double>::infinity()});
  archive.tensors.push_back(to_array("t", tensor));
  CHECK(tensor_at<double>(archive, "t") == tensor);
  CHECK(archive.find("u") == nullptr);
  CHECK_THROWS_WITH_AS(archive.at("u"), "[file] expected a tensor 'u', got none of that name", FormatError);
}

TEST_CASE("UTF-8 is checked as RFC 3629 has it") {
  for (const char* good : {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"})
    CHECK(formats::valid_utf8(good));
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe2\x82", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3(", "a\xe2(\xa1"})
    CHECK_FALSE(formats::valid_utf8(bad));
}
