#pragma once
/// What layers share that normalise each sample and then scale and shift it.

#include <keel/kernels/reduce.hpp>
#include <keel/layers/base/axis.hpp>
#include <keel/layers/base/broadcast.hpp>
#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/row_norm.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Base of LayerNormalization, GroupNormalization and RMSNormalization: y = gamma x' + beta, x' being x with each row
/// of an arrangement normalised (base/row_norm.hpp). A derived class says how values become rows; gamma and beta run
/// along the last axis of x', or of what it is moved to.
template <class T>
class AffineNorm : public Layer<T> {
 public:
  std::vector<Parameter<T>*> parameters() override {
    std::vector<Parameter<T>*> all;
    for (Parameter<T>* parameter : {&scale_, &shift_})
      if (!parameter->name().empty()) all.push_back(parameter);
    return all;
  }
  Acceleration<T> acceleration() const override { return {.overwrites_gradients = true}; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const Arrangement a = arrangement(x[0].shape());
    Scratch::Frame frame(pass.kernel.scratch);
    T* const normal =
        pass.cache ? pass.cache->tensor(0, Shape{y.size()}).data() : pass.kernel.scratch.template take<T>(y.size());
    double* r = nullptr;
    if (pass.cache) {
      pass.cache->statistics.resize(to_size(a.rows));
      r = pass.cache->statistics.data();
    }
    arrange(a, x[0].data(), normal);
    normalize_rows(a.rows, a.columns, normal, epsilon_, centred_, normal, r, pass.kernel);
    // gamma and beta run along the last axis of what comes back
    const Index n = a.features, count = y.size() / (std::max)(n, Index{1});
    T* const moved = a.moved ? pass.kernel.scratch.template take<T>(y.size()) : y.data();
    arrange_back(a, normal, moved);
    const bool scales = !scale_.name().empty(), shifts = !shift_.name().empty();
    for (Index row = 0; row < count; ++row) {
      const Stretch<T> to = stretch(moved + row * n, n);
      scale_and_shift(to, scales, shifts);
    }
    if (a.moved) move_back(a, moved, y.data());
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const Arrangement a = arrangement(x[0].shape());
    Scratch::Frame frame(pass.kernel.scratch);
    Scratch& scratch = pass.kernel.scratch;
    const T* const normal = pass.cache->tensors[0].data();
    const Index n = a.features, size = dy.size(), count = size / (std::max)(n, Index{1});
    const T* from = dy.data();
    if (a.moved) {
      T* const moved = scratch.template take<T>(size);
      move(a, dy.data(), moved);
      from = moved;
    }
    T* const work = scratch.template take<T>(size);
    if (!scale_.name().empty() && scale_.trains()) {
      arrange_back(a, normal, work);
      stretch(work, size) *= stretch(from, size);
      column_sums(count, n, work, scale_.gradient.data(), pass.asked.accumulate, pass.kernel);
    }
    if (!shift_.name().empty() && shift_.trains())
      column_sums(count, n, from, shift_.gradient.data(), pass.asked.accumulate, pass.kernel);
    if (!dx[0].data()) return;
    T* const gradient = scratch.template take<T>(size);
    std::copy_n(from, size, work);
    if (!scale_.name().empty())
      for (Index row = 0; row < count; ++row) stretch(work + row * n, n) *= stretch(scale_.value().data(), n);
    arrange_moved(a, work, gradient);
    normalize_rows_backward(a.rows, a.columns, normal, pass.cache->statistics.data(), centred_, gradient, gradient,
                            pass.kernel);
    if (!a.moved) return arrange_back(a, gradient, dx[0].data());
    arrange_back(a, gradient, work);
    move_back(a, work, dx[0].data());
  }

