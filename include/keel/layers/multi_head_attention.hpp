#pragma once
/// Attention of several heads. Longer than other layers for its four products and their gradients.

#include <cmath>

#include <keel/kernels/dense.hpp>
#include <keel/kernels/reduce.hpp>
#include <keel/layers/base/axis.hpp>
#include <keel/layers/base/broadcast.hpp>
#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct MultiHeadAttentionOptions {
  /// Width of a head's values; default 0, key_dim.
  Index value_dim = 0;
  /// Width of the output; default 0, the query's.
  Index output_dim = 0;
  /// Whether numbers are added after each of the four products; default true.
  bool use_bias = true;
  /// Let a query see no key behind its own place; default false. In Keras an argument of the call.
  bool use_causal_mask = false;
  /// The kernels' first values; default glorot_uniform.
  InitializerSpec kernel_initializer = Initializer::glorot_uniform;
  /// The biases' first values; default zeros.
  InitializerSpec bias_initializer = Initializer::zeros;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("value_dim", value_dim);
    f("output_dim", output_dim);
    f("use_bias", use_bias);
    f("use_causal_mask", use_causal_mask);
    f("kernel_initializer", kernel_initializer);
    f("bias_initializer", bias_initializer);
  }
};

/// Attention (Vaswani et al. 2017): for each head q = query Wq + bq, k = key Wk + bk, v = value Wv + bv,
///
///     a = softmax over the keys of q k / sqrt(key_dim)      y = (a v of all heads) Wo + bo
///
/// Inputs: query (batch, queries, channels), value (batch, keys, channels), and perhaps key, (batch, keys, channels),
/// by default the value; one input alone is all three. Output (batch, queries, output_dim). Parameters: query_kernel,
/// key_kernel (channels, heads, key_dim), value_kernel (channels, heads, value_dim), output_kernel (heads, value_dim,
/// output_dim), each followed by its bias. Throws ConfigError for numbers out of range, ShapeError for other inputs.
///
/// Keras: MultiHeadAttention, without dropout of a. PyTorch: MultiheadAttention, where heads times key_dim is the width
/// of queries and output; its weights are these, transposed and of query, key and value in one.
///
///     Node y = model.add(MultiHeadAttention(4, 16), {x, x});
template <class T = float>
class MultiHeadAttention : public Layer<T> {
 public:
  MultiHeadAttention(Index num_heads, Index key_dim, MultiHeadAttentionOptions options = {})
      : Layer<T>(options.name),
        heads_(num_heads),
        key_heads_(num_heads),
        key_dim_(key_dim),
        options_(std::move(options)) {
    constexpr Index most = Index{1} << 20;
    check_option(this->who(), "num_heads", heads_, 1, most);
    check_option(this->who(), "key_dim", key_dim_, 1, most);
    check_option(this->who(), "value_dim", options_.value_dim, 0, most);
    check_option(this->who(), "output_dim", options_.output_dim, 0, most);
    if (options_.value_dim == 0) options_.value_dim = key_dim_;
  }
  static MultiHeadAttention from_config(const Config& config) {
    return MultiHeadAttention(config.get<Index>("num_heads", 0), config.get<Index>("key_dim", 0),
                              read_options<MultiHeadAttentionOptions>(config));
  }

  const MultiHeadAttentionOptions& options() const { return options_; }

