#include <doctest/doctest.h>

#include <keel/tensor/rng.hpp>
#include <keel/training/optimizers/optimizers.hpp>

#include "support/message.hpp"

namespace {

using namespace keel;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Two parameters with gradients that change from step to step.
template <class T>
struct Problem {
  Parameter<T> kernel{"kernel", Tensor<T>({2, 3})}, bias{"bias", Tensor<T>({3})};
  Parameter<T> moving{"moving_mean", Tensor<T>({3}, T(5)), ParameterKind::buffer};
  std::vector<Parameter<T>*> list{&kernel, &bias, &moving};

  Problem() {
    kernel.update([](TensorView<T> w) { fill(w, 100, 1); });
    bias.update([](TensorView<T> w) { fill(w, 101, 1); });
  }
  static void fill(TensorView<T> values, std::uint64_t stream, double scale) {
    Rng rng(7, stream);
    for (T& v : values) v = static_cast<T>(rng.uniform(-scale, scale));
  }
  void gradients(Index step) {
    kernel.gradient.resize(kernel.shape());
    bias.gradient.resize(bias.shape());
    fill(kernel.gradient, static_cast<std::uint64_t>(2 * step), 2);
    fill(bias.gradient, static_cast<std::uint64_t>(2 * step + 1), 2);
  }
  std::vector<double> values() const {
    std::vector<double> all(kernel.value().begin(), kernel.value().end());
    all.insert(all.end(), bias.value().begin(), bias.value().end());
    return all;
  }
};

/// One scalar's way under a formula written out for one weight: w = formula(w, g, t).
template <class F>
std::vector<double> by_formula(Index steps, F&& make) {
  Problem<double> problem;
  std::vector<double> w = problem.values();
  std::vector<decltype(make())> formulas(w.size(), make());
  for (Index t = 1; t <= steps; ++t) {
    problem.gradients(t - 1);
    for (std::size_t i = 0; i < w.size(); ++i) {
      const auto k = static_cast<Index>(i);
      w[i] =
          formulas[i](w[i], k < 6 ? problem.kernel.gradient[k] : problem.bias.gradient[k - 6], static_cast<double>(t));
    }
  }
  return w;
}

template <class T>
std::vector<double> by_keel(Index steps, const OptimizerSpec& spec) {
  Problem<T> problem;
  Optimizer<T> optimizer(spec);
  for (Index t = 0; t < steps; ++t) {
    problem.gradients(t);
    CHECK(optimizer.step(problem.list));
  }
  CHECK(optimizer.iteration() == steps);
  CHECK(problem.moving.value() == Tensor<T>({3}, T(5)));
  return problem.values();
}

template <class F>
void compare(const OptimizerSpec& spec, F&& make) {
  const std::vector<double> expected = by_formula(20, make);
  const std::vector<double> exact = by_keel<double>(20, spec), single = by_keel<float>(20, spec);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(std::abs(exact[i] - expected[i]) < 1e-12 * (1 + std::abs(expected[i])));
    CHECK(std::abs(single[i] - expected[i]) < 1e-5 * (1 + std::abs(expected[i])));
  }
}

TEST_CASE("SGD in both dialects") {
  compare(SGD({.learning_rate = 0.1}), [] { return [](double w, double g, double) { return w - 0.1 * g; }; });
  for (const bool nesterov : {false, true}) {
    compare(SGD({.learning_rate = 0.1, .momentum = 0.9, .nesterov = nesterov}), [=] {
      return [=, m = 0.0](double w, double g, double) mutable {
        m = 0.9 * m - 0.1 * g;
        return nesterov ? w + 0.9 * m - 0.1 * g : w + m;
      };
    });
    compare(SGD::torch({.lr = 0.1, .momentum = 0.9, .nesterov = nesterov, .weight_decay = 0.2}), [=] {
      return [=, m = 0.0](double w, double g, double t) mutable {
        g += 0.2 * w;
        m = t == 1 ? g : 0.9 * m + g;
        return w - 0.1 * (nesterov ? g + 0.9 * m : m);
      };
    });
  }
  compare(SGD::torch({.lr = 0.1, .momentum = 0.9, .dampening = 0.5}), [] {
    return [m = 0.0](double w, double g, double t) mutable {
      m = t == 1 ? g : 0.9 * m + 0.5 * g;
      return w - 0.1 * m;
    };
  });
}

