// The layers together: gradients of whole networks by central differences, and inference against training's
// forward pass.

#include <keel/layers/activation_layer.hpp>
#include <keel/layers/add.hpp>
#include <keel/layers/batch_norm.hpp>
#include <keel/layers/concatenate.hpp>
#include <keel/layers/conv2d.hpp>
#include <keel/layers/dense.hpp>
#include <keel/layers/depthwise_conv2d.hpp>
#include <keel/layers/dropout.hpp>
#include <keel/layers/flatten.hpp>
#include <keel/layers/global_average_pool2d.hpp>
#include <keel/layers/max_pool2d.hpp>
#include <keel/layers/reshape.hpp>
#include <keel/model/model.hpp>

#include "layer_testing.hpp"

using namespace keel_test;

namespace {

/// Two inputs, a residual block, a layer in two places, activations that fuse and some that do not, views in
/// between.
Model<double> network() {
  Model<double> net({.seed = 4});
  const Node image = net.input({6, 6, 2}), extra = net.input({3});
  Node x = net.add(Conv2D<double>(4, 3, {.padding = Padding::same}), image);
  x = net.add(ActivationLayer<double>(Activation::tanh), net.add(BatchNorm<double>(), x));
  const Node shared = net.add(Conv2D<double>(4, 1, {.activation = Activation::silu}), x);
  Node y = net.add(DepthwiseConv2D<double>(3, {.padding = Padding::same, .use_bias = false}), shared);
  y = net.add(BatchNorm<double>(BatchNormOptions::torch()), y);
  x = net.add(ActivationLayer<double>(Activation::elu), net.add(Add<double>(), {x, y}));
  x = net.add(MaxPool2D<double>(), net.share(shared, x));
  const Node pooled = net.add(GlobalAveragePool2D<double>(), x);
  x = net.add(Dropout<double>(0.3), net.add(Flatten<double>(), x));
  x = net.add(Concatenate<double>(), {x, pooled, net.add(Dense<double>(2, {.activation = Activation::tanh}), extra)});
  net.output(net.add(ActivationLayer<double>(Activation::softmax), net.add(Dense<double>(5), x)));
  net.output(pooled);
  for (Parameter<double>* p : net.parameters())
    p->update([rng = Rng(9)](TensorView<double> value) mutable {
      for (double& v : value) v += rng.uniform(0, 0.3);
    });
  return net;
}

struct Data {
  std::vector<Tensor<double>> x, weights;
  std::vector<TensorView<const double>> views() const { return {x.begin(), x.end()}; }
};
Data data() {
  Rng rng(6);
  Data d{{Tensor<double>({3, 6, 6, 2}), Tensor<double>({3, 3})}, {Tensor<double>({3, 5}), Tensor<double>({3, 4})}};
  for (auto* list : {&d.x, &d.weights})
    for (Tensor<double>& tensor : *list)
      for (double& value : tensor) value = rng.normal();
  return d;
}

/// sum of w y + y^2 over both outputs.
double loss(std::span<const TensorView<const double>> y, const Data& d) {
  double sum = 0;
  for (std::size_t i = 0; i < 2; ++i)
    for (Index k = 0; k < y[i].size(); ++k) sum += (d.weights[i][k] + y[i][k]) * y[i][k];
  return sum;
}

void check_gradients(Model<double>& net, bool training) {
  const Data d = data();
  Tape<double> tape;
  const auto y = net.forward(d.views(), tape, training);
  std::vector<Tensor<double>> dy = d.weights;
  for (std::size_t i = 0; i < 2; ++i)
    for (Index k = 0; k < dy[i].size(); ++k) dy[i][k] += 2 * y[i][k];
  net.backward(std::vector<TensorView<const double>>(dy.begin(), dy.end()), tape);
  // the differences must see the statistics and masks of that pass
  const auto value = [&] {
    Model<double> copy = net.clone();
    Tape<double> other;
    return loss(copy.forward(d.views(), other, training), d);
  };
  int checked = 0;
  for (const NamedParameter<double>& named : net.named_parameters()) {
    Parameter<double>& p = *named.parameter;
    if (!p.trains()) continue;
    CAPTURE(named.name);
    for (Index i = 0; i < p.size(); i += 1 + p.size() / 7) {
      const double at = p.value()[i], step = 1e-5;
      const auto move = [&](double to) { p.update([&](TensorView<double> v) { v[i] = to; }); };
      move(at + step);
      const double high = value();
      move(at - step);
      const double low = value();
      move(at);
      CHECK(std::abs((high - low) / (2 * step) - p.gradient[i]) < 1e-6 * (std::max)(1.0, std::abs(p.gradient[i])));
      ++checked;
    }
  }
  CHECK(checked > 20);
}

}  // namespace