 protected:
  /// How a batch becomes rows. `moved`: its block of axes first goes to the end. `groups` above 1: (outer, inner,
  /// groups, part) becomes (outer, groups, inner, part).
  struct Arrangement {
    Index rows = 0, columns = 0, features = 0;         ///< of the arrangement; values that gamma has
    AxisBlock block{};                                 ///< the axes that are moved
    bool moved = false;                                ///< see above
    Index outer = 1, inner = 1, groups = 1, part = 1;  ///< see above
  };

  /// `centred`: the mean is taken off too.
  AffineNorm(std::string name, double epsilon, bool centred)
      : Layer<T>(std::move(name)), epsilon_(epsilon), centred_(centred) {}

  /// How values become rows. Throws ShapeError where they do not.
  virtual Arrangement arrangement(const Shape& batch) const = 0;
  /// Each place's values along `axes` as a row.
  Arrangement along(const Axes& axes, const Shape& batch) const {
    const AxisBlock block = axis_block(*this, axes, batch.sample(), batch[0]);
    return {.rows = block.outer * block.inner,
            .columns = block.extent,
            .features = block.extent,
            .block = block,
            .moved = !block.last()};
  }
  /// The input's shape. Throws ShapeError for one without values along `axes`, or other than the parameters are for.
  Shape checked_along(const Axes& axes, Shapes inputs) const {
    const Shape& in = this->single_input(inputs);
    if (axis_block(*this, axes, in).extent < 1) throw ShapeError(this->who(), "at least one value", in.to_string());
    check_parameters(axes_shape(axes, in), in);
    return in;
  }
  /// Throws ConfigError for an epsilon below 0.
  void check_epsilon(const std::string& who) const {
    if (!(epsilon_ >= 0)) throw ConfigError(who, "epsilon of 0 or more", std::to_string(epsilon_));
  }
  /// Empty names: none.
  void make_parameters(const char* scale, const char* shift, const Shape& shape, const InitializerSpec& first,
                       const InitializerSpec& second, Rng& rng) {
    const Fans fans(shape.size(), shape.size());
    if (scale) scale_ = {scale, initial_values<T>(shape, first, fans, rng)};
    if (shift) shift_ = {shift, initial_values<T>(shape, second, fans, rng)};
  }
  /// Throws ShapeError where the parameters are for other extents.
  void check_parameters(const Shape& shape, const Shape& in) const {
    for (const Parameter<T>* parameter : {&scale_, &shift_})
      if (parameter->size() > 0 && !(parameter->shape() == shape))
        throw ShapeError(this->who(),
                         "an input that fits its " + parameter->name() + " of " + parameter->shape().to_string(),
                         in.to_string());
  }

 private:
  void scale_and_shift(Stretch<T> to, bool scales, bool shifts) const {
    const Index n = to.size();
    for (Index i = 0; i < n; ++i) {  // a loop: lanes and tails of Eigen's may be fused otherwise
      if (scales) to[i] *= scale_.value()[i];
      if (shifts) to[i] += shift_.value()[i];
    }
  }
  static void move(const Arrangement& a, const T* from, T* to) { axis_to_end(a.block, from, to); }
  static void move_back(const Arrangement& a, const T* from, T* to) { axis_from_end(a.block, from, to); }
  static void arrange(const Arrangement& a, const T* from, T* to) {
    if (a.moved)
      move(a, from, to);
    else
      arrange_moved(a, from, to);
  }
  static void arrange_moved(const Arrangement& a, const T* from, T* to) { regroup(a, a.inner, a.groups, from, to); }
  static void arrange_back(const Arrangement& a, const T* from, T* to) { regroup(a, a.groups, a.inner, from, to); }
  static void regroup(const Arrangement& a, Index first, Index second, const T* from, T* to) {
    if (a.groups > 1)
      swap_axes(a.outer, first, second, a.part, from, to);
    else if (from != to)
      std::copy_n(from, a.rows * a.columns, to);
  }

  double epsilon_;
  bool centred_;
  Parameter<T> scale_, shift_;
};

KEEL_INSTANCE(class AffineNorm<float>)

}  // namespace KEEL_ABI
}  // namespace keel
