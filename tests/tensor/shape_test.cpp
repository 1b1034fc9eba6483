#include <keel/tensor/shape.hpp>

#include <doctest/doctest.h>

#include <vector>

using namespace keel;

TEST_CASE("Shape holds extents, rank and size") {
  const Shape shape{2, 3, 4};
  CHECK(shape.rank() == 3);
  CHECK(shape.size() == 24);
  CHECK(shape[0] == 2);
  CHECK(shape[-1] == 4);
  CHECK(shape[-3] == 2);
  CHECK(shape.back() == 4);
  CHECK(std::vector<Index>(shape.begin(), shape.end()) == std::vector<Index>{2, 3, 4});
  CHECK(Shape{}.rank() == 0);
  CHECK(Shape{}.size() == 1);
  CHECK(Shape{0}.size() == 0);
  CHECK(Shape{5, 0, 7}.size() == 0);
}

TEST_CASE("Shape prints as a tuple") {
  CHECK(Shape{2, 3, 4}.to_string() == "(2, 3, 4)");
  CHECK(Shape{3}.to_string() == "(3)");
  CHECK(Shape{}.to_string() == "()");
}

TEST_CASE("Shapes are equal when rank and extents are") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK_FALSE(Shape{2, 3} == Shape{3, 2});
  CHECK_FALSE(Shape{2, 3} == Shape{2, 3, 1});
  CHECK_FALSE(Shape{} == Shape{1});
}

TEST_CASE("A batch axis is added and taken away") {
  CHECK(Shape{4, 5}.with_batch(7) == Shape{7, 4, 5});
  CHECK(Shape{}.with_batch(7) == Shape{7});
  CHECK(Shape{7, 4, 5}.sample() == Shape{4, 5});
  CHECK_THROWS_WITH_AS(Shape{}.sample(), "[Shape] expected a batch axis, got a scalar", ShapeError);
  CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1, 1, 1, 1}).with_batch(1), ShapeError);
}

TEST_CASE("A batch is known by its samples") {
  CHECK((Shape{7, 4, 5}).is_batch_of({4, 5}));
  CHECK((Shape{0, 4, 5}).is_batch_of({4, 5}));
  CHECK((Shape{7}).is_batch_of(Shape{}));
  CHECK_FALSE((Shape{4, 5}).is_batch_of({4, 5}));
  CHECK_FALSE((Shape{7, 5, 4}).is_batch_of({4, 5}));
  CHECK_FALSE((Shape{7, 4, 5, 1}).is_batch_of({4, 5}));
  CHECK_FALSE(Shape{}.is_batch_of(Shape{}));
}

TEST_CASE("Shape refuses what cannot be a tensor") {
  CHECK_THROWS_WITH_AS((Shape{2, -1}), "[Shape] expected extents of 0 or more, got (2, -1)", ShapeError);
  CHECK_THROWS_AS((Shape{0, -1}), ShapeError);
  CHECK_THROWS_WITH_AS((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), "[Shape] expected at most 8 axes, got 9", ShapeError);
  CHECK_NOTHROW((Shape{1, 1, 1, 1, 1, 1, 1, 1}));
}

TEST_CASE("Shape refuses products that overflow, and an empty one may have large extents") {
  CHECK(Shape{Shape::max_size}.size() == Shape::max_size);
  CHECK_THROWS_AS((Shape{Shape::max_size + 1}), ShapeError);
  CHECK_THROWS_AS((Shape{Index{1} << 32, Index{1} << 32}), ShapeError);
  CHECK_THROWS_AS((Shape{Index{1} << 62, 4}), ShapeError);
  CHECK_THROWS_AS((Shape{2, Index{1} << 40}), ShapeError);
  CHECK((Shape{Index{1} << 62, 0}).size() == 0);
}
