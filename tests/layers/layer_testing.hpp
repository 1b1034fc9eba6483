#pragma once
// What the tests of layers share: running one layer without a model.

#include <keel/testing/check_layer.hpp>

#include <doctest/doctest.h>

#include <vector>

namespace keel_test {

using namespace keel;

/// check_layer with its report as the message of a failure.
template <class L>
void check(L layer, std::vector<Shape> inputs, LayerCheckOptions options = {}) {
  const LayerReport report = check_layer(std::move(layer), std::move(inputs), std::move(options));
  INFO(report.to_string());
  CHECK(report.ok());
  CHECK(report.checks > 20);
}

/// A layer that has been built, and the memory of a pass through it.
template <class L>
struct Bench {
  using T = typename L::Scalar;
  L layer;
  std::vector<Shape> shapes;
  Shape output;
  Scratch scratch;
  Cache<T> cache;
  std::vector<Tensor<T>> x, dx;
  Tensor<T> y;
  bool training = false;
  Rng random{5};

  Bench(L l, std::vector<Shape> inputs) : layer(std::move(l)), shapes(std::move(inputs)) {
    output = layer.output_shape(shapes);
    Rng rng(3);
    layer.build(shapes, rng);
  }
  Pass<T> pass() {
    Pass<T> p{KernelContext{scratch}};
    p.training = training;
    p.cache = &cache;
    p.rng = Rng(11, 2);
    return p;
  }
  const Tensor<T>& forward(std::vector<Tensor<T>> inputs, bool train = false) {
    x = std::move(inputs);
    training = train;
    y = Tensor<T>(output.with_batch(x[0].shape()[0]), T(-77));
    const std::vector<TensorView<const T>> views(x.begin(), x.end());
    Pass<T> p = pass();
    static_cast<const L&>(layer).forward(views, y, p);
    return y;
  }
  const Tensor<T>& forward(const Tensor<T>& input, bool train = false) {
    return forward(std::vector<Tensor<T>>{input}, train);
  }
  /// After forward: fills dx and the gradients of the parameters; returns the first dx.
  const Tensor<T>& backward(const Tensor<T>& dy) {
    for (Parameter<T>* parameter : layer.parameters()) parameter->gradient = Tensor<T>(parameter->shape());
    dx.clear();
    for (const Tensor<T>& input : x) dx.emplace_back(input.shape(), T(-77));
    const std::vector<TensorView<const T>> views(x.begin(), x.end());
    const std::vector<TensorView<T>> targets(dx.begin(), dx.end());
    Pass<T> p = pass();
    layer.backward(views, y, dy, targets, p);
    return dx[0];
  }
  void finish() {
    Pass<T> p = pass();
    layer.finish_forward(p);
  }
  Tensor<T> normal(const Shape& shape) {
    Tensor<T> values(shape);
    for (T& value : values) value = static_cast<T>(random.normal());
    return values;
  }
};

/// Largest difference of two tensors; infinity for other shapes.
template <class T>
double difference(const Tensor<T>& a, const Tensor<T>& b) {
  if (!(a.shape() == b.shape())) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (Index i = 0; i < a.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (d > largest || std::isnan(d)) largest = d;
  }
  return largest;
}

}  // namespace keel_test
