#pragma once
/// What Attention and AdditiveAttention share.

#include <keel/kernels/dense.hpp>
#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// y = softmax(s) v: each step of the query takes a mean of the values, weighed by its scores s with the keys.
///
/// Two or three inputs: query (batch, m, d), value (batch, n, c) and key (batch, n, d), which by default is the value;
/// output (batch, m, c). Throws ShapeError for other inputs. A derived class computes the scores and their gradients.
template <class T>
class AttentionBase : public Layer<T> {
 public:
  Shape output_shape(Shapes inputs) const override {
    if (inputs.size() != 2 && inputs.size() != 3)
      throw ShapeError(this->who(), "query and value, and perhaps the key", std::to_string(inputs.size()) + " inputs",
                       "pass a list of nodes: model.add(layer, {query, value})");
    for (const Shape& in : inputs)
      if (in.rank() != 2 || in[0] < 1 || in[1] < 1)
        throw ShapeError(this->who(), "inputs (steps, features)", in.to_string());
    const Shape &query = inputs[0], &value = inputs[1], &key = inputs.back();
    if (key[0] != value[0])
      throw ShapeError(this->who(), "a key for each value", key.to_string() + " and " + value.to_string());
    if (key[1] != query[1])
      throw ShapeError(this->who(), "queries and keys of one width", query.to_string() + " and " + key.to_string());
    if (scale_.size() > 0 && scale_.shape().rank() == 1 && scale_.size() != query[1])
      throw ShapeError(this->who(), "queries of " + std::to_string(scale_.size()) + " features", query.to_string());
    return {query[0], value[1]};
  }
  std::vector<Parameter<T>*> parameters() override {
    if (!use_scale_) return {};
    return {&scale_};
  }
  Index multiply_adds(Shapes inputs) const override {
    return inputs[0][0] * inputs[1][0] * (inputs[0][1] + inputs[1][1]);
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    for (Index n = 0; n < y.shape()[0]; ++n) {
      Scratch::Frame frame(pass.kernel.scratch);
      const Sample s(x, n);
      T* const weights = pass.kernel.scratch.template take<T>(s.queries * s.keys);
      weigh(s, weights, pass);
      dense_forward(s.queries, s.keys, s.values, weights, s.v, Epilogue<T>{}, y.data() + n * s.queries * s.values,
                    pass.kernel);
    }
  }
  /// With the weights a: dv = a' dy, ds = the softmax's gradient of dy v'. A key that is the value has both gradients.
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const bool own_key = x.size() == 3;
    for (Index n = 0; n < dy.shape()[0]; ++n) {
      Scratch::Frame frame(pass.kernel.scratch);
      const Sample s(x, n);
      const auto take = [&](Index size) { return pass.kernel.scratch.template take<T>(size); };
      const T* const mine = dy.data() + n * s.queries * s.values;
      T *const a = take(s.queries * s.keys), *const ds = take(s.queries * s.keys);
      weigh(s, a, pass);
      dense_backward_input(s.queries, s.keys, s.values, mine, s.v, ds, pass.kernel);
      softmax_backward(s.queries, s.keys, a, ds, ds, pass.kernel);
      T *const dq = take(s.queries * s.width), *const dk = take(s.keys * s.width);
      scores_backward(s, ds, dq, dk, pass);
      const auto give = [&](std::size_t input, const T* from, Index size) {
        if (dx[input].data()) std::copy_n(from, size, dx[input].data() + n * size);
      };
      give(0, dq, s.queries * s.width);
      if (own_key) give(2, dk, s.keys * s.width);
      if (!dx[1].data()) continue;
      T* const dv = dx[1].data() + n * s.keys * s.values;
      dense_backward_kernel(s.queries, s.keys, s.values, a, mine, dv, false, pass.kernel);
      for (Index i = 0; !own_key && i < s.keys * s.values; ++i) dv[i] += dk[i];
    }
  }

 protected:
  /// `use_scale`: whether there is a parameter scale, which build() of a derived class makes.
  AttentionBase(std::string name, bool use_scale) : Layer<T>(std::move(name)), use_scale_(use_scale) {}

  /// One sample's inputs.
  struct Sample {
    Index queries, keys, width, values;  ///< steps of the query and of the others, their features and the value's
    const T* q;                          ///< query
    const T* v;                          ///< value
    const T* k;                          ///< key

    /// Sample n of the inputs of a call.
    Sample(const Inputs<T>& x, Index n)
        : queries(x[0].shape()[1]),
          keys(x[1].shape()[1]),
          width(x[0].shape()[2]),
          values(x[1].shape()[2]),
          q(x[0].data() + n * queries * width),
          v(x[1].data() + n * keys * values),
          k(x.back().data() + n * keys * width) {}
  };
  /// The scores (queries, keys) of a sample.
  virtual void scores(const Sample& s, T* to, Pass<T>& pass) const = 0;
  /// From their gradient ds, which it may change: writes those of query and key, and adds that of the scale.
  virtual void scores_backward(const Sample& s, T* ds, T* dq, T* dk, Pass<T>& pass) = 0;

  bool use_scale_;      ///< whether there is a scale
  Parameter<T> scale_;  ///< a number, or one for each feature

 private:
  void weigh(const Sample& s, T* weights, Pass<T>& pass) const {
    scores(s, weights, pass);
    softmax_forward(s.queries, s.keys, weights, weights, pass.kernel);
  }
};

KEEL_INSTANCE(class AttentionBase<float>)

}  // namespace KEEL_ABI
}  // namespace keel