  std::string type() const override { return "MultiHeadAttention"; }
  Config config() const override { return with_options({{"num_heads", heads_}, {"key_dim", key_dim_}}, options_); }
  Shape output_shape(Shapes inputs) const override {
    if (inputs.empty() || inputs.size() > 3)
      throw ShapeError(this->who(), "a query, a value and perhaps a key", std::to_string(inputs.size()) + " inputs");
    for (const Shape& in : inputs)
      if (in.rank() != 2 || in[0] < 1 || in[1] < 1)
        throw ShapeError(this->who(), "inputs of (steps, channels)", in.to_string());
    const Places at(inputs.size());
    if (inputs[at.of[1]][0] != inputs[at.of[2]][0])
      throw ShapeError(this->who(), "as many keys as values",
                       inputs[at.of[1]].to_string() + " and " + inputs[at.of[2]].to_string());
    for (std::size_t i = 0; i < 3; ++i)
      if (kernels_[i].size() > 0 && kernels_[i].shape()[0] != inputs[at.of[i]][1])
        throw ShapeError(this->who(), std::to_string(kernels_[i].shape()[0]) + " channels",
                         inputs[at.of[i]].to_string());
    if (kernels_[3].size() > 0 && width(inputs[0]) != kernels_[3].shape()[2])
      throw ShapeError(this->who(), "a query of " + std::to_string(kernels_[3].shape()[2]) + " channels",
                       inputs[0].to_string());
    return {inputs[0][0], width(inputs[0])};
  }
  void build(Shapes inputs, Rng& rng) override {
    static constexpr const char* names[] = {"query", "key", "value", "output"};
    const Places at(inputs.size());
    for (std::size_t i = 0; i < 4; ++i) {
      const Shape shape =
          i < 3 ? Shape{inputs[at.of[i]][1], heads(i), dim(i)} : Shape{heads_, options_.value_dim, width(inputs[0])};
      const Fans fans(shape[0] * shape[1], shape[0] * shape[2]);  // Keras's: the first of three axes is the area
      kernels_[i] = {std::string(names[i]) + "_kernel",
                     initial_values<T>(shape, options_.kernel_initializer, fans, rng)};
      if (!options_.use_bias) continue;
      const Shape bias = i < 3 ? Shape{heads(i), dim(i)} : Shape{width(inputs[0])};
      biases_[i] = {std::string(names[i]) + "_bias", initial_values<T>(bias, options_.bias_initializer, fans, rng)};
    }
  }
  std::vector<Parameter<T>*> parameters() override {
    std::vector<Parameter<T>*> all;
    for (std::size_t i = 0; i < 4; ++i) {
      all.push_back(&kernels_[i]);
      if (options_.use_bias) all.push_back(&biases_[i]);
    }
    return all;
  }
  Index multiply_adds(Shapes inputs) const override {
    const Places at(inputs.size());
    const Index queries = inputs[0][0], keys = inputs[at.of[1]][0], dv = options_.value_dim;
    return heads_ * queries * (inputs[0][1] * key_dim_ + dv * width(inputs[0]) + keys * (key_dim_ + dv)) +
           key_heads_ * keys * (inputs[at.of[1]][1] * key_dim_ + inputs[at.of[2]][1] * dv);
  }
  Acceleration<T> acceleration() const override { return {.overwrites_gradients = true}; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    Scratch::Frame frame(pass.kernel.scratch);
    const Sizes s(x);
    const Parts p(*this, s, pass);
    for (std::size_t i = 0; i < 3; ++i) project(i, x[s.at.of[i]], s, p.heads[i], pass);
    const Index dv = options_.value_dim;
    for (Index h = 0; h < s.batch * heads_; ++h) {
      Scratch::Frame inner(pass.kernel.scratch);
      const Index shared = h / repeats();  // the key's and value's head
      const T *const q = p.heads[0] + h * s.queries * key_dim_, *const k = p.heads[1] + shared * s.keys * key_dim_;
      T* const a = p.kept ? p.kept + h * s.queries * s.keys : pass.kernel.scratch.template take<T>(s.queries * s.keys);
      dense_backward_input(s.queries, s.keys, key_dim_, q, k, a, pass.kernel);  // the product of q and k transposed
      if (options_.use_causal_mask) hide_later(s, a);
      softmax_forward(s.queries, s.keys, a, a, pass.kernel);
      dense_forward(s.queries, s.keys, dv, a, p.heads[2] + shared * s.keys * dv, Epilogue<T>{},
                    p.heads[3] + h * s.queries * dv, pass.kernel);
    }
    swap_axes(s.batch, heads_, s.queries, dv, p.heads[3], p.together);
    const T* const bias = options_.use_bias ? biases_[3].value().data() : nullptr;
    dense_forward(s.batch * s.queries, heads_ * dv, y.shape().back(), p.together, kernels_[3].value().data(),
                  Epilogue<T>{bias, nullptr, {}}, y.data(), pass.kernel);
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    Scratch& scratch = pass.kernel.scratch;
    Scratch::Frame frame(scratch);
    const Sizes s(x);
    const Parts p(*this, s, pass);
    const Index dv = options_.value_dim, rows = s.batch * s.queries, all = heads_ * dv, out = dy.shape().back();
    parameter_gradients(3, rows, all, out, p.together, dy.data(), pass);
    T *const d_together = scratch.template take<T>(rows * all), *const d_heads = scratch.template take<T>(rows * all);
    dense_backward_input(rows, all, out, dy.data(), kernels_[3].value().data(), d_together, pass.kernel);
    swap_axes(s.batch, s.queries, heads_, dv, d_together, d_heads);
    T* gradients[3];  // of q, k, v by heads
    for (std::size_t i = 0; i < 3; ++i)
      gradients[i] = scratch.template take<T>(s.batch * heads(i) * s.steps(i) * dim(i));
    for (Index h = 0; h < s.batch * heads_; ++h) head_backward(h, s, p, d_heads + h * s.queries * dv, gradients, pass);
    stretch(gradients[0], s.batch * heads_ * s.queries * key_dim_) *= scale();
    bool written[3] = {};
    for (std::size_t i = 0; i < 3; ++i) project_backward(i, x, dx, s, gradients[i], written, pass);
  }

