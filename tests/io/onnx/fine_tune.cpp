/// Trains tests/golden/fine_tune_torch.onnx 20 steps with SGD, as PyTorch did, and exports it again:
/// `fine_tune DIRECTORY` writes tuned.onnx, and beside it as round.js reads them the images, channels last, and PyTorch's
/// output after its steps.

#include <cstdio>
#include <fstream>

#include <keel/io/load.hpp>
#include <keel/training/losses/losses.hpp>
#include <keel/training/optimizers/optimizers.hpp>

#include "support/golden.hpp"

using namespace keel;

namespace {

void write(const std::string& path, const Tensor<float>& values) {
  std::string dims;
  for (const Index extent : values.shape()) dims += (dims.empty() ? "" : ", ") + std::to_string(extent);
  std::ofstream(path + ".json") << "[[" << dims << "]]";
  std::ofstream stream(path + ".bin", std::ios::binary);
  stream.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(static_cast<std::size_t>(values.size()) * sizeof(float)));
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::puts("fine_tune DIRECTORY");
    return 2;
  }
  const std::string folder = std::string(arguments[1]) + "/";
  const golden::File file("fine_tune_torch");
  auto model =
      load<float>(KEEL_SOURCE_DIR "/tests/golden/fine_tune_torch.onnx", {.moving_variance = MovingVariance::unbiased});
  const Tensor<float> images = file.tensor<float>("images"), labels = file.tensor<float>("labels");
  const LossSpec loss(Loss::sparse_categorical_crossentropy, {.from_logits = true});
  Optimizer<float> optimizer(SGD::torch({.lr = 0.05, .momentum = 0.9}));
  Tape<float> tape;
  Tensor<float> dy;
  for (Index step = 0; step < 20; ++step) {
    const Index begin = step * 8 % images.shape()[0];
    const Tensor<float> x = images.rows(begin, 8), target = labels.rows(begin, 8);
    loss.value_and_gradient<float>(model.forward(x, tape), target, dy);
    model.backward(dy, tape);
    optimizer.step(model.parameters());
  }
  save(model, folder + "tuned.onnx");
  write(folder + "tuned.onnx.x", images.rows(0, 8));
  write(folder + "tuned.onnx.y", file.tensor<float>("sgd/predicted"));
  return 0;
}
