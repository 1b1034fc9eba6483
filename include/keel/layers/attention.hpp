#pragma once
/// Attention by products of queries and keys.

#include <keel/layers/base/attention.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct AttentionOptions {
  /// Multiply the scores by a number that is trained, from 1; default false.
  bool use_scale = false;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("use_scale", use_scale);
  }
};

/// y = softmax(scale q k') v, without the division by a root that MultiHeadAttention has.
///
/// Inputs, output and errors as of AttentionBase (base/attention.hpp). Parameter: scale, one number, with `use_scale`.
/// Keras: Attention, with score_mode "dot" alone, without dropout and masks. PyTorch:
/// functional.scaled_dot_product_attention, with scale=1.
template <class T = float>
class Attention : public AttentionBase<T> {
 public:
  explicit Attention(AttentionOptions options = {}) : AttentionBase<T>(std::move(options.name), options.use_scale) {}
  static Attention from_config(const Config& config) { return Attention(read_options<AttentionOptions>(config)); }

  std::string type() const override { return "Attention"; }
  Config config() const override { return {{"use_scale", this->use_scale_}}; }
  void build(Shapes, Rng& rng) override {
    if (this->use_scale_) this->scale_ = {"scale", initial_values<T>(Shape{}, Initializer::ones, Fans(1, 1), rng)};
  }

 private:
  using Sample = typename AttentionBase<T>::Sample;

  void scores(const Sample& s, T* to, Pass<T>& pass) const override {
    dense_backward_input(s.queries, s.keys, s.width, s.q, s.k, to, pass.kernel);  // the product of q and k transposed
    if (!this->use_scale_) return;
    const T scale = this->scale_.value()[0];
    for (Index i = 0; i < s.queries * s.keys; ++i) to[i] *= scale;
  }
  void scores_backward(const Sample& s, T* ds, T* dq, T* dk, Pass<T>& pass) override {
    const Index size = s.queries * s.keys;
    if (this->use_scale_) {
      Scratch::Frame frame(pass.kernel.scratch);
      T* const products = pass.kernel.scratch.template take<T>(size);
      dense_backward_input(s.queries, s.keys, s.width, s.q, s.k, products, pass.kernel);
      double sum = 0;
      for (Index i = 0; i < size; ++i) sum += static_cast<double>(ds[i]) * static_cast<double>(products[i]);
      if (this->scale_.trains()) this->scale_.gradient[0] += static_cast<T>(sum);
      const T scale = this->scale_.value()[0];
      for (Index i = 0; i < size; ++i) ds[i] *= scale;
    }
    dense_forward(s.queries, s.keys, s.width, ds, s.k, Epilogue<T>{}, dq, pass.kernel);
    dense_backward_kernel(s.queries, s.keys, s.width, ds, s.q, dk, false, pass.kernel);
  }
};
KEEL_REFUSE_OTHERS(Attention)

KEEL_INSTANCE(class Attention<float>)

}  // namespace KEEL_ABI
}  // namespace keel