 protected:
  /// For heads of the query that share those of key and value, one behind the other: so many of the latter.
  void share_heads(Index key_heads) { key_heads_ = key_heads; }

 private:
  /// Which input is query, key and value.
  struct Places {
    std::size_t of[3];
    explicit Places(std::size_t inputs) : of{0, inputs == 3 ? 2u : inputs == 2 ? 1u : 0u, inputs > 1 ? 1u : 0u} {}
  };
  struct Sizes {
    Index batch, queries, keys;
    Places at;
    explicit Sizes(const Inputs<T>& x)
        : batch(x[0].shape()[0]),
          queries(x[0].shape()[1]),
          keys(x.size() > 1 ? x[1].shape()[1] : queries),
          at(x.size()) {}
    Index steps(std::size_t part) const { return part == 0 ? queries : keys; }
  };
  /// q, k, v and the heads' results by heads, the latter also by steps, and the weights a, which backward reads.
  struct Parts {
    T *heads[4], *together, *kept = nullptr;

    Parts(const MultiHeadAttention& layer, const Sizes& s, Pass<T>& pass) {
      const auto take = [&](std::size_t i, Index size) {
        return pass.cache ? pass.cache->tensor(i, Shape{size}).data() : pass.kernel.scratch.template take<T>(size);
      };
      for (std::size_t i = 0; i < 4; ++i)
        heads[i] = take(i, s.batch * layer.heads(i) * s.steps(i == 3 ? 0 : i) * layer.dim(i));
      together = take(4, s.batch * s.queries * layer.heads_ * layer.options_.value_dim);
      if (pass.cache) kept = take(5, s.batch * layer.heads_ * s.queries * s.keys);
    }
  };

