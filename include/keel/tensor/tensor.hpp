#pragma once
/// Tensor: an array that owns its values; made of and assigned to expressions of Eigen's.

#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <keel/tensor/tensor_view.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Allocates on 64-byte boundaries and leaves plain values uninitialised unless a value is given.
template <class T>
struct AlignedAllocator {
  using value_type = T;                             ///< of the elements
  static constexpr std::align_val_t alignment{64};  ///< in bytes

  AlignedAllocator() = default;
  /// Of another type: there is no state.
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) noexcept {}

  /// Uninitialised memory.
  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), alignment)); }
  void deallocate(T* memory, std::size_t) noexcept { ::operator delete(memory, alignment); }  ///< Gives it back.
  /// Leaves values uninitialised.
  template <class U>
  void construct(U* where) noexcept(std::is_nothrow_default_constructible_v<U>) {
    ::new (static_cast<void*>(where)) U;
  }
  /// With arguments, as std::allocator does.
  template <class U, class... Args>
  void construct(U* where, Args&&... args) {
    ::new (static_cast<void*>(where)) U(std::forward<Args>(args)...);
  }
  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) { return true; }  ///< All are alike.
};

/// Contiguous memory on a 64-byte boundary.
template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

/// An owning, contiguous, 64-byte aligned, row-major array of T with a shape. `Tensor({2, 3})` is of float, as every
/// `Tensor` is whose scalar is not named. A tensor that was moved from is empty.
///
/// It is made of, and can be assigned, any dense expression of Eigen's with the same scalar, whatever the order of its
/// memory: `Tensor<float> y = x.matrix() * w.matrix();`. A matrix gives it the shape (rows, columns), a vector (size).
template <class T = float>
class Tensor {
 public:
  using Scalar = T;  ///< of the elements

  /// No elements: shape (0).
  Tensor() : shape_{0} {}
  /// Zeros.
  explicit Tensor(const Shape& shape) : Tensor(shape, T(0)) {}
  /// Every element is `value`.
  Tensor(const Shape& shape, T value) : shape_(shape), data_(to_size(shape.size()), value) {}
  /// The given values, last axis fastest. Throws ShapeError unless they are as many as the shape holds.
  Tensor(const Shape& shape, std::span<const T> values) : shape_(shape), data_(values.begin(), values.end()) {
    if (count_of(values) != shape.size())
      throw ShapeError("Tensor", std::to_string(shape.size()) + " values for shape " + shape.to_string(),
                       std::to_string(values.size()));
  }
  /// The same from a list: `Tensor({2, 2}, {1, 2, 3, 4})`.
  Tensor(const Shape& shape, std::initializer_list<T> values)
      : Tensor(shape, std::span<const T>(values.begin(), values.size())) {}
  /// A copy of the values.
  explicit Tensor(const TensorView<const T>& view) : shape_(view.shape()), data_(view.begin(), view.end()) {}
  /// The values of an expression of Eigen's.
  template <class D>
  Tensor(const Eigen::DenseBase<D>& expression) {
    resize(detail::eigen_shape(expression));
    detail::evaluate_rows(expression, data());
  }

  Tensor(const Tensor&) = default;
  Tensor& operator=(const Tensor&) = default;
  /// Leaves the other empty, of shape (0).
  Tensor(Tensor&& other) noexcept : shape_(std::exchange(other.shape_, {0})), data_(std::move(other.data_)) {}
  /// Leaves the other empty, of shape (0).
  Tensor& operator=(Tensor&& other) noexcept {
    data_ = std::move(other.data_);
    shape_ = std::exchange(other.shape_, {0});
    return *this;
  }
  /// Takes the expression's values and shape, but keeps its own shape where the expression has that of `array()` or
  /// `matrix()`: `x = 2 * x.array()`. The expression may read this tensor.
  template <class D>
  Tensor& operator=(const Eigen::DenseBase<D>& expression) {
    Tensor result(expression);
    const bool vector = result.rank() == 1;
    if (vector ? result.size() == size() : result.rows_and_columns() == rows_and_columns()) result.shape_ = shape_;
    return *this = std::move(result);
  }

  /// Memory to be written before it is read.
  static Tensor uninitialized(const Shape& shape) {
    Tensor tensor;
    tensor.resize(shape);
    return tensor;
  }
  /// Only the shape: no memory before `resize`.
  static Tensor unallocated(const Shape& shape) {
    Tensor tensor;
    tensor.shape_ = shape;
    return tensor;
  }
  /// Takes a new shape; the values are unspecified where the size changes. Memory is kept when it suffices.
  void resize(const Shape& shape) {
    data_.resize(to_size(shape.size()));
    shape_ = shape;
  }