TEST_CASE("Adam and AdamW in both dialects") {
  const double beta = 0.9, rho = 0.999;
  for (const bool amsgrad : {false, true})
    for (const bool torch : {false, true})
      for (const double decay : {0.0, 0.1}) {
        const double lr = 0.05, epsilon = 0.1;
        const OptimizerSpec l2 = Adam::torch({.lr = lr, .eps = epsilon, .amsgrad = amsgrad, .weight_decay = decay});
        const OptimizerSpec decoupled =
            torch ? AdamW::torch({.lr = lr, .eps = epsilon, .amsgrad = amsgrad, .weight_decay = decay})
                  : AdamW({.learning_rate = lr, .epsilon = epsilon, .amsgrad = amsgrad, .weight_decay = decay});
        for (const OptimizerSpec& spec : {l2, decoupled}) {
          const bool torch_form = spec.torch_formula, adds = !spec.decoupled;
          compare(spec, [=] {
            return [=, m = 0.0, v = 0.0, top = 0.0](double w, double g, double t) mutable {
              if (adds)
                g += decay * w;
              else
                w -= lr * decay * w;
              m = beta * m + (1 - beta) * g;
              v = rho * v + (1 - rho) * g * g;
              top = (std::max)(top, v);
              const double s = amsgrad ? top : v, c1 = 1 - std::pow(beta, t), c2 = 1 - std::pow(rho, t);
              return torch_form ? w - lr / c1 * m / (std::sqrt(s) / std::sqrt(c2) + epsilon)
                                : w - lr * std::sqrt(c2) / c1 * m / (std::sqrt(s) + epsilon);
            };
          });
        }
      }
  // Keras's Adam with weight_decay is AdamW
  CHECK(by_keel<double>(5, Adam({.weight_decay = 0.1})) == by_keel<double>(5, AdamW({.weight_decay = 0.1})));
}

TEST_CASE("RMSprop and Adagrad in both dialects") {
  for (const bool centered : {false, true})
    for (const double momentum : {0.0, 0.8}) {
      const double lr = 0.02, rho = 0.9, epsilon = 0.01;
      for (const bool torch : {false, true})
        compare(
            torch ? RMSprop::torch({.lr = lr, .alpha = rho, .eps = epsilon, .momentum = momentum, .centered = centered})
                  : RMSprop({.learning_rate = lr, .momentum = momentum, .epsilon = epsilon, .centered = centered}),
            [=] {
              return [=, v = 0.0, a = 0.0, m = 0.0](double w, double g, double) mutable {
                v = rho * v + (1 - rho) * g * g;
                a = rho * a + (1 - rho) * g;
                const double s = centered ? v - a * a : v;
                m = momentum * m + (torch ? g / (std::sqrt(s) + epsilon) : lr * g / std::sqrt(s + epsilon));
                return w - (torch ? lr * m : m);
              };
            });
    }
  compare(Adagrad({.learning_rate = 0.1}), [] {
    return [s = 0.1](double w, double g, double) mutable {
      s += g * g;
      return w - 0.1 * g / std::sqrt(s + 1e-7);
    };
  });
  compare(Adagrad::torch({.lr = 0.1, .lr_decay = 0.3, .initial_accumulator_value = 0.2}), [] {
    return [s = 0.2](double w, double g, double t) mutable {
      s += g * g;
      return w - 0.1 / (1 + (t - 1) * 0.3) * g / (std::sqrt(s) + 1e-10);
    };
  });
}

