#pragma once
/// Holds a layer to the contract of `Layer`. For tests; <keel/keel.hpp> does not include it.

#include <keel/testing/acceleration_check.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

template <class T>
class LayerCheck : public AccelerationCheck<T> {
 public:
  using typename LayerHarness<T>::Tensors;
  using typename LayerHarness<T>::Gradients;
  using AccelerationCheck<T>::AccelerationCheck;

  LayerReport run() {
    this->guard("any call", [&] {
      prepare();
      std::vector<LayerScenario> scenarios{{.name = "inference"},
                                           {.name = "training", .training = true},
                                           {.name = "gradients frozen", .training = true, .freeze = Freeze::gradients},
                                           {.name = "layer frozen", .training = true, .freeze = Freeze::layer}};
      for (LayerScenario& more : this->scenarios_of(layer_->acceleration())) scenarios.push_back(std::move(more));
      for (const LayerScenario& scenario : scenarios) this->guard(scenario.name, [&] { check_scenario(scenario); });
      layer_->freeze(Freeze::none);
      this->guard("inference", [&] { check_inference(); });
      this->guard("copy", [&] { check_copy(); });
    });
    return std::move(this->report_);
  }

 private:
  using LayerHarness<T>::expect;
  using LayerHarness<T>::same_bits;
  using LayerHarness<T>::layer_;
  using LayerHarness<T>::options_;
  static constexpr T nan = std::numeric_limits<T>::quiet_NaN();

