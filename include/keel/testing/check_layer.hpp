#pragma once

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <keel/kernels/parallel.hpp>
#include <keel/layers/base/any_layer.hpp>
#include <keel/tensor/range.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct LayerCheckOptions {
  Index batch = 3;
  /// Largest error of a gradient, relative to the largest value of its tensor.
  double tolerance = 1e-6;
  /// Central differences move a value x by step * max(1, |x|).
  double step = 1e-5;
  /// Values of a tensor whose gradient is checked one by one; beyond that a random sample, and all of them at once
  /// along a random direction.
  Index max_values = 150;
  /// Inputs are normal with this deviation and mean.
  double deviation = 1, mean = 0;
  std::uint64_t seed = 1;
  /// Lists of input shapes, without batch, that the layer must refuse with a ShapeError.
  std::vector<std::vector<Shape>> refused = {};
};

struct LayerFinding {
  std::string check;  ///< what was looked at: "training: gradient of kernel"
  std::string got;    ///< what was wrong with it
};

/// What check_layer found: an empty list if the layer keeps its contract.
struct LayerReport {
  std::string layer;
  std::vector<LayerFinding> findings;
  double max_error = 0;  ///< of all gradients, relative
  Index checks = 0;

  bool ok() const { return findings.empty(); }
  std::string to_string() const {
    std::string lines = layer + ": " + std::to_string(checks) + " checks, " + std::to_string(findings.size()) +
                        " failed, largest error of a gradient " + detail::text(max_error) + "\n";
    for (const LayerFinding& finding : findings) lines += "  " + finding.check + ": " + finding.got + "\n";
    return lines;
  }
};

namespace detail {

template <class T>
class LayerCheck {
 public:
  LayerCheck(AnyLayer<T> layer, std::vector<Shape> shapes, LayerCheckOptions options)
      : layer_(std::move(layer)), shapes_(std::move(shapes)), options_(std::move(options)), rng_(options_.seed) {}

  LayerReport run() {
    report_.layer = layer_->type();
    guard("any call", [&] {
      prepare();
      std::vector<Mode> modes{{"inference", false, Freeze::none, {}},
                              {"training", true, Freeze::none, {}},
                              {"gradients frozen", true, Freeze::gradients, {}},
                              {"layer frozen", true, Freeze::layer, {}}};
      if (layer_->acceleration().fuses.activation) {
        modes.push_back({"training with tanh fused", true, Freeze::none, Activation::tanh});
        modes.push_back({"inference with tanh fused", false, Freeze::none, Activation::tanh});
        modes.push_back({"training with softmax fused", true, Freeze::none, Activation::softmax});
      }
      if (layer_->acceleration().fuses.residual) {
        modes.push_back({"training with a residual", true, Freeze::none, {}, true});
        modes.push_back({"inference with a residual and tanh", false, Freeze::none, Activation::tanh, true});
        modes.push_back({"training with a residual and relu", true, Freeze::none, Activation::relu, true});
        modes.push_back({"training with a residual and softmax", true, Freeze::none, Activation::softmax, true});
      }
      for (const Mode& mode : modes) guard(mode.name, [&] { check_mode(mode); });
      layer_->freeze(Freeze::none);
      guard("inference", [&] { check_inference(); });
      guard("copy", [&] { check_copy(); });
    });
    return std::move(report_);
  }