TEST_CASE("gradients of a network with two inputs and outputs, a residual block and a shared layer") {
  Model<double> net = network();
  SUBCASE("training") { check_gradients(net, true); }
  SUBCASE("inference") { check_gradients(net, false); }
  SUBCASE("one BatchNorm frozen as in Keras, one as in PyTorch") {
    net.layer("batch_normalization").freeze(Freeze::layer);
    net.layer("batch_normalization_1").freeze(Freeze::gradients);
    check_gradients(net, true);
  }
}

TEST_CASE("folded and fused inference gives the values of the plain forward pass, sample by sample the same bits") {
  Model<double> net = network();
  const Data d = data();
  Tape<double> tape;
  const auto want = net.forward(d.views(), tape, false);
  const auto got = net.predict(d.views());
  for (std::size_t i = 0; i < 2; ++i) CHECK(difference(got[i], Tensor<double>(want[i])) < 1e-12);
  for (Index n = 0; n < 3; ++n) {
    const std::vector<TensorView<const double>> one{d.x[0].view().rows(n, 1), d.x[1].view().rows(n, 1)};
    const auto alone = net.predict(one);
    for (std::size_t i = 0; i < 2; ++i) CHECK(alone[i] == got[i].rows(n, 1));
  }
}

TEST_CASE("an activation has the same gradients inside the layer before it as on its own") {
  const std::vector<AnyLayer<double>> layers{BatchNorm<double>(), Conv2D<double>(3, 2), Dense<double>(3),
                                             DepthwiseConv2D<double>(2)};
  for (std::size_t kind = 1; kind < activation_names.size(); ++kind)
    for (const AnyLayer<double>& layer : layers)
      for (const Freeze freeze : {Freeze::none, Freeze::gradients, Freeze::layer}) {
        const auto gradient = [&](bool alone) {
          Model<double> net({.seed = 2});
          const Node before = net.add(layer, net.input({4, 3, 3}));
          net.output(net.add(ActivationLayer<double>(static_cast<Activation>(kind)), before));
          if (alone) net.output(before);  // a value that is read elsewhere is not overwritten
          net.layer(0).freeze(freeze);
          Rng rng(3);
          std::vector<Tensor<double>> tensors{Tensor<double>({2, 4, 3, 3}),
                                              Tensor<double>(net.output_shape().with_batch(2))};
          for (Tensor<double>& tensor : tensors)
            for (double& value : tensor) value = rng.normal();
          tensors.emplace_back(tensors[1].shape());
          const std::vector<TensorView<const double>> views(tensors.begin(), tensors.end());
          Tape<double> tape;
          tape.input_gradients = true;
          net.forward(Inputs<double>(views).first(1), tape);
          net.backward(Inputs<double>(views).subspan(1, alone ? 2 : 1), tape);
          return Tensor<double>(tape.input_gradient());
        };
        CAPTURE(activation_names[kind]);
        CAPTURE(layer->type());
        CHECK(difference(gradient(false), gradient(true)) < 1e-10);
      }
}

