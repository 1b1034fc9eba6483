#include <keel/layers/activation_layer.hpp>
#include <keel/layers/elu.hpp>
#include <keel/layers/leaky_relu.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

TEST_CASE("ActivationLayer keeps the contract with every activation") {
  for (std::size_t i = 0; i < activation_names.size(); ++i) {
    CAPTURE(activation_names[i]);
    check(ActivationLayer<double>(static_cast<Activation>(i)), {{2, 3, 4}}, {.deviation = 3, .refused = {{{2}, {2}}}});
  }
  check(ActivationLayer<double>({Activation::leaky_relu, -0.5}), {{7}});
  check(ActivationLayer<double>(Activation::softmax), {{1}}, {.refused = {{Shape{}}}});
}

TEST_CASE("ActivationLayer applies its function") {
  Bench bench(ActivationLayer(Activation::relu), {{3}});
  CHECK(bench.forward(Tensor<float>({1, 3}, {-1, 0, 2})) == Tensor<float>({1, 3}, {0, 0, 2}));
  CHECK(bench.backward(Tensor<float>({1, 3}, {5, 5, 5})) == Tensor<float>({1, 3}, {0, 0, 5}));
  CHECK(bench.layer.acceleration().activation.kind == Activation::relu);
  CHECK(bench.layer.config().get<std::string>("activation", "") == "relu");
}

TEST_CASE("LeakyReLU and ELU are activations under Keras's class names") {
  check(LeakyReLU<double>(), {{5}});
  check(ELU<double>({.alpha = 0.7}), {{5}});
  Bench leaky(LeakyReLU({.negative_slope = 0.5}), {{2}});
  CHECK(leaky.forward(Tensor<float>({1, 2}, {-4, 4})) == Tensor<float>({1, 2}, {-2, 4}));
  CHECK(LeakyReLU().acceleration().activation.alpha == 0.3);
  CHECK(LeakyReLU().type() == "LeakyReLU");
  Bench elu(ELU<double>(ELUOptions{.alpha = 2}), {{2}});
  CHECK(elu.forward(Tensor<double>({1, 2}, {-1, 3}))[0] == doctest::Approx(2 * std::expm1(-1)));
  CHECK(elu.y[1] == 3);
}