 private:
  using Tensors = std::vector<Tensor<T>>;
  struct Mode {
    std::string name;
    bool training;
    Freeze freeze;
    ActivationSpec fused;
    bool residual = false;  // as the last input
  };
  struct Gradients {
    Tensors inputs, parameters;
  };
  static constexpr T untouched = T(12345);

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
    return a.shape() == b.shape() &&
           (a.size() == 0 || std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(T)) == 0);
  }
  static bool same_bits(const Tensors& a, const Tensors& b) {
    bool same = a.size() == b.size();
    for (std::size_t i = 0; same && i < a.size(); ++i) same = same_bits(a[i], b[i]);
    return same;
  }
  /// Largest difference over the largest value.
  static double distance(const Tensor<T>& a, const Tensor<T>& b) {
    double difference = 0, size = 1e-300;
    for (Index i = 0; i < a.size(); ++i) {
      const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
      if (d > difference || std::isnan(d)) difference = d;
      size = (std::max)(size, std::abs(static_cast<double>(b[i])));
    }
    return a.shape() == b.shape() ? difference / size : std::numeric_limits<double>::infinity();
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

  /// Builds the layer, checks shapes and the list of parameters, and moves all values away from where they begin.
  void prepare() {
    for (std::vector<Shape> wrong : options_.refused) check_refusal(wrong);
    check_refusal({});
    output_ = layer_->output_shape(shapes_);
    AnyLayer<T> loaded = layer_;
    Rng rng(options_.seed), none = Rng::none();
    layer_->build(shapes_, rng);
    expect(layer_->output_shape(shapes_) == output_, "output_shape", "another shape after build");
    const auto parameters = layer_->parameters();
    loaded->build(shapes_, none);
    const auto waiting = loaded->parameters();
    bool same = waiting.size() == parameters.size();
    for (std::size_t i = 0; same && i < waiting.size(); ++i)
      same = waiting[i]->name() == parameters[i]->name() && waiting[i]->shape() == parameters[i]->shape();
    expect(same, "build", "other parameters with Rng::none(), as while a file is loaded");
    expect(parameters == layer_->parameters(), "parameters", "another list at the second call");
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      expect(!parameters[i]->name().empty(), "parameters", "one without a name");
      for (std::size_t j = 0; j < i; ++j)
        expect(parameters[i]->name() != parameters[j]->name(), "parameters", parameters[i]->name() + " twice");
      if (parameters[i]->trains())
        parameters[i]->update([&](TensorView<T> value) {
          for (T& x : value) x += static_cast<T>(rng_.normal(0, 0.2));
        });
    }
    const Mode training{"training", true, Freeze::none, {}};
    for (int step = 0; step < 3; ++step) {
      Cache<T> cache;
      forward(random_inputs(options_.batch + 1), &cache, training);
      finish(cache, training);
    }
  }
  void check_refusal(const std::vector<Shape>& wrong) {
    std::string check = "inputs";
    for (const Shape& shape : wrong) check += " " + shape.to_string();
    try {
      layer_->output_shape(wrong);
      expect(false, check, "no error, a ShapeError was expected");
    } catch (const ShapeError&) {
      expect(true, check, "");
    } catch (const std::exception& error) {
      expect(false, check, std::string("another error than ShapeError: ") + error.what());
    }
  }

  Pass<T> pass(Cache<T>* cache, const Mode& mode, ThreadPool* threads) {
    Pass<T> pass{KernelContext{scratch_, threads}};
    pass.training = mode.training;
    pass.cache = cache;
    pass.rng = Rng(options_.seed, 7);
    pass.asked.activation = mode.fused;
    return pass;
  }
  Tensor<T> forward(const Tensors& x, Cache<T>* cache, const Mode& mode, T before = untouched,
                    ThreadPool* threads = nullptr) {
    const Shape shape = output_.with_batch(x.empty() ? options_.batch : x[0].shape()[0]);
    constexpr Index margin = 32;
    Tensor<T> memory({shape.size() + margin}, before);
    const auto inputs = views(x);
    const TensorView<T> y(shape, memory.data());
    Scratch::Frame frame(scratch_);
    Pass<T> p = pass(cache, mode, threads);
    layer_->forward(inputs, y, p);
    for (Index i = shape.size(); i < memory.size(); ++i)
      if (std::memcmp(&memory[i], &before, sizeof(T)) != 0) {
        expect(false, mode.name, "forward writes beyond the output");
        break;
      }
    return Tensor<T>(TensorView<const T>(y));
  }
  void finish(Cache<T>& cache, const Mode& mode) {
    Scratch::Frame frame(scratch_);
    Pass<T> p = pass(&cache, mode, nullptr);
    layer_->finish_forward(p);
  }
  /// `start`: what the gradients of parameters hold before. Input `skip` gets no gradient, that of `in_place` is
  /// written where dy is.
  Gradients backward(const Tensors& x, const Tensor<T>& y, const Tensor<T>& dy, Cache<T>& cache, const Mode& mode,
                     T start, bool accumulate = false, int skip = -1, ThreadPool* threads = nullptr,
                     int in_place = -1) {
    Gradients result;
    std::vector<TensorView<T>> dx;
    for (const Tensor<T>& each : x) result.inputs.push_back(Tensor<T>(each.shape(), untouched));
    if (in_place >= 0) result.inputs[static_cast<std::size_t>(in_place)] = dy;
    const Tensor<T>& from = in_place >= 0 ? result.inputs[static_cast<std::size_t>(in_place)] : dy;
    for (std::size_t i = 0; i < x.size(); ++i)
      dx.emplace_back(x[i].shape(), static_cast<int>(i) == skip ? nullptr : result.inputs[i].data());
    for (Parameter<T>* parameter : layer_->parameters())
      parameter->gradient = Tensor<T>(parameter->shape(), parameter->trains() ? start : untouched);
    const auto inputs = views(x);
    {
      Scratch::Frame frame(scratch_);
      Pass<T> p = pass(&cache, mode, threads);
      p.asked.accumulate = accumulate;
      layer_->backward(inputs, y, from, dx, p);
    }
    for (Parameter<T>* parameter : layer_->parameters())
      if (parameter->trains())
        result.parameters.push_back(parameter->gradient);
      else
        expect(parameter->gradient == Tensor<T>(parameter->shape(), untouched), mode.name,
               "backward writes the gradient of " + parameter->name() + ", which does not train");
    return result;
  }

  void check_mode(const Mode& mode) {
    layer_->freeze(mode.freeze);
    const Tensors x = random_inputs(options_.batch, mode.residual), kept = x;
    Cache<T> cache;
    const Tensor<T> y = forward(x, &cache, mode);
    if (mode.residual) {
      Mode plain = mode;
      plain.fused = {};
      Cache<T> other;
      Tensor<T> want = forward({x.begin(), x.end() - 1}, &other, plain);
      for (Index i = 0; i < want.size(); ++i) want[i] += x.back()[i];
      const Index channels = want.shape().back(), rows = channels ? want.size() / channels : 0;
      activation_forward(mode.fused, rows, channels, want.data(), want.data(), KernelContext{scratch_});
      expect(distance(y, want) < 1e-12, mode.name, "not the layer's output plus the residual");
    }
    const T nan = std::numeric_limits<T>::quiet_NaN();
    expect(same_bits(y, forward(x, nullptr_if_inference(mode), mode, nan)), mode.name,
           "forward leaves values unwritten or gives other values the second time");
    ThreadPool pool(2);
    Cache<T> threaded;
    expect(same_bits(y, forward(x, &threaded, mode, nan, &pool)), mode.name, "forward depends on threads");

    // L = sum(w y + v y^2 / 2): the layer between a trainable one and one whose gradient depends on y
    const Tensor<T> w = random(y.shape()), v = random(y.shape());
    Tensor<T> dy(y.shape());
    for (Index i = 0; i < y.size(); ++i) dy[i] = w[i] + v[i] * y[i];
    const bool overwrites = layer_->acceleration().overwrites_gradients;
    const T start = overwrites ? nan : T(0);
    std::vector<std::uint64_t> versions;
    for (Parameter<T>* parameter : layer_->parameters()) versions.push_back(parameter->version());

    {  // another place of the same layer runs in between
      Cache<T> other;
      forward(random_inputs(options_.batch + 2, mode.residual), &other, mode);
    }
    const Gradients g = backward(x, y, dy, cache, mode, start);
    expect(same_bits(x, kept), mode.name, "the input is changed");
    const Gradients again = backward(x, y, dy, cache, mode, start);
    expect(same_bits(g.inputs, again.inputs) && same_bits(g.parameters, again.parameters), mode.name,
           "backward gives other gradients the second time");
    const Gradients parallel = backward(x, y, dy, cache, mode, start, false, -1, &pool);
    expect(same_bits(g.inputs, parallel.inputs) && same_bits(g.parameters, parallel.parameters), mode.name,
           "backward depends on threads");
    const Gradients added = backward(x, y, dy, cache, mode, T(1), true);
    for (std::size_t i = 0; i < g.parameters.size(); ++i) {
      Tensor<T> sum = g.parameters[i];
      for (T& value : sum) value += T(1);
      expect(distance(added.parameters[i], sum) < 1e-6, mode.name, "backward does not add to gradients when it should");
    }
    const int last = static_cast<int>(x.size()) - 1;
    for (const int i : {layer_->acceleration().gradient_in_place ? 0 : -1, mode.residual ? last : -1}) {
      if (i < 0) continue;
      const Gradients placed = backward(x, y, dy, cache, mode, start, false, -1, nullptr, i);
      expect(same_bits(g.inputs, placed.inputs) && same_bits(g.parameters, placed.parameters), mode.name,
             "backward gives other gradients when that of input " + std::to_string(i) + " is written over dy");
    }
    for (int skip = 0; skip < static_cast<int>(x.size()); ++skip) {
      Gradients without = backward(x, y, dy, cache, mode, start, false, skip);
      without.inputs[static_cast<std::size_t>(skip)] = g.inputs[static_cast<std::size_t>(skip)];
      expect(same_bits(g.inputs, without.inputs) && same_bits(g.parameters, without.parameters), mode.name,
             "backward gives other gradients when input " + std::to_string(skip) + " wants none");
    }
    const auto parameters = layer_->parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i)
      expect(parameters[i]->version() == versions[i], mode.name,
             "forward or backward changes " + parameters[i]->name() + ", which finish_forward is for");

    // numerically
    Tensors moved = x;
    const auto loss_change = [&](const Tensor<T>& low, const Tensor<T>& high) {
      double change = 0;
      for (Index i = 0; i < low.size(); ++i)
        change += (static_cast<double>(high[i]) - static_cast<double>(low[i])) *
                  (static_cast<double>(w[i]) +
                   static_cast<double>(v[i]) * (static_cast<double>(low[i]) + static_cast<double>(high[i])) / 2);
      return change;
    };
    const auto run = [&] {
      Cache<T> fresh;
      return forward(moved, &fresh, mode);
    };
    for (std::size_t i = 0; i < x.size(); ++i)
      check_gradient(
          mode.name + ": gradient of input " + std::to_string(i), x[i], g.inputs[i],
          [&](const Tensor<T>& value) { moved[i] = value; }, run, loss_change);
    std::size_t next = 0;
    for (Parameter<T>* parameter : parameters) {
      if (!parameter->trains()) continue;
      const Tensor<T> value = parameter->value();
      check_gradient(
          mode.name + ": gradient of " + parameter->name(), value, g.parameters[next++],
          [&](const Tensor<T>& to) { parameter->set(to); }, run, loss_change);
    }

    if (mode.training && mode.freeze != Freeze::layer) return;
    const Tensors before = values();
    finish(cache, mode);
    expect(same_bits(before, values()), mode.name, "finish_forward changes the layer outside training");
  }
  Cache<T>* nullptr_if_inference(const Mode& mode) {
    spare_ = {};
    return mode.training ? &spare_ : nullptr;
  }
  Tensors values() {
    Tensors all;
    for (Parameter<T>* parameter : layer_->parameters()) all.push_back(parameter->value());
    return all;
  }

  /// Compares `gradient` with central differences, value by value and along one random direction.
  template <class Set, class Run, class Change>
  void check_gradient(const std::string& check, const Tensor<T>& at, const Tensor<T>& gradient, Set&& set, Run&& run,
                      Change&& change) {
    const auto quotient = [&](const std::function<void(Tensor<T>&, double)>& move, double length) {
      Tensor<T> low = at, high = at;
      move(low, -length);
      move(high, length);
      set(low);
      const Tensor<T> y_low = run();
      set(high);
      return change(y_low, run()) / (2 * length);
    };
    double size = 0.01, error = 0;
    Index worst = -1;
    double wanted = 0;
    const auto compare = [&](Index index, double got, const std::function<void(Tensor<T>&, double)>& move,
                             double length) {
      double want = quotient(move, length);
      if (!(std::abs(got - want) <= options_.tolerance * size)) {  // perhaps across a kink
        const double closer = quotient(move, length / 30);
        if (std::abs(got - closer) < std::abs(got - want)) want = closer;
      }
      size = (std::max)(size, std::abs(want));
      const double difference = std::abs(got - want);
      if (difference <= error || std::isnan(error)) return;  // a NaN stays
      error = difference, worst = index, wanted = want;
    };
    for (Index n = 0; n < (std::min)(at.size(), options_.max_values); ++n) {
      const Index i = at.size() <= options_.max_values ? n : rng_.below(at.size());
      const double length = options_.step * (std::max)(1.0, std::abs(static_cast<double>(at[i])));
      compare(
          i, static_cast<double>(gradient[i]), [&](Tensor<T>& value, double by) { value[i] += static_cast<T>(by); },
          length);
    }
    const Tensor<T> direction = random(at.shape());
    double along = 0;
    for (Index i = 0; i < at.size(); ++i) along += static_cast<double>(gradient[i]) * static_cast<double>(direction[i]);
    compare(
        -1, along,
        [&](Tensor<T>& value, double by) {
          for (Index i = 0; i < value.size(); ++i) value[i] += static_cast<T>(by) * direction[i];
        },
        options_.step);
    set(at);
    const double relative = error / size;
    report_.max_error = relative <= report_.max_error ? report_.max_error : relative;
    expect(relative <= options_.tolerance, check,
           (worst < 0 ? std::string("along a random direction") : "value " + std::to_string(worst)) + " is off by " +
               text(error) + ", the difference quotient is " + text(wanted));
  }

  void check_inference() {
    const Mode mode{"inference", false, Freeze::none, {}};
    const Tensors x = random_inputs(options_.batch);
    const Tensor<T> y = forward(x, nullptr, mode);
    for (Index n = 0; n < options_.batch; ++n) {
      Tensors sample;
      for (const Tensor<T>& each : x) sample.push_back(each.rows(n, 1));
      expect(same_bits(forward(sample, nullptr, mode), y.rows(n, 1)), "inference",
             "sample " + std::to_string(n) + " alone gives other bits than in a batch");
    }
    const Index channels = y.rank() > 1 ? y.shape().back() : 1, rows = y.size() / (std::max)(channels, Index{1});
    const KernelContext context{scratch_};
    switch (layer_->acceleration().role) {
      case LayerRole::view: expect(same_bits(y.reshaped(x[0].shape()), x[0]), "role", "a view changes values"); break;
      case LayerRole::identity_in_inference: expect(same_bits(y, x[0]), "role", "not the identity in inference"); break;
      case LayerRole::activation: {
        Tensor<T> want(y.shape());
        activation_forward(layer_->acceleration().activation, rows, channels, x[0].data(), want.data(), context);
        expect(distance(y, want) < 1e-12, "role", "acceleration().activation is another function than forward");
        break;
      }
      case LayerRole::channel_affine: {
        std::vector<T> scale, shift;
        layer_->acceleration().inference->channel_affine(scale, shift);
        Tensor<T> want = x[0];
        for (Index i = 0; i < want.size(); ++i)
          want[i] =
              want[i] * scale[static_cast<std::size_t>(i % channels)] + shift[static_cast<std::size_t>(i % channels)];
        expect(distance(y, want) < 1e-10, "role", "channel_affine() is another function than forward");
        break;
      }
      case LayerRole::add: {
        Tensor<T> want = x[0];
        for (std::size_t i = 1; i < x.size(); ++i)
          for (Index k = 0; k < want.size(); ++k) want[k] += x[i][k];
        expect(distance(y, want) < 1e-12, "role", "not the sum of the inputs");
        break;
      }
      case LayerRole::general: break;
    }
    for (int folds = 0; folds < 8; ++folds) check_op(x, y, channels, folds & 1, folds & 2, folds & 4);
  }
  /// The inference form with any of: an affine function, a residual, an activation.
  void check_op(const Tensors& x, const Tensor<T>& y, Index channels, bool affine, bool residual, bool activate) {
    const InferenceForm<T>* const form = layer_->acceleration().inference;
    const auto op = form ? form->inference_op(shapes_) : nullptr;
    if (!op) return;
    const Fusible fuses = op->fuses();
    const Tensor<T> scale = random({channels}), shift = random({channels}), addend = random(y.shape());
    Tensor<T> want = y, got(y.shape(), std::numeric_limits<T>::quiet_NaN());
    if (affine && fuses.affine) {
      op->fuse_affine({scale.data(), scale.data() + channels}, {shift.data(), shift.data() + channels});
      for (Index i = 0; i < y.size(); ++i) want[i] = want[i] * scale[i % channels] + shift[i % channels];
    }
    auto inputs = views(x);
    if (residual && fuses.residual) {
      op->fuse_residual();
      inputs.push_back(addend);
      for (Index i = 0; i < y.size(); ++i) want[i] += addend[i];
    }
    const KernelContext context{scratch_};
    Scratch::Frame frame(scratch_);
    if (activate && fuses.activation) {
      op->fuse_activation(Activation::sigmoid);
      activation_forward(Activation::sigmoid, 1, y.size(), want.data(), want.data(), context);
    }
    op->run(inputs, got, context);
    expect(distance(got, want) < 1e-10, "inference_op",
           std::string("other values than forward") + (affine ? ", affine" : "") + (residual ? ", residual" : "") +
               (activate ? ", activation" : ""));
  }
  void check_copy() {
    const Mode mode{"inference", false, Freeze::none, {}};
    const Tensors x = random_inputs(options_.batch);
    AnyLayer<T> copy = layer_;
    const Tensor<T> y = forward(x, nullptr, mode);
    for (Parameter<T>* parameter : layer_->parameters())
      parameter->update([](TensorView<T> value) {
        for (T& each : value) each += T(1);
      });
    std::swap(layer_, copy);
    expect(same_bits(forward(x, nullptr, mode), y), "copy", "a copy of the layer shares its parameters or lacks some");
  }

  AnyLayer<T> layer_;
  std::vector<Shape> shapes_;
  LayerCheckOptions options_;
  Rng rng_;
  Shape output_;
  Scratch scratch_;
  Cache<T> spare_;
  LayerReport report_;
};

}  // namespace detail

