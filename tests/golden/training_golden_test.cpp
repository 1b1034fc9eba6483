#include <doctest/doctest.h>

#include <keel/layers/activation_layer.hpp>
#include <keel/layers/add.hpp>
#include <keel/layers/batch_norm.hpp>
#include <keel/layers/conv2d.hpp>
#include <keel/layers/dense.hpp>
#include <keel/layers/flatten.hpp>
#include <keel/layers/global_average_pool2d.hpp>
#include <keel/model/sequential.hpp>
#include <keel/training/losses/losses.hpp>
#include <keel/training/optimizers/optimizers.hpp>

#include "support/golden.hpp"

// Twenty steps of training against PyTorch, TensorFlow.js and Keras's formulas: tests/golden/README.md.

namespace {

using namespace keel;
using golden::Settings;

/// Trains on `batch` samples a step, in order and round again, and compares the loss of each step and all weights
/// after steps 1, 10 and 20.
template <class T>
void train(Model<T>& model, const LossSpec& loss, OptimizerSpec spec, const golden::File& file, const std::string& name,
           const Tensor<T>& images, const Tensor<T>& labels, Index batch, double allowed) {
  const Tensor<double> losses = file.tensor(name + "/loss");
  REQUIRE(losses.size() == 20);
  Optimizer<T> optimizer(std::move(spec));
  Tape<T> tape;
  Tensor<T> dy;
  int compared = 0;
  for (Index step = 0; step < losses.size(); ++step) {
    CAPTURE(step);
    const Index begin = step * batch % images.shape()[0];
    const Tensor<T> x = images.rows(begin, batch), target = labels.rows(begin, batch);
    const TensorView<const T> y = model.forward(x, tape);
    const double value = loss.value_and_gradient<T>(y, target, dy);
    CHECK(std::abs(value / losses[step] - 1) < allowed);
    model.backward(dy, tape);
    optimizer.step(model.parameters());

    const std::string prefix = name + "/step" + std::to_string(step + 1) + "/";
    if (!file.has(prefix + "dense/bias")) continue;
    for (const NamedParameter<T>& named : model.named_parameters()) {
      const std::string& key = named.name;
      CAPTURE(key);
      ++compared;
      const Tensor<T>& w = named.parameter->value();
      if (file.has(prefix + key)) {
        CHECK(golden::off(w, file.tensor(prefix + key)) < allowed);
        continue;
      }
      const Tensor<double> rows = file.tensor(prefix + key + ".rows7"), mean = file.tensor(prefix + key + ".mean");
      Tensor<T> every(rows.shape()), means(mean.shape());
      for (Index c = 0; c < mean.size(); ++c) {
        double sum = 0;
        for (Index r = 0; r < w.shape()[0]; ++r) {
          sum += static_cast<double>(w(r, c));
          if (r % 7 == 0) every(r / 7, c) = w(r, c);
        }
        means[c] = static_cast<T>(sum / static_cast<double>(w.shape()[0]));
      }
      CHECK(golden::off(every, rows) < allowed);
      CHECK(golden::off(means, mean) < allowed);
    }
  }
  CHECK(compared == 3 * static_cast<int>(model.named_parameters().size()));
}

OptimizerSpec seed_optimizer(const Settings& s) {
  const std::string kind = s.text("optimizer");
  if (s.has("lr")) {
    if (kind == "Adam") return Adam::torch({.lr = s.number("lr")});
    REQUIRE(kind == "SGD");
    return SGD::torch({.lr = s.number("lr")});
  }
  const double rate = s.number("learning_rate");
  if (kind == "Adam") return Adam({.learning_rate = rate});
  if (kind == "RMSprop") return RMSprop({.learning_rate = rate});
  REQUIRE(kind == "SGD");
  return SGD({.learning_rate = rate, .momentum = s.number("momentum", 0)});
}

/// The seed's network, scaled down.
template <class T>
void replay_seed(const golden::File& file, const std::string& name, const Settings& s, double allowed) {
  CAPTURE(name);
  CAPTURE(sizeof(T));
  const golden::File data("seed_data");
  const bool logits = s.flag("from_logits");
  Sequential<T> model({16, 16, 1});
  model.add(Conv2D<T>(8, 3, {.padding = Padding::same, .activation = Activation::relu, .name = "conv"}))
      .add(BatchNorm<T>(
          {.momentum = s.number("bn_momentum"),
           .epsilon = s.number("bn_epsilon"),
           .moving_variance = s.text("bn_variance") == "bessel" ? MovingVariance::unbiased : MovingVariance::biased,
           .name = "batch_norm"}))
      .add(Flatten<T>())
      .add(Dense<T>(12, {.activation = Activation::relu, .name = "dense"}))
      .add(Dense<T>(10, {.activation = logits ? Activation::linear : Activation::softmax, .name = "dense_1"}));
  for (const auto& [key, parameter] : model.named_parameters())
    if (parameter->kind() == ParameterKind::trainable) parameter->set(data.tensor<T>("seed/" + key));
  train(static_cast<Model<T>&>(model), LossSpec(Loss::sparse_categorical_crossentropy, {.from_logits = logits}),
        seed_optimizer(s), file, name, data.tensor<T>("seed/images"), data.tensor<T>("seed/labels"), 8, allowed);
}

TEST_CASE("the seed's network trains as in PyTorch, with SGD and Adam") {
  const golden::File file("seed_torch");
  CHECK(file.cases().size() == 4);
  for (const auto& [name, settings] : file.cases()) {
    replay_seed<float>(file, name, settings, golden::tolerance<float>());
    replay_seed<double>(file, name, settings, golden::tolerance<double>());
  }
}

TEST_CASE("the seed's network trains by Keras's formulas, with SGD, momentum, Adam and RMSprop") {
  const golden::File file("seed_keras");
  CHECK(file.cases().size() == 5);
  for (const auto& [name, settings] : file.cases()) {
    replay_seed<float>(file, name, settings, golden::tolerance<float>());
    replay_seed<double>(file, name, settings, golden::tolerance<double>());
  }
}

TEST_CASE("the seed's network trains as in TensorFlow.js") {
  const golden::File file("seed_tfjs");
  CHECK(file.cases().size() == 2);
  for (const auto& [name, settings] : file.cases()) {
    replay_seed<float>(file, name, settings, golden::tolerance<float>());
    replay_seed<double>(file, name, settings, golden::tolerance<float>());  // the trace is float
  }
}

template <class T>
Node block(Model<T>& model, Node x, const std::string& name, Index filters, Index stride,
           const BatchNormOptions& norm) {
  const auto convolution = [&](const char* part, Node in, Index size, Index strides) {
    return model.add(Conv2D<T>(filters, size,
                               {.strides = strides, .padding = size / 2, .use_bias = false, .name = name + "/" + part}),
                     in);
  };
  const auto normalise = [&](const char* part, Node in) {
    BatchNormOptions options = norm;
    options.name = name + "/" + part;
    return model.add(BatchNorm<T>(options), in);
  };
  const auto relu = [&](Node in) { return model.add(ActivationLayer<T>(Activation::relu), in); };
  Node h = relu(normalise("bn1", convolution("conv1", x, 3, stride)));
  h = normalise("bn2", convolution("conv2", h, 3, 1));
  const Node shortcut = stride == 1 ? x : normalise("bn3", convolution("conv3", x, 1, stride));
  return relu(model.add(Add<T>(), {h, shortcut}));
}

template <class T>
void replay_residual() {
  CAPTURE(sizeof(T));
  const golden::File file("residual_torch");
  const Settings& s = file.settings("residual");
  BatchNormOptions norm = BatchNormOptions::torch();
  CHECK(std::abs(norm.momentum - s.number("bn_momentum")) < 1e-15);
  norm.name = "bn";

  Model<T> model;
  Node x = model.input({12, 11, 3});
  x = model.add(Conv2D<T>(6, 3, {.padding = 1, .use_bias = false, .name = "conv"}), x);
  x = model.add(ActivationLayer<T>(Activation::relu), model.add(BatchNorm<T>(norm), x));
  x = block(model, x, "block1", 6, 1, norm);
  x = block(model, x, "block2", 8, 2, norm);
  x = block(model, x, "block3", 10, 2, norm);
  model.output(model.add(Dense<T>(4, {.name = "dense"}), model.add(GlobalAveragePool2D<T>(), x)));
  for (const auto& [key, parameter] : model.named_parameters()) parameter->set(file.tensor<T>("residual/start/" + key));

  const Tensor<T> images = file.tensor<T>("residual/images"), labels = file.tensor<T>("residual/labels");
  train(model, LossSpec(Loss::sparse_categorical_crossentropy, {.from_logits = true}),
        SGD::torch({.lr = s.number("lr"), .momentum = s.number("momentum"), .weight_decay = s.number("weight_decay")}),
        file, "residual", images, labels, 6, golden::tolerance<T>());
  CHECK(golden::off(model.predict(images), file.tensor("residual/predictions")) < golden::tolerance<T>());
}

TEST_CASE("a residual network trains as in PyTorch") {
  replay_residual<float>();
  replay_residual<double>();
}

}  // namespace
