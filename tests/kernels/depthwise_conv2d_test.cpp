#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <keel/kernels/conv2d/depthwise.hpp>

#include "kernel_testing.hpp"

using namespace keel;
using namespace kernel_testing;

namespace {

Index output_size(Index in, Index taps, Index stride, Index dilation, Index pad_before, Index pad_after) {
  return (in + pad_before + pad_after - (taps - 1) * dilation - 1) / stride + 1;
}

struct Case {
  Index batch, h, w, c, multiplier, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, bottom, left,
      right;
  Conv2DGeometry geometry() const {
    return {batch,
            h,
            w,
            c,
            output_size(h, kernel_h, stride_h, dilation_h, top, bottom),
            output_size(w, kernel_w, stride_w, dilation_w, left, right),
            c * multiplier,
            kernel_h,
            kernel_w,
            stride_h,
            stride_w,
            dilation_h,
            dilation_w,
            top,
            left,
            c};
  }
};
const Case cases[] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0},    {2, 5, 6, 3, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
    {1, 12, 21, 32, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, {2, 14, 14, 37, 1, 3, 3, 2, 2, 1, 1, 0, 1, 0, 1},
    {1, 9, 30, 17, 1, 3, 3, 2, 1, 1, 1, 1, 1, 2, 0},  {2, 7, 7, 65, 1, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2},
    {1, 11, 13, 5, 1, 5, 4, 3, 2, 1, 1, 2, 1, 3, 2},  {2, 6, 7, 4, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
    {1, 8, 9, 2, 8, 2, 3, 2, 3, 1, 1, 0, 0, 1, 1},    {1, 7, 8, 16, 1, 7, 7, 1, 1, 1, 1, 3, 3, 3, 3},
    {1, 9, 9, 6, 1, 1, 1, 3, 3, 1, 1, 0, 0, 0, 0},    {1, 3, 3, 8, 1, 3, 3, 1, 1, 1, 1, 4, 4, 4, 4},
    {3, 10, 11, 24, 1, 2, 2, 2, 2, 3, 3, 1, 2, 0, 3}, {1, 4, 64, 19, 1, 1, 9, 1, 1, 1, 1, 0, 0, 4, 4}};

// All three results in double, with the sums of magnitudes that bound their rounding errors.
struct Reference {
  std::vector<double> y, y_size, dx, dx_size, dk, dk_size;
};
template <class T>
Reference reference(const Conv2DGeometry& g, const T* x, const T* kernel, const T* dy) {
  const Index outputs = g.batch * g.out_h * g.out_w * g.out_c, inputs = g.batch * g.in_h * g.in_w * g.in_c;
  Reference result;
  result.y.resize(static_cast<std::size_t>(outputs));
  result.y_size = result.y;
  result.dx.resize(static_cast<std::size_t>(inputs));
  result.dx_size = result.dx;
  result.dk.resize(static_cast<std::size_t>(g.kernel_size()));
  result.dk_size = result.dk;
  const auto add = [](std::vector<double>& sums, std::vector<double>& sizes, Index at, double term) {
    sums[static_cast<std::size_t>(at)] += term;
    sizes[static_cast<std::size_t>(at)] += std::abs(term);
  };
  for (Index n = 0; n < g.batch; ++n)
    for (Index i = 0; i < g.out_h; ++i)
      for (Index j = 0; j < g.out_w; ++j)
        for (Index f = 0; f < g.out_c; ++f)
          for (Index r = 0; r < g.kernel_h; ++r)
            for (Index s = 0; s < g.kernel_w; ++s) {
              const Index h = i * g.stride_h + r * g.dilation_h - g.pad_top;
              const Index w = j * g.stride_w + s * g.dilation_w - g.pad_left;
              if (h < 0 || h >= g.in_h || w < 0 || w >= g.in_w) continue;
              const Index at_y = ((n * g.out_h + i) * g.out_w + j) * g.out_c + f;
              const Index at_x = ((n * g.in_h + h) * g.in_w + w) * g.in_c + f / g.group_out();
              const Index at_k = (r * g.kernel_w + s) * g.out_c + f;
              add(result.y, result.y_size, at_y, double(x[at_x]) * double(kernel[at_k]));
              add(result.dx, result.dx_size, at_x, double(dy[at_y]) * double(kernel[at_k]));
              add(result.dk, result.dk_size, at_k, double(dy[at_y]) * double(x[at_x]));
            }
  return result;
}

template <class T>
void check_close(const std::vector<double>& expected, const std::vector<double>& size, const AlignedVector<T>& got,
                 bool mostly_zero = false) {
  REQUIRE(expected.size() == got.size());
  double worst = 0;
  std::size_t zeros = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    zeros += expected[i] == 0;
    const double error = std::abs(double(got[i]) - expected[i]);
    worst = (std::max)(worst, std::isfinite(error) ? error / (size[i] + 1e-30) : 1e9);
  }
  CHECK(worst < 20 * double(std::numeric_limits<T>::epsilon()));
  CHECK((mostly_zero || 2 * zeros < got.size()));  // the comparison means something
}

template <class T>
struct Data {
  AlignedVector<T> x, kernel, dy;
  explicit Data(const Conv2DGeometry& g)
      : x(uniform_values<T>(g.batch * g.in_h * g.in_w * g.in_c, 1)),
        kernel(uniform_values<T>(g.kernel_size(), 2)),
        dy(uniform_values<T>(g.batch * g.out_h * g.out_w * g.out_c, 3)) {}
};

}  // namespace

