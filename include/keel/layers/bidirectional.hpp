#pragma once
/// A recurrent layer in both directions.

#include <keel/layers/gru.hpp>
#include <keel/layers/lstm.hpp>
#include <keel/layers/simple_rnn.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// What becomes of the outputs of the two directions.
enum class BidirectionalMerge { concat, sum, mul, ave };

struct BidirectionalOptions {
  /// The two one after the other (default), their sum, product or mean.
  BidirectionalMerge merge_mode = BidirectionalMerge::concat;
  /// In the model; by default made from the class.
  std::string name = {};
};

/// A SimpleRNN, LSTM or GRU from the first step to the last and a second one from the last to the first; the second's
/// steps are given in the order of the first's. With a mask and `return_sequences` masked steps give 0 in both.
///
/// Inputs as of the layer, output (batch, 2 units), with `return_sequences` (batch, steps, 2 units); of the other
/// merges units wide. Without `return_sequences` the second direction's output is that of its last step, which is the
/// first of the sequence. Parameters: forward_kernel, forward_recurrent_kernel, forward_bias, then backward_ likewise.
///
/// Keras: Bidirectional, with merge_mode; None, two outputs, keel does not have. PyTorch: LSTM, GRU or RNN with
/// bidirectional=True, which concatenates.
///
///     Bidirectional(LSTM(64, {.return_sequences = true}))
template <class T = float>
class Bidirectional : public Layer<T> {
 public:
  explicit Bidirectional(const SimpleRNN<T>& layer, BidirectionalOptions options = {})
      : Bidirectional("SimpleRNN", layer.config(), SimpleRNNOptions::spec(layer.units(), layer.options()), options) {}
  explicit Bidirectional(const LSTM<T>& layer, BidirectionalOptions options = {})
      : Bidirectional("LSTM", layer.config(), LSTMOptions::spec(layer.units(), layer.options()), options) {}
  explicit Bidirectional(const GRU<T>& layer, BidirectionalOptions options = {})
      : Bidirectional("GRU", layer.config(), GRUOptions::spec(layer.units(), layer.options()), options) {}
  static Bidirectional from_config(const Config& config) {
    BidirectionalOptions options{.name = read_name(config)};
    const auto mode = config.get<std::string>("merge_mode", "concat");
    std::size_t i = 0;
    while (i < std::size(merge_names) && merge_names[i] != mode) ++i;
    if (i == std::size(merge_names))
      throw ConfigError("option merge_mode", "\"concat\", \"sum\", \"mul\" or \"ave\"", "\"" + mode + "\"");
    options.merge_mode = static_cast<BidirectionalMerge>(i);
    const auto layer = config.get<std::string>("layer", "");
    Config inner;
    for (const auto& [name, value] : config.entries())
      if (name != "merge_mode" && name != "layer" && name != "name") inner.set(name, value);
    if (layer == "SimpleRNN") return Bidirectional(SimpleRNN<T>::from_config(inner), options);
    if (layer == "LSTM") return Bidirectional(LSTM<T>::from_config(inner), options);
    if (layer == "GRU") return Bidirectional(GRU<T>::from_config(inner), options);
    throw ConfigError("option layer", "\"SimpleRNN\", \"LSTM\" or \"GRU\"", "\"" + layer + "\"");
  }

  std::string type() const override { return "Bidirectional"; }
  Config config() const override {
    Config config{{"layer", layer_},
                  {"merge_mode", std::string(merge_names[static_cast<std::size_t>(options_.merge_mode)])}};
    for (const auto& [name, value] : inner_.entries()) config.set(name, value);
    return config;
  }

