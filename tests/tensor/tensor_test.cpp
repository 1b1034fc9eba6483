#include <keel/tensor/tensor.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <numeric>

using namespace keel;

namespace {
Tensor<float> counting(const Shape& shape) {
  Tensor<float> tensor(shape);
  std::iota(tensor.begin(), tensor.end(), 0.0f);
  return tensor;
}
}  // namespace

TEST_CASE_TEMPLATE("A tensor is zeros, a value or given values, row major", T, float, double, std::int32_t) {
  CHECK(Tensor<T>().shape() == Shape{0});
  CHECK(Tensor<T>().empty());
  for (const T value : Tensor<T>(Shape{3, 5})) REQUIRE(value == T(0));
  for (const T value : Tensor<T>(Shape{3, 5}, T(7))) REQUIRE(value == T(7));
  const Tensor<T> tensor({2, 3}, {T(1), T(2), T(3), T(4), T(5), T(6)});
  CHECK(tensor(0, 0) == T(1));
  CHECK(tensor(0, 2) == T(3));
  CHECK(tensor(1, 0) == T(4));
  CHECK(tensor[5] == T(6));
  CHECK(Tensor<T>(Shape{}, T(3)).size() == 1);
  CHECK_THROWS_WITH_AS((Tensor<T>({2, 2}, {T(1), T(2), T(3)})), "[Tensor] expected 4 values for shape (2, 2), got 3",
                       ShapeError);
}

TEST_CASE("Memory is aligned to 64 bytes at every size") {
  for (Index size = 1; size < 70; ++size)
    CHECK(reinterpret_cast<std::uintptr_t>(Tensor<float>(Shape{size}).data()) % 64 == 0);
}

TEST_CASE("The scalar is float unless it is named") {
  const Tensor zeros(Shape{2, 2}), list({1, 2}, {0.5, 1.0}), whole({1, 2}, {3, 4}), filled({2, 2}, 0.25), ones({2}, 1);
  CHECK(std::is_same_v<decltype(zeros), const Tensor<float>>);
  CHECK(std::is_same_v<decltype(list), const Tensor<float>>);
  CHECK(std::is_same_v<decltype(whole), const Tensor<float>>);
  CHECK(std::is_same_v<decltype(filled), const Tensor<float>>);
  CHECK(std::is_same_v<decltype(ones), const Tensor<float>>);
  CHECK(list[0] == 0.5f);
  CHECK(whole[1] == 4.0f);
  CHECK(filled[3] == 0.25f);
  const Tensor<double> named({1, 2}, {0.1, 1.0});
  CHECK(named[0] == 0.1);
}

TEST_CASE_TEMPLATE("Extents may be of any integer type", I, int, unsigned, std::size_t, std::int64_t, std::int16_t) {
  const I rows = 2, columns = 3;
  CHECK(Shape{rows, columns, 4} == Shape{2, 3, 4});
  CHECK(Tensor<float>({rows, columns}).shape() == Shape{2, 3});
  CHECK(Shape({columns}) == Shape{3});
  CHECK_FALSE(std::is_convertible_v<I, Shape>);
  CHECK_FALSE(std::is_constructible_v<Extent, double>);
}