TEST_CASE_TEMPLATE("depthwise convolution agrees with sums in double", T, float, double) {
  Scratch scratch;
  for (const SimdLevel level : levels())
    for (const Case& each : cases) {
      const Conv2DGeometry g = each.geometry();
      CAPTURE(to_string(level));
      CAPTURE(&each - cases);
      const KernelContext context{scratch, nullptr, level};
      const Data<T> data(g);
      const Reference expected = reference(g, data.x.data(), data.kernel.data(), data.dy.data());

      AlignedVector<T> y(data.dy.size(), T(99)), dx(data.x.size(), T(99)), dk(data.kernel.size(), T(99));
      depthwise_conv2d_forward<T>(g, data.x.data(), data.kernel.data(), {}, y.data(), context);
      check_close(expected.y, expected.y_size, y, each.top > 2);
      depthwise_conv2d_backward_input(g, data.dy.data(), data.kernel.data(), dx.data(), context);
      check_close(expected.dx, expected.dx_size, dx, each.stride_h > each.kernel_h);
      depthwise_conv2d_backward_kernel(g, data.x.data(), data.dy.data(), dk.data(), false, context);
      check_close(expected.dk, expected.dk_size, dk);

      AlignedVector<T> sum = data.kernel;
      depthwise_conv2d_backward_kernel(g, data.x.data(), data.dy.data(), sum.data(), true, context);
      std::vector<double> total = expected.dk, size = expected.dk_size;
      for (std::size_t i = 0; i < total.size(); ++i) {
        total[i] += double(data.kernel[i]);
        size[i] += std::abs(double(data.kernel[i]));
      }
      check_close(total, size, sum);
    }
}

TEST_CASE_TEMPLATE("depthwise forward: bias, residual and activation follow the sum", T, float, double) {
  Scratch scratch;
  for (const Case& each : {cases[2], cases[3], cases[7]}) {
    const Conv2DGeometry g = each.geometry();
    const Data<T> data(g);
    const auto bias = uniform_values<T>(g.out_c, 5);
    AlignedVector<T> residual = uniform_values<T>(static_cast<Index>(data.dy.size()), 6);
    for (T& value : residual) value *= 8;
    const Reference expected = reference(g, data.x.data(), data.kernel.data(), data.dy.data());
    for (const SimdLevel level : levels()) {
      const KernelContext context{scratch, nullptr, level};
      const auto run = [&](const ActivationSpec& activation) {
        AlignedVector<T> y(residual.size());
        depthwise_conv2d_forward<T>(g, data.x.data(), data.kernel.data(), {bias.data(), residual.data(), activation},
                                    y.data(), context);
        return y;
      };
      const AlignedVector<T> linear = run(Activation::linear);
      std::vector<double> sums = expected.y, size = expected.y_size;
      for (std::size_t i = 0; i < sums.size(); ++i) {
        sums[i] += double(bias[i % bias.size()]) + double(residual[i]);
        size[i] += 9;
      }
      check_close(sums, size, linear);
      for (const Activation kind : {Activation::relu, Activation::relu6, Activation::tanh}) {
        const AlignedVector<T> got = run(kind);
        AlignedVector<T> wanted = linear;
        activation_forward<T>(kind, 1, static_cast<Index>(linear.size()), wanted.data(), wanted.data(), context);
        CHECK(got == wanted);
        CHECK(got != linear);
      }
      AlignedVector<T> in_place = residual;
      depthwise_conv2d_forward<T>(g, data.x.data(), data.kernel.data(), {bias.data(), in_place.data(), {}},
                                  in_place.data(), context);
      CHECK(in_place == linear);
    }
  }
}