/// The gradient that one step of plain SGD with rate 1 saw.
Tensor<double> seen(Clip clip, WeightDecay decay = {}) {
  Problem<double> problem;
  problem.gradients(0);
  const Tensor<double> before = problem.kernel.value();
  Optimizer<double>(SGD({.learning_rate = 1, .weight_decay = std::move(decay), .clip = clip})).step(problem.list);
  Tensor<double> difference = before;
  difference.array() -= problem.kernel.value().array();
  return difference;
}

TEST_CASE("clipping and weight decay") {
  Problem<double> problem;
  problem.gradients(0);
  const Tensor<double>& g = problem.kernel.gradient;
  const double norm = std::sqrt(g.array().square().sum());
  const double all = std::sqrt(norm * norm + problem.bias.gradient.array().square().sum());
  const Tensor<double> value = seen(Clip::by_value(0.5)), local = seen(Clip::by_norm(0.5));
  const Tensor<double> global = seen(Clip::by_global_norm(0.5)), torch = seen(Clip::by_torch_norm(0.5));
  const Tensor<double> wide = seen(Clip::by_global_norm(100)), torch_wide = seen(Clip::by_torch_norm(100));
  const Tensor<double> decayed = seen({}, 0.1), kept = seen({}, {0.1, {"kernel"}});
  for (Index i = 0; i < g.size(); ++i) {
    using doctest::Approx;
    CHECK(value[i] == Approx((std::max)(-0.5, (std::min)(0.5, g[i]))));
    CHECK(local[i] == Approx(g[i] * 0.5 / norm));
    CHECK(global[i] == Approx(g[i] * 0.5 / all));
    CHECK(torch[i] == Approx(g[i] * 0.5 / (all + 1e-6)).epsilon(1e-12));
    CHECK(wide[i] == Approx(g[i]));
    CHECK(torch_wide[i] == Approx(g[i]));
    CHECK(decayed[i] == Approx(g[i] + 0.1 * problem.kernel.value()[i]));
    CHECK(kept[i] == Approx(g[i]));
  }
}

TEST_CASE("frozen parameters stay, and keep no slots") {
  Problem<float> problem;
  problem.gradients(0);
  problem.bias.frozen = true;
  const Tensor<float> before = problem.bias.value();
  Optimizer optimizer = Adam();
  optimizer.step(problem.list);
  CHECK(problem.bias.value() == before);
  CHECK(optimizer.state().slots[0].size() == 2);
  CHECK(optimizer.state().slots[1].empty());
  CHECK(optimizer.state().slots[2].empty());
}

TEST_CASE("PyTorch's formulas count the steps of each parameter, Keras's those of all") {
  const auto last_change = [](const OptimizerSpec& spec, bool restored) {
    Problem<double> problem;
    Optimizer<double> optimizer(spec);
    for (Index t = 0; t < 5; ++t) {
      problem.gradients(t);
      problem.bias.frozen = t == 0 || t == 2 || t == 3;  // trains in the second and the fifth step
      if (restored && t == 4) {
        const OptimizerState<double> state = optimizer.state();
        optimizer = Optimizer<double>(spec);
        optimizer.set_state(state);
      }
      const double before = problem.bias.value()[0];
      optimizer.step(problem.list);
      if (t == 4) return problem.bias.value()[0] - before;
    }
    return nan;
  };
  Problem<double> problem;
  problem.gradients(1);
  const double g1 = problem.bias.gradient[0];
  problem.gradients(4);
  const double g2 = problem.bias.gradient[0];
  const double m = 0.09 * g1 + 0.1 * g2, v = 0.999 * 0.001 * g1 * g1 + 0.001 * g2 * g2;
  const auto adam = [&](double t) {
    return -0.1 / (1 - std::pow(0.9, t)) * m / (std::sqrt(v / (1 - std::pow(0.999, t))));
  };
  for (const bool restored : {false, true}) {
    CHECK(last_change(Adam::torch({.lr = 0.1, .eps = 0}), restored) == doctest::Approx(adam(2)));
    CHECK(last_change(Adam({.learning_rate = 0.1, .epsilon = 0}), restored) == doctest::Approx(adam(5)));
    CHECK(last_change(Adagrad::torch({.lr = 0.1, .lr_decay = 0.5, .eps = 0}), restored) ==
          doctest::Approx(-0.1 / 1.5 * g2 / std::sqrt(g1 * g1 + g2 * g2)));
  }
}