  Shape output_shape(Shapes inputs) const override {
    detail::check_sequence(this->who(), inputs);
    detail::check_features(this->who(), forward_.kernel().shape(), inputs[0]);
    const Index width = concatenates() ? 2 * units() : units();
    return sequences() ? Shape{inputs[0][0], width} : Shape{width};
  }
  void build(Shapes inputs, Rng& rng) override {
    forward_.build("forward_", inputs[0][1], rng);
    backward_.build("backward_", inputs[0][1], rng);
  }
  std::vector<Parameter<T>*> parameters() override {
    std::vector<Parameter<T>*> all = forward_.parameters();
    for (Parameter<T>* parameter : backward_.parameters()) all.push_back(parameter);
    return all;
  }
  Index multiply_adds(Shapes inputs) const override { return 2 * forward_.multiply_adds(inputs[0][0], inputs[0][1]); }
  Acceleration<T> acceleration() const override { return {.overwrites_gradients = true}; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    Scratch::Frame frame(pass.kernel.scratch);
    const T* const mask = x.size() > 1 ? x[1].data() : nullptr;
    const Index n = x[0].shape()[0], steps = sequences() ? x[0].shape()[1] : 1, size = steps * n * units();
    // tensors of the cache behind those of the directions: the product's gradient reads both
    const auto take = [&](std::size_t slot) {
      return pass.cache && options_.merge_mode == BidirectionalMerge::mul ? pass.cache->tensor(slot, Shape{size}).data()
                                                                          : pass.kernel.scratch.template take<T>(size);
    };
    T *const first = take(2 * slots), *const second = take(2 * slots + 1);
    forward_.forward(x[0], mask, first, pass, 0);
    backward_.forward(x[0], mask, second, pass, slots);
    for_each_step(n, steps, [&](Index a, Index b, Index row) {
      merge(first + a, second + b, y.data() + row * y.shape().back());
    });
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    Scratch::Frame frame(pass.kernel.scratch);
    const T* const mask = x.size() > 1 ? x[1].data() : nullptr;
    if (dx.size() > 1 && dx[1].data()) dx[1].array().setZero();
    const Index n = x[0].shape()[0], steps = sequences() ? x[0].shape()[1] : 1, size = steps * n * units();
    T *const first = pass.kernel.scratch.template take<T>(size), *const second =
                                                                     pass.kernel.scratch.template take<T>(size);
    for_each_step(n, steps, [&](Index a, Index b, Index row) {
      unmerge(dy.data() + row * dy.shape().back(), a, b, first + a, second + b, pass);
    });
    forward_.backward(x[0], mask, first, dx[0], false, pass, 0);
    backward_.backward(x[0], mask, second, dx[0], true, pass, slots);
  }

 private:
  static constexpr std::string_view merge_names[] = {"concat", "sum", "mul", "ave"};
  static constexpr std::size_t slots = RecurrentCore<T>::slots;

  Bidirectional(std::string layer, Config inner, RecurrentSpec spec, BidirectionalOptions options)
      : Layer<T>(options.name), layer_(std::move(layer)), inner_(std::move(inner)), options_(std::move(options)) {
    if (spec.return_sequences) spec.zero_output_for_mask = true;
    forward_ = RecurrentCore<T>(spec);
    spec.go_backwards = !spec.go_backwards;
    backward_ = RecurrentCore<T>(spec);
  }
  Index units() const { return forward_.spec().units; }
  bool sequences() const { return forward_.spec().return_sequences; }
  bool concatenates() const { return options_.merge_mode == BidirectionalMerge::concat; }
  /// body(place in the first direction's outputs, place in the second's, row of y): the second's steps turned round.
  template <class F>
  void for_each_step(Index n, Index steps, F&& body) const {
    for (Index b = 0; b < n; ++b)
      for (Index s = 0; s < steps; ++s) body((s * n + b) * units(), ((steps - 1 - s) * n + b) * units(), b * steps + s);
  }
  void merge(const T* a, const T* b, T* y) const {
    const Index u = units();
    switch (options_.merge_mode) {
      case BidirectionalMerge::concat:
        std::copy_n(a, u, y);
        std::copy_n(b, u, y + u);
        return;
      case BidirectionalMerge::sum: stretch(y, u) = stretch(a, u) + stretch(b, u); return;
      case BidirectionalMerge::mul: stretch(y, u) = stretch(a, u) * stretch(b, u); return;
      case BidirectionalMerge::ave: stretch(y, u) = (stretch(a, u) + stretch(b, u)) * T(0.5); return;
    }
  }
  void unmerge(const T* dy, Index a, Index b, T* da, T* db, Pass<T>& pass) const {
    const Index u = units();
    const Stretch<const T> from = stretch(dy, u);
    switch (options_.merge_mode) {
      case BidirectionalMerge::concat:
        std::copy_n(dy, u, da);
        std::copy_n(dy + u, u, db);
        return;
      case BidirectionalMerge::sum: stretch(da, u) = stretch(db, u) = from; return;
      case BidirectionalMerge::mul:
        stretch(da, u) = from * stretch(pass.cache->tensors[2 * slots + 1].data() + b, u);
        stretch(db, u) = from * stretch(pass.cache->tensors[2 * slots].data() + a, u);
        return;
      case BidirectionalMerge::ave: stretch(da, u) = stretch(db, u) = from * T(0.5); return;
    }
  }

  std::string layer_;
  Config inner_;
  BidirectionalOptions options_;
  RecurrentCore<T> forward_, backward_;
};
KEEL_REFUSE_OTHERS(Bidirectional)

KEEL_INSTANCE(class Bidirectional<float>)

}  // namespace KEEL_ABI
}  // namespace keel
