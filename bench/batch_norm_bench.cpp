#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <cstring>

#include <keel/kernels/batch_norm.hpp>

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

enum Kernel { statistics, forward, forward_residual, backward, backward_residual, copy };

/// Batch normalisation with relu of (rows, channels); bytes/s count what has to move: every array once a pass.
void batch_norm(benchmark::State& state, Kernel which) {
  const Index rows = state.range(0), channels = state.range(1), size = rows * channels;
  const bool residual = which == forward_residual || which == backward_residual;
  const auto x = random_values(size, 1), dy = random_values(size, 2), r = random_values(residual ? size : 1, 3);
  const auto gamma = random_values(channels, 4), beta = random_values(channels, 5);
  AlignedVector<float> y(static_cast<std::size_t>(size)), dx(y.size()), dr(residual ? y.size() : 1);
  AlignedVector<float> dgamma(static_cast<std::size_t>(channels)), dbeta(dgamma.size());
  AlignedVector<double> mean(dgamma.size()), variance(dgamma.size());
  const BatchNormEpilogue<float> epilogue{gamma.data(), beta.data(), 1e-3, residual ? r.data() : nullptr,
                                          Activation::relu};
  const BatchNormGradients<float> gradients{dx.data(), dgamma.data(), dbeta.data(), residual ? dr.data() : nullptr};
  Scratch scratch;
  const KernelContext context{scratch};
  const auto run = [&](Kernel kernel) {
    if (kernel == statistics)
      batch_norm_statistics(rows, channels, x.data(), mean.data(), variance.data(), context);
    else if (kernel == forward || kernel == forward_residual)
      batch_norm_forward(rows, channels, x.data(), mean.data(), variance.data(), epilogue, y.data(), context);
    else if (kernel == copy)
      std::memcpy(y.data(), x.data(), y.size() * sizeof(float));
    else
      batch_norm_backward(false, rows, channels, x.data(), mean.data(), variance.data(), epilogue, dy.data(), gradients,
                          context);
  };

  run(statistics);
  run(residual ? forward_residual : forward);
  run(residual ? backward_residual : backward);
  for (Index c = 0; c < channels; ++c) {
    const auto at = static_cast<std::size_t>(c);
    double sum = 0, squares = 0, first = 0, second = 0, worst = 0;
    for (std::size_t i = at; i < x.size(); i += dgamma.size()) sum += double(x[i]);
    const double m = sum / double(rows);
    for (std::size_t i = at; i < x.size(); i += dgamma.size()) squares += (double(x[i]) - m) * (double(x[i]) - m);
    const double s = 1 / std::sqrt(squares / double(rows) + 1e-3);
    for (std::size_t i = at; i < x.size(); i += dgamma.size()) {
      const double hat = (double(x[i]) - m) * s;
      const double z = hat * double(gamma[at]) + double(beta[at]) + (residual ? double(r[i]) : 0);
      worst = (std::max)(worst, std::abs(double(y[i]) - (std::max)(z, 0.0)));
      if (y[i] > 0) {
        first += double(dy[i]);
        second += double(dy[i]) * hat;
      }
    }
    if (!(worst < 1e-5 && std::abs(double(dbeta[at]) - first) < 1e-5 * double(rows) &&
          std::abs(double(dgamma[at]) - second) < 1e-5 * double(rows)))
      return state.SkipWithError("wrong result");
  }
  for (auto _ : state) {
    run(which);
    benchmark::ClobberMemory();
  }
  const Index moved[] = {1, 2, 3, 5, 8, 2};
  state.SetBytesProcessed(state.iterations() * moved[which] * size * 4);
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"rows", "channels"});
  for (const std::int64_t rows : {392, 6272, 100352}) bench->Args({rows, rows == 392 ? 512 : rows == 6272 ? 128 : 64});
  bench->Args({131072, 32})->Args({32768, 16})->Args({32, 100})->Args({10000, 3});
}

}  // namespace

BENCHMARK_CAPTURE(batch_norm, statistics, statistics)->Apply(shapes);
BENCHMARK_CAPTURE(batch_norm, forward, forward)->Apply(shapes);
BENCHMARK_CAPTURE(batch_norm, forward_residual, forward_residual)->Apply(shapes);
BENCHMARK_CAPTURE(batch_norm, backward, backward)->Apply(shapes);
BENCHMARK_CAPTURE(batch_norm, backward_residual, backward_residual)->Apply(shapes);
BENCHMARK_CAPTURE(batch_norm, copy, copy)->Apply(shapes);
BENCHMARK_MAIN();
