#pragma once
/// Gradients of a layer against central differences.

#include <keel/testing/layer_harness.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// The layer stands between a trainable layer and a loss that is not linear:
///
///     L = sum(w y + v y^2 / 2),   dL/dy = w + v y
///
/// with random w and v.
template <class T>
struct LayerLoss {
  Tensor<T> w, v;

  Tensor<T> gradient(const Tensor<T>& y) const {
    Tensor<T> dy(y.shape());
    dy.array() = w.array() + v.array() * y.array();
    return dy;
  }
  /// L(high) - L(low), without the rounding of either.
  double change(const Tensor<T>& low, const Tensor<T>& high) const {
    double change = 0;
    for (Index i = 0; i < low.size(); ++i) {
      const double from = static_cast<double>(low[i]), to = static_cast<double>(high[i]);
      change += (to - from) * (static_cast<double>(w[i]) + static_cast<double>(v[i]) * (from + to) / 2);
    }
    return change;
  }
};

template <class T>
class LayerGradients : public LayerHarness<T> {
 public:
  using typename LayerHarness<T>::Tensors;
  using typename LayerHarness<T>::Gradients;
  using LayerHarness<T>::LayerHarness;

 protected:
  /// Every gradient of `g` against what the loss does when the value moves.
  void check_gradients(const LayerScenario& scenario, const Tensors& x, const LayerLoss<T>& loss, const Gradients& g) {
    Tensors moved = x;
    const auto run = [&] {
      Cache<T> fresh;
      return this->forward(moved, &fresh, scenario);
    };
    for (std::size_t i = 0; i < x.size(); ++i)
      check_gradient(
          scenario.name + ": gradient of input " + std::to_string(i), x[i], g.inputs[i], loss,
          [&](const Tensor<T>& value) { moved[i] = value; }, run);
    std::size_t next = 0;
    for (Parameter<T>* parameter : this->layer_->parameters())
      if (parameter->trains())
        check_gradient(
            scenario.name + ": gradient of " + parameter->name(), Tensor<T>(parameter->value()), g.parameters[next++],
            loss, [&](const Tensor<T>& value) { parameter->set(value); }, run);
  }

 private:
  using Set = std::function<void(const Tensor<T>&)>;
  using Run = std::function<Tensor<T>()>;
  using Move = std::function<void(Tensor<T>&, double)>;  ///< moves values by so much

  /// The worst of the values compared.
  struct Worst {
    double size = 0.01;  ///< of the largest gradient
    double error = 0, wanted = 0;
    Index index = -1;  ///< -1: along a direction
  };

  /// Compares `gradient` with central differences, value by value and along one random direction.
  void check_gradient(const std::string& check, const Tensor<T>& at, const Tensor<T>& gradient,
                      const LayerLoss<T>& loss, const Set& set, const Run& run) {
    Worst worst;
    const auto quotient = [&](const Move& move, double length) {
      Tensor<T> low = at, high = at;
      move(low, -length);
      move(high, length);
      set(low);
      const Tensor<T> y_low = run();
      set(high);
      return loss.change(y_low, run()) / (2 * length);
    };
    const auto compare = [&](Index index, double got, const Move& move, double length) {
      double want = quotient(move, length);
      if (!(std::abs(got - want) <= this->options_.tolerance * worst.size)) {  // perhaps across a kink
        const double closer = quotient(move, length / 30);
        if (std::abs(got - closer) < std::abs(got - want)) want = closer;
      }
      worst.size = (std::max)(worst.size, std::abs(want));
      const double error = std::abs(got - want);
      if (error <= worst.error || std::isnan(worst.error)) return;  // a NaN stays
      worst = {.size = worst.size, .error = error, .wanted = want, .index = index};
    };

    const Index most = this->options_.max_values;
    for (Index n = 0; n < (std::min)(at.size(), most); ++n) {
      const Index i = at.size() <= most ? n : this->rng_.below(at.size());
      const double length = this->options_.step * (std::max)(1.0, std::abs(static_cast<double>(at[i])));
      const Move move = [i](Tensor<T>& value, double by) { value[i] += static_cast<T>(by); };
      compare(i, static_cast<double>(gradient[i]), move, length);
    }
    const Tensor<T> direction = this->random(at.shape());
    double along = 0;
    for (Index i = 0; i < at.size(); ++i) along += static_cast<double>(gradient[i]) * static_cast<double>(direction[i]);
    const Move move = [&](Tensor<T>& value, double by) { value.array() += static_cast<T>(by) * direction.array(); };
    compare(-1, along, move, this->options_.step);
    set(at);
    report(check, worst);
  }
  void report(const std::string& check, const Worst& worst) {
    const double relative = worst.error / worst.size;
    double& largest = this->report_.max_error;
    largest = relative <= largest ? largest : relative;
    this->expect(relative <= this->options_.tolerance, check,
                 (worst.index < 0 ? "along a random direction" : "value " + std::to_string(worst.index)) +
                     " is off by " + text(worst.error) + ", the difference quotient is " + text(worst.wanted));
  }
};

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
