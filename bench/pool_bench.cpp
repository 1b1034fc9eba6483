#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>

#include <keel/kernels/pool.hpp>

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

enum Kernel { max_inference, max_training, max_backward, average, average_backward, global_average };

/// Square pooling without a remainder; bytes/s count x and y (or dx and dy) once each.
void pool(benchmark::State& state, Kernel which) {
  PoolGeometry g;
  g.batch = state.range(0);
  g.in_h = g.in_w = state.range(1);
  g.channels = state.range(2);
  g.kernel_h = g.kernel_w = state.range(3);
  g.stride_h = g.stride_w = state.range(4);
  g.pad_top = g.pad_left = g.pad_bottom = g.pad_right = state.range(5);
  g.out_h = g.out_w = pool_output_size(g.in_h, g.kernel_h, g.stride_h, g.pad_top, g.pad_top, false);
  const Index in = g.batch * g.in_h * g.in_w * g.channels, out = g.batch * g.out_h * g.out_w * g.channels;
  const auto x = random_values(in, 1), dy = random_values(out, 2);
  AlignedVector<float> y(static_cast<std::size_t>(out)), dx(static_cast<std::size_t>(in));
  AlignedVector<std::byte> argmax(static_cast<std::size_t>(max_pool_argmax_bytes<float>(g)));
  Scratch scratch;
  const KernelContext context{scratch};
  const auto run = [&](Kernel kernel) {
    switch (kernel) {
      case max_inference: return max_pool_forward(g, x.data(), y.data(), static_cast<std::byte*>(nullptr), context);
      case max_training: return max_pool_forward(g, x.data(), y.data(), argmax.data(), context);
      case max_backward: return max_pool_backward(g, dy.data(), argmax.data(), dx.data(), context);
      case average: return average_pool_forward(g, PoolDivisor::real_cells, x.data(), y.data(), context);
      case average_backward: return average_pool_backward(g, PoolDivisor::real_cells, dy.data(), dx.data(), context);
      case global_average:
        return global_average_pool_forward(g.batch, g.in_h * g.in_w, g.channels, x.data(), y.data(), context);
    }
  };

  // Every dy goes to one cell or is spread over a window, so the totals agree; and y is checked by itself.
  run(max_training);
  run(which);
  double sum = 0, back = 0;
  for (const float value : dy) sum += double(value);
  for (const float value : dx) back += double(value);
  if ((which == max_backward || which == average_backward) && !(std::abs(sum - back) < 1e-6 * double(in)))
    return state.SkipWithError("wrong gradient");
  if (which == max_inference || which == max_training || which == average)
    for (Index sample = 0; sample < 1000; ++sample) {
      const Index at = sample * 7919 % out, c = at % g.channels, ow = at / g.channels % g.out_w;
      const Index oh = at / g.channels / g.out_w % g.out_h, b = at / g.channels / g.out_w / g.out_h;
      double total = 0, count = 0, best = -2;
      for (Index h = oh * g.stride_h - g.pad_top; h < oh * g.stride_h - g.pad_top + g.kernel_h; ++h)
        for (Index w = ow * g.stride_w - g.pad_left; w < ow * g.stride_w - g.pad_left + g.kernel_w; ++w) {
          if (h < 0 || h >= g.in_h || w < 0 || w >= g.in_w) continue;
          const double value = double(x[size_t(((b * g.in_h + h) * g.in_w + w) * g.channels + c)]);
          total += value;
          count += 1;
          best = (std::max)(best, value);
        }
      if (!(std::abs(double(y[size_t(at)]) - (which == average ? total / count : best)) < 1e-6))
        return state.SkipWithError("wrong result");
    }
  for (auto _ : state) {
    run(which);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * (in + out) * 4);
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"batch", "size", "channels", "kernel", "stride", "pad"});
  bench->Args({1, 112, 64, 3, 2, 1})->Args({8, 112, 64, 3, 2, 1});  // resnet18
  bench->Args({1, 28, 32, 2, 2, 0})->Args({32, 28, 32, 2, 2, 0});   // mnist
  bench->Args({32, 14, 64, 2, 2, 0})->Args({8, 7, 512, 7, 1, 0});   // mnist, resnet18's last
}

}  // namespace

BENCHMARK_CAPTURE(pool, max_inference, max_inference)->Apply(shapes);
BENCHMARK_CAPTURE(pool, max_training, max_training)->Apply(shapes);
BENCHMARK_CAPTURE(pool, max_backward, max_backward)->Apply(shapes);
BENCHMARK_CAPTURE(pool, average, average)->Apply(shapes);
BENCHMARK_CAPTURE(pool, average_backward, average_backward)->Apply(shapes);
BENCHMARK_CAPTURE(pool, global_average, global_average)->Args({1, 7, 512, 7, 1, 0})->Args({32, 8, 64, 8, 1, 0});
BENCHMARK_MAIN();