  const Shape& shape() const { return shape_; }  ///< Extents, slowest axis first.
  Index rank() const { return shape_.rank(); }   ///< Number of axes.
  Index size() const { return shape_.size(); }   ///< Number of elements.
  bool empty() const { return size() == 0; }     ///< Whether there are none.

  T* data() { return data_.data(); }                ///< the first element
  const T* data() const { return data_.data(); }    ///< the same, read only
  T* begin() { return data(); }                     ///< the first element
  T* end() { return data() + size(); }              ///< behind the last element
  const T* begin() const { return data(); }         ///< the first element, read only
  const T* end() const { return data() + size(); }  ///< behind the last element, read only
  /// Element i of all, in memory's order; not checked.
  T& operator[](Index i) { return data()[i]; }
  const T& operator[](Index i) const { return data()[i]; }  ///< the same, read only
  /// Element (i, j, ...), one index an axis; not checked: `at` is.
  template <class... Indices>
  T& operator()(Indices... indices) {
    return view()(indices...);
  }
  /// The same, read only.
  template <class... Indices>
  const T& operator()(Indices... indices) const {
    return view()(indices...);
  }

  /// Element (i, j, ...). Throws ShapeError unless there is one index an axis and each is inside its extent.
  template <class... Indices>
  T& at(Indices... indices) {
    return view().at(indices...);
  }
  /// The same, read only.
  template <class... Indices>
  const T& at(Indices... indices) const {
    return view().at(indices...);
  }

  TensorView<T> view() { return {shape_, data()}; }              ///< Its memory, seen with its shape.
  TensorView<const T> view() const { return {shape_, data()}; }  ///< the same, read only
  operator TensorView<T>() & { return view(); }                  ///< as `view()`; not of a temporary
  operator TensorView<const T>() const { return view(); }        ///< as `view()`
  // Views for Eigen, without a copy; see TensorView.
  auto array() { return view().array(); }          ///< all elements, a column of Eigen's
  auto array() const { return view().array(); }    ///< the same, read only
  auto matrix() { return view().matrix(); }        ///< rows by the last axis
  auto matrix() const { return view().matrix(); }  ///< the same, read only
  /// An Eigen::TensorMap of the same memory; needs <keel/tensor/eigen_tensor.hpp>.
  template <int Rank>
  auto eigen() {
    return view().template eigen<Rank>();
  }
  /// The same, read only.
  template <int Rank>
  auto eigen() const {
    return view().template eigen<Rank>();
  }

  /// The same values in another shape of the same size. Throws ShapeError for another size.
  Tensor reshaped(const Shape& shape) const& { return Tensor(view().reshaped(shape)); }
  /// The same values under another shape, without a copy. Throws ShapeError where the sizes differ.
  Tensor reshaped(const Shape& shape) && {
    shape_ = view().reshaped(shape).shape();
    return std::move(*this);
  }
  /// A copy of samples [begin, begin + count) of the first axis.
  Tensor rows(Index begin, Index count) const { return Tensor(view().rows(begin, count)); }
  /// Each value as a U, as static_cast converts it: undefined where an integer cannot hold it.
  template <class U>
  Tensor<U> cast() const {
    Tensor<U> result = Tensor<U>::uninitialized(shape_);
    for (Index i = 0; i < size(); ++i) result[i] = static_cast<U>((*this)[i]);
    return result;
  }

  /// Same shape, same values.
  friend bool operator==(const Tensor& a, const Tensor& b) { return a.shape_ == b.shape_ && a.data_ == b.data_; }

 private:
  std::pair<Index, Index> rows_and_columns() const {
    const auto map = matrix();
    return {map.rows(), map.cols()};
  }

  Shape shape_;
  AlignedVector<T> data_;
};

// float, unless the values are floats of another kind by name or an expression of another scalar.
Tensor()->Tensor<float>;
Tensor(const Shape&)->Tensor<float>;
Tensor(const Shape&, int)->Tensor<float>;
Tensor(const Shape&, double)->Tensor<float>;
Tensor(const Shape&, std::initializer_list<int>)->Tensor<float>;
Tensor(const Shape&, std::initializer_list<double>)->Tensor<float>;
template <class D>
Tensor(const Eigen::DenseBase<D>&) -> Tensor<typename D::Scalar>;

}  // namespace KEEL_ABI
}  // namespace keel
