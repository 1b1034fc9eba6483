// Run by check.sh with mpirun: `mpi_program MODE`. Each rank prints `ok` lines, or what was wrong, and ends with 0 or
// 1.

#include <cstdio>
#include <cstdlib>

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

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "train";
  Mpi mpi(argc, argv, {.timeout = mode == "hang" ? 5.0 : 300.0});
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