TEST_CASE("non-finite gradients") {
  for (const double bad : {nan, static_cast<double>(HUGE_VAL)}) {
    Problem<float> problem;
    Optimizer skipping = Adam({.nonfinite = NonFinite::skip}), throwing = Adam({.nonfinite = NonFinite::error});
    problem.gradients(0);
    skipping.step(problem.list);
    throwing.step(problem.list);
    problem.gradients(1);
    problem.bias.gradient[1] = static_cast<float>(bad);
    const std::vector<double> before = problem.values();
    const Tensor<float> slot = skipping.state().slots[0][0];
    CHECK_FALSE(skipping.step(problem.list));
    CHECK(message([&] { throwing.step(problem.list); }) ==
          "[Adam] expected finite gradients, got NaN or infinity in the gradient of bias");
    CHECK(problem.values() == before);
    CHECK(skipping.state().slots[0][0] == slot);
    CHECK(skipping.iteration() == 1);
    CHECK(throwing.iteration() == 1);
    Optimizer applying = Adam();
    CHECK(applying.step(problem.list));
    CHECK(std::isnan(problem.bias.value()[1]));
  }
}

TEST_CASE("a restored state goes on with the same bits") {
  const auto rate = [](Index step) { return 0.1 / static_cast<double>(step + 1); };
  for (const OptimizerSpec& spec :
       {OptimizerSpec(Adam({.learning_rate = rate, .amsgrad = true})), SGD::torch({.momentum = 0.9, .dampening = 0.3}),
        RMSprop::torch({.momentum = 0.5, .centered = true}), OptimizerSpec(Adagrad())}) {
    const std::vector<double> whole = by_keel<float>(10, spec);
    Problem<float> problem;
    Optimizer<float> first(spec), second(spec);
    for (Index t = 0; t < 10; ++t) {
      problem.gradients(t);
      if (t == 4) second.set_state(first.state());
      (t < 4 ? first : second).step(problem.list);
    }
    CHECK(problem.values() == whole);
  }
}

TEST_CASE("rates, slots and their number") {
  Problem<float> problem;
  problem.gradients(0);
  Optimizer scheduled = SGD({.learning_rate = PiecewiseConstantDecay{{0}, {1, 0.5}}});
  CHECK(scheduled.learning_rate() == 1);
  scheduled.step(problem.list);
  CHECK(scheduled.learning_rate() == 0.5);
  CHECK(message([&] { scheduled.set_learning_rate(0.1); }) ==
        "[SGD] expected a number as learning rate to be changed, got a schedule");
  Optimizer number = SGD();
  number.set_learning_rate(0.25);
  CHECK(number.learning_rate() == 0.25);
  CHECK(message([&] { number.set_learning_rate(nan); }) == "[SGD] expected a learning rate of 0 or more, got nan");

  using Names = std::vector<std::string>;
  CHECK(SGD().slot_names() == Names{});
  CHECK(SGD({.momentum = 0.9}).slot_names() == Names{"momentum"});
  CHECK(Adam({.amsgrad = true}).slot_names() == Names{"momentum", "velocity", "velocity_hat"});
  CHECK(RMSprop({.momentum = 0.1, .centered = true}).slot_names() == Names{"velocity", "momentum", "average_gradient"});
  CHECK(Adagrad().slot_names() == Names{"accumulator"});
  CHECK(Adam().state_count(100) == 202);
  CHECK(Adam({.learning_rate = StepDecay{0.1, 10}}).state_count(100) == 201);
  CHECK(SGD().state_count(100) == 2);
}

