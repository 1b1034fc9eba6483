/// SimpleRNN, LSTM, GRU and Bidirectional against the formulas at the layers, written out step by step.

#include <keel/layers/bidirectional.hpp>
#include <keel/layers/registry.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

namespace recurrent_test {  // a name of its own: the files of a folder are compiled together

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// One sample through one direction, by the formulas; the outputs of all steps in the order in which they are taken.
struct Plain {
  std::string kind;  // "SimpleRNN", "LSTM", "GRU", "GRU before"
  Index units;
  Tensor<double> kernel, recurrent, bias;

  std::vector<double> product(const Tensor<double>& weights, const std::vector<double>& x) const {
    const Index all = weights.shape()[1];
    std::vector<double> y(static_cast<std::size_t>(all), 0.0);
    for (Index o = 0; o < all; ++o)
      for (std::size_t i = 0; i < x.size(); ++i)
        y[static_cast<std::size_t>(o)] += x[i] * weights[static_cast<Index>(i) * all + o];
    return y;
  }
  std::vector<std::vector<double>> run(const std::vector<std::vector<double>>& x,
                                       const std::vector<bool>& counts) const {
    const auto u = static_cast<std::size_t>(units);
    std::vector<double> h(u, 0.0), c(u, 0.0);
    std::vector<std::vector<double>> all;
    for (std::size_t t = 0; t < x.size(); ++t) {
      std::vector<double> a = product(kernel, x[t]), b = product(recurrent, h), next = h, next_c = c;
      for (std::size_t i = 0; i < a.size(); ++i) a[i] += bias[static_cast<Index>(i)];
      if (kind == "GRU")
        for (std::size_t i = 0; i < b.size(); ++i) b[i] += bias[static_cast<Index>(b.size() + i)];
      if (kind == "GRU before") {
        std::vector<double> reset = h;
        for (std::size_t j = 0; j < u; ++j) reset[j] *= sigmoid(a[u + j] + b[u + j]);
        const std::vector<double> inner = product(recurrent, reset);
        std::copy(inner.begin() + 2 * static_cast<std::ptrdiff_t>(u), inner.end(),
                  b.begin() + 2 * static_cast<std::ptrdiff_t>(u));
      }
      for (std::size_t j = 0; j < u; ++j) {
        if (kind == "SimpleRNN") {
          next[j] = std::tanh(a[j] + b[j]);
        } else if (kind == "LSTM") {
          next_c[j] =
              sigmoid(a[u + j] + b[u + j]) * c[j] + sigmoid(a[j] + b[j]) * std::tanh(a[2 * u + j] + b[2 * u + j]);
          next[j] = sigmoid(a[3 * u + j] + b[3 * u + j]) * std::tanh(next_c[j]);
        } else {
          const double z = sigmoid(a[j] + b[j]), r = sigmoid(a[u + j] + b[u + j]);
          const double n = std::tanh(a[2 * u + j] + (kind == "GRU" ? r * b[2 * u + j] : b[2 * u + j]));
          next[j] = z * h[j] + (1 - z) * n;
        }
      }
      if (counts[t]) {
        h = next;
        c = next_c;
      }
      all.push_back(h);
    }
    return all;
  }
};

struct Kind {
  std::string name;
  Config config;
};
const std::vector<Kind> kinds{{"SimpleRNN", {}}, {"LSTM", {}}, {"GRU", {}}, {"GRU before", {{"reset_after", false}}}};
std::string class_of(const Kind& kind) { return kind.name.substr(0, kind.name.find(' ')); }

/// check() of a layer of any class.
void check_any(AnyLayer<double> layer, std::vector<Shape> inputs, LayerCheckOptions options = {}) {
  const LayerReport report =
      keel::detail::LayerCheck<double>(std::move(layer), std::move(inputs), std::move(options)).run();
  INFO(report.to_string());
  CHECK(report.ok());
  CHECK(report.checks > 20);
}

AnyLayer<double> make(const Kind& kind, const Config& more, bool both = false) {
  Config config{{"units", Index{3}}};
  for (const Config& each : {kind.config, more})
    for (const auto& [name, value] : each.entries()) config.set(name, value);
  if (!both) return make_layer<double>(class_of(kind), config);
  config.set("layer", class_of(kind));
  return make_layer<double>("Bidirectional", config);
}

constexpr Index batch = 2, steps = 4, features = 2;

/// Runs a layer and the plain formulas, with or without a mask, and returns the largest difference.
double off(const Kind& kind, AnyLayer<double> layer, bool masked) {
  const Config config = layer->config();
  const bool sequences = config.get<bool>("return_sequences", false), back = config.get<bool>("go_backwards", false);
  const bool both = layer->type() == "Bidirectional";
  const bool zero = config.get<bool>("zero_output_for_mask", false) || (both && sequences);
  std::vector<Shape> shapes{{steps, features}};
  if (masked) shapes.push_back({steps});
  Rng rng(4);
  const Shape out = layer->output_shape(shapes);
  layer->build(shapes, rng);
  for (Parameter<double>* parameter : layer->parameters())
    parameter->update([&](TensorView<double> value) {
      for (double& v : value) v = rng.normal(0, 0.7);
    });
  Tensor<double> x({batch, steps, features});
  for (double& v : x) v = rng.normal();
  const Tensor<double> mask({batch, steps}, {0, 1, 0, 1, 1, 1, 0, 0});
  std::vector<TensorView<const double>> inputs{x};
  if (masked) inputs.push_back(mask);
  Scratch scratch;
  Pass<double> pass{KernelContext{scratch}};
  Tensor<double> y(out.with_batch(batch));
  static_cast<const Layer<double>&>(*layer).forward(inputs, y, pass);

  double worst = 0;
  const auto parameters = layer->parameters();
  for (Index b = 0; b < batch; ++b) {
    std::vector<std::vector<std::vector<double>>> directions;
    std::vector<std::vector<bool>> marks;
    for (std::size_t d = 0; d < (both ? 2u : 1u); ++d) {
      const Plain plain{kind.name, 3, parameters[3 * d]->value(), parameters[3 * d + 1]->value(),
                        parameters[3 * d + 2]->value()};
      std::vector<std::vector<double>> rows;
      std::vector<bool> counts;
      for (Index s = 0; s < steps; ++s) {
        const Index t = back != (d == 1) ? steps - 1 - s : s;
        rows.push_back({x[(b * steps + t) * features], x[(b * steps + t) * features + 1]});
        counts.push_back(!masked || mask[b * steps + t] != 0);
      }
      directions.push_back(plain.run(rows, counts));
      marks.push_back(counts);
    }
    const Index width = both ? 6 : 3;
    for (Index s = sequences ? 0 : steps - 1; s < steps; ++s)
      for (Index j = 0; j < width; ++j) {
        const auto d = static_cast<std::size_t>(j / 3);
        const auto at = static_cast<std::size_t>(d == 1 && sequences ? steps - 1 - s : s);
        double want = directions[d][at][static_cast<std::size_t>(j % 3)];
        if (sequences && zero && !marks[d][at]) want = 0;
        const double got = y[(sequences ? (b * steps + s) : b) * width + j];
        worst = (std::max)(worst, std::abs(got - want));
      }
  }
  return worst;
}

TEST_CASE("recurrent layers compute their formulas, with masks, in both directions") {
  int runs = 0;
  for (const Kind& kind : kinds)
    for (const bool both : {false, true})
      for (const bool sequences : {false, true})
        for (const bool back : {false, true})
          for (const bool zero : {false, true})
            for (const bool masked : {false, true}) {
              CAPTURE(kind.name);
              CAPTURE(both);
              CAPTURE(sequences);
              CAPTURE(back);
              CAPTURE(zero);
              CAPTURE(masked);
              const Config more{
                  {"return_sequences", sequences}, {"go_backwards", back}, {"zero_output_for_mask", zero}};
              CHECK(off(kind, make(kind, more, both), masked) < 1e-14);
              ++runs;
            }
  CHECK(runs == 128);
}

TEST_CASE("recurrent layers keep the contract") {
  const LayerCheckOptions refused{.refused = {{{4}}, {{3, 2}, {2}}, {{0, 2}}, {{3, 2}, {3}, {3}}}};
  for (const Kind& kind : kinds)
    for (const bool sequences : {false, true}) {
      CAPTURE(kind.name);
      const Config more{{"return_sequences", sequences}};
      check_any(make(kind, more), {{3, 2}}, refused);
      check_any(make(kind, {{"return_sequences", sequences}, {"go_backwards", true}, {"use_bias", false}}), {{3, 2}});
      check_any(make(kind, {{"return_sequences", sequences}, {"dropout", 0.4}, {"recurrent_dropout", 0.3}}), {{3, 2}});
      check_any(make(kind, {{"activation", std::string("silu")}}), {{3, 2}});
      check_any(make(kind, more), {{3, 2}, {3}});
      for (const char* mode : {"concat", "sum", "mul", "ave"})
        check_any(make(kind, {{"return_sequences", sequences}, {"merge_mode", std::string(mode)}}, true), {{3, 2}},
                  refused);
    }
  check(LSTM<double>(2, {.activation = Activation::gelu, .recurrent_activation = Activation::hard_sigmoid}), {{3, 2}});
  check(LSTM<double>(2, {.activation = Activation::relu, .recurrent_activation = Activation::silu}), {{3, 2}});
}

TEST_CASE("gradients with a mask are those of central differences") {
  for (const Kind& kind : kinds)
    for (const bool both : {false, true})
      for (const bool sequences : {false, true}) {
        CAPTURE(kind.name);
        AnyLayer<double> layer = make(kind, {{"return_sequences", sequences}}, both);
        const std::vector<Shape> shapes{{steps, features}, {steps}};
        Rng rng(2);
        const Shape out = layer->output_shape(shapes);
        layer->build(shapes, rng);
        Tensor<double> x({batch, steps, features}), dx(x.shape()), dy(out.with_batch(batch)), y(dy.shape());
        for (double& v : x) v = rng.normal();
        for (double& v : dy) v = rng.normal();
        const Tensor<double> mask({batch, steps}, {0, 1, 0, 1, 1, 1, 0, 0});
        Scratch scratch;
        Cache<double> cache;
        const auto loss = [&] {
          Pass<double> pass{KernelContext{scratch}};
          pass.cache = &cache;
          const std::vector<TensorView<const double>> inputs{x, mask};
          static_cast<const Layer<double>&>(*layer).forward(inputs, y, pass);
          double sum = 0;
          for (Index i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
          return sum;
        };
        loss();
        for (Parameter<double>* parameter : layer->parameters())
          parameter->gradient = Tensor<double>(parameter->shape());
        Pass<double> pass{KernelContext{scratch}};
        pass.cache = &cache;
        const std::vector<TensorView<const double>> inputs{x, mask};
        const std::vector<TensorView<double>> targets{dx, TensorView<double>(mask.shape(), nullptr)};
        layer->backward(inputs, y, dy, targets, pass);
        double worst = 0;
        for (Index i = 0; i < x.size(); ++i) {
          const double kept = x[i];
          x[i] = kept + 1e-5;
          const double above = loss();
          x[i] = kept - 1e-5;
          const double below = loss();
          x[i] = kept;
          worst = (std::max)(worst, std::abs((above - below) / 2e-5 - dx[i]));
        }
        for (Parameter<double>* parameter : layer->parameters())
          for (Index i = 0; i < parameter->size(); ++i) {
            const auto moved = [&](double by) {
              parameter->update([&](TensorView<double> value) { value[i] += by; });
              return loss();
            };
            const double above = moved(1e-5), below = moved(-2e-5);
            moved(1e-5);
            worst = (std::max)(worst, std::abs((above - below) / 2e-5 - parameter->gradient[i]));
          }
        CHECK(worst < 1e-8);
      }
}

TEST_CASE("a recurrent layer gives a sample the same bits in any batch") {
  for (const Kind& kind : kinds) {
    CAPTURE(kind.name);
    Config config{{"units", Index{5}}, {"return_sequences", true}};
    for (const auto& [name, value] : kind.config.entries()) config.set(name, value);
    AnyLayer<float> layer = make_layer(class_of(kind), config);
    const std::vector<Shape> shapes{{6, 3}};
    Rng rng(3);
    layer->build(shapes, rng);
    Tensor<float> x({9, 6, 3});
    for (float& v : x) v = static_cast<float>(rng.normal());
    Scratch scratch;
    const auto run = [&](const Tensor<float>& input) {
      Pass<float> pass{KernelContext{scratch}};
      Tensor<float> y(Shape{input.shape()[0], 6, 5});
      const std::vector<TensorView<const float>> inputs{input};
      static_cast<const Layer<float>&>(*layer).forward(inputs, y, pass);
      return y;
    };
    const Tensor<float> together = run(x);
    for (Index b = 0; b < 9; ++b) {
      const Tensor<float> alone = run(Tensor<float>(x.rows(b, 1)));
      CHECK(std::equal(alone.begin(), alone.end(), together.data() + b * 30));
    }
  }
}

TEST_CASE("dropout of a recurrent layer draws once for all steps, and only in training") {
  Bench bench(SimpleRNN(4, {.recurrent_initializer = Initializer::zeros, .dropout = 0.5, .return_sequences = true}),
              {{6, 8}});
  const Tensor<float> x({3, 6, 8}, 1.0f), idle = bench.forward(x), trained = bench.forward(x, true);
  CHECK(difference(idle, trained) > 1e-3);
  for (Index b = 0; b < 3; ++b)
    for (Index s = 1; s < 6; ++s)
      for (Index j = 0; j < 4; ++j) CHECK(trained[(b * 6 + s) * 4 + j] == trained[b * 24 + j]);
}

TEST_CASE("the first values: orthogonal recurrent kernels, a forget gate that keeps") {
  Bench bench(LSTM(4), {{3, 2}});
  const Tensor<float>& r = bench.layer.recurrent_kernel().value();
  for (Index i = 0; i < 4; ++i)
    for (Index j = 0; j < 4; ++j) {
      double dot = 0;
      for (Index k = 0; k < 16; ++k) dot += static_cast<double>(r[i * 16 + k]) * static_cast<double>(r[j * 16 + k]);
      CHECK(dot == doctest::Approx(i == j ? 1 : 0).epsilon(1e-5));
    }
  for (Index i = 0; i < 16; ++i) CHECK(bench.layer.bias().value()[i] == (i >= 4 && i < 8 ? 1 : 0));
  Rng rng(1);
  const Tensor<double> tall = initial_values<double>({2, 3, 4}, Initializer::orthogonal, Fans(1, 1), rng);
  for (Index i = 0; i < 4; ++i)
    for (Index j = 0; j < 4; ++j) {
      double dot = 0;
      for (Index k = 0; k < 6; ++k) dot += tall[k * 4 + i] * tall[k * 4 + j];
      CHECK(dot == doctest::Approx(i == j ? 1 : 0).epsilon(1e-12));
    }
}

TEST_CASE("masks of steps, and tokens as rows") {
  check(Masking<double>(), {{3, 2}}, {.refused = {{{3}}}});
  check(StepMask<double>({.mask_value = 2}), {{3, 2}}, {.refused = {{{3, 2, 2}}}});
  check(StepMask<double>(), {{3}});
  check(Embedding<double>(9, 3), {{4}}, {.deviation = 0.7, .mean = 4});
  check(Embedding<double>(9, 2), {{2, 3}}, {.deviation = 0.7, .mean = 4});
  const Tensor<float> x({1, 3, 2}, {2, 2, 2, 1, 0, 0});
  CHECK(Bench(Masking({.mask_value = 2}), {{3, 2}}).forward(x) == Tensor<float>({1, 3, 2}, {0, 0, 2, 1, 0, 0}));
  CHECK(Bench(StepMask({.mask_value = 2}), {{3, 2}}).forward(x) == Tensor<float>({1, 3}, {0, 1, 1}));
  CHECK(Bench(StepMask(), {{3}}).forward(Tensor<float>({1, 3}, {0, 5, 0})) == Tensor<float>({1, 3}, {0, 1, 0}));
  Bench table(Embedding(3, 2), {{4}});
  table.layer.embeddings().set(Tensor<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  CHECK(table.forward(Tensor<float>({1, 4}, {2, 0, 2, 1.9f})) == Tensor<float>({1, 4, 2}, {5, 6, 1, 2, 5, 6, 3, 4}));
  table.backward(Tensor<float>({1, 4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
  CHECK(table.layer.embeddings().gradient == Tensor<float>({3, 2}, {3, 4, 7, 8, 6, 8}));
  CHECK_THROWS_WITH_AS(table.forward(Tensor<float>({1, 4}, {0, 0, 3, 0})),
                       "[Embedding] expected numbers from 0 to 2, got 3.000000", DataError);
  CHECK_THROWS_AS(table.forward(Tensor<float>({1, 4}, {0, 0, -1, 0})), DataError);
  CHECK_THROWS_AS(table.forward(Tensor<float>({1, 4}, {0, 0, std::nanf(""), 0})), DataError);
  CHECK_THROWS_WITH_AS(Embedding(0, 2), "[Embedding] expected input_dim of 1 or more, got 0", ConfigError);
}

TEST_CASE("recurrent layers say what is wrong") {
  CHECK_THROWS_WITH_AS(LSTM(0), "[LSTM] expected units of 1 or more, got 0", ConfigError);
  CHECK_THROWS_WITH_AS(GRU(2, {.dropout = 1, .name = "g"}), "[g (GRU)] expected dropout in [0, 1), got 1.000000",
                       ConfigError);
  CHECK_THROWS_WITH_AS(make_layer("Bidirectional", {{"layer", std::string("Dense")}, {"units", Index{2}}}),
                       "[option layer] expected \"SimpleRNN\", \"LSTM\" or \"GRU\", got \"Dense\"", ConfigError);
  CHECK_THROWS_WITH_AS(
      make_layer("Bidirectional",
                 {{"layer", std::string("LSTM")}, {"units", Index{2}}, {"merge_mode", std::string("max")}}),
      "[option merge_mode] expected \"concat\", \"sum\", \"mul\" or \"ave\", got \"max\"", ConfigError);
  const std::vector<Shape> row{{4}}, wide{{3, 5}}, short_mask{{3, 2}, {2}};
  CHECK_THROWS_WITH_AS(SimpleRNN(2).output_shape(row),
                       "[SimpleRNN] expected an input of rank 2 beside the batch, got rank 1, shape (4) (sequences are "
                       "(steps, features))",
                       ShapeError);
  CHECK_THROWS_WITH_AS(LSTM(2).output_shape(short_mask), "[LSTM] expected a mask of (3), got (2)", ShapeError);
  Bench bench(LSTM(2), {{3, 2}});
  CHECK_THROWS_WITH_AS(bench.layer.output_shape(wide), "[LSTM] expected 2 features, got (3, 5)", ShapeError);
}

}  // namespace recurrent_test
