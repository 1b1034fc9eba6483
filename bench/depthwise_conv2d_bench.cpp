#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include <keel/kernels/conv2d/depthwise.hpp>

using namespace keel;

namespace {

AlignedVector<float> random_values(Index count, std::uint32_t state) {
  AlignedVector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) / float(1 << 23) - 1;
  }
  return values;
}

enum Kernel { forward, backward_input, backward_kernel };

// A 3x3 layer of MobileNet: (batch, size, channels, stride), padding 1, ReLU behind the forward pass.
void depthwise(benchmark::State& state, Kernel which) {
  const Index batch = state.range(0), size = state.range(1), channels = state.range(2), stride = state.range(3);
  const Index out = (size - 1) / stride + 1;
  const Conv2DGeometry g{batch, size, size, channels, out, out, channels, 3, 3, stride, stride, 1, 1, 1, 1, channels};
  const Index inputs = batch * size * size * channels, outputs = batch * out * out * channels;
  const auto x = random_values(inputs, 1), kernel = random_values(9 * channels, 2), dy = random_values(outputs, 3);
  AlignedVector<float> result(static_cast<std::size_t>(which == forward          ? outputs
                                                       : which == backward_input ? inputs
                                                                                 : 9 * channels));
  Scratch scratch;
  const KernelContext context{scratch};
  const auto run = [&] {
    if (which == forward)
      depthwise_conv2d_forward<float>(g, x.data(), kernel.data(), {nullptr, nullptr, Activation::relu}, result.data(),
                                      context);
    else if (which == backward_input)
      depthwise_conv2d_backward_input(g, dy.data(), kernel.data(), result.data(), context);
    else
      depthwise_conv2d_backward_kernel(g, x.data(), dy.data(), result.data(), false, context);
  };

  run();
  std::vector<double> sums(result.size()), sizes(result.size());
  for (Index pixel = 0; pixel < batch * out * out; ++pixel)
    for (Index tap = 0; tap < 9; ++tap) {
      const Index h = pixel / out % out * stride + tap / 3 - 1, w = pixel % out * stride + tap % 3 - 1;
      if (h < 0 || h >= size || w < 0 || w >= size) continue;
      for (Index c = 0; c < channels; ++c) {
        const Index at_x = ((pixel / out / out * size + h) * size + w) * channels + c, at_y = pixel * channels + c;
        const Index at_k = tap * channels + c;
        const auto value = [](const auto& from, Index at) { return double(from[static_cast<std::size_t>(at)]); };
        const std::size_t to = static_cast<std::size_t>(which == forward          ? at_y
                                                        : which == backward_input ? at_x
                                                                                  : at_k);
        const double term = which == forward          ? value(x, at_x) * value(kernel, at_k)
                            : which == backward_input ? value(dy, at_y) * value(kernel, at_k)
                                                      : value(x, at_x) * value(dy, at_y);
        sums[to] += term;
        sizes[to] += std::abs(term);
      }
    }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double expected = which == forward && sums[i] < 0 ? 0 : sums[i];
    if (!(std::abs(double(result[i]) - expected) <= 1e-6 * sizes[i])) return state.SkipWithError("wrong result");
  }
  for (auto _ : state) {
    run();
    benchmark::DoNotOptimize(result.data());
    benchmark::ClobberMemory();
  }
  const double work = double(state.iterations()) * double(outputs);
  state.counters["GFLOP/s"] = benchmark::Counter(18e-9 * work, benchmark::Counter::kIsRate);
  state.counters["x+y GB/s"] =
      benchmark::Counter(4e-9 * double(state.iterations()) * double(inputs + outputs), benchmark::Counter::kIsRate);
}

void shapes(benchmark::internal::Benchmark* bench, int batch) {
  bench->ArgNames({"batch", "size", "channels", "stride"})->Unit(benchmark::kMicrosecond);
  for (const auto& [size, channels, stride] : {std::array{112, 32, 1},
                                               {112, 64, 2},
                                               {56, 128, 1},
                                               {56, 128, 2},
                                               {28, 256, 1},
                                               {28, 256, 2},
                                               {14, 512, 1},
                                               {14, 512, 2},
                                               {7, 1024, 1}})
    bench->Args({batch, size, channels, stride});
}

}  // namespace

BENCHMARK_CAPTURE(depthwise, forward, forward)->Apply([](auto* bench) { shapes(bench, 1), shapes(bench, 8); });
BENCHMARK_CAPTURE(depthwise, backward_input, backward_input)->Apply([](auto* bench) { shapes(bench, 8); });
BENCHMARK_CAPTURE(depthwise, backward_kernel, backward_kernel)->Apply([](auto* bench) { shapes(bench, 8); });

BENCHMARK_MAIN();