TEST_CASE("threads do not change the bits") {
  Parameter<float> one("kernel", Tensor<float>({1 << 17})), two("kernel", Tensor<float>({1 << 17}));
  ThreadPool threads(3);
  Optimizer<float> a(Adam({.clip = Clip::by_norm(1)})), b(Adam({.clip = Clip::by_norm(1)}));
  for (std::uint64_t t = 0; t < 3; ++t) {
    one.gradient.resize(one.shape());
    Problem<float>::fill(one.gradient, t, 1);
    two.gradient = one.gradient;
    a.step(std::vector{&one});
    b.step(std::vector{&two}, &threads);
  }
  CHECK(one.value() == two.value());
}

TEST_CASE("optimizers refuse what they cannot use") {
  CHECK(message([] { Adam({.learning_rate = 0.0}); }) == "[learning_rate] expected a number above 0, got 0");
  CHECK(message([] { Adam({.learning_rate = nan}); }) == "[learning_rate] expected a number above 0, got nan");
  CHECK(message([] { SGD({.momentum = 1.5}); }) == "[SGD] expected momentum within [0, 1], got 1.5");
  CHECK(message([] { SGD({.momentum = -0.1}); }) == "[SGD] expected momentum within [0, 1], got -0.1");
  CHECK(message([] { SGD({.nesterov = true}); }) ==
        "[SGD] expected a momentum with nesterov, got momentum 0 (set .momentum = 0.9)");
  CHECK(message([] { SGD::torch({.momentum = 0.9, .dampening = 0.1, .nesterov = true}); }) ==
        "[SGD] expected no dampening with nesterov, got dampening 0.1");
  CHECK(message([] { Adam({.beta_1 = 1}); }) == "[Adam] expected beta_1 and beta_2 within [0, 1), got 1");
  CHECK(message([] { Adam({.beta_2 = nan}); }) == "[Adam] expected beta_1 and beta_2 within [0, 1), got nan");
  CHECK(message([] { RMSprop({.rho = 1}); }) == "[RMSprop] expected rho within [0, 1), got 1");
  CHECK(message([] { Adam({.epsilon = -1}); }) == "[Adam] expected epsilon of 0 or more, got -1");
  CHECK(message([] { AdamW({.weight_decay = -1}); }) == "[AdamW] expected weight_decay of 0 or more, got -1");
  CHECK(message([] { Adam({.clip = Clip::by_norm(0)}); }) == "[Adam] expected a clipping limit above 0, got 0");
  CHECK(message([] { Adagrad({.initial_accumulator_value = -1}); }) ==
        "[Adagrad] expected initial_accumulator of 0 or more, got -1");

  Problem<float> problem;
  Optimizer optimizer = Adam();
  CHECK(message([&] { optimizer.step(problem.list); }) ==
        "[Adam] expected a gradient of shape (2, 3) for kernel, got none (call backward first)");
  problem.gradients(0);
  optimizer.step(problem.list);
  CHECK(message([&] { optimizer.step(std::vector{&problem.kernel}); }) ==
        "[Adam] expected the 3 parameters of the steps before, got 1");
  CHECK(message([&] {
          optimizer.step(std::vector{&problem.bias, &problem.kernel, &problem.moving});
        }) == "[Adam] expected slots of shape (3) for bias, got (2, 3) (the state is another model's)");
  Optimizer other = Adagrad();
  other.set_state(optimizer.state());
  CHECK(message([&] { other.step(problem.list); }) ==
        "[Adagrad] expected 1 slots for kernel, got 2 (the state is another optimizer's)");
  CHECK(optimizer.iteration() == 1);
}

}  // namespace
