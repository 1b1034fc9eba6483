#pragma once
// Small networks of one kind of layer each, beside networks.hpp's: a signal, sequences, an encoder, a U-Net.

#include <string>

#include <keel/layers/add.hpp>
#include <keel/layers/batch_norm.hpp>
#include <keel/layers/concatenate.hpp>
#include <keel/layers/conv1d.hpp>
#include <keel/layers/conv2d.hpp>
#include <keel/layers/conv2d_transpose.hpp>
#include <keel/layers/dense.hpp>
#include <keel/layers/global_average_pool1d.hpp>
#include <keel/layers/gru.hpp>
#include <keel/layers/layer_norm.hpp>
#include <keel/layers/lstm.hpp>
#include <keel/layers/max_pool2d.hpp>
#include <keel/layers/multi_head_attention.hpp>
#include <keel/layers/relu.hpp>
#include <keel/model/model.hpp>

namespace layer_networks {

using keel::Index;
using keel::Node;

/// Two convolutions of 3 steps, 256 channels each, over 16384 steps.
template <class T>
void conv1d(keel::Model<T>& model) {
  Node x = model.input({16384, 256});
  for (int i = 0; i < 2; ++i)
    x = model.add(keel::Conv1D<T>(256, 3, {.padding = keel::Padding(1), .activation = keel::Activation::relu}), x);
  model.output(model.add(keel::Dense<T>(10), model.add(keel::GlobalAveragePool1D<T>(), x)));
}

template <class T>
void lstm(keel::Model<T>& model) {
  const Node x = model.input({100, 128});
  model.output(model.add(keel::Dense<T>(10), model.add(keel::LSTM<T>(128), x)));
}

template <class T>
void gru(keel::Model<T>& model) {
  const Node x = model.input({100, 256});
  model.output(model.add(keel::Dense<T>(10), model.add(keel::GRU<T>(256), x)));
}

/// The encoder of Vaswani et al. 2017: 4 layers of width 256 with 4 heads and 1024 units between, 128 steps.
template <class T>
void encoder(keel::Model<T>& model) {
  Node x = model.input({128, 256});
  const auto norm = [&](Node a, Node b) {
    return model.add(keel::LayerNorm<T>(keel::LayerNormOptions::torch()), model.add(keel::Add<T>(), {a, b}));
  };
  for (int i = 0; i < 4; ++i) {
    x = norm(x, model.add(keel::MultiHeadAttention<T>(4, 64), {x, x}));
    const Node wide = model.add(keel::Dense<T>(1024, {.activation = keel::Activation::relu}), x);
    x = norm(x, model.add(keel::Dense<T>(256), wide));
  }
  model.output(model.add(keel::Dense<T>(10), model.add(keel::GlobalAveragePool1D<T>(), x)));
}

/// U-Net (Ronneberger et al. 2015) of 128x128 pixels, 32 to 256 channels, with BatchNorm; two classes a pixel.
template <class T>
void unet(keel::Model<T>& model) {
  const auto block = [&](Index filters, Node x) {
    for (int i = 0; i < 2; ++i) {
      x = model.add(keel::Conv2D<T>(filters, 3, {.padding = keel::Padding(1), .use_bias = false}), x);
      x = model.add(keel::ReLU<T>(), model.add(keel::BatchNorm<T>(keel::BatchNormOptions::torch()), x));
    }
    return x;
  };
  std::vector<Node> levels{block(32, model.input({128, 128, 3}))};
  for (const Index filters : {64, 128, 256})
    levels.push_back(block(filters, model.add(keel::MaxPool2D<T>(2), levels.back())));
  Node x = levels.back();
  for (const int level : {2, 1, 0}) {
    const Index filters = Index{32} << level;
    const Node up = model.add(keel::Conv2DTranspose<T>(filters, 2, {.strides = 2}), x);
    x = block(filters, model.add(keel::Concatenate<T>(), {levels[static_cast<std::size_t>(level)], up}));
  }
  model.output(model.add(keel::Conv2D<T>(2, 1), x));
}

template <class T>
keel::Model<T> make(const std::string& name, int threads) {
  keel::Model<T> model({.seed = 7, .threads = threads});
  if (name == "conv1d")
    conv1d(model);
  else if (name == "lstm")
    lstm(model);
  else if (name == "gru")
    gru(model);
  else if (name == "encoder")
    encoder(model);
  else if (name == "unet")
    unet(model);
  else
    throw keel::ConfigError("layer_networks", "conv1d, lstm, gru, encoder or unet", name);
  return model;
}

}  // namespace layer_networks
