#pragma once
/// Attention by sums of queries and keys.

#include <cmath>

#include <keel/layers/base/attention.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct AdditiveAttentionOptions {
  /// Weigh each feature of the scores by a number that is trained; default true.
  bool use_scale = true;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("use_scale", use_scale);
  }
};

/// y = softmax(s) v with the scores s(i, j) = sum over the features c of scale(c) tanh(q(i, c) + k(j, c)), in double.
/// Bahdanau et al. 2015.
///
/// Inputs, output and errors as of AttentionBase (base/attention.hpp). Parameter: scale (features), drawn as
/// glorot_uniform, with `use_scale`. Keras: AdditiveAttention, without dropout and masks. PyTorch: none.
template <class T = float>
class AdditiveAttention : public AttentionBase<T> {
 public:
  explicit AdditiveAttention(AdditiveAttentionOptions options = {})
      : AttentionBase<T>(std::move(options.name), options.use_scale) {}
  static AdditiveAttention from_config(const Config& config) {
    return AdditiveAttention(read_options<AdditiveAttentionOptions>(config));
  }

  std::string type() const override { return "AdditiveAttention"; }
  Config config() const override { return {{"use_scale", this->use_scale_}}; }
  void build(Shapes inputs, Rng& rng) override {
    const Index width = inputs[0][1];
    if (this->use_scale_)
      this->scale_ = {"scale", initial_values<T>({width}, Initializer::glorot_uniform, Fans(width, width), rng)};
  }

 private:
  using Sample = typename AttentionBase<T>::Sample;

  double scale_of(Index feature) const {
    return this->use_scale_ ? static_cast<double>(this->scale_.value()[feature]) : 1;
  }
  void scores(const Sample& s, T* to, Pass<T>&) const override {
    for (Index i = 0; i < s.queries; ++i)
      for (Index j = 0; j < s.keys; ++j) {
        double sum = 0;
        for (Index c = 0; c < s.width; ++c)
          sum += scale_of(c) * static_cast<double>(std::tanh(s.q[i * s.width + c] + s.k[j * s.width + c]));
        to[i * s.keys + j] = static_cast<T>(sum);
      }
  }
  void scores_backward(const Sample& s, T* ds, T* dq, T* dk, Pass<T>&) override {
    std::fill_n(dq, s.queries * s.width, T(0));
    std::fill_n(dk, s.keys * s.width, T(0));
    const bool trains = this->use_scale_ && this->scale_.trains();
    for (Index i = 0; i < s.queries; ++i)
      for (Index j = 0; j < s.keys; ++j)
        for (Index c = 0; c < s.width; ++c) {
          const T t = std::tanh(s.q[i * s.width + c] + s.k[j * s.width + c]), d = ds[i * s.keys + j];
          if (trains) this->scale_.gradient[c] += d * t;
          const T slope = d * static_cast<T>(scale_of(c)) * (1 - t * t);
          dq[i * s.width + c] += slope;
          dk[j * s.width + c] += slope;
        }
  }
};
KEEL_REFUSE_OTHERS(AdditiveAttention)

KEEL_INSTANCE(class AdditiveAttention<float>)

}  // namespace KEEL_ABI
}  // namespace keel
