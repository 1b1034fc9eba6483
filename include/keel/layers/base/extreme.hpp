#pragma once
/// What Maximum and Minimum share.

#include <cmath>

#include <keel/layers/base/broadcast_merge.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// The largest of several inputs, value by value, or the smallest: one after the other, as NumPy's maximum does, so
/// that a NaN stays. Of two equal values each has half the gradient, as in PyTorch; of three the last has a half, since
/// the first two are one value by then.
template <class T>
class Extreme : public BroadcastMerge<T> {
 public:
  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    this->for_each_place(y.shape(), x[0].shape(), [&](Index i, Index k) { y[i] = x[0][k]; });
    for (std::size_t n = 1; n < x.size(); ++n) join(x[n], y.shape(), y.data(), y.data());
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    Scratch::Frame frame(pass.kernel.scratch);
    const Index size = y.size();
    T* const before = pass.kernel.scratch.template take<T>(size * count_of(x));  // the extremes so far
    T *const rest = pass.kernel.scratch.template take<T>(size), *const part =
                                                                    pass.kernel.scratch.template take<T>(size);
    this->for_each_place(y.shape(), x[0].shape(), [&](Index i, Index k) { before[i] = x[0][k]; });
    for (std::size_t n = 1; n < x.size(); ++n)
      join(x[n], y.shape(), before + (static_cast<Index>(n) - 1) * size, before + static_cast<Index>(n) * size);
    std::copy(dy.begin(), dy.end(), rest);
    for (std::size_t n = x.size() - 1; n > 0; --n) {
      const T* const others = before + (static_cast<Index>(n) - 1) * size;
      this->for_each_place(y.shape(), x[n].shape(), [&](Index i, Index k) {
        const T value = x[n][k], share = value == others[i] ? T(0.5) : beats(value, others[i]) ? T(1) : T(0);
        part[i] = share * rest[i];
        rest[i] -= part[i];
      });
      this->sum_gradient(y.shape(), part, 1, dx[n], pass);
    }
    this->sum_gradient(y.shape(), rest, 1, dx[0], pass);
  }

 protected:
  /// `largest`: or the smallest.
  Extreme(std::string name, bool largest) : BroadcastMerge<T>(std::move(name)), largest_(largest) {}

 private:
  bool beats(T a, T b) const { return largest_ ? a > b : a < b; }
  /// to = the extremes of `from` and x.
  void join(const TensorView<const T>& x, const Shape& out, const T* from, T* to) const {
    BroadcastMerge<T>::for_each_place(out, x.shape(), [&](Index i, Index k) {
      to[i] = beats(from[i], x[k]) || std::isnan(from[i]) ? from[i] : x[k];
    });
  }

  bool largest_;
};

KEEL_INSTANCE(class Extreme<float>)

}  // namespace KEEL_ABI
}  // namespace keel
