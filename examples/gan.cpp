// A generative adversarial network of Fashion-MNIST: from noise a generator learns to make images that a critic cannot tell
// from real ones. Two models and two optimizers, trained by hand; a classifier of the real images judges what is made.
//
//   gan [--data DIR] [--samples N] [--steps N] [--threads N]

#include <iostream>

#include <keel/keel.hpp>

#include "arguments.hpp"

using namespace keel;

int main(int argc, char** argv) try {
  const Arguments arguments(argc, argv, {"--data", "--samples", "--steps", "--threads"});
  const int threads = static_cast<int>(arguments.number("--threads", 2));
  Dataset<float> train = datasets::fashion_mnist(arguments.text("--data", datasets::fashion_mnist_dir)).train;
  train = train.take(arguments.number("--samples", 20000));

  Sequential judge(
      {28, 28, 1},
      {Flatten(), Dense(64, {.activation = Activation::relu}), Dense(10, {.activation = Activation::softmax})},
      {.seed = 1, .threads = threads});
  fit(judge, train, {.epochs = 3, .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});

  constexpr Index size = 64, noise_size = 32;
  Sequential generator({noise_size}, {.seed = 2, .threads = threads});
  for (const Index w : {128, 256})
    generator.add(Dense(w, {.use_bias = false})).add(BatchNorm({.momentum = 0.9})).add(ReLU());
  generator.add(Dense(784, {.activation = Activation::sigmoid})).add(Reshape({28, 28, 1}));
  Sequential critic({28, 28, 1}, {.seed = 3, .threads = threads});
  critic.add(Flatten());
  for (const Index w : {256, 128}) critic.add(Dense(w)).add(LeakyReLU({.negative_slope = 0.2})).add(Dropout(0.3));
  critic.add(Dense(1));
  const Adam adam({.learning_rate = 2e-3, .beta_1 = 0.5});
  Optimizer<float> of_generator{adam}, of_critic{adam};
  const LossSpec loss{Loss::binary_crossentropy, {.from_logits = true}};
  Rng rng(4);
  const Tensor<float> wanted({size, 1}, 1.0f);
  Tensor<float> both({2 * size, 28, 28, 1}), slope;
  Tensor<float> which({2 * size, 1});  // 0.9: real, so that the critic is never too sure; 0: made
  std::fill_n(which.data(), size, 0.9f);
  Tape<float> making, judging;
  judging.input_gradients = true;
  const auto draw = [&](Index count) {
    Tensor<float> noise({count, noise_size});
    for (float& value : noise) value = static_cast<float>(rng.normal());
    return noise;
  };
  Batches<float> batches(train, {.batch_size = size, .shuffle = true, .drop_last = true});
  Batch<float> batch;
  for (Index step = 0; step < arguments.number("--steps", 4000); ++step) {
    batches(step / batches.count(), step % batches.count(), batch);
    const Tensor<float> noise = draw(size);
    const TensorView<const float> made = generator.forward(noise, making);
    std::copy(batch.inputs[0].begin(), batch.inputs[0].end(), both.begin());
    std::copy(made.begin(), made.end(), both.begin() + batch.inputs[0].size());
    const double of_both = loss.value_and_gradient<float>(critic.forward(both, judging), which, slope);
    critic.backward(slope, judging);
    of_critic.step(critic.parameters());
    // what is made is to be taken for real: the critic's gradient at its input is that of the generator's output
    const double of_made = loss.value_and_gradient<float>(critic.forward(made, judging), wanted, slope);
    critic.backward(slope, judging);
    generator.backward(judging.input_gradient(), making);
    of_generator.step(generator.parameters());
    if ((step + 1) % 500 == 0)
      std::cout << "step " << step + 1 << ": critic's loss " << of_both << ", generator's " << of_made << "\n";
  }

  const Tensor<float> images = generator.predict(draw(500)), said = judge.predict(images);
  Index sure = 0;
  std::vector<Index> counts(10);
  for (const float* row = said.begin(); row != said.end(); row += 10) {
    const float* const best = std::max_element(row, row + 10);
    sure += *best > 0.9f;
    ++counts[static_cast<std::size_t>(best - row)];
  }
  std::cout << "of 500 images that were made the judge is sure of " << sure << ", and finds "
            << std::count_if(counts.begin(), counts.end(), [](Index count) { return count >= 10; }) << " kinds\n";
  for (Index y = 0; y < 28; y += 2) {  // four of them, every other row
    for (Index x = 0; x < 4 * 28; ++x)
      std::cout << " .:-=+*#%@"[static_cast<int>(images(x / 28, y, x % 28, 0) * 9.99f)];
    std::cout << "\n";
  }
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