  /// Builds the layer, checks shapes and the list of parameters, and moves all values away from where they begin.
  void prepare() {
    for (const std::vector<Shape>& wrong : options_.refused) check_refusal(wrong);
    check_refusal({});
    const std::vector<Shape>& shapes = this->shapes_;
    this->output_ = layer_->output_shape(shapes);
    AnyLayer<T> loaded = layer_;
    Rng rng(options_.seed), none = Rng::none();
    layer_->build(shapes, rng);
    loaded->build(shapes, none);
    expect(layer_->output_shape(shapes) == this->output_, "output_shape", "another shape after build");
    const auto parameters = layer_->parameters();
    expect(parameters == layer_->parameters(), "parameters", "another list at the second call");
    check_names(parameters);
    check_same_parameters(parameters, loaded->parameters());
    for (Parameter<T>* parameter : parameters)
      if (parameter->trains())
        parameter->update([&](TensorView<T> value) {
          for (T& x : value) x += static_cast<T>(this->rng_.normal(0, 0.2));
        });
    const LayerScenario training{.name = "training", .training = true};
    for (int step = 0; step < 3; ++step) {
      Cache<T> cache;
      this->forward(this->random_inputs(options_.batch + 1), &cache, training);
      this->finish(cache, training);
    }
  }
  void check_names(const std::vector<Parameter<T>*>& parameters) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      expect(!parameters[i]->name().empty(), "parameters", "one without a name");
      for (std::size_t j = 0; j < i; ++j)
        expect(parameters[i]->name() != parameters[j]->name(), "parameters", parameters[i]->name() + " twice");
    }
  }
  void check_same_parameters(const std::vector<Parameter<T>*>& built, const std::vector<Parameter<T>*>& loaded) {
    bool same = loaded.size() == built.size();
    for (std::size_t i = 0; same && i < built.size(); ++i)
      same = loaded[i]->name() == built[i]->name() && loaded[i]->shape() == built[i]->shape();
    expect(same, "build", "other parameters with Rng::none(), as while a file is loaded");
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

  void check_scenario(const LayerScenario& scenario) {
    layer_->freeze(scenario.freeze);
    const Tensors x = this->random_inputs(options_.batch, scenario.residual), kept = x;
    Cache<T> cache;
    const Tensor<T> y = this->forward(x, &cache, scenario);
    this->check_fused(scenario, x, y);
    check_forward(scenario, x, y);
    const LayerLoss<T> loss{this->random(y.shape()), this->random(y.shape())};
    std::vector<std::uint64_t> versions;
    for (Parameter<T>* parameter : layer_->parameters()) versions.push_back(parameter->version());
    {  // another node of the same layer runs in between
      Cache<T> other;
      this->forward(this->random_inputs(options_.batch + 2, scenario.residual), &other, scenario);
    }
    const Gradients g = check_backward(scenario, x, y, loss.gradient(y), cache);
    expect(same_bits(x, kept), scenario.name, "the input is changed");
    const auto parameters = layer_->parameters();
    for (std::size_t i = 0; i < parameters.size(); ++i)
      expect(parameters[i]->version() == versions[i], scenario.name,
             "forward or backward changes " + parameters[i]->name() + ", which finish_forward is for");
    this->check_gradients(scenario, x, loss, g);

    if (scenario.training && scenario.freeze != Freeze::layer) return;
    const Tensors before = this->values();
    this->finish(cache, scenario);
    expect(same_bits(before, this->values()), scenario.name, "finish_forward changes the layer outside training");
  }
  void check_forward(const LayerScenario& scenario, const Tensors& x, const Tensor<T>& y) {
    Cache<T> spare, threaded;
    expect(same_bits(y, this->forward(x, scenario.training ? &spare : nullptr, scenario, nan)), scenario.name,
           "forward leaves values unwritten or gives other values the second time");
    ThreadPool pool(2);
    expect(same_bits(y, this->forward(x, &threaded, scenario, nan, &pool)), scenario.name,
           "forward depends on threads");
  }
  /// The gradients, after a look at all the ways in which a model may ask for them.
  Gradients check_backward(const LayerScenario& scenario, const Tensors& x, const Tensor<T>& y, const Tensor<T>& dy,
                           Cache<T>& cache) {
    const Acceleration<T> offered = layer_->acceleration();
    const T start = offered.overwrites_gradients ? nan : T(0);
    const auto run = [&](BackwardCall<T> call) { return this->backward(x, y, dy, cache, scenario, call); };
    const Gradients g = run({.start = start});
    const auto same = [&](const Gradients& other, const std::string& when) {
      expect(same_bits(g, other), scenario.name, "backward " + when);
    };
    same(run({.start = start}), "gives other gradients the second time");
    ThreadPool pool(2);
    same(run({.start = start, .threads = &pool}), "depends on threads");

    const Gradients added = run({.start = T(1), .accumulate = true});
    for (std::size_t i = 0; i < g.parameters.size(); ++i) {
      Tensor<T> sum = g.parameters[i];
      sum.array() += T(1);
      expect(this->distance(added.parameters[i], sum) < 1e-6, scenario.name,
             "backward does not add to gradients when it should");
    }
    const int last = static_cast<int>(x.size()) - 1;
    for (const int i : {offered.gradient_in_place ? 0 : -1, scenario.residual ? last : -1})
      if (i >= 0)
        same(run({.start = start, .in_place = i}),
             "gives other gradients when that of input " + std::to_string(i) + " is written over dy");
    if (offered.role == LayerRole::add)
      same(run({.start = start, .in_place = 0, .all_in_place = true}),
           "gives other gradients when those of all inputs are written over dy");
    for (int skip = 0; skip <= last; ++skip) {
      Gradients without = run({.start = start, .skip = skip});
      nth(without.inputs, skip) = nth(g.inputs, skip);
      same(without, "gives other gradients when input " + std::to_string(skip) + " wants none");
    }
    return g;
  }

  void check_inference() {
    const LayerScenario inference{.name = "inference"};
    const Tensors x = this->random_inputs(options_.batch);
    const Tensor<T> y = this->forward(x, nullptr, inference);
    for (Index n = 0; n < options_.batch; ++n) {
      Tensors sample;
      for (const Tensor<T>& each : x) sample.push_back(each.rows(n, 1));
      expect(same_bits(this->forward(sample, nullptr, inference), y.rows(n, 1)), "inference",
             "sample " + std::to_string(n) + " alone gives other bits than in a batch");
    }
    this->check_acceleration(x, y);
  }
  void check_copy() {
    const LayerScenario inference{.name = "inference"};
    const Tensors x = this->random_inputs(options_.batch);
    AnyLayer<T> copy = layer_;
    const Tensor<T> y = this->forward(x, nullptr, inference);
    for (Parameter<T>* parameter : layer_->parameters())
      parameter->update([](TensorView<T> value) { value.array() += T(1); });
    std::swap(layer_, copy);
    expect(same_bits(this->forward(x, nullptr, inference), y), "copy",
           "a copy of the layer shares its parameters or lacks some");
  }
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
/// - forward and backward write all of their results and nothing else, depend on neither threads nor earlier calls,
///   and keep no state outside the cache; only finish_forward changes parameters, and only in training;
/// - what is frozen or not asked for stays untouched;
/// - in inference a batch gives the bits of its samples;
/// - a copy has parameters of its own, and `build` gives the same ones while a file is loaded;
/// - what `acceleration()` offers, if anything, is true: the role, gradients overwritten or in place, activations and
///   residuals that are fused or left out, the form for inference;
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
