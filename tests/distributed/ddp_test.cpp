/// Two ranks against PyTorch's DistributedDataParallel and SyncBatchNorm (golden/generate_ddp.py).

#include <doctest/doctest.h>

#include "distributed/distributed_testing.hpp"
#include "support/golden.hpp"

namespace ddp_test {

using namespace keel;
using namespace distributed_testing;

/// The network of the golden file, with its first weights.
template <class T>
Sequential<T> network(const golden::File& file, const std::string& name) {
  Sequential<T> model({8, 8, 1});
  model.add(Conv2D<T>(4, 3, {.padding = Padding(1), .name = "conv2d"}));
  if (name == "norm") {
    BatchNormOptions options = norm(true, true);
    options.name = "batch_normalization";
    model.add(BatchNorm<T>(options));
  }
  model.add(ActivationLayer<T>(Activation::tanh)).add(Flatten<T>());
  model.add(Dense<T>(16, {.activation = Activation::tanh, .name = "dense"}));
  model.add(Dense<T>(4, {.name = "dense_1"}));
  for (const NamedParameter<T>& p : model.named_parameters())
    p.parameter->set(file.tensor<T>(name + "/before/" + p.name));
  return model;
}

TEST_CASE_TEMPLATE("two ranks train as PyTorch's do", T, float, double) {
  const golden::File file("ddp_torch");
  for (const auto& [name, settings] : file.cases()) {
    const std::string& what = name;
    CAPTURE(what);
    const Dataset<T> data(file.tensor<T>(name + "/images"), file.tensor<T>(name + "/labels"));
    FitOptions<T> options{.epochs = static_cast<Index>(settings.number("epochs")),
                          .batch_size = static_cast<Index>(settings.number("batch")),
                          .loss = {Loss::sparse_categorical_crossentropy, {.from_logits = true}},
                          .shuffle = false,
                          .verbose = Verbose::silent};
    options.optimizer = name == "adam" ? OptimizerSpec(Adam::torch({.lr = 0.01}))
                                       : OptimizerSpec(SGD::torch({.lr = 0.05, .momentum = 0.9}));
    const double bound = std::is_same_v<T, float> ? 1e-5 : 1e-11;
    const Tensor<double> losses = file.tensor(name + "/losses");
    std::vector<double> errors(2, 0);
    ThreadRanks(2, {.timeout = 300}).run([&](Communicator& rank) {
      Sequential<T> model = network<T>(file, name);
      const History history = fit(model, rank.shard(data), options);
      double& error = nth(errors, rank.rank());
      for (Index e = 0; e < losses.size(); ++e)
        error = (std::max)(error, std::abs(nth(history.scores, e)["loss"] - losses[e]));
      for (const NamedParameter<T>& p : model.named_parameters()) {
        const Tensor<double> expected = file.tensor(name + "/after/" + p.name);
        for (Index i = 0; i < expected.size(); ++i)
          error = (std::max)(error, std::abs(static_cast<double>(p.parameter->value()[i]) - expected[i]));
      }
    });
    CHECK(errors[0] < bound);
    CHECK(errors[1] < bound);
  }
}

}  // namespace ddp_test