/// Holds a layer, keel's or a user's own, to the contract of `Layer`. Give it the layer in double and its inputs'
/// shapes without the batch:
///
///     LayerReport report = check_layer(Conv2D<double>(4, 3), {{6, 5, 2}});
///     if (!report.ok()) std::puts(report.to_string().c_str());
///
/// Checked in inference, in training, and frozen in both ways, between a trainable layer and a loss that is not
/// linear:
/// - the gradients of every input and parameter against central differences, within 1e-6;
/// - gradients are overwritten or added to as `overwrites_gradients` says; what is frozen or not asked for stays
/// untouched;
/// - forward and backward write all of their results and nothing else, depend on neither threads nor earlier
/// calls, and keep no
///   state outside the cache; only finish_forward changes parameters, and only in training;
/// - in inference a batch gives the bits of its samples; role, inference_op, fused activations and residuals agree
/// with forward;
/// - wrong inputs (none at all, and `options.refused`) give a ShapeError.
///
/// Across a kink (relu at 0, two equal values in a maximum) a difference quotient means nothing: one that
/// disagrees is tried again with a step 30 times smaller, and random inputs miss kinks in practice. The layer
/// itself is not changed.
template <class L>
LayerReport check_layer(L layer, std::vector<Shape> inputs, LayerCheckOptions options = {}) {
  using T = typename L::Scalar;
  return detail::LayerCheck<T>(AnyLayer<T>(std::move(layer)), std::move(inputs), std::move(options)).run();
}

}  // namespace KEEL_ABI
}  // namespace keel