  Index width(const Shape& query) const { return options_.output_dim == 0 ? query[1] : options_.output_dim; }
  Index dim(std::size_t part) const { return part < 2 ? key_dim_ : options_.value_dim; }
  /// Of the query and the output, or of the key and the value.
  Index heads(std::size_t part) const { return part == 1 || part == 2 ? key_heads_ : heads_; }
  /// Heads of the query for each of the key's, which stand one behind the other.
  Index repeats() const { return heads_ / key_heads_; }
  T scale() const { return static_cast<T>(1 / std::sqrt(static_cast<double>(key_dim_))); }
  static void hide_later(const Sizes& s, T* scores) {
    for (Index i = 0; i < s.queries; ++i)
      for (Index j = i + 1; j < s.keys; ++j) scores[i * s.keys + j] = T(-1e9);
  }
  /// q is scaled here.
  void project(std::size_t part, const TensorView<const T>& x, const Sizes& s, T* to, Pass<T>& pass) const {
    Scratch::Frame frame(pass.kernel.scratch);
    const Index rows = s.batch * s.steps(part), all = heads(part) * dim(part);
    T* const flat = pass.kernel.scratch.template take<T>(rows * all);
    const T* const bias = options_.use_bias ? biases_[part].value().data() : nullptr;
    dense_forward(rows, x.shape()[2], all, x.data(), kernels_[part].value().data(), Epilogue<T>{bias, nullptr, {}},
                  flat, pass.kernel);
    if (part == 0) stretch(flat, rows * all) *= scale();
    swap_axes(s.batch, s.steps(part), heads(part), dim(part), flat, to);
  }
  void head_backward(Index h, const Sizes& s, const Parts& p, const T* d_out, T* const* gradients,
                     Pass<T>& pass) const {
    Scratch::Frame frame(pass.kernel.scratch);
    const Index dv = options_.value_dim, shared = h / repeats();
    const bool add = h % repeats() != 0;  // the head of the key and the value has a gradient already
    const T *const q = p.heads[0] + h * s.queries * key_dim_, *const k = p.heads[1] + shared * s.keys * key_dim_;
    const T *const v = p.heads[2] + shared * s.keys * dv, *const a = p.kept + h * s.queries * s.keys;
    T* const da = pass.kernel.scratch.template take<T>(s.queries * s.keys);
    dense_backward_input(s.queries, s.keys, dv, d_out, v, da, pass.kernel);
    dense_backward_kernel(s.queries, s.keys, dv, a, d_out, gradients[2] + shared * s.keys * dv, add, pass.kernel);
    softmax_backward(s.queries, s.keys, a, da, da, pass.kernel);
    dense_forward(s.queries, s.keys, key_dim_, da, k, Epilogue<T>{}, gradients[0] + h * s.queries * key_dim_,
                  pass.kernel);
    dense_backward_kernel(s.queries, s.keys, key_dim_, da, q, gradients[1] + shared * s.keys * key_dim_, add,
                          pass.kernel);
  }
  void project_backward(std::size_t part, const Inputs<T>& x, const Outputs<T>& dx, const Sizes& s, const T* gradient,
                        bool* written, Pass<T>& pass) {
    Scratch::Frame frame(pass.kernel.scratch);
    const std::size_t input = s.at.of[part];
    const Index rows = s.batch * s.steps(part), all = heads(part) * dim(part), channels = x[input].shape()[2];
    T* const flat = pass.kernel.scratch.template take<T>(rows * all);
    swap_axes(s.batch, heads(part), s.steps(part), dim(part), gradient, flat);
    parameter_gradients(part, rows, channels, all, x[input].data(), flat, pass);
    if (!dx[input].data()) return;
    T* const to = written[input] ? pass.kernel.scratch.template take<T>(rows * channels) : dx[input].data();
    dense_backward_input(rows, channels, all, flat, kernels_[part].value().data(), to, pass.kernel);
    if (written[input]) stretch(dx[input].data(), rows * channels) += stretch(to, rows * channels);
    written[input] = true;
  }
  void parameter_gradients(std::size_t part, Index rows, Index in, Index out, const T* x, const T* dy, Pass<T>& pass) {
    if (kernels_[part].trains())
      dense_backward_kernel(rows, in, out, x, dy, kernels_[part].gradient.data(), pass.asked.accumulate, pass.kernel);
    if (options_.use_bias && biases_[part].trains())
      column_sums(rows, out, dy, biases_[part].gradient.data(), pass.asked.accumulate, pass.kernel);
  }

  Index heads_, key_heads_, key_dim_;
  MultiHeadAttentionOptions options_;
  Parameter<T> kernels_[4], biases_[4];  ///< of query, key, value and output
};
KEEL_REFUSE_OTHERS(MultiHeadAttention)

KEEL_INSTANCE(class MultiHeadAttention<float>)

}  // namespace KEEL_ABI
}  // namespace keel
