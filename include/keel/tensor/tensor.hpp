#pragma once

#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <keel/tensor/shape.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Allocates on 64-byte boundaries and leaves plain values uninitialised unless a value is given.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t alignment{64};

  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) noexcept {}

  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), alignment)); }
  void deallocate(T* memory, std::size_t) noexcept { ::operator delete(memory, alignment); }
  template <class U>
  void construct(U* where) noexcept(std::is_nothrow_default_constructible_v<U>) {
    ::new (static_cast<void*>(where)) U;
  }
  template <class U, class... Args>
  void construct(U* where, Args&&... args) {
    ::new (static_cast<void*>(where)) U(std::forward<Args>(args)...);
  }
  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) { return true; }
};

/// Contiguous memory on a 64-byte boundary.
template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

/// A shape and a pointer to that many contiguous values, last axis fastest; owns nothing.
/// `TensorView<const T>` reads, `TensorView<T>` also writes.
template <class T>
class TensorView {
 public:
  using Scalar = std::remove_const_t<T>;
  using Array = Eigen::Array<Scalar, Eigen::Dynamic, 1>;
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  template <class Plain>
  using Map = Eigen::Map<std::conditional_t<std::is_const_v<T>, const Plain, Plain>>;

  TensorView() : shape_{0} {}
  TensorView(const Shape& shape, T* data) : shape_(shape), data_(data) {}
  operator TensorView<const Scalar>() const { return {shape_, data_}; }

  const Shape& shape() const { return shape_; }
  Index rank() const { return shape_.rank(); }
  Index size() const { return shape_.size(); }
  T* data() const { return data_; }
  T* begin() const { return data_; }
  T* end() const { return data_ + size(); }
  T& operator[](Index i) const { return data_[i]; }
  /// Element at (i, j, ...), one index an axis; not checked.
  template <class... Indices>
  T& operator()(Indices... indices) const {
    const Index at[] = {static_cast<Index>(indices)...};
    Index offset = 0;
    for (std::size_t axis = 0; axis < sizeof...(indices); ++axis)
      offset = offset * shape_[static_cast<Index>(axis)] + at[axis];
    return data_[offset];
  }

  /// All elements as one Eigen array.
  Map<Array> array() const { return {data_, size()}; }
  /// Rows of the last axis: (everything else, last axis).
  Map<Matrix> matrix() const {
    const Index columns = rank() == 0 ? 1 : shape_.back();
    return {data_, columns == 0 ? 0 : size() / columns, columns};
  }
  /// Same values in another shape of the same size.
  TensorView reshaped(const Shape& shape) const {
    if (shape.size() != size()) throw ShapeError("reshape", std::to_string(size()) + " elements", shape.to_string());
    return {shape, data_};
  }
  /// Samples [begin, begin + count) of the first axis.
  TensorView rows(Index begin, Index count) const {
    if (rank() == 0 || begin < 0 || count < 0 || begin + count > shape_[0])
      throw ShapeError("rows", "a range inside " + shape_.to_string(),
                       "[" + std::to_string(begin) + ", " + std::to_string(begin + count) + ")");
    const Shape sample = shape_.sample();
    return {sample.with_batch(count), data_ + begin * sample.size()};
  }

 private:
  Shape shape_;
  T* data_ = nullptr;
};

/// An owning, contiguous, 64-byte aligned, row-major array of T with a shape.
template <class T = float>
class Tensor {
 public:
  using Scalar = T;

  /// No elements: shape (0).
  Tensor() : shape_{0} {}
  /// Zeros.
  explicit Tensor(const Shape& shape) : Tensor(shape, T(0)) {}
  Tensor(const Shape& shape, T value) : shape_(shape), data_(to_size(shape.size()), value) {}
  /// The given values, last axis fastest; as many as the shape holds.
  Tensor(const Shape& shape, std::span<const T> values) : shape_(shape), data_(values.begin(), values.end()) {
    if (count_of(values) != shape.size())
      throw ShapeError("Tensor", std::to_string(shape.size()) + " values for shape " + shape.to_string(),
                       std::to_string(values.size()));
  }
  Tensor(const Shape& shape, std::initializer_list<T> values)
      : Tensor(shape, std::span<const T>(values.begin(), values.size())) {}
  explicit Tensor(const TensorView<const T>& view) : shape_(view.shape()), data_(view.begin(), view.end()) {}

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

  const Shape& shape() const { return shape_; }
  Index rank() const { return shape_.rank(); }
  Index size() const { return shape_.size(); }
  bool empty() const { return size() == 0; }

  T* data() { return data_.data(); }
  const T* data() const { return data_.data(); }
  T* begin() { return data(); }
  T* end() { return data() + size(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size(); }
  T& operator[](Index i) { return data()[i]; }
  const T& operator[](Index i) const { return data()[i]; }
  template <class... Indices>
  T& operator()(Indices... indices) {
    return view()(indices...);
  }
  template <class... Indices>
  const T& operator()(Indices... indices) const {
    return view()(indices...);
  }

  TensorView<T> view() { return {shape_, data()}; }
  TensorView<const T> view() const { return {shape_, data()}; }
  operator TensorView<T>() { return view(); }
  operator TensorView<const T>() const { return view(); }
  auto array() { return view().array(); }
  auto array() const { return view().array(); }
  auto matrix() { return view().matrix(); }
  auto matrix() const { return view().matrix(); }

  /// The same values in another shape of the same size.
  Tensor reshaped(const Shape& shape) const& { return Tensor(view().reshaped(shape)); }
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

  friend bool operator==(const Tensor& a, const Tensor& b) { return a.shape_ == b.shape_ && a.data_ == b.data_; }

 private:
  Shape shape_;
  AlignedVector<T> data_;
};

Tensor()->Tensor<float>;
Tensor(const Shape&)->Tensor<float>;

}  // namespace KEEL_ABI
}  // namespace keel
