#pragma once
// The five networks that keel is measured by: small ones of the kind it is made for, and two of the common large
// ones.

#include <string>

#include <keel/layers/activation_layer.hpp>
#include <keel/layers/add.hpp>
#include <keel/layers/batch_norm.hpp>
#include <keel/layers/conv2d.hpp>
#include <keel/layers/dense.hpp>
#include <keel/layers/depthwise_conv2d.hpp>
#include <keel/layers/flatten.hpp>
#include <keel/layers/global_average_pool2d.hpp>
#include <keel/layers/max_pool2d.hpp>
#include <keel/layers/relu.hpp>
#include <keel/layers/softmax.hpp>
#include <keel/model/model.hpp>

namespace networks {

using keel::Index;
using keel::Node;

/// Adds layers one after another, as PyTorch's Sequential.
template <class T>
class Builder {
 public:
  Builder(const keel::Shape& input, int threads) : model_({.seed = 7, .threads = threads}) {
    at_ = model_.input(input);
  }

  Builder& conv(Index filters, Index kernel, Index stride = 1, bool bias = false) {
    at_ = model_.add(
        keel::Conv2D<T>(filters, kernel, {.strides = stride, .padding = keel::Padding(kernel / 2), .use_bias = bias}),
        at_);
    return *this;
  }
  Builder& depthwise(Index stride) {
    at_ = model_.add(keel::DepthwiseConv2D<T>(3, {.strides = stride, .padding = keel::Padding(1), .use_bias = false}),
                     at_);
    return *this;
  }
  Builder& norm() { return add(keel::BatchNorm<T>(keel::BatchNormOptions::torch())); }
  Builder& relu() { return add(keel::ReLU<T>()); }
  Builder& dense(Index units) { return add(keel::Dense<T>(units)); }
  Builder& add(keel::AnyLayer<T> layer) {
    at_ = model_.add(std::move(layer), at_);
    return *this;
  }
  /// Two 3x3 convolutions and a shortcut (He et al. 2015).
  Builder& block(Index filters, Index stride, bool project) {
    const Node x = at_;
    conv(filters, 3, stride).norm().relu().conv(filters, 3).norm();
    const Node y = at_;
    at_ = x;
    if (project) conv(filters, 1, stride).norm();
    at_ = model_.add(keel::Add<T>(), {y, at_});
    return relu();
  }
  keel::Model<T> done() {
    model_.output(at_);
    return std::move(model_);
  }

 private:
  keel::Model<T> model_;
  Node at_;
};

template <class T>
keel::Model<T> seed(int threads, bool softmax) {
  Builder<T> net({64, 64, 1}, threads);
  net.conv(32, 3, 1, true).relu().norm().add(keel::Flatten<T>()).dense(100).relu().dense(10);
  if (softmax) net.add(keel::Softmax<T>());
  return net.done();
}

template <class T>
keel::Model<T> mnist(int threads) {
  Builder<T> net({28, 28, 1}, threads);
  for (const Index filters : {32, 64}) net.conv(filters, 3, 1, true).norm().relu().add(keel::MaxPool2D<T>(2));
  return net.add(keel::Flatten<T>()).dense(128).relu().dense(10).done();
}

template <class T>
keel::Model<T> resnet20(int threads) {
  Builder<T> net({32, 32, 3}, threads);
  net.conv(16, 3).norm().relu();
  for (const Index stage : {0, 1, 2})
    for (const Index i : {0, 1, 2}) net.block(Index{16} << stage, stage > 0 && i == 0 ? 2 : 1, stage > 0 && i == 0);
  return net.add(keel::GlobalAveragePool2D<T>()).dense(10).done();
}

template <class T>
keel::Model<T> resnet18(int threads) {
  Builder<T> net({224, 224, 3}, threads);
  net.conv(64, 7, 2).norm().relu().add(keel::MaxPool2D<T>(3, {.strides = 2, .padding = keel::Padding(1)}));
  for (const Index stage : {0, 1, 2, 3})
    for (const Index i : {0, 1}) net.block(Index{64} << stage, stage > 0 && i == 0 ? 2 : 1, stage > 0 && i == 0);
  return net.add(keel::GlobalAveragePool2D<T>()).dense(1000).done();
}

/// MobileNet (Howard et al. 2017), width 1.
template <class T>
keel::Model<T> mbv1(int threads) {
  Builder<T> net({224, 224, 3}, threads);
  net.conv(32, 3, 2).norm().relu();
  constexpr Index filters[] = {64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024};
  constexpr Index strides[] = {1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1};
  for (int i = 0; i < 13; ++i) net.depthwise(strides[i]).norm().relu().conv(filters[i], 1).norm().relu();
  return net.add(keel::GlobalAveragePool2D<T>()).dense(1000).done();
}

/// `softmax`: as for inference, where the seed's network ends in one; its training works on logits.
template <class T>
keel::Model<T> make(const std::string& name, int threads, bool softmax = true) {
  if (name == "seed") return seed<T>(threads, softmax);
  if (name == "mnist") return mnist<T>(threads);
  if (name == "resnet20") return resnet20<T>(threads);
  if (name == "mbv1") return mbv1<T>(threads);
  if (name == "resnet18") return resnet18<T>(threads);
  throw keel::ConfigError("networks", "seed, mnist, resnet20, mbv1 or resnet18", name);
}

}  // namespace networks
