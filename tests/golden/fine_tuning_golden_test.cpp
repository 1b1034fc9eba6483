#include <doctest/doctest.h>

#include <keel/io/load.hpp>
#include <keel/training/losses/losses.hpp>
#include <keel/training/optimizers/optimizers.hpp>

#include "support/golden.hpp"
#include "temporary_directory.hpp"

// A network that PyTorch exported to ONNX in training form, trained on: tests/golden/README.md.

#if KEEL_HAS_PROTOBUF

namespace {

using namespace keel;

template <class T>
void fine_tune(const golden::File& file, const std::string& name, OptimizerSpec spec, double allowed) {
  CAPTURE(name);
  CAPTURE(sizeof(T));
  Model<T> model = load<T>(KEEL_SOURCE_DIR "/tests/golden/fine_tune_torch.onnx",
                           {.moving_variance = MovingVariance::unbiased});  // as PyTorch trains
  const Tensor<T> images = file.tensor<T>("images"), labels = file.tensor<T>("labels");
  const Tensor<double> losses = file.tensor(name + "/loss");
  const Index batch = 8;
  REQUIRE(losses.size() == 20);
  const LossSpec loss(Loss::sparse_categorical_crossentropy, {.from_logits = true});
  Optimizer<T> optimizer(std::move(spec));
  Tape<T> tape;
  Tensor<T> dy;
  for (Index step = 0; step < losses.size(); ++step) {
    CAPTURE(step);
    const Index begin = step * batch % images.shape()[0];
    const Tensor<T> x = images.rows(begin, batch), target = labels.rows(begin, batch);
    const TensorView<const T> y = model.forward(x, tape);
    CHECK(std::abs(loss.value_and_gradient<T>(y, target, dy) / losses[step] - 1) < allowed);
    model.backward(dy, tape);
    optimizer.step(model.parameters());
  }
  CHECK(model.named_parameters().size() == 22);
  for (const NamedParameter<T>& named : model.named_parameters()) {
    CAPTURE(named.name);
    CHECK(golden::off(named.parameter->value(), file.tensor(name + "/" + named.name)) < allowed);
  }
  const Tensor<T> x = images.rows(0, batch), predicted = model.predict(x);
  CHECK(golden::off(predicted, file.tensor(name + "/predicted")) < allowed);

  const TemporaryDirectory folder;
  save(model, folder / "tuned.onnx");
  const Tensor<T> again = load<T>(folder / "tuned.onnx").predict(x);
  CHECK(std::equal(again.begin(), again.end(), predicted.begin(), predicted.end()));
}

TEST_CASE("a network in an ONNX file trains on as in PyTorch, which wrote it") {
  const golden::File file("fine_tune_torch");
  fine_tune<float>(file, "sgd", SGD::torch({.lr = 0.05, .momentum = 0.9}), 1e-5);
  fine_tune<float>(file, "adam", Adam::torch({.lr = 0.002}), 1e-5);
  fine_tune<double>(file, "sgd", SGD::torch({.lr = 0.05, .momentum = 0.9}),
                    1e-6);  // the file has momenta and epsilons as floats
  fine_tune<double>(file, "adam", Adam::torch({.lr = 0.002}), 1e-6);
}

}  // namespace

#endif
