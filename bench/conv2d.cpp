// The convolutions of the reference networks: forward, input gradient and kernel gradient, on one thread, each
// verified against a naive double sum before it is timed. `share` is the share of the core's FMA peak, which is
// measured beside each of them; both come from the fastest run. KEEL_SIMD chooses the instruction set.

#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include <keel/kernels/conv2d/conv2d.hpp>

#include "peak.hpp"

using namespace keel;

namespace {

struct Shape2D {
  const char* network;
  Index size, in_c, out_c, kernel, stride;
};

// Every different convolution of the networks but the depthwise ones.
constexpr Shape2D shapes[] = {
    {"resnet18", 224, 3, 64, 7, 2},   {"resnet18", 56, 64, 64, 3, 1},   {"resnet18", 56, 64, 128, 3, 2},
    {"resnet18", 56, 64, 128, 1, 2},  {"resnet18", 28, 128, 128, 3, 1}, {"resnet18", 28, 128, 256, 3, 2},
    {"resnet18", 28, 128, 256, 1, 2}, {"resnet18", 14, 256, 256, 3, 1}, {"resnet18", 14, 256, 512, 3, 2},
    {"resnet18", 14, 256, 512, 1, 2}, {"resnet18", 7, 512, 512, 3, 1},  {"resnet20", 32, 3, 16, 3, 1},
    {"resnet20", 32, 16, 16, 3, 1},   {"resnet20", 32, 16, 32, 3, 2},   {"resnet20", 16, 32, 32, 3, 1},
    {"resnet20", 16, 32, 64, 3, 2},   {"resnet20", 8, 64, 64, 3, 1},    {"mbv1", 224, 3, 32, 3, 2},
    {"mbv1", 112, 32, 64, 1, 1},      {"mbv1", 56, 64, 128, 1, 1},      {"mbv1", 56, 128, 128, 1, 1},
    {"mbv1", 28, 256, 256, 1, 1},     {"mbv1", 14, 512, 512, 1, 1},     {"mbv1", 7, 1024, 1024, 1, 1},
    {"mnist", 28, 1, 32, 3, 1},       {"mnist", 14, 32, 64, 3, 1},      {"seed", 64, 1, 32, 3, 1},
};

enum class Direction { forward, backward_input, backward_kernel };

std::size_t size(Index n) { return to_size(n); }

std::vector<float> random_values(Index count) {
  std::mt19937 engine(static_cast<unsigned>(count));
  std::vector<float> values(size(count));
  for (float& v : values) v = static_cast<float>(engine()) / 2147483648.0f - 1.0f;
  return values;
}

struct Problem {
  Conv2DGeometry g;
  std::vector<float> x, y, dy, kernel, packed, dx, dkernel;
  Scratch scratch;
  KernelContext context{scratch};

  Problem(const Shape2D& s, Index batch) {
    const Index out = (s.size - 1) / s.stride + 1;
    g.batch = batch;
    g.in_h = g.in_w = s.size;
    g.in_c = s.in_c;
    g.out_h = g.out_w = out;
    g.out_c = s.out_c;
    g.kernel_h = g.kernel_w = s.kernel;
    g.stride_h = g.stride_w = s.stride;
    g.pad_top = g.pad_left = s.kernel / 2;
    x = random_values(batch * s.size * s.size * s.in_c);
    dy = random_values(batch * out * out * s.out_c);
    kernel = random_values(g.kernel_size());
    y = dy;
    dx = x;
    dkernel = kernel;
    packed.resize(size(conv2d_packed_size<float>(g)));
    conv2d_pack(g, kernel.data(), packed.data());
  }

  void run(Direction direction) {
    if (direction == Direction::forward)
      conv2d_forward<float>(g, x.data(), packed.data(), {}, y.data(), context, kernel.data());
    else if (direction == Direction::backward_input)
      conv2d_backward_input(g, dy.data(), kernel.data(), dx.data(), context);
    else
      conv2d_backward_kernel(g, x.data(), dy.data(), dkernel.data(), false, context);
  }

