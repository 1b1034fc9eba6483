#pragma once
/// TensorRef: what a function takes that reads values, wherever they are.

#include <vector>

#include <keel/tensor/tensor.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A parameter that reads values, to be used as `const TensorRef<T>&`: takes a Tensor, a view, numbers in a row, or any
/// dense matrix, map or expression of Eigen's with the same scalar. Row-major memory is read where it lies, anything
/// else is evaluated into memory of its own, as Eigen::Ref does.
template <class T>
class TensorRef {
 public:
  using Scalar = T;  ///< of the elements

  /// No values: shape (0).
  TensorRef() = default;
  TensorRef(const TensorView<const T>& view) : view_(view) {}
  TensorRef(const TensorView<T>& view) : view_(view) {}         ///< the same
  TensorRef(const Tensor<T>& tensor) : view_(tensor.view()) {}  ///< of a tensor
  /// rows come with the layer that takes them
  TensorRef(std::span<const T> values) : view_({values.size()}, values.data()), flat_(true) {}
  TensorRef(const std::vector<T>& values) : TensorRef(std::span<const T>(values)) {}  ///< the same
  /// The values of an expression of Eigen's, evaluated.
  template <class D>
  TensorRef(const Eigen::DenseBase<D>& expression) : flat_(true) {
    const Shape shape = detail::eigen_shape(expression);
    if (const T* memory = row_major(expression.derived())) {
      view_ = {shape, memory};
    } else {
      own_.resize(to_size(shape.size()));
      detail::evaluate_rows(expression, own_.data());
      view_ = {shape, own_.data()};
    }
  }
  TensorRef(const TensorRef&) = delete;  // a copy's view would be of the other's memory
  TensorRef& operator=(const TensorRef&) = delete;

  const TensorView<const T>& view() const { return view_; }      ///< What it refers to.
  operator const TensorView<const T>&() const { return view_; }  ///< as `view()`
  const Shape& shape() const { return view_.shape(); }           ///< Extents, slowest axis first.
  Index rank() const { return view_.rank(); }                    ///< Number of axes.
  Index size() const { return view_.size(); }                    ///< Number of elements.
  const T* data() const { return view_.data(); }                 ///< the first element

  /// Whether the values came from where there are no tensors: a matrix of Eigen's, whose rows are samples, or numbers
  /// in a row. They fit a sample's shape by their count.
  bool flat() const { return flat_; }
  /// Whether these are the values of one sample of the given shape. (Numbers in a row are as many samples of size 1.)
  bool is_one_sample(const Shape& sample) const {
    if (flat_ && rank() == 1) return size() == sample.size() && size() != 1;
    return shape() == sample;
  }
  /// As a batch of samples of the given shape: as it is; one sample with an axis of 1 in front; flat values with a
  /// sample in each row. What does not fit stays as it is, for the caller to refuse.
  TensorView<const T> batch_of(const Shape& sample) const {
    if (is_one_sample(sample)) return view_.reshaped(sample.with_batch(1));
    const Index columns = rank() == 1 ? 1 : shape().back();
    return flat_ && columns == sample.size() ? view_.reshaped(sample.with_batch(shape()[0])) : view_;
  }

 private:
  /// The expression's memory, where there is some and it has the values row after row, without gaps. Else null.
  template <class D>
  static const T* row_major(const D& expression) {
    if constexpr (std::is_same_v<typename D::Scalar, T> && (int(D::Flags) & Eigen::DirectAccessBit) != 0) {
      const bool dense = bool(D::IsVectorAtCompileTime)
                             ? expression.innerStride() == 1
                             : bool(D::IsRowMajor) && expression.innerStride() == 1 &&
                                   (expression.outerStride() == expression.cols() || expression.rows() == 1);
      if (dense) return expression.data();
    }
    return nullptr;
  }

  TensorView<const T> view_;
  AlignedVector<T> own_;
  bool flat_ = false;
};

}  // namespace KEEL_ABI
}  // namespace keel
