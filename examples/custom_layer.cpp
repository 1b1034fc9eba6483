// A layer of one's own, checked and trained: y = x * gate per channel, with a gate that is learned.

#include <iostream>

#include <keel/keel.hpp>
#include <keel/testing/check_layer.hpp>

using namespace keel;

// With X the input as a matrix, a row for each pixel or sample and a column for each channel:
//
//     Y = X diag(gate),   dX = dY diag(gate),   dgate = sum over rows of X dY
template <class T = float>
class ChannelGate : public Layer<T> {
 public:
  std::string type() const override { return "ChannelGate"; }
  Shape output_shape(Shapes inputs) const override { return this->single_input(inputs); }
  void build(Shapes inputs, Rng&) override { gate_ = {"gate", Tensor<T>({inputs[0].back()}, T(1))}; }
  std::vector<Parameter<T>*> parameters() override { return {&gate_}; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override { y.matrix() = x[0].matrix() * diagonal(); }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>&) override {
    if (gate_.trains())
      gate_.gradient.array() += x[0].matrix().cwiseProduct(dy.matrix()).colwise().sum().transpose().array();
    if (dx[0].data()) dx[0].matrix() = dy.matrix() * diagonal();
  }

 private:
  Eigen::DiagonalMatrix<T, Eigen::Dynamic> diagonal() const { return gate_.value().array().matrix().asDiagonal(); }

  Parameter<T> gate_;
};

int main() {
  const auto report = check_layer(ChannelGate<double>(), {{4, 4, 3}});
  std::cout << report.to_string() << "\n";

  // learn to pass the first of two channels and to stop the second
  Sequential model({2});
  model.add(ChannelGate());
  Tensor x({64, 2}), target({64, 2});
  Rng rng(1, 0);
  for (Index i = 0; i < 64; ++i) {
    target(i, 0) = x(i, 0) = static_cast<float>(rng.normal());
    x(i, 1) = static_cast<float>(rng.normal());
  }
  fit(model, Dataset(x, target),
      {.epochs = 200, .optimizer = SGD({.learning_rate = 0.1}), .loss = Loss::mse, .verbose = Verbose::silent});
  const Tensor<float>& gate = model.parameters()[0]->value();
  std::cout << model.summary() << "\nlearned gates: " << gate[0] << " and " << gate[1] << "\n";
  return report.ok() && gate[0] > 0.99f && gate[1] < 0.01f ? 0 : 1;
}