TEST_CASE_TEMPLATE("depthwise convolution: bits depend on neither batch nor threads nor alignment", T, float, double) {
  Scratch scratch;
  ThreadPool two(2), three(3), eight(8);
  for (const SimdLevel level : levels())
    for (Case each : cases) {
      each.batch = 5;
      const Conv2DGeometry g = each.geometry();
      CAPTURE(to_string(level));
      const Data<T> data(g);
      Conv2DGeometry one = g;
      one.batch = 1;
      const std::size_t x_size = data.x.size() / 5, y_size = data.dy.size() / 5;
      AlignedVector<T> y(data.dy.size()), dx(data.x.size()), dk(data.kernel.size());
      const KernelContext alone{scratch, nullptr, level};
      for (std::size_t n = 0; n < 5; ++n) {
        depthwise_conv2d_forward<T>(one, data.x.data() + n * x_size, data.kernel.data(), {}, y.data() + n * y_size,
                                    alone);
        depthwise_conv2d_backward_input<T>(one, data.dy.data() + n * y_size, data.kernel.data(), dx.data() + n * x_size,
                                           alone);
      }
      depthwise_conv2d_backward_kernel<T>(g, data.x.data(), data.dy.data(), dk.data(), false, alone);
      for (ThreadPool* pool : {static_cast<ThreadPool*>(nullptr), &two, &three, &eight}) {
        const KernelContext context{scratch, pool, level};
        AlignedVector<T> y2(y.size() + 1), dx2(dx.size() + 1), dk2(dk.size());
        depthwise_conv2d_forward<T>(g, data.x.data(), data.kernel.data(), {}, y2.data() + 1, context);
        depthwise_conv2d_backward_input<T>(g, data.dy.data(), data.kernel.data(), dx2.data() + 1, context);
        depthwise_conv2d_backward_kernel<T>(g, data.x.data(), data.dy.data(), dk2.data(), false, context);
        CHECK(std::memcmp(y2.data() + 1, y.data(), y.size() * sizeof(T)) == 0);
        CHECK(std::memcmp(dx2.data() + 1, dx.data(), dx.size() * sizeof(T)) == 0);
        CHECK(std::memcmp(dk2.data(), dk.data(), dk.size() * sizeof(T)) == 0);
      }
    }
}

TEST_CASE("depthwise forward: NaN reaches the pixels that see it, through relu6 too") {
  Scratch scratch;
  const Case each{1, 7, 13, 21, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  const Conv2DGeometry g = each.geometry();
  Data<float> data(g);
  data.x[static_cast<std::size_t>((3 * 13 + 6) * 21 + 20)] = std::numeric_limits<float>::quiet_NaN();
  for (const SimdLevel level : levels()) {
    AlignedVector<float> y(data.dy.size());
    depthwise_conv2d_forward<float>(g, data.x.data(), data.kernel.data(), {nullptr, nullptr, Activation::relu6},
                                    y.data(), {scratch, nullptr, level});
    for (Index i = 0; i < 7; ++i)
      for (Index j = 0; j < 13; ++j)
        for (Index c = 0; c < 21; ++c)
          REQUIRE(std::isnan(y[static_cast<std::size_t>((i * 13 + j) * 21 + c)]) ==
                  (std::abs(i - 3) <= 1 && std::abs(j - 6) <= 1 && c == 20));
  }
}

TEST_CASE("depthwise convolution of nothing") {
  Scratch scratch;
  const KernelContext context{scratch};
  Conv2DGeometry g = cases[1].geometry();
  g.batch = 0;
  float value = 9;
  depthwise_conv2d_forward<float>(g, nullptr, nullptr, {}, &value, context);
  depthwise_conv2d_backward_input<float>(g, nullptr, nullptr, &value, context);
  CHECK(value == 9);
  AlignedVector<float> dk(27, 5.0f);
  depthwise_conv2d_backward_kernel<float>(g, nullptr, nullptr, dk.data(), true, context);
  CHECK(dk[26] == 5);
  depthwise_conv2d_backward_kernel<float>(g, nullptr, nullptr, dk.data(), false, context);
  CHECK(dk[26] == 0);
}
