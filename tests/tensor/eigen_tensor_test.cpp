#include <keel/tensor/eigen_tensor.hpp>

#include <doctest/doctest.h>

#include <numeric>

using namespace keel;

TEST_CASE("eigen<Rank> is the same memory for Eigen::Tensor") {
  Tensor<float> x({2, 3, 4, 5});
  std::iota(x.begin(), x.end(), 0.0f);
  const Tensor<float>& reading = x;
  CHECK(x.eigen<4>().data() == x.data());
  CHECK(reading.eigen<4>().data() == x.data());
  CHECK(reading.eigen<4>()(1, 2, 3, 4) == x(1, 2, 3, 4));
  CHECK(x.view().eigen<4>().dimension(2) == 4);
  x.eigen<4>()(0, 1, 2, 3) = -1;
  CHECK(x.at(0, 1, 2, 3) == -1);
  Tensor<float> y({2, 5, 3, 4});
  y.eigen<4>() = reading.eigen<4>().shuffle(std::array<int, 4>{0, 3, 1, 2});
  CHECK(y(1, 4, 2, 3) == x(1, 2, 3, 4));
  CHECK(y(0, 3, 1, 2) == -1);
  CHECK_THROWS_WITH_AS(x.eigen<3>(), "[eigen] expected a tensor of rank 3, got shape (2, 3, 4, 5)", ShapeError);
  CHECK(Tensor<double>(Shape{}, 3.0).eigen<0>()() == 3);
}

TEST_CASE("A tensor of an expression of Eigen's tensors") {
  Tensor<double> x({2, 3, 4});
  std::iota(x.begin(), x.end(), 0.0);
  const Tensor<double> sums = tensor_of(x.eigen<3>().sum(std::array<int, 1>{1}));
  CHECK(sums.shape() == Shape{2, 4});
  CHECK(sums(1, 2) == x(1, 0, 2) + x(1, 1, 2) + x(1, 2, 2));
  CHECK(tensor_of(x.eigen<3>() * 2.0)(1, 1, 1) == 2 * x(1, 1, 1));
  Eigen::Tensor<float, 3> columns(2, 3, 4);
  for (int i = 0; i < 24; ++i) columns(i / 12, i / 4 % 3, i % 4) = static_cast<float>(i);
  const Tensor<float> rows = tensor_of(columns);
  CHECK(rows.shape() == Shape{2, 3, 4});
  for (Index i = 0; i < 24; ++i) CHECK(rows[i] == static_cast<float>(i));
}

// tests/mistakes/mistakes_test.cpp asks by this name whether keel.hpp reaches the heavy header.
#ifndef EIGEN_CXX11_TENSOR_TENSOR_H
#error "Eigen's include guard has another name now"
#endif
