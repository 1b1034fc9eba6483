#pragma once
/// A layer applied to every step of a sequence.

#include <keel/layers/base/any_layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {
/// The layer of that class with these options; registry.hpp, which knows the classes, has its body.
template <class T>
AnyLayer<T> make_inner_layer(const std::string& type, const Config& config);
}  // namespace detail

struct TimeDistributedOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// y_t = layer(x_t) for every step t, with the same weights: the steps count as samples of the layer inside.
///
/// Input (batch, steps, ...), the rest being what the layer takes; output (batch, steps, ...) with the layer's extents.
/// Parameters, under their names, and options are those of the layer, beside the option `layer`, its class. Throws
/// ConfigError for a layer that has one inside itself or that is recurrent, ShapeError for an input without steps and
/// for what the layer refuses. A layer that draws random numbers draws others at each step, where Keras's Dropout does
/// too. Keras: TimeDistributed; with a mask it is refused. PyTorch: none; its Linear takes sequences as they are.
///
///     TimeDistributed(Conv2D(16, 3))      // (batch, frames, h, w, channels)
template <class T = float>
class TimeDistributed : public Layer<T> {
 public:
  explicit TimeDistributed(AnyLayer<T> layer, TimeDistributedOptions options = {})
      : Layer<T>(std::move(options.name)), layer_(std::move(layer)) {
    const Config inner = layer_->config();
    if (inner.find("layer") || inner.find("return_sequences"))
      throw ConfigError(detail::who(this->name(), "TimeDistributed"), "a layer that takes one step alone",
                        layer_->type());
  }
  static TimeDistributed from_config(const Config& config) {
    Config inner;
    for (const auto& [name, value] : config.entries())
      if (name != "layer" && name != "name") inner.set(name, value);
    return TimeDistributed(detail::make_inner_layer<T>(config.get<std::string>("layer", ""), inner),
                           {read_name(config)});
  }

  /// The layer inside.
  Layer<T>& layer() { return *layer_; }
  /// The same.
  const Layer<T>& layer() const { return *layer_; }

  std::string type() const override { return "TimeDistributed"; }
  Config config() const override {
    Config config{{"layer", layer_->type()}};
    const Config inner = layer_->config();
    for (const auto& [name, value] : inner.entries()) config.set(name, value);
    return config;
  }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    if (in.rank() < 1) throw ShapeError(this->who(), "an input with an axis of steps", in.to_string());
    const Shape step = in.sample();
    return layer_->output_shape({&step, 1}).with_batch(in[0]);
  }
  void build(Shapes inputs, Rng& rng) override {
    const Shape step = inputs[0].sample();
    layer_->build({&step, 1}, rng);
  }
  std::vector<Parameter<T>*> parameters() override { return layer_->parameters(); }
  std::vector<Counter*> counters() override { return layer_->counters(); }
  bool is_synchronized() const override { return layer_->is_synchronized(); }
  void finish_forward(Pass<T>& pass) override {
    Pass<T> inner = inside(pass, 1);
    layer_->finish_forward(inner);
  }
  Index multiply_adds(Shapes inputs) const override {
    const Shape step = inputs[0].sample();
    return inputs[0][0] * layer_->multiply_adds({&step, 1});
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const TensorView<const T> steps = as_samples(x[0]);
    Pass<T> inner = inside(pass, x[0].shape()[1]);
    layer_->forward({&steps, 1}, as_samples(y), inner);
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const TensorView<const T> steps = as_samples(x[0]);
    const TensorView<T> targets = dx[0].data() ? as_samples(dx[0]) : dx[0];
    Pass<T> inner = inside(pass, x[0].shape()[1]);
    inner.asked.accumulate = layer_->acceleration().overwrites_gradients;
    layer_->backward({&steps, 1}, as_samples(y), as_samples(dy), {&targets, 1}, inner);
  }

 private:
  /// (batch, steps, ...) as (batch steps, ...).
  template <class U>
  static TensorView<U> as_samples(const TensorView<U>& x) {
    return {x.shape().sample().sample().with_batch(x.shape()[0] * x.shape()[1]), x.data()};
  }
  /// The pass of the layer inside, of `steps` times as many samples. A layer with weights is frozen with this one.
  Pass<T> inside(const Pass<T>& pass, Index steps) const {
    Pass<T> inner = pass;
    inner.samples *= steps;
    inner.part.first *= steps;
    if (!layer_->parameters().empty()) inner.training = this->trains(pass);
    return inner;
  }

  AnyLayer<T> layer_;
};
KEEL_REFUSE_OTHERS(TimeDistributed)

template <class L>
TimeDistributed(L, TimeDistributedOptions = {}) -> TimeDistributed<typename L::Scalar>;

KEEL_INSTANCE(class TimeDistributed<float>)

}  // namespace KEEL_ABI
}  // namespace keel