TEST_CASE("at checks the indices and their number") {
  Tensor<float> tensor = counting({2, 3, 4});
  const Tensor<float>& reading = tensor;
  CHECK(tensor.at(1, 2, 3) == 23);
  CHECK(reading.at(0, 1, std::size_t{2}) == 6);
  CHECK(tensor.view().at(1, 0, 0) == 12);
  tensor.at(0, 0, 0) = -1;
  CHECK(tensor[0] == -1);
  CHECK(Tensor<float>(Shape{}, 5.0f).at() == 5);
  CHECK_THROWS_WITH_AS(tensor.at(1, 2), "[at] expected 3 indices for shape (2, 3, 4), got (1, 2)", ShapeError);
  CHECK_THROWS_WITH_AS(tensor.at(1, 2, 3, 0), "[at] expected 3 indices for shape (2, 3, 4), got (1, 2, 3, 0)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(tensor.at(), "[at] expected 3 indices for shape (2, 3, 4), got ()", ShapeError);
  CHECK_THROWS_WITH_AS(tensor.at(0, 3, 0), "[at] expected indices inside shape (2, 3, 4), got (0, 3, 0)", ShapeError);
  CHECK_THROWS_AS(tensor.at(2, 0, 0), ShapeError);
  CHECK_THROWS_AS(reading.at(0, 0, -1), ShapeError);
  CHECK_THROWS_AS(Tensor<float>().at(0), ShapeError);
}

TEST_CASE("Eigen sees the same memory") {
  Tensor<float> tensor = counting({2, 3, 4});
  CHECK(tensor.matrix().rows() == 6);
  CHECK(tensor.matrix().cols() == 4);
  CHECK(tensor.matrix()(5, 1) == tensor(1, 2, 1));
  tensor.array() += 1;
  CHECK(tensor(1, 2, 3) == 24);
  CHECK(tensor.array().sum() == 300);
  CHECK(Tensor<float>(Shape{3, 0}).matrix().rows() == 0);
  CHECK(Tensor<float>(Shape{}, 2.0f).matrix()(0, 0) == 2);
}

TEST_CASE("Reshaping keeps the values and asks for the same size") {
  const Tensor<float> tensor = counting({2, 6});
  CHECK(tensor.reshaped({3, 4})(2, 1) == 9);
  CHECK(tensor.reshaped({3, 4}).shape() == Shape{3, 4});
  Tensor<float> moved = counting({2, 6});
  const float* memory = moved.data();
  const Tensor<float> reshaped = std::move(moved).reshaped({12});
  CHECK(reshaped.data() == memory);
  CHECK_THROWS_WITH_AS(tensor.reshaped({5}), "[reshape] expected 12 elements, got (5)", ShapeError);
}

TEST_CASE("rows copies samples, a view's rows refer to them") {
  Tensor<float> tensor = counting({4, 3});
  CHECK(tensor.rows(1, 2) == Tensor<float>({2, 3}, {3, 4, 5, 6, 7, 8}));
  CHECK(tensor.rows(4, 0).shape() == Shape{0, 3});
  tensor.view().rows(2, 1)[0] = -1;
  CHECK(tensor(2, 0) == -1);
  CHECK_THROWS_WITH_AS(tensor.rows(3, 2), "[rows] expected a range inside (4, 3), got [3, 5)", ShapeError);
  CHECK_THROWS_AS(tensor.rows(-1, 1), ShapeError);
  CHECK_THROWS_AS(Tensor<float>(Shape{}).rows(0, 1), ShapeError);
}

TEST_CASE("resize keeps memory that suffices") {
  Tensor<float> tensor = Tensor<float>::uninitialized({8, 8});
  const float* memory = tensor.data();
  tensor.resize({3, 3});
  CHECK(tensor.shape() == Shape{3, 3});
  tensor.resize({64});
  CHECK(tensor.data() == memory);
}

TEST_CASE("Tensors are equal when shape and values are") {
  CHECK(counting({2, 3}) == counting({2, 3}));
  CHECK_FALSE(counting({2, 3}) == counting({3, 2}));
  CHECK_FALSE(counting({2, 3}) == Tensor<float>(Shape{2, 3}));
}

TEST_CASE("cast converts each value") {
  const Tensor<double> wide({3}, {1.5, -2.75, 1e10});
  const Tensor<float> narrow = wide.cast<float>();
  CHECK(narrow == Tensor<float>({3}, {1.5f, -2.75f, 1e10f}));
  CHECK(narrow.rows(0, 2).cast<std::int32_t>() == Tensor<std::int32_t>({2}, {1, -2}));
}

TEST_CASE("A copy is independent, a move takes the memory") {
  Tensor<float> tensor = counting({5});
  Tensor<float> copy = tensor;
  copy[0] = 9;
  CHECK(tensor[0] == 0);
  const float* memory = copy.data();
  Tensor<float> moved = std::move(copy);
  CHECK(moved.data() == memory);
  CHECK(copy.empty());
  CHECK(copy.shape() == Shape{0});
  CHECK(copy == Tensor<float>());
  Tensor<float> assigned = counting({3, 3});
  assigned = std::move(moved);
  CHECK(assigned.data() == memory);
  CHECK(assigned.shape() == Shape{5});
  CHECK(moved.shape() == Shape{0});
  CHECK(moved.array().size() == 0);
  moved = counting({2});
  CHECK(moved == counting({2}));
  CHECK(std::is_nothrow_move_constructible_v<Tensor<float>>);
  CHECK(std::is_nothrow_move_assignable_v<Tensor<float>>);
}

TEST_CASE("A writing view converts to a reading one") {
  Tensor<float> tensor = counting({2, 2});
  const TensorView<float> view = tensor;
  const TensorView<const float> reading = view;
  view(1, 1) = 8;
  CHECK(reading(1, 1) == 8);
  CHECK(Tensor<float>(reading) == tensor);
  CHECK(TensorView<const float>().size() == 0);
}
