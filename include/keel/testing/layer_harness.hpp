#pragma once
/// Runs one layer without a model, on random values, and collects what is found.

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <keel/kernels/parallel.hpp>
#include <keel/layers/base/any_layer.hpp>
#include <keel/testing/layer_report.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// A way in which a model may run a layer.
struct LayerScenario {
  std::string name;
  bool training = false;
  Freeze freeze = Freeze::none;
  ActivationSpec fused = {};       ///< asked of the layer
  bool residual = false;           ///< as the last input
  bool before_activation = false;  ///< without the layer's own
};

/// How a backward pass is called.
template <class T>
struct BackwardCall {
  T start = T(0);  ///< what the gradients of parameters hold before
  bool accumulate = false;
  int skip = -1;              ///< the input that wants no gradient
  int in_place = -1;          ///< the input whose gradient is written where dy is
  bool all_in_place = false;  ///< the gradients of all inputs are written there
  ThreadPool* threads = nullptr;
};

template <class T>
class LayerHarness {
 public:
  using Tensors = std::vector<Tensor<T>>;
  struct Gradients {
    Tensors inputs, parameters;
  };
  static constexpr T untouched = T(12345);

  LayerHarness(AnyLayer<T> layer, std::vector<Shape> shapes, LayerCheckOptions options)
      : layer_(std::move(layer)), shapes_(std::move(shapes)), options_(std::move(options)), rng_(options_.seed) {
    report_.layer = layer_->type();
  }

 protected:
  void expect(bool good, const std::string& check, const std::string& got) {
    ++report_.checks;
    if (!good) report_.findings.push_back({check, got});
  }
  void guard(const std::string& check, const std::function<void()>& body) {
    try {
      body();
    } catch (const std::exception& error) {
      expect(false, check, std::string("threw ") + error.what());
    }
  }

  static bool same_bits(const Tensor<T>& a, const Tensor<T>& b) {
    return a.shape() == b.shape() && (a.empty() || std::memcmp(a.data(), b.data(), to_size(a.size()) * sizeof(T)) == 0);
  }
  static bool same_bits(const Tensors& a, const Tensors& b) {
    bool same = a.size() == b.size();
    for (std::size_t i = 0; same && i < a.size(); ++i) same = same_bits(a[i], b[i]);
    return same;
  }
  static bool same_bits(const Gradients& a, const Gradients& b) {
    return same_bits(a.inputs, b.inputs) && same_bits(a.parameters, b.parameters);
  }
  /// Largest difference over the largest value.
  static double distance(const Tensor<T>& a, const Tensor<T>& b) {
    double difference = 0, size = 1e-300;
    if (!(a.shape() == b.shape())) return std::numeric_limits<double>::infinity();
    for (Index i = 0; i < a.size(); ++i) {
      const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
      if (d > difference || std::isnan(d)) difference = d;
      size = (std::max)(size, std::abs(static_cast<double>(b[i])));
    }
    return difference / size;
  }
  /// activation(values), in place.
  void activate(const ActivationSpec& activation, Tensor<T>& values) {
    const Index channels = values.rank() > 1 ? values.shape().back() : 1;
    const Index rows = channels ? values.size() / channels : 0;
    activation_forward(activation, rows, channels, values.data(), values.data(), KernelContext{scratch_});
  }

  Tensor<T> random(const Shape& shape, double mean = 0, double deviation = 1) {
    Tensor<T> values(shape);
    for (T& x : values) x = static_cast<T>(rng_.normal(mean, deviation));
    return values;
  }
  Tensors random_inputs(Index batch, bool residual = false) {
    Tensors x;
    for (const Shape& shape : shapes_) x.push_back(random(shape.with_batch(batch), options_.mean, options_.deviation));
    if (residual) x.push_back(random(output_.with_batch(batch)));
    return x;
  }
  static std::vector<TensorView<const T>> views(const Tensors& tensors) { return {tensors.begin(), tensors.end()}; }
  Tensors values() {
    Tensors all;
    for (Parameter<T>* parameter : layer_->parameters()) all.push_back(parameter->value());
    return all;
  }

  Pass<T> pass(Cache<T>* cache, const LayerScenario& scenario, ThreadPool* threads) {
    Pass<T> pass{KernelContext{scratch_, threads}};
    pass.training = scenario.training;
    pass.cache = cache;
    pass.rng = Rng(options_.seed, 7);
    pass.asked.activation = scenario.fused;
    pass.asked.before_activation = scenario.before_activation;
    return pass;
  }
  /// `before`: what y's memory holds before.
  Tensor<T> forward(const Tensors& x, Cache<T>* cache, const LayerScenario& scenario, T before = untouched,
                    ThreadPool* threads = nullptr) {
    const Shape shape = output_.with_batch(x.empty() ? options_.batch : x[0].shape()[0]);
    constexpr Index margin = 32;
    Tensor<T> memory({shape.size() + margin}, before);
    const auto inputs = views(x);
    const TensorView<T> y(shape, memory.data());
    Scratch::Frame frame(scratch_);
    Pass<T> p = pass(cache, scenario, threads);
    layer_->forward(inputs, y, p);
    for (Index i = shape.size(); i < memory.size(); ++i)
      if (std::memcmp(&memory[i], &before, sizeof(T)) != 0) {
        expect(false, scenario.name, "forward writes beyond the output");
        break;
      }
    return Tensor<T>(TensorView<const T>(y));
  }
  void finish(Cache<T>& cache, const LayerScenario& scenario) {
    Scratch::Frame frame(scratch_);
    Pass<T> p = pass(&cache, scenario, nullptr);
    layer_->finish_forward(p);
  }
  Gradients backward(const Tensors& x, const Tensor<T>& y, const Tensor<T>& dy, Cache<T>& cache,
                     const LayerScenario& scenario, const BackwardCall<T>& call) {
    Gradients result;
    for (const Tensor<T>& each : x) result.inputs.push_back(Tensor<T>(each.shape(), untouched));
    if (call.in_place >= 0) nth(result.inputs, call.in_place) = dy;
    const Tensor<T>& from = call.in_place >= 0 ? nth(result.inputs, call.in_place) : dy;
    std::vector<TensorView<T>> dx;
    for (int i = 0; i < static_cast<int>(x.size()); ++i) {
      Tensor<T>& own = nth(result.inputs, call.all_in_place ? call.in_place : i);
      dx.emplace_back(nth(x, i).shape(), i == call.skip ? nullptr : own.data());
    }
    for (Parameter<T>* parameter : layer_->parameters())
      parameter->gradient = Tensor<T>(parameter->shape(), parameter->trains() ? call.start : untouched);
    const auto inputs = views(x);
    {
      Scratch::Frame frame(scratch_);
      Pass<T> p = pass(&cache, scenario, call.threads);
      p.asked.accumulate = call.accumulate;
      layer_->backward(inputs, y, from, dx, p);
    }
    if (call.all_in_place)
      for (Tensor<T>& each : result.inputs) each = Tensor<T>(nth(result.inputs, call.in_place));
    for (Parameter<T>* parameter : layer_->parameters())
      if (parameter->trains())
        result.parameters.push_back(parameter->gradient);
      else
        expect(parameter->gradient == Tensor<T>(parameter->shape(), untouched), scenario.name,
               "backward writes the gradient of " + parameter->name() + ", which does not train");
    return result;
  }

  AnyLayer<T> layer_;
  std::vector<Shape> shapes_;
  LayerCheckOptions options_;
  Rng rng_;
  Shape output_;
  Scratch scratch_;
  LayerReport report_;
};

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
