// Run by check.sh, kills.sh and hosts.sh with mpirun: `mpi_program MODE`. Each rank prints what was wrong, and ends with 0
// or 1.
//   train             against threads and one process
//   model, seed, ...  a rank that fails
//   run FILE          a run with checkpoints that can be killed: the number of each process is in FILE.pid.RANK, what was
//                     learned is printed
//   wire              bytes that training sends in a step

#include <bit>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include <keel/distributed/mpi.hpp>
#include <keel/testing/check_communicator.hpp>

#include "distributed/distributed_testing.hpp"

using namespace keel;
using namespace distributed_testing;

namespace {

int wrong = 0;

void expect(bool right, const Communicator& ranks, const std::string& what) {
  if (right) return;
  std::printf("rank %d: %s\n", static_cast<int>(ranks.rank()), what.c_str());
  ++wrong;
}

template <class T>
FitOptions<T> options_of(OptimizerSpec optimizer) {
  return {.epochs = 4,
          .batch_size = 24,
          .optimizer = std::move(optimizer),
          .loss = Loss::sparse_categorical_crossentropy,
          .metrics = {Metric::accuracy}};
}

/// The same bits as threads give, on every rank, twice; one process but for rounding.
template <class T, class Build>
void compare(Communicator& ranks, const char* what, Build&& build, OptimizerSpec optimizer, double bound) {
  const Dataset<T> data = images<T>(99);
  FitOptions<T> options = options_of<T>(std::move(optimizer));
  const Outcome one = train<T>(build(), data, options);
  const Outcome threads = train_together<T>(ranks.size(), build, data, options)[0];
  options.batch_size /= ranks.size();
  const Outcome first = train<T>(build(), data, options, &ranks), second = train<T>(build(), data, options, &ranks);
  const std::string name = std::string(what) + (sizeof(T) == 4 ? ", float" : ", double");
  expect(first.values == second.values && difference(first, second) == 0, ranks, name + ": other bits in a second run");
  expect(first.values == threads.values && difference(first, threads) == 0, ranks, name + ": other bits than threads");
  expect(difference(first, one) < bound, ranks, name + ": off by " + std::to_string(difference(first, one)));
  double sum = 0;
  for (const double value : first.values) sum += value;
  if (ranks.rank() == 0) std::printf("%s: %a\n", name.c_str(), sum);
}

/// What every rank is to end with, where rank 1 does something else.
int fails(Mpi& mpi, const std::string& mode) {
  const Dataset<float> data = images<float>(mode == "data" && mpi.rank() == 1 ? 98 : 99);
  FitOptions<float> options = options_of<float>(Adam());
  options.batch_size = 8;
  options.epochs = 1000;
  options.seed = mode == "seed" && mpi.rank() == 1 ? 2 : 1;
  if (mode != "seed" && mode != "data" && mode != "model")
    options.callbacks.push_back(LambdaCallback<>{.on_batch_end = [&](Training<>& run) {
      if (mpi.rank() != 1 || run.epoch < 2) return;
      if (mode == "throw") throw DataError("callback", "nothing", "a fault");
      if (mode == "exit") std::_Exit(3);
      if (mode == "kill") ::kill(::getpid(), SIGKILL);
      if (mode == "hang") ::pause();
    }});
  try {
    train<float>(mode == "model" && mpi.rank() == 1 ? plain<float>(norm(false)) : plain<float>(), data, options, &mpi);
  } catch (const Error& error) {
    std::printf("rank %d: %s\n", static_cast<int>(mpi.rank()), error.what());
    std::fflush(stdout);
    return 1;
  }
  return 0;
}

/// Begins or goes on with a run that takes about a second.
int run(Mpi& mpi, const std::string& file) {
  std::ofstream(file + ".pid." + std::to_string(mpi.rank())) << ::getpid() << std::flush;
  FitOptions<float> options = options_of<float>(Adam());
  options.batch_size = 24 / mpi.size();
  options.epochs = 40;
  options.callbacks = {Checkpoint<float>(file, {.batches = 2}),
                       LambdaCallback<>{.on_batch_end = [](Training<>&) { ::usleep(4000); }}};
  options.resume = if_exists(file);
  const Outcome outcome = train<float>(plain<float>(), images<float>(99), options, &mpi);
  std::uint64_t hash = 1469598103934665603u;
  for (const double value : outcome.values) hash = (hash ^ std::bit_cast<std::uint64_t>(value)) * 1099511628211u;
  for (const Scores& epoch : outcome.history.scores)
    for (const auto& [name, value] : epoch.entries())
      hash = (hash ^ std::bit_cast<std::uint64_t>(value)) * 1099511628211u;
  if (mpi.rank() == 0) std::printf("learned %016llx\n", static_cast<unsigned long long>(hash));
  return 0;
}

/// Bytes that the interfaces of this host but its loop have sent.
double sent_by_host() {
  std::ifstream file("/proc/self/net/dev");
  std::string line;
  double sum = 0;
  while (std::getline(file, line)) {
    const std::size_t colon = line.find(':');
    if (colon == line.npos || line.find("lo:") != line.npos) continue;
    std::istringstream numbers(line.substr(colon + 1));
    double number = 0;
    for (int i = 0; i < 9; ++i) numbers >> number;  // the ninth: bytes sent
    sum += number;
  }
  return sum;
}

/// What a step's gradients are, and what is sent for it: the mean of 40 steps, after some others.
int wire(Mpi& mpi) {
  constexpr Index first = 10, steps = 40;
  Sequential<float> model({8, 8, 1}, {.seed = 3});
  model.add(Conv2D(8, 3, {.padding = Padding::same, .activation = Activation::relu})).add(BatchNorm(norm(true)));
  model.add(Flatten()).add(Dense(1000, {.activation = Activation::relu}));
  model.add(Dense(4, {.activation = Activation::softmax}));
  double gradients = 0, sent = 0, host = 0;
  FitOptions<float> options = options_of<float>(SGD({.learning_rate = 0.01}));
  options.batch_size = 8;
  options.epochs = 1;
  Index step = 0;
  mpi.on_reduction = [&](const ReductionTrace& sum) { gradients += static_cast<double>(sum.bytes); };
  options.callbacks.push_back(LambdaCallback<>{.on_batch_end = [&](Training<>&) {
    if (++step != first && step != first + steps) return;
    mpi.barrier();
    const double sign = step == first ? -1 : 1;
    sent += sign * static_cast<double>(mpi.bytes_sent());
    host += sign * sent_by_host();
    if (step == first) gradients = 0;
  }});
  train<float>(std::move(model), images<float>(8 * mpi.size() * (first + steps)), options, &mpi);
  const auto ranks = static_cast<double>(mpi.size());
  std::printf("rank %d: a step's gradients %.0f bytes, least to send %.0f, sent %.0f, by the host %.0f\n",
              static_cast<int>(mpi.rank()), gradients / steps, 2 * (ranks - 1) / ranks * gradients / steps,
              sent / steps, host / steps);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "train";
  MpiOptions options{.timeout = mode == "hang" ? 5.0 : mode == "run" ? 30.0 : 300.0};
  if (mode == "train") options.bucket_bytes = 300;  // many sums at a time, some of one tensor
  Mpi mpi(argc, argv, options);
  if (mode == "run" && argc > 2) return run(mpi, argv[2]);
  if (mode == "wire") return wire(mpi);
  if (mode != "train") return fails(mpi, mode);
  const CommunicatorReport report = check_communicator(mpi);
  expect(report.ok(), mpi, report.to_string());
  compare<float>(
      mpi, "plain", [] { return plain<float>(); }, SGD({.learning_rate = 0.05}), 1e-5);
  compare<double>(
      mpi, "plain", [] { return plain<double>(); }, Adam(), 1e-11);
  compare<float>(
      mpi, "residual", [] { return residual<float>(); }, SGD({.learning_rate = 0.05}), 1e-5);
  compare<double>(
      mpi, "residual", [] { return residual<double>(norm(true, true)); }, RMSprop(), 1e-11);
  if (mpi.rank() == 0 && wrong == 0) std::printf("all right on %d ranks\n", static_cast<int>(mpi.size()));
  return wrong == 0 ? 0 : 1;
}
