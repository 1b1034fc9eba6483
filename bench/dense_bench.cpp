#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>

#include <keel/kernels/dense.hpp>

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

// rows, in, out of the reference networks' dense layers.
void dense(benchmark::State& state, Kernel which) {
  const Index rows = state.range(0), in = state.range(1), out = state.range(2);
  const auto x = random_values(rows * in, 1), kernel = random_values(in * out, 2), dy = random_values(rows * out, 3);
  AlignedVector<float> y(static_cast<std::size_t>(which == forward          ? rows * out
                                                  : which == backward_input ? rows * in
                                                                            : in * out));
  Scratch scratch;
  const KernelContext context{scratch};
  const auto run = [&] {
    if (which == forward)
      dense_forward<float>(rows, in, out, x.data(), kernel.data(), {}, y.data(), context);
    else if (which == backward_input)
      dense_backward_input(rows, in, out, dy.data(), kernel.data(), y.data(), context);
    else
      dense_backward_kernel(rows, in, out, x.data(), dy.data(), y.data(), false, context);
  };

  run();
  for (Index sample = 0; sample < 500; ++sample) {
    const Index at = sample * 7919 % static_cast<Index>(y.size());
    double sum = 0, magnitude = 0;
    const auto term = [&](float a, float b) {
      sum += double(a) * double(b);
      magnitude += std::abs(double(a) * double(b));
    };
    if (which == forward)
      for (Index k = 0; k < in; ++k) term(x[size_t(at / out * in + k)], kernel[size_t(k * out + at % out)]);
    else if (which == backward_input)
      for (Index o = 0; o < out; ++o) term(dy[size_t(at / in * out + o)], kernel[size_t(at % in * out + o)]);
    else
      for (Index r = 0; r < rows; ++r) term(x[size_t(r * in + at / out)], dy[size_t(r * out + at % out)]);
    if (!(std::abs(double(y[size_t(at)]) - sum) <= 1e-6 * magnitude)) return state.SkipWithError("wrong result");
  }
  for (auto _ : state) {
    run();
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  const double work = double(state.iterations()) * double(in * out);
  state.counters["GFLOP/s"] = benchmark::Counter(2e-9 * work * double(rows), benchmark::Counter::kIsRate);
  state.counters["kernel GB/s"] = benchmark::Counter(4e-9 * work, benchmark::Counter::kIsRate);
}

void shapes(benchmark::internal::Benchmark* bench, std::initializer_list<int> batches) {
  bench->ArgNames({"rows", "in", "out"})->Unit(benchmark::kMicrosecond);
  for (const int rows : batches)
    for (const auto& [in, out] :
         {std::pair{131072, 100}, {100, 10}, {3136, 128}, {128, 10}, {64, 10}, {512, 1000}, {1024, 1000}})
      bench->Args({rows, in, out});
}

}  // namespace

BENCHMARK_CAPTURE(dense, forward, forward)->Apply([](auto* bench) { shapes(bench, {1, 8, 32, 256}); });
BENCHMARK_CAPTURE(dense, backward_input, backward_input)->Apply([](auto* bench) { shapes(bench, {8, 32, 256}); });
BENCHMARK_CAPTURE(dense, backward_kernel, backward_kernel)->Apply([](auto* bench) { shapes(bench, {8, 32, 256}); });
