#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <string>

#include <keel/kernels/activation.hpp>

using namespace keel;

namespace {

/// Forward and backward of every activation on rows of 10 (softmax) or on 4096 values that stay in the first-level
/// cache; bytes/s count x and y, or y (x), dy and dx.
void activation(benchmark::State& state, Activation kind, Index rows, Index columns, bool back) {
  const Index size = rows * columns;
  AlignedVector<float> x(static_cast<std::size_t>(size)), y(x.size()), dy(x.size(), 1), dx(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(std::sin(double(i)) * 5);
  const ActivationSpec spec(kind);
  Scratch scratch;
  const KernelContext context{scratch};
  const auto forward = [&] { activation_forward(spec, rows, columns, x.data(), y.data(), context); };
  const auto backward = [&] {
    activation_backward(spec, rows, columns, x.data(), y.data(), dy.data(), dx.data(), context);
  };

  // The slope against a difference quotient; softmax's rows sum to 1, so that its slope for dy = 1 is 0.
  forward();
  backward();
  const AlignedVector<float> y0 = y, x0 = x;
  for (float& value : x) value += 1e-2f;
  forward();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool softmax = !activation_is_elementwise(kind);
    const double quotient = (double(y[i]) - double(y0[i])) / 1e-2;
    const bool kink = std::abs(x0[i]) < 0.02f || std::abs(std::abs(x0[i]) - 3) < 0.02f;
    if (kind == Activation::log_softmax || kink) continue;
    if (!(std::abs(double(dx[i]) - (softmax ? 0 : quotient)) < 0.02)) return state.SkipWithError("wrong result");
  }
  x = x0;
  for (auto _ : state) {
    back ? backward() : forward();
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * size * 4 * (back ? 3 : 2));
}

}  // namespace

int main(int argc, char** argv) {
  for (std::size_t i = 1; i < activation_names.size(); ++i)
    for (const bool back : {false, true}) {
      const auto kind = static_cast<Activation>(i);
      const std::string name = std::string(activation_names[i]) + (back ? "/backward" : "/forward");
      if (activation_is_elementwise(kind)) {
        benchmark::RegisterBenchmark(name.c_str(), activation, kind, Index{1}, Index{4096}, back);
      } else {
        benchmark::RegisterBenchmark((name + "/10").c_str(), activation, kind, Index{400}, Index{10}, back);
        benchmark::RegisterBenchmark((name + "/1000").c_str(), activation, kind, Index{8}, Index{1000}, back);
      }
    }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
