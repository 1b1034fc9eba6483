#pragma once
/// TensorView: a shape and a pointer, and what Eigen makes of the same memory.

#include <string>
#include <type_traits>

#include <keel/tensor/shape.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Eigen::TensorMap of a tensor; in <keel/tensor/eigen_tensor.hpp>, which a program that calls eigen<Rank>() includes.
template <class T, int Rank>
struct EigenTensor;

/// A shape and a pointer to that many contiguous values, last axis fastest; owns nothing.
/// `TensorView<const T>` reads, `TensorView<T>` also writes.
template <class T>
class TensorView {
 public:
  using Scalar = std::remove_const_t<T>;                                                  ///< of the elements
  using Array = Eigen::Array<Scalar, Eigen::Dynamic, 1>;                                  ///< all elements
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;  ///< rows by the last axis
  /// Eigen's map of the same memory.
  template <class Plain>
  using Map = Eigen::Map<std::conditional_t<std::is_const_v<T>, const Plain, Plain>>;

  TensorView() : shape_{0} {}
  /// Of memory that holds as many values as the shape says.
  TensorView(const Shape& shape, T* data) : shape_(shape), data_(data) {}
  operator TensorView<const Scalar>() const { return {shape_, data_}; }  ///< read only

  const Shape& shape() const { return shape_; }  ///< Extents, slowest axis first.
  Index rank() const { return shape_.rank(); }   ///< Number of axes.
  Index size() const { return shape_.size(); }   ///< Number of elements.
  T* data() const { return data_; }              ///< the first element
  T* begin() const { return data_; }             ///< the first element
  T* end() const { return data_ + size(); }      ///< behind the last element
  /// Element i of all, in memory's order; not checked.
  T& operator[](Index i) const { return data_[i]; }
  /// Element (i, j, ...), one index an axis; not checked: `at` is.
  template <class... Indices>
  T& operator()(Indices... indices) const {
    const Index list[] = {static_cast<Index>(indices)..., 0};
    Index offset = 0;
    for (Index axis = 0; axis < Index{sizeof...(indices)}; ++axis) offset = offset * shape_[axis] + list[axis];
    return data_[offset];
  }
  /// Element (i, j, ...). Throws ShapeError unless there is one index an axis and each is inside its extent.
  template <class... Indices>
  T& at(Indices... indices) const {
    const Index list[] = {static_cast<Index>(indices)..., 0};
    return data_[checked_offset({list, sizeof...(indices)})];
  }

  /// All elements as one Eigen array.
  Map<Array> array() const { return {data_, size()}; }
  /// Rows of the last axis: (everything else, last axis).
  Map<Matrix> matrix() const { return {data_, rows_of_matrix(), columns_of_matrix()}; }
  /// The same memory as an Eigen::TensorMap<Eigen::Tensor<T, Rank, Eigen::RowMajor>>, for which
  /// <keel/tensor/eigen_tensor.hpp> must be included. Throws ShapeError for another rank.
  template <int Rank>
  auto eigen() const {
    return EigenTensor<T, Rank>::map(*this);
  }

  /// Same values in another shape of the same size. Throws ShapeError for another size.
  TensorView reshaped(const Shape& shape) const {
    if (shape.size() != size()) throw ShapeError("reshape", std::to_string(size()) + " elements", shape.to_string());
    return {shape, data_};
  }
  /// Samples [begin, begin + count) of the first axis. Throws ShapeError where that is not inside.
  TensorView rows(Index begin, Index count) const {
    if (rank() == 0 || begin < 0 || count < 0 || begin + count > shape_[0])
      throw ShapeError("rows", "a range inside " + shape_.to_string(),
                       "[" + std::to_string(begin) + ", " + std::to_string(begin + count) + ")");
    const Shape sample = shape_.sample();
    return {sample.with_batch(count), data_ + begin * sample.size()};
  }

 private:
  Index columns_of_matrix() const { return rank() == 0 ? 1 : shape_.back(); }
  Index rows_of_matrix() const { return columns_of_matrix() == 0 ? 0 : size() / columns_of_matrix(); }

  Index checked_offset(std::span<const Index> indices) const {
    const auto list = [&] { return "(" + detail::join(indices, ", ") + ")"; };
    if (count_of(indices) != rank())
      throw ShapeError("at", std::to_string(rank()) + " indices for shape " + shape_.to_string(), list());
    Index offset = 0;
    for (Index axis = 0; axis < rank(); ++axis) {
      const Index i = nth(indices, axis);
      if (i < 0 || i >= shape_[axis]) throw ShapeError("at", "indices inside shape " + shape_.to_string(), list());
      offset = offset * shape_[axis] + i;
    }
    return offset;
  }

  Shape shape_;
  T* data_ = nullptr;
};

namespace detail {

/// The shape of an expression of Eigen's: (rows, columns), of a vector (size).
template <class D>
Shape eigen_shape(const Eigen::DenseBase<D>& expression) {
  if constexpr (bool(D::IsVectorAtCompileTime))
    return {expression.size()};
  else
    return {expression.rows(), expression.cols()};
}

/// Writes an expression's values, row after row, to memory that it does not read.
template <class T, class D>
void evaluate_rows(const Eigen::DenseBase<D>& expression, T* values) {
  static_assert(std::is_same_v<typename D::Scalar, T>,
                "keel: the expression has another scalar than the tensor; write expression.cast<float>()");
  constexpr int rows = D::RowsAtCompileTime == 1 && D::ColsAtCompileTime != 1 ? 1 : Eigen::Dynamic;
  constexpr int columns = D::ColsAtCompileTime == 1 ? 1 : Eigen::Dynamic;
  constexpr int order = columns == 1 ? Eigen::ColMajor : Eigen::RowMajor;
  if constexpr (std::is_base_of_v<Eigen::ArrayBase<D>, D>)
    Eigen::Map<Eigen::Array<T, rows, columns, order>>(values, expression.rows(), expression.cols()) =
        expression.derived();
  else
    Eigen::Map<Eigen::Matrix<T, rows, columns, order>>(values, expression.rows(), expression.cols()).noalias() =
        expression.derived();
}

}  // namespace detail

}  // namespace KEEL_ABI
}  // namespace keel
