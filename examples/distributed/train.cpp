// ResNet-20 on Fashion-MNIST, trained by the ranks of an MPI run together. In the end rank 0 says what each rank did, and
// how much of the time for sums of gradients the backward pass covered.
//
//   mpirun -np 2 distributed [--data DIR] [--epochs N] [--samples N] [--batch N] [--bucket BYTES] [--threads N]
//                            [--checkpoint FILE]

#include <array>
#include <chrono>
#include <iomanip>
#include <iostream>

#include <keel/distributed/mpi.hpp>
#include <keel/io/datasets/datasets.hpp>
#include <keel/keel.hpp>

#include "../arguments.hpp"

using namespace keel;

Node convolve(Model<float>& net, Node x, Index filters, Index kernel, Index stride) {
  x = net.add(Conv2D(filters, kernel, {.strides = stride, .padding = Padding::same, .use_bias = false}), x);
  return net.add(BatchNorm({.momentum = 0.9, .epsilon = 1e-5, .synchronized = true}), x);
}

Node block(Model<float>& net, Node x, Index filters, Index stride) {
  Node y = net.add(ReLU(), convolve(net, x, filters, 3, stride));
  y = convolve(net, y, filters, 3, 1);
  if (stride != 1) x = convolve(net, x, filters, 1, stride);
  return net.add(ReLU(), net.add(Add(), {y, x}));
}

/// What a rank did: seconds, bytes sent, and of its reductions the seconds that the backward pass hid and those that
/// it waited for.
using Work = std::array<double, 4>;

void print(const std::vector<Work>& ranks, const std::vector<ReductionTrace>& last_step, double per_step) {
  std::cout << std::fixed << "rank  seconds  MB sent  sums hidden, s  waited for, s\n";
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    const auto& [seconds, bytes, hidden, waited] = ranks[r];
    std::cout << std::setw(4) << r << std::setprecision(1) << std::setw(9) << seconds << std::setw(9) << bytes / 1e6
              << std::setprecision(3) << std::setw(16) << hidden << std::setw(15) << waited << "\n";
  }
  std::cout << "bytes of gradients that a rank sends in a step: " << std::setprecision(0) << per_step << "\n"
            << "\nthe last step's reductions on rank 0, in ms since its backward pass began\n   begun    done      KB\n"
            << std::setprecision(2);
  for (const ReductionTrace& sum : last_step)
    std::cout << std::setw(8) << 1e3 * sum.begun << std::setw(8) << 1e3 * sum.done << std::setw(8)
              << static_cast<double>(sum.bytes) / 1e3 << "  " << sum.layers << "\n";
  if (!last_step.empty()) std::cout << std::setw(8) << 1e3 * last_step[0].needed << "  the backward pass is over\n";
}

int main(int argc, char** argv) try {
  const Arguments arguments(argc, argv,
                            {"--data", "--epochs", "--samples", "--batch", "--bucket", "--threads", "--checkpoint"});
  Mpi mpi(argc, argv, {.bucket_bytes = static_cast<std::size_t>(arguments.number("--bucket", 1 << 18))});

  Model net({.name = "resnet20", .threads = static_cast<int>(arguments.number("--threads", 1))});
  Node x = net.input({28, 28, 1});
  x = net.add(ReLU(), convolve(net, x, 16, 3, 1));
  for (const Index stage : {0, 1, 2})
    for (const Index i : {0, 1, 2}) x = block(net, x, Index{16} << stage, stage > 0 && i == 0 ? 2 : 1);
  net.output(net.add(Dense(10), net.add(GlobalAveragePool2D(), x)));

  auto [train, test] = datasets::fashion_mnist(arguments.text("--data", datasets::fashion_mnist_dir));
  train = train.take(arguments.number("--samples", 10000));
  test = test.take(2000);

  Work work{};
  std::vector<ReductionTrace> step;
  mpi.on_reduction = [&](const ReductionTrace& sum) {
    work[2] += (std::max)(0.0, (std::min)(sum.done, sum.needed) - sum.begun);
    work[3] += (std::max)(0.0, sum.done - (std::max)(sum.needed, sum.begun));
    if (!step.empty() && sum.begun < step.back().begun) step.clear();
    step.push_back(sum);
  };
  const std::string checkpoint = arguments.text("--checkpoint", "");
  FitOptions<float> options{.epochs = arguments.number("--epochs", 2),
                            .batch_size = arguments.number("--batch", 32),
                            .optimizer = SGD({.learning_rate = 0.05, .momentum = 0.9, .nesterov = true}),
                            .loss = {Loss::sparse_categorical_crossentropy, {.from_logits = true}},
                            .metrics = {Metric::accuracy},
                            .validation = mpi.shard(test),
                            .communicator = &mpi};
  if (!checkpoint.empty()) {
    options.callbacks.push_back(Checkpoint<float>(checkpoint));
    options.resume = if_exists(checkpoint);
  }
  const auto start = std::chrono::steady_clock::now();
  fit(net, mpi.shard(train), options);
  work[0] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  work[1] = static_cast<double>(mpi.bytes_sent());

  std::vector<Work> ranks;
  for (const std::vector<std::byte>& bytes : mpi.gather(std::as_bytes(std::span(work)))) {
    ranks.emplace_back();
    std::memcpy(ranks.back().data(), bytes.data(), sizeof(Work));
  }
  double gradients = 0;
  for (const ReductionTrace& sum : step) gradients += static_cast<double>(sum.bytes);
  const auto others = static_cast<double>(mpi.size() - 1);
  if (mpi.rank() == 0) print(ranks, step, 2 * others / (others + 1) * gradients);
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
