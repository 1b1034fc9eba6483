// Eigen meets tensors: views without a copy, tensors of expressions, parameters that take either.
#include <keel/tensor/tensor_ref.hpp>

#include <doctest/doctest.h>

#include <numeric>

using namespace keel;

namespace {

using RowMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

using Fixed = Eigen::Matrix<float, 3, 4>;
using FixedRows = Eigen::Array<double, 3, Eigen::Dynamic, Eigen::RowMajor>;

/// 0, 1, 2, ... in rows, for matrices of any order.
template <class M>
M numbered(Eigen::Index rows, Eigen::Index columns) {
  M matrix(rows, columns);
  for (Eigen::Index i = 0; i < rows; ++i)
    for (Eigen::Index j = 0; j < columns; ++j) matrix(i, j) = static_cast<typename M::Scalar>(i * columns + j);
  return matrix;
}

template <class T>
Tensor<T> counted(const Shape& shape) {
  Tensor<T> tensor(shape);
  std::iota(tensor.begin(), tensor.end(), T(0));
  return tensor;
}

template <class T>
struct Reader {
  Shape shape;
  const T* memory;
  std::vector<T> values;
};
template <class T>
Reader<T> read(const TensorRef<T>& x) {
  return {x.shape(), x.data(), {x.view().begin(), x.view().end()}};
}

}  // namespace

TEST_CASE_TEMPLATE("A tensor is made of any matrix with its elements in place", M, Eigen::MatrixXf, RowMatrix,
                   Eigen::ArrayXXf, Eigen::MatrixXd, Fixed, FixedRows, Eigen::MatrixXi) {
  using T = typename M::Scalar;
  const M matrix = numbered<M>(3, 4);
  const Tensor<T> expected = counted<T>({3, 4});
  Tensor<T> tensor = matrix;
  CHECK(tensor == expected);
  CHECK(std::is_same_v<decltype(Tensor(matrix)), Tensor<T>>);
  CHECK(Tensor<T>(matrix.transpose().eval().transpose()) == expected);
  CHECK(Tensor<T>(matrix.block(1, 1, 2, 2)) == Tensor<T>({2, 2}, {T(5), T(6), T(9), T(10)}));
  CHECK(Tensor<T>(matrix.row(1)) == Tensor<T>({4}, {T(4), T(5), T(6), T(7)}));
  CHECK(Tensor<T>(matrix.col(1)) == Tensor<T>({3}, {T(1), T(5), T(9)}));
  CHECK(Tensor<T>(matrix + matrix)(2, 3) == T(22));
  CHECK(Tensor<T>(Eigen::Map<const M>(matrix.data(), 3, 4)) == expected);
  CHECK(Tensor<T>(matrix.colwise().sum()) == Tensor<T>({4}, {T(12), T(15), T(18), T(21)}));
  CHECK(Tensor<T>(matrix.rowwise().sum()).shape() == Shape{3});
  CHECK(Tensor<T>(matrix.topRows(0)).shape() == Shape{0, 4});
  tensor = Tensor<T>();
  tensor = matrix;
  CHECK(tensor == expected);
}

TEST_CASE("A tensor is made of a product, a strided map, a special matrix, a cast") {
  const Tensor<float> a = counted<float>({2, 3}), b = counted<float>({3, 2});
  const Tensor<float> product = a.matrix() * b.matrix();
  CHECK(product == Tensor<float>({2, 2}, {10, 13, 28, 40}));
  Tensor deduced = a.array() * 2;
  CHECK(std::is_same_v<decltype(deduced), Tensor<float>>);
  CHECK(deduced == Tensor<float>({6}, {0, 2, 4, 6, 8, 10}));
  const float memory[] = {0, 1, 2, 3, 4, 5, 6, 7};
  const Eigen::Map<const RowMatrix, 0, Eigen::OuterStride<>> strided(memory, 2, 3, Eigen::OuterStride<>(4));
  CHECK(Tensor<float>(strided) == Tensor<float>({2, 3}, {0, 1, 2, 4, 5, 6}));
  const Tensor<float> identity = Eigen::MatrixXf::Identity(2, 2);
  CHECK(identity == Tensor<float>({2, 2}, {1, 0, 0, 1}));
  CHECK(Tensor<float>(Eigen::Vector3d(1, 2, 3).cast<float>()) == Tensor<float>({3}, {1, 2, 3}));
  CHECK(Tensor<double>(Eigen::Matrix<double, 1, 1>(4)) == Tensor<double>({1}, {4}));
  CHECK(Tensor<float>(a.matrix().transpose() * a.matrix()).shape() == Shape{3, 3});
}