TEST_CASE("a layer frozen before it joins a model stays frozen") {
  BatchNorm<double> norm;
  norm.freeze(Freeze::layer);
  Model<double> net;
  net.output(net.add(norm, net.input({3})));
  CHECK(net.layer(0).frozen() == Freeze::layer);
  for (const Parameter<double>* parameter : net.parameters()) CHECK(!parameter->trains());
}

namespace {

/// Residual blocks in the orders that graphs have: the sum's last input normalised, its first, both; with and
/// without an activation behind. `apart` makes all normalised values outputs too, so that no sum can join them.
Model<double> residual_blocks(bool apart) {
  Model<double> net({.seed = 5});
  std::vector<Node> normalised;
  const auto norm = [&](Node x) { return normalised.emplace_back(net.add(BatchNorm<double>(), x)); };
  const auto conv = [&](Node x) { return net.add(Conv2D<double>(4, 3, {.padding = Padding::same}), x); };
  Node x = net.add(ActivationLayer<double>(Activation::relu), norm(conv(net.input({6, 6, 2}))));
  x = net.add(ActivationLayer<double>(Activation::relu), net.add(Add<double>(), {norm(conv(x)), x}));
  x = net.add(Add<double>(), {x, norm(conv(x))});
  x = net.add(ActivationLayer<double>(Activation::tanh), net.add(Add<double>(), {norm(conv(x)), norm(conv(x))}));
  x = net.add(ActivationLayer<double>(Activation::gelu), net.add(Add<double>(), {norm(x), x}));
  const Node early = norm(conv(x));  // before what it is added to
  x = net.add(Add<double>(), {early, net.add(ActivationLayer<double>(Activation::relu), conv(x))});
  const Node seen = norm(conv(x));  // and what it is added to is seen through a view made later
  x = net.add(Add<double>(), {seen, net.add(Reshape<double>({6, 6, 4}), x)});
  x = net.add(ActivationLayer<double>(Activation::softmax), net.add(Add<double>(), {x, norm(x)}));
  x = net.add(Add<double>(), {net.add(Add<double>(), {norm(conv(x)), x}), norm(x)});
  net.output(net.add(Flatten<double>(), x));
  if (apart)
    for (const Node node : normalised) net.output(node);
  return net;
}

}  // namespace

TEST_CASE("a sum that joins the BatchNorm before it gives the same bits in less memory") {
  Model<double> joined = residual_blocks(false), apart = residual_blocks(true);
  Tensor<double> x({64, 6, 6, 2});
  for (Index i = 0; i < x.size(); ++i) x[i] = Rng(7, i).normal();
  for (int threads = 1; threads <= 2; ++threads) {
    Tape<double> tape, other;
    tape.input_gradients = other.input_gradients = true;
    for (Model<double>* net : {&joined, &apart}) net->set_threads(threads);
    const Tensor<double> y(joined.forward(x, tape));
    const auto outputs = apart.forward(std::vector<TensorView<const double>>{x}, other);
    CHECK(y == Tensor<double>(outputs[0]));
    std::vector<Tensor<double>> dy;
    for (const auto& output : outputs) dy.emplace_back(output.shape(), 0.0);
    Rng rng(8);
    for (double& value : dy[0]) value = rng.normal();
    joined.backward(dy[0], tape);
    apart.backward(std::vector<TensorView<const double>>(dy.begin(), dy.end()), other);
    CHECK(Tensor<double>(tape.input_gradient()) == Tensor<double>(other.input_gradient()));
    const auto mine = joined.parameters(), theirs = apart.parameters();
    REQUIRE(mine.size() == theirs.size());
    for (std::size_t i = 0; i < mine.size(); ++i) {
      CAPTURE(mine[i]->name());
      CHECK(mine[i]->value() == theirs[i]->value());
      if (mine[i]->trains()) CHECK(mine[i]->gradient == theirs[i]->gradient);
    }
    CHECK(tape.bytes() < other.bytes());
  }
}