  /// Sums a sample of the results by hand; throws where they differ.
  void verify(Direction direction) {
    const Index results = direction == Direction::forward          ? static_cast<Index>(y.size())
                          : direction == Direction::backward_input ? static_cast<Index>(dx.size())
                                                                   : g.kernel_size();
    const Index checks = direction == Direction::backward_kernel ? 25 : 200;
    for (Index i = 0; i < checks; ++i) {
      const Index at = i * (results - 1) / (checks - 1);
      double sum = 0, magnitude = 1e-3;
      const auto add = [&](float a, float b) {
        sum += static_cast<double>(a) * static_cast<double>(b);
        magnitude += std::abs(static_cast<double>(a) * static_cast<double>(b));
      };
      float got;
      if (direction == Direction::forward) {
        got = y[size(at)];
        const Index f = at % g.out_c, j = at / g.out_c % g.out_w, o = at / g.out_c / g.out_w % g.out_h;
        const Index n = at / g.out_c / g.out_w / g.out_h;
        for (Index r = 0; r < g.kernel_h; ++r)
          for (Index s = 0; s < g.kernel_w; ++s)
            for (Index c = 0; c < g.in_c; ++c)
              add(pixel(n, o, r, j, s, c), kernel[size(((r * g.kernel_w + s) * g.in_c + c) * g.out_c + f)]);
      } else if (direction == Direction::backward_input) {
        got = dx[size(at)];
        const Index c = at % g.in_c, j = at / g.in_c % g.in_w, o = at / g.in_c / g.in_w % g.in_h;
        const Index n = at / g.in_c / g.in_w / g.in_h;
        for (Index r = 0; r < g.kernel_h; ++r)
          for (Index s = 0; s < g.kernel_w; ++s) {
            const Index a = o + g.pad_top - r, b = j + g.pad_left - s;
            if (a < 0 || b < 0 || a % g.stride_h || b % g.stride_w || a / g.stride_h >= g.out_h ||
                b / g.stride_w >= g.out_w)
              continue;
            for (Index f = 0; f < g.out_c; ++f)
              add(dy[size(((n * g.out_h + a / g.stride_h) * g.out_w + b / g.stride_w) * g.out_c + f)],
                  kernel[size(((r * g.kernel_w + s) * g.in_c + c) * g.out_c + f)]);
          }
      } else {
        got = dkernel[size(at)];
        const Index f = at % g.out_c, c = at / g.out_c % g.in_c, s = at / g.out_c / g.in_c % g.kernel_w;
        const Index r = at / g.out_c / g.in_c / g.kernel_w;
        for (Index n = 0; n < g.batch; ++n)
          for (Index o = 0; o < g.out_h; ++o)
            for (Index j = 0; j < g.out_w; ++j)
              add(pixel(n, o, r, j, s, c), dy[size(((n * g.out_h + o) * g.out_w + j) * g.out_c + f)]);
      }
      if (!(std::abs(static_cast<double>(got) - sum) < 2e-6 * magnitude)) throw std::runtime_error("wrong result");
    }
  }

 private:
  float pixel(Index n, Index o, Index r, Index j, Index s, Index c) const {
    const Index a = o * g.stride_h + r - g.pad_top, b = j * g.stride_w + s - g.pad_left;
    if (a < 0 || b < 0 || a >= g.in_h || b >= g.in_w) return 0;
    return x[size(((n * g.in_h + a) * g.in_w + b) * g.in_c + c)];
  }
};

void convolution(benchmark::State& state, const Shape2D& shape, Index batch, Direction direction) {
  Problem problem(shape, batch);
  problem.run(direction);
  try {
    problem.verify(direction);
  } catch (const std::exception& error) {
    state.SkipWithError(error.what());
    return;
  }
  double peak = peak_flops(), best = 1e9;
  for (auto _ : state) {
    const double start = thread_seconds();
    problem.run(direction);
    best = (std::min)(best, thread_seconds() - start);
  }
  peak = (std::max)(peak, peak_flops());
  const Conv2DGeometry& g = problem.g;
  const double flops = 2.0 * static_cast<double>(g.batch * g.out_h * g.out_w * g.kernel_size());
  state.counters["ms"] = best * 1e3;
  state.counters["GFLOP/s"] = flops / best * 1e-9;
  state.counters["share"] = flops / best / peak;
}

}  // namespace

int main(int argc, char** argv) {
  for (const Shape2D& s : shapes)
    for (const Direction direction : {Direction::forward, Direction::backward_input, Direction::backward_kernel})
      for (const Index batch :
           {Index{1}, s.size > 100 || s.network == std::string("resnet18") || s.network == std::string("mbv1")
                          ? Index{8}
                          : Index{32}}) {
        if (batch == 1 && direction != Direction::forward) continue;
        const std::string name = std::string(s.network) + "/" + std::to_string(s.size) + "x" + std::to_string(s.in_c) +
                                 "->" + std::to_string(s.out_c) + "/k" + std::to_string(s.kernel) + "s" +
                                 std::to_string(s.stride) +
                                 (direction == Direction::forward          ? "/forward"
                                  : direction == Direction::backward_input ? "/backward_input"
                                                                           : "/backward_kernel") +
                                 "/b" + std::to_string(batch);
        benchmark::RegisterBenchmark(
            name.c_str(), [&s, batch, direction](benchmark::State& state) { convolution(state, s, batch, direction); })
            ->Unit(benchmark::kMillisecond)
            ->MinTime(0.1);
      }
  benchmark::AddCustomContext("cpu", cpu_info().to_string());
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
