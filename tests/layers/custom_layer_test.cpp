// Layers as a user writes them, in Eigen.

#include <keel/tensor/eigen_tensor.hpp>

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

/// y = x - mean of x over the channels of a pixel: rows of a matrix.
template <class T = float>
class Centre : public Layer<T> {
 public:
  std::string type() const override { return "Centre"; }
  Shape output_shape(Shapes in) const override { return this->single_input(in); }
  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    y.matrix() = x[0].matrix().colwise() - x[0].matrix().rowwise().mean();
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (dx[0].data()) dx[0].matrix() = dy.matrix().colwise() - dy.matrix().rowwise().mean();
  }
};

/// Height and width exchanged: an Eigen::Tensor of rank 4.
template <class T = float>
class Turn : public Layer<T> {
 public:
  std::string type() const override { return "Turn"; }
  Shape output_shape(Shapes in) const override {
    const Shape& image = this->single_input(in, 3);
    return {image[1], image[0], image[2]};
  }
  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    y.template eigen<4>() = x[0].template eigen<4>().shuffle(std::array{0, 2, 1, 3});
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (dx[0].data()) dx[0].template eigen<4>() = dy.template eigen<4>().shuffle(std::array{0, 2, 1, 3});
  }
};

}  // namespace

TEST_CASE("a layer of one's own in twenty lines keeps the contract") {
  check(SoftLimit<double>(), {{3, 4}}, {.refused = {{{3}, {3}}}});
  Bench bench(SoftLimit<float>{}, {{2}});
  CHECK(bench.forward(Tensor<float>({1, 2}, {2, -6})) == Tensor<float>({1, 2}, {1, -1.5f}));
}

TEST_CASE("layers of one's own on matrices and on tensors of Eigen") {
  check(Centre<double>(), {{3, 2, 4}});
  check(Turn<double>(), {{3, 2, 4}}, {.refused = {{{3}}, {{2, 2}}}});
  Bench centre(Centre<float>{}, {{2}});
  CHECK(centre.forward(Tensor<float>({2, 2}, {1, 3, 2, 2})) == Tensor<float>({2, 2}, {-1, 1, 0, 0}));
  Bench turn(Turn<float>{}, {{2, 3, 1}});
  CHECK(turn.forward(Tensor<float>({1, 2, 3, 1}, {1, 2, 3, 4, 5, 6})) ==
        Tensor<float>({1, 3, 2, 1}, {1, 4, 2, 5, 3, 6}));
}
