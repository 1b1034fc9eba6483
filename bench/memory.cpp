// Peak memory of one network: memory NETWORK infer|train BATCH prints the process's peak resident size in MB
// before the network was built and at the end.

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <keel/training/losses/losses.hpp>
#include <keel/training/optimizers/optimizers.hpp>

#include "networks.hpp"

using namespace keel;

namespace {

double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: memory NETWORK infer|train BATCH\n");
    return 2;
  }
  const bool training = std::strcmp(argv[2], "train") == 0;
  const Index batch = std::atoi(argv[3]);
  const double before = peak_megabytes();
  Model<float> model = networks::make<float>(argv[1], default_threads(), !training);
  const Tensor<float> x(model.input_shape().with_batch(batch), 0.5f);
  if (training) {
    const LossSpec loss{Loss::sparse_categorical_crossentropy, {.from_logits = true}};
    const Tensor<float> labels({batch}, 1.0f);
    Optimizer<float> optimizer(Adam({.learning_rate = 1e-3}));
    Tape<float> tape;
    Tensor<float> dy;
    for (int step = 0; step < 3; ++step) {
      loss.value_and_gradient(model.forward(x, tape), labels, dy);
      model.backward(dy, tape);
      optimizer.step(model.parameters(), model.thread_pool());
    }
  } else {
    Tensor<float> y(model.output_shape().with_batch(batch));
    for (int run = 0; run < 3; ++run) model.predict(x, y);
  }
  std::printf("%.0f %.0f\n", before, peak_megabytes());
}
