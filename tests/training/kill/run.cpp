// A training run that goes on from its checkpoint, where there is one, and prints what it ends with: what run.sh kills.
//   run CHECKPOINT LOG THREADS dataset|generator
#include <cstdio>
#include <cstdlib>
#include <string>

#include <keel/keel.hpp>
#include <keel/training/checkpoint.hpp>

#include "training/small_problem.hpp"

using namespace keel;

int main(int argc, char** argv) try {
  if (argc != 5) return 2;
  const std::string checkpoint = argv[1], log = argv[2], source = argv[4];
  Dataset<float> data = small_problem::rings(400, 1);
  const Dataset<float> test = small_problem::rings(100, 2);
  data.map([](Batch<float>& batch) {  // an augmentation
    for (Index i = 0; i < batch.size(); ++i) {
      Rng rng(1, Rng::stream_id({static_cast<std::uint64_t>(batch.epoch),
                                 static_cast<std::uint64_t>(batch.indices[static_cast<std::size_t>(i)])}));
      batch.inputs[0](i, 0) += static_cast<float>(rng.normal() * 0.05);
    }
  });
  Sequential<float> model({2}, {.seed = 4, .threads = std::atoi(argv[3])});
  model.add(Dense(64, {.activation = Activation::tanh})).add(BatchNorm()).add(Dropout(0.2)).add(Dense(3));
  FitOptions<float> options{.epochs = 12,
                            .batch_size = 16,
                            .optimizer = Adam({.learning_rate = 0.01}),
                            .loss = {Loss::sparse_categorical_crossentropy, {.from_logits = true}},
                            .metrics = {Metric::accuracy},
                            .validation = &test,
                            .seed = 7,
                            .callbacks = {ReduceLROnPlateau<>({.factor = 0.7, .patience = 2}),
                                          EarlyStopping<>({.patience = 9, .restore_best_weights = true}), CsvLogger<>(log),
                                          Checkpoint(checkpoint, {.batches = 2})},
                            .resume = if_exists(checkpoint),
                            .verbose = Verbose::silent};
  const History history = source == "generator" ? fit(model, Batches(data, {.batch_size = 16, .seed = 7}), options)
                                                : fit(model, data, options);
  std::fputs(history.to_csv().c_str(), stdout);
  for (const auto* parameter : model.parameters())
    for (const float value : parameter->value()) std::printf("%a\n", static_cast<double>(value));
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