TEST_CASE("An assigned expression keeps the shape of the view that it was made of, and may read the tensor") {
  Tensor<float> x = counted<float>({2, 3, 4});
  const Tensor<float> start = x;
  x = 2 * x.array() + 1;
  CHECK(x.shape() == Shape{2, 3, 4});
  CHECK(x(1, 2, 3) == 47);
  x = x.matrix() - x.matrix();
  CHECK(x == Tensor<float>({2, 3, 4}));
  x = start.matrix().rowwise().reverse();
  CHECK(x.shape() == Shape{2, 3, 4});
  CHECK(x(0, 0, 0) == 3);
  x = start.matrix() * start.matrix().transpose();
  CHECK(x.shape() == Shape{6, 6});
  CHECK(x(0, 1) == 0 * 4 + 1 * 5 + 2 * 6 + 3 * 7);
  x = counted<float>({2, 2});
  x = x.matrix() * x.matrix();  // not written while it is read
  CHECK(x == Tensor<float>({2, 2}, {2, 3, 6, 11}));
  x = x.matrix().transpose();
  CHECK(x == Tensor<float>({2, 2}, {2, 6, 3, 11}));
  x = Eigen::VectorXf::Ones(3);
  CHECK(x == Tensor<float>({3}, 1.0f));
}

TEST_CASE("What views write is in the tensor") {
  Tensor<double> x({2, 3});
  x.matrix().row(1).setConstant(4);
  x.array() += 1;
  x.matrix().col(0) = Eigen::Vector2d(7, 8);
  CHECK(x == Tensor<double>({2, 3}, {7, 1, 1, 8, 5, 5}));
  const TensorView<double> view = x;
  view.matrix()(0, 2) = -1;
  CHECK(x.at(0, 2) == -1);
  CHECK(std::is_same_v<decltype(view.array()), Eigen::Map<Eigen::ArrayXd>>);
  const TensorView<const double> reading = x;
  CHECK(std::is_same_v<decltype(reading.array()), Eigen::Map<const Eigen::ArrayXd>>);
}

TEST_CASE("A parameter reads row-major memory where it lies and evaluates the rest") {
  const Tensor<float> tensor = counted<float>({3, 4});
  CHECK(read<float>(tensor).memory == tensor.data());
  CHECK(read<float>(tensor.view().rows(1, 2)).memory == tensor.data() + 4);
  CHECK(read<float>(tensor.matrix()).memory == tensor.data());
  CHECK(read<float>(tensor.matrix()).shape == Shape{3, 4});
  CHECK(read<float>(tensor.array()).memory == tensor.data());
  CHECK(read<float>(tensor.matrix().middleRows(1, 2)).memory == tensor.data() + 4);
  CHECK(read<float>(tensor.matrix().row(2)).memory == tensor.data() + 8);
  const std::vector<float> plain{1, 2, 3};
  CHECK(read<float>(plain).memory == plain.data());
  CHECK(read<float>(std::span<const float>(plain)).shape == Shape{3});

  CHECK(read<float>(tensor.matrix().col(1)).values == std::vector<float>{1, 5, 9});
  CHECK(read<float>(tensor.matrix().leftCols(2)).values == std::vector<float>{0, 1, 4, 5, 8, 9});
  CHECK(read<float>(tensor.matrix() * 2).values[5] == 10);
  CHECK(read<float>(tensor.matrix().transpose()).values == std::vector<float>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11});
  const Eigen::MatrixXf columns = numbered<Eigen::MatrixXf>(3, 4);
  CHECK(read<float>(columns).values == std::vector<float>(tensor.begin(), tensor.end()));
  CHECK(read<float>(columns).memory != columns.data());
  CHECK(read<float>(columns.transpose()).shape == Shape{4, 3});
  CHECK(read<float>(columns.transpose()).memory == columns.data());
  CHECK(read<float>({}).shape == Shape{0});
}

TEST_CASE("A parameter as a batch of samples") {
  const Tensor<float> x = counted<float>({2, 6});
  const auto shape = [](const TensorRef<float>& values, const Shape& sample) {
    return std::pair(values.batch_of(sample).shape(), values.is_one_sample(sample));
  };
  using Result = std::pair<Shape, bool>;
  CHECK(shape(x, {6}) == Result({2, 6}, false));
  CHECK(shape(x, {2, 6}) == Result({1, 2, 6}, true));
  CHECK(shape(x, {3, 2}) == Result({2, 6}, false));  // a tensor has the shape that it has
  CHECK(shape(x.matrix(), {3, 2}) == Result({2, 3, 2}, false));
  CHECK(shape(x.matrix(), {2, 6}) == Result({1, 2, 6}, true));
  CHECK(shape(x.matrix(), {5}) == Result({2, 6}, false));
  CHECK(shape(x.array(), {12}) == Result({1, 12}, true));
  CHECK(shape(x.array(), {3, 4}) == Result({1, 3, 4}, true));
  CHECK(shape(x.array(), {1}) == Result({12, 1}, false));
  CHECK(shape(x.array().head(1), {1}) == Result({1, 1}, false));
  CHECK(shape(x.array(), {5}) == Result({12}, false));
  CHECK(shape(std::vector<float>{1, 2, 3}, {3}) == Result({1, 3}, true));
  CHECK(shape(Eigen::RowVector3f(1, 2, 3), {3, 1, 1}) == Result({1, 3, 1, 1}, true));
}
