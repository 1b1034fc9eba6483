#pragma once
/// Tensors as Eigen::Tensor sees them. Heavy to compile, so that only programs that call `eigen<Rank>()` include it.

#include <unsupported/Eigen/CXX11/Tensor>

#include <keel/tensor/tensor.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// What `eigen<Rank>()` of a tensor or a view gives: the same memory, row-major, to read and, where the view may, to
/// write: `y.eigen<4>() = x.eigen<4>().shuffle(std::array{0, 3, 1, 2});`.
template <class T, int Rank>
struct EigenTensor {
  /// the tensor of Eigen's that owns
  using Plain = Eigen::Tensor<std::remove_const_t<T>, Rank, Eigen::RowMajor, Eigen::Index>;
  /// the map of keel's memory
  using Map = Eigen::TensorMap<std::conditional_t<std::is_const_v<T>, const Plain, Plain>>;

  /// Throws ShapeError for a view of another rank.
  static Map map(const TensorView<T>& view) {
    if (view.rank() != Rank)
      throw ShapeError("eigen", "a tensor of rank " + std::to_string(Rank), "shape " + view.shape().to_string());
    Eigen::array<Eigen::Index, std::size_t{Rank}> dims{};
    std::copy(view.shape().begin(), view.shape().end(), dims.begin());
    return Map(view.data(), dims);
  }
};

/// A tensor from an expression of Eigen's tensors, which is evaluated; a column-major one gives the same elements at
/// the same indices: `Tensor<float> y = tensor_of(x.eigen<4>().sum(std::array{1, 2}));`.
template <class E>
auto tensor_of(const Eigen::TensorBase<E, Eigen::ReadOnlyAccessors>& expression) {
  using Scalar = std::remove_const_t<typename Eigen::internal::traits<E>::Scalar>;
  constexpr int rank = Eigen::internal::traits<E>::NumDimensions;
  constexpr int order = Eigen::internal::traits<E>::Layout;
  const Eigen::Tensor<Scalar, rank, order, Eigen::Index> values = static_cast<const E&>(expression);
  std::array<Index, std::size_t{rank}> dims{};
  std::copy(values.dimensions().begin(), values.dimensions().end(), dims.begin());
  Tensor<Scalar> result = Tensor<Scalar>::uninitialized(Shape(std::span<const Index>(dims)));
  if constexpr (order == int(Eigen::RowMajor)) {
    std::copy_n(values.data(), values.size(), result.data());
  } else {
    Eigen::array<int, std::size_t{rank}> reversed{};
    for (int axis = 0; axis < rank; ++axis) nth(reversed, axis) = rank - 1 - axis;
    result.template eigen<rank>() = values.swap_layout().shuffle(reversed);
  }
  return result;
}

}  // namespace KEEL_ABI
}  // namespace keel
