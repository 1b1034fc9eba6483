#include "layer_testing.hpp"

using namespace keel_test;

namespace {

/// y = x / (1 + |x| / a), a soft limit at +-a that is learned: a user's own layer.
template <class T = float>
class SoftLimit : public Layer<T> {
 public:
  std::string type() const override { return "SoftLimit"; }
  Shape output_shape(Shapes in) const override { return this->single_input(in); }
  void build(Shapes, Rng&) override { a_ = {"a", Tensor<T>({1}, T(2))}; }
  std::vector<Parameter<T>*> parameters() override { return {&a_}; }
  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    y.array() = x[0].array() / (x[0].array().abs() / a_.value()[0] + 1);
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    const T a = a_.value()[0];
    if (dx[0].data()) dx[0].array() = dy.array() / (x[0].array().abs() / a + 1).square();
    if (a_.trains()) a_.gradient[0] += (dy.array() * y.array() * y.array().abs()).sum() / (a * a);
  }

 private:
  Parameter<T> a_;
};

}  // namespace

TEST_CASE("a layer of one's own in twenty lines keeps the contract") {
  check(SoftLimit<double>(), {{3, 4}}, {.refused = {{{3}, {3}}}});
  Bench bench(SoftLimit<float>{}, {{2}});
  CHECK(bench.forward(Tensor<float>({1, 2}, {2, -6})) == Tensor<float>({1, 2}, {1, -1.5f}));
}
