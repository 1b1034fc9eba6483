// What several ranks cost and gain, with one thread each:
//
//   mpirun -np R ranks cost                        seconds of an all_reduce by size, and the constants of the cost model
//   mpirun -np R ranks NETWORK [BATCH [STEPS]]     training with BATCH samples a rank: samples a second, and how much of the
//                                                  reductions the backward pass hid

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <keel/distributed/mpi.hpp>
#include <keel/keel.hpp>

#include "../networks.hpp"

using namespace keel;

namespace {

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// The median of some calls, after one.
template <class F>
double median(int times, F&& call) {
  call();
  std::vector<double> taken;
  for (int i = 0; i < times; ++i) {
    const double start = seconds();
    call();
    taken.push_back(seconds() - start);
  }
  std::nth_element(taken.begin(), taken.begin() + times / 2, taken.end());
  return taken[to_size(times / 2)];
}

void cost(Mpi& mpi) {
  const bool first = mpi.rank() == 0;
  const auto ranks = static_cast<double>(mpi.size());
  const double gather = median(201, [&] { mpi.gather(std::vector<std::byte>(64)); });
  if (first) std::printf("%d ranks\ngather of 64 bytes %.1f us\n", static_cast<int>(mpi.size()), 1e6 * gather);
  double latency = 0;
  for (std::size_t count = 2; count <= std::size_t{1} << 22; count *= 8) {
    std::vector<float> values(count, 1);
    const double taken = median(count < 100000 ? 201 : 21, [&] { mpi.all_reduce(std::span<float>(values)); });
    const double bytes = static_cast<double>(4 * count);
    const double sent = 2 * (ranks - 1) / ranks * bytes;
    if (count == 2) latency = taken / (ranks - 1);
    if (first)
      std::printf("all_reduce of %9.0f bytes %10.1f us, a = %.1f us, w = %.0f MB/s\n", bytes, 1e6 * taken,
                  1e6 * latency, sent / (taken - 2 * (ranks - 1) * latency) / 1e6);
  }
}

void train(Mpi& mpi, const std::string& network, Index batch, Index steps) {
  constexpr Index warm = 2;
  Model<float> model = networks::make<float>(network, 1, false);
  Rng rng(5, static_cast<std::uint64_t>(mpi.rank()));
  Tensor<float> images(model.input_shape().with_batch(batch)), labels({batch});
  for (float& value : images) value = static_cast<float>(rng.normal());
  for (float& label : labels) label = static_cast<float>(rng.below(10));
  double begun = 0, ended = 0, hidden = 0, waited = 0, bytes = 0;
  std::uint64_t sent = 0;
  std::vector<ReductionTrace> trace;
  mpi.on_reduction = [&](const ReductionTrace& sum) {
    if (!trace.empty() && sum.begun < trace.back().begun) trace.clear();
    trace.push_back(sum);
    if (begun == 0) return;
    bytes += static_cast<double>(sum.bytes);
    hidden += (std::max)(0.0, (std::min)(sum.done, sum.needed) - sum.begun);
    waited += (std::max)(0.0, sum.done - (std::max)(sum.needed, sum.begun));
  };
  const Generator<float> generator = [&](Index, Index step, Batch<float>& to) {
    if (step == warm) {
      begun = seconds();
      sent = mpi.bytes_sent();
    }
    if (step == warm + steps) {
      ended = seconds();
      sent = mpi.bytes_sent() - sent;
      return false;
    }
    to.inputs = {images};
    to.targets = {labels};
    return true;
  };
  fit(model, generator,
      {.epochs = 1,
       .optimizer = SGD({.learning_rate = 1e-4, .momentum = 0.9}),
       .loss = {Loss::sparse_categorical_crossentropy, {.from_logits = true}},
       .communicator = &mpi,
       .verbose = Verbose::silent});
  if (mpi.rank() != 0) return;
  const auto count = static_cast<double>(steps), ranks = static_cast<double>(mpi.size());
  const double step = (ended - begun) / count;
  std::printf("%s, %d ranks of %d samples: %.1f ms a step, %.2f samples/s\n", network.c_str(),
              static_cast<int>(mpi.size()), static_cast<int>(batch), 1e3 * step,
              ranks * static_cast<double>(batch) / step);
  std::printf(
      "a step: %.0f bytes of gradients, %.0f sent, the least is %.0f; reductions hidden %.2f ms, waited for %.2f ms\n",
      bytes / count, static_cast<double>(sent) / count, 2 * (ranks - 1) / ranks * bytes / count, 1e3 * hidden / count,
      1e3 * waited / count);
  std::printf("   begun    done      KB   the last step, in ms since its backward pass began\n");
  for (const ReductionTrace& sum : trace)
    std::printf("%8.2f%8.2f%8.1f   %s\n", 1e3 * sum.begun, 1e3 * sum.done, static_cast<double>(sum.bytes) / 1e3,
                sum.layers.c_str());
  if (!trace.empty()) std::printf("%8.2f the backward pass is over\n", 1e3 * trace[0].needed);
}

}  // namespace

int main(int argc, char** argv) {
  Mpi mpi(argc, argv);
  const std::string what = argc > 1 ? argv[1] : "resnet20";
  if (what == "cost")
    cost(mpi);
  else
    train(mpi, what, argc > 2 ? std::atoi(argv[2]) : 8, argc > 3 ? std::atoi(argv[3]) : 10);
  return 0;
}
