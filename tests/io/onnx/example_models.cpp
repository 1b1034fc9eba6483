/// The networks of examples/, with other weights than they begin with, as keel's files in a folder: example_models DIR.

#include <keel/io/load.hpp>

#include "random_network.hpp"

using namespace keel;

namespace {

Node convolve(Model<float>& net, Node x, Index filters, Index kernel, Index stride) {
  x = net.add(Conv2D(filters, kernel, {.strides = stride, .padding = Padding::same, .use_bias = false}), x);
  return net.add(BatchNorm({.momentum = 0.9, .epsilon = 1e-5}), x);
}
/// examples/residual.cpp
Model<float> residual() {
  Model<float> net({.name = "resnet20"});
  Node x = net.input({32, 32, 3});
  x = net.add(ReLU(), convolve(net, x, 16, 3, 1));
  for (const Index filters : {16, 32, 64})
    for (int i = 0; i < 3; ++i) {
      const Index stride = filters > 16 && i == 0 ? 2 : 1;
      const Node y = convolve(net, net.add(ReLU(), convolve(net, x, filters, 3, stride)), filters, 3, 1);
      const Node shortcut = stride == 2 ? convolve(net, x, filters, 1, 2) : x;
      x = net.add(ReLU(), net.add(Add(), {y, shortcut}));
    }
  net.output(net.add(Dense(10), net.add(GlobalAveragePool2D(), x)));
  return net;
}

/// examples/unet.cpp
Model<float> unet() {
  Model<float> net({.name = "unet"});
  const auto block = [&](Index filters, Node x) {
    for (int i = 0; i < 2; ++i) x = net.add(ReLU(), convolve(net, x, filters, 3, 1));
    return x;
  };
  const Node wide = block(8, net.input({32, 32, 1})), half = block(16, net.add(MaxPool2D(2), wide));
  Node x = block(32, net.add(MaxPool2D(2), half));
  for (const auto& [filters, skip] : {std::pair(Index{16}, half), std::pair(Index{8}, wide)}) {
    x = net.add(Conv2DTranspose(filters, 2, {.strides = 2}), x);
    x = block(filters, net.add(Concatenate(), {x, skip}));
  }
  net.output(net.add(Conv2D(3, 1, {.activation = Activation::softmax}), x));
  return net;
}

}  // namespace

int main(int, char** arguments) {
  const std::string folder = arguments[1];
  Rng rng(1);
  const auto write = [&](Model<float> model, const char* name) {
    keel_test::randomise(model, rng);
    for (const NamedParameter<float>& named : model.named_parameters())  // sums of many stay near 1
      if (named.name.find("kernel") != named.name.npos) {
        const double fan = static_cast<double>(named.parameter->size() / named.parameter->shape().back());
        named.parameter->update([&](TensorView<float> v) { v.array() *= static_cast<float>(2 / std::sqrt(fan)); });
      }
    save(model, folder + "/" + name + ".safetensors");
  };
  Sequential seed({64, 64, 1});
  seed.add(Conv2D(32, 3, {.padding = Padding::same, .activation = Activation::relu}));
  seed.add(BatchNorm({.momentum = 0.15})).add(Flatten());
  seed.add(Dense(100, {.activation = Activation::relu})).add(Dense(10, {.activation = Activation::softmax}));
  write(std::move(seed), "seed_cnn");
  Sequential clothes({28, 28, 1});
  for (const Index filters : {32, 64, 128}) {
    clothes.add(Conv2D(filters, 3, {.padding = Padding::same, .use_bias = false}));
    clothes.add(BatchNorm({.momentum = 0.9})).add(ReLU());
    if (filters < 128) clothes.add(MaxPool2D(2));
  }
  clothes.add(Flatten()).add(Dropout(0.3)).add(Dense(128, {.activation = Activation::relu}));
  clothes.add(Dropout(0.3)).add(Dense(10));
  write(std::move(clothes), "fashion_mnist");
  Sequential coder({28, 28, 1});
  coder.add(Flatten()).add(Dense(128, {.activation = Activation::relu})).add(Dense(32, {.name = "code"}));
  coder.add(Dense(128, {.activation = Activation::relu})).add(Dense(784, {.activation = Activation::sigmoid}));
  coder.add(Reshape({28, 28, 1}));
  write(std::move(coder), "autoencoder");
  Sequential regression({1});
  regression.add(Dense(64, {.activation = Activation::tanh})).add(Dense(64, {.activation = Activation::tanh}));
  regression.add(Dense(1));
  write(std::move(regression), "mlp_regression");
  Sequential resumed({28, 28, 1});
  resumed.add(Conv2D(16, 3, {.activation = Activation::relu})).add(MaxPool2D(2)).add(BatchNorm());
  resumed.add(Flatten()).add(Dropout(0.3)).add(Dense(10));
  write(std::move(resumed), "resume");
  Sequential table({11});
  table.add(Dense(16, {.activation = Activation::tanh, .kernel_regularizer = L2(1e-3)})).add(Dense(1));
  write(std::move(table), "tabular");
  Sequential transfer({28, 28, 1});
  transfer.add(Conv2D(16, 3, {.activation = Activation::relu})).add(MaxPool2D(2));
  transfer.add(Conv2D(32, 3, {.activation = Activation::relu})).add(MaxPool2D(2)).add(Flatten());
  transfer.add(Dense(5, {.name = "clothes"}));
  write(std::move(transfer), "transfer_learning");
  write(residual(), "residual");
  write(unet(), "unet");
  Sequential generator({32});
  for (const Index w : {128, 256})
    generator.add(Dense(w, {.use_bias = false})).add(BatchNorm({.momentum = 0.9})).add(ReLU());
  generator.add(Dense(784, {.activation = Activation::sigmoid})).add(Reshape({28, 28, 1}));
  write(std::move(generator), "gan_generator");
  Sequential critic({28, 28, 1});
  critic.add(Flatten());
  for (const Index w : {256, 128}) critic.add(Dense(w)).add(LeakyReLU({.negative_slope = 0.2})).add(Dropout(0.3));
  critic.add(Dense(1));
  write(std::move(critic), "gan_critic");
  Sequential signal({32, 1});
  signal.add(Conv1D(16, 5, {.activation = Activation::relu})).add(MaxPool1D(2));
  signal.add(Conv1D(16, 5, {.activation = Activation::relu})).add(Flatten());
  signal.add(Dropout(0.2)).add(Dense(1, {.kernel_regularizer = L2(1e-3)}));
  write(std::move(signal), "signal");
  Sequential report({28, 28, 1});
  report.add(Conv2D(16, 5, {.padding = Padding::same, .activation = Activation::relu})).add(MaxPool2D(2));
  report.add(BatchNorm()).add(Conv2D(32, 3, {.activation = Activation::relu})).add(MaxPool2D(2));
  report.add(Flatten()).add(Dropout(0.3)).add(Dense(10, {.activation = Activation::softmax}));
  write(std::move(report), "report");
  Sequential own({2});
  own.add(Dense(16, {.activation = Activation::tanh})).add(Dense(2));
  write(std::move(own), "own_parts");
  return 0;
}
