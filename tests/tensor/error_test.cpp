#include <keel/tensor/error.hpp>

#include <doctest/doctest.h>

using namespace keel;

TEST_CASE("An error says who, what was expected, what came and what to do") {
  const ShapeError error("conv2d_1", "4 axes", "(2, 3)", "add a channel axis");
  CHECK(std::string(error.what()) == "[conv2d_1] expected 4 axes, got (2, 3) (add a channel axis)");
  CHECK(error.where() == "conv2d_1");
  CHECK(error.expected() == "4 axes");
  CHECK(error.got() == "(2, 3)");
  CHECK(error.hint() == "add a channel axis");
  CHECK(std::string(DataError("fit", "a sample", "none").what()) == "[fit] expected a sample, got none");
}

TEST_CASE("Every error is caught as keel::Error and as std::runtime_error") {
  CHECK_THROWS_AS(throw ShapeError("a", "b", "c"), Error);
  CHECK_THROWS_AS(throw ConfigError("a", "b", "c"), Error);
  CHECK_THROWS_AS(throw DataError("a", "b", "c"), Error);
  CHECK_THROWS_AS(throw FormatError("a", "b", "c"), Error);
  CHECK_THROWS_AS(throw FormatError("a", "b", "c"), std::runtime_error);
}
