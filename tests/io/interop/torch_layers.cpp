/// Every layer with every option that PyTorch can express: code, state dict, an input and keel's output of it, for
/// torch_layers.py. `torch_layers FOLDER` writes them, NAME.py, NAME.pt, NAME_x.npy, NAME_y.npy (all channels first).

#include <cmath>
#include <cstdio>
#include <filesystem>

#include <keel/io/load.hpp>

using namespace keel;

namespace {

/// Values that are all different, of both signs; variances above 0.
void fill(Model<>& model) {
  Rng rng(5, 1);
  for (auto& named : model.named_parameters())
    named.parameter->update([&](TensorView<float> value) {
      for (float& v : value) v = static_cast<float>(rng.uniform()) - (named.name.ends_with("variance") ? -0.5f : 0.5f);
    });
}

Tensor<float> channels_first(const Tensor<float>& x) {
  if (x.rank() < 3) return x;
  std::vector<std::size_t> axes{0, static_cast<std::size_t>(x.rank() - 1)};
  for (Index axis = 1; axis + 1 < x.rank(); ++axis) axes.push_back(static_cast<std::size_t>(axis));
  return io::permuted(x, axes);
}

struct Cases {
  std::string folder;
  int written = 0;

  void add(const std::string& name, Model<> model) {
    fill(model);
    Rng rng(7, 2);
    std::vector<Tensor<float>> inputs;
    std::vector<TensorView<const float>> views;
    for (std::size_t i = 0; i < model.inputs().size(); ++i) {
      Tensor<float> x(model.input_shape(i).with_batch(3));
      for (float& v : x) v = 4 * static_cast<float>(rng.uniform()) - 2;
      inputs.push_back(std::move(x));
    }
    for (const Tensor<float>& x : inputs) views.push_back(x.view());
    const std::string base = folder + "/" + name;
    write_file(base + ".py", std::string_view(torch_code(model)));
    save(model, base + ".pt");
    for (std::size_t i = 0; i < inputs.size(); ++i)
      write_npy(base + "_x" + std::to_string(i) + ".npy", to_array("", channels_first(inputs[i])));
    const std::vector<Tensor<float>> outputs = model.predict(Inputs<float>(views));
    for (std::size_t i = 0; i < outputs.size(); ++i)
      write_npy(base + "_y" + std::to_string(i) + ".npy", to_array("", channels_first(outputs[i])));
    ++written;
  }
  /// One layer, in a Sequential and in a graph.
  template <class L>
  void layer(const std::string& name, const Shape& shape, const L& layer) {
    Sequential chain(shape);
    chain.add(layer);
    add(name, std::move(chain));
    Model<> graph;
    graph.output(graph.add(layer, graph.input(shape)));
    add(name + "_graph", std::move(graph));
  }
  template <class... L>
  void chain(const std::string& name, const Shape& shape, const L&... layers) {
    Sequential model(shape);
    (model.add(layers), ...);
    add(name, std::move(model));
  }
};

constexpr Activation functions[] = {
    Activation::linear, Activation::relu,       Activation::relu6,   Activation::leaky_relu,
    Activation::elu,    Activation::selu,       Activation::sigmoid, Activation::hard_sigmoid,
    Activation::tanh,   Activation::softplus,   Activation::gelu,    Activation::gelu_tanh,
    Activation::silu,   Activation::hard_swish, Activation::softmax, Activation::log_softmax};

const Shape map{7, 6, 4}, features{5}, rows{4, 3}, volume{2, 3, 4, 2};

void convolutions(Cases& cases) {
  const Padding paddings[] = {Padding::valid, Padding::same, 1, {1, 2}, {0, 1, 2, 1}};
  int i = 0;
  for (const Padding& padding : paddings)
    for (const Pair& strides : {Pair(1), Pair(2), Pair(2, 3)}) {
      const std::string name = std::to_string(i++);
      cases.layer("conv_" + name, map, Conv2D(6, 3, {.strides = strides, .padding = padding}));
      cases.layer("conv_even_" + name, map, Conv2D(6, {2, 4}, {.strides = strides, .padding = padding}));
      cases.layer("depthwise_" + name, map, DepthwiseConv2D(3, {.strides = strides, .padding = padding}));
      cases.layer("separable_" + name, map, SeparableConv2D(5, 3, {.strides = strides, .padding = padding}));
      for (const bool ceil : {false, true}) {
        const std::string full = name + (ceil ? "_ceil" : "");
        cases.layer("max_" + full, map, MaxPool2D(3, {.strides = strides, .padding = padding, .ceil_mode = ceil}));
        for (const bool counts : {false, true})
          cases.layer("average_" + full + (counts ? "_all" : ""), map,
                      AveragePool2D(
                          3, {.strides = strides, .padding = padding, .ceil_mode = ceil, .count_include_pad = counts}));
      }
      for (const Pair& kernel : {Pair(3), Pair(1, 4), Pair(5, 2)})
        if (padding.mode != Padding::Mode::fixed || kernel == Pair(3))
          cases.layer("transpose_" + name + "_" + std::to_string(kernel.width), map,
                      Conv2DTranspose(3, kernel, {.strides = strides, .padding = padding}));
    }
  cases.layer("conv_dilated", map, Conv2D(3, 2, {.padding = Padding::same, .dilation_rate = {2, 3}}));
  cases.layer("conv_groups", map, Conv2D(6, 3, {.groups = 2, .use_bias = false}));
  cases.layer("depthwise_multiplier", map, DepthwiseConv2D(2, {.depth_multiplier = 3, .use_bias = false}));
  cases.layer("depthwise_one", {5, 5, 1}, DepthwiseConv2D(2, {.depth_multiplier = 3}));
  cases.layer("separable_multiplier", map,
              SeparableConv2D(3, 2,
                              {.padding = Padding::same,
                               .dilation_rate = 2,
                               .depth_multiplier = 3,
                               .activation = Activation::relu,
                               .use_bias = false}));
  cases.layer("transpose_dilated", map, Conv2DTranspose(3, 3, {.dilation_rate = {2, 1}, .use_bias = false}));
  for (const Padding& padding : {Padding::valid, Padding::same})
    for (const Index extra : {0, padding == Padding::same ? 2 : 1})  // same has to cut an even number
      cases.layer(std::string("transpose_keras_") + padding.to_string() + std::to_string(extra), map,
                  Conv2DTranspose(3, 3, {.strides = 3, .padding = padding, .output_padding = extra}));
  cases.layer("transpose_output", map, Conv2DTranspose(3, 3, {.strides = 2, .padding = 1, .output_padding = {1, 0}}));
  cases.layer("transpose_uneven", map,
              Conv2DTranspose(3, 4, {.strides = 3, .padding = {0, 2, 1, 0}, .activation = Activation::relu}));
  cases.layer("transpose_far", map, Conv2DTranspose(3, 4, {.strides = {3, 2}, .padding = {2, 0, 0, 1}}));
  cases.layer("max_wide", map, MaxPool2D({4, 2}, {.strides = 1, .padding = {3, 1}}));
  cases.layer("average_wide", map, AveragePool2D({4, 2}, {.strides = 1, .padding = {3, 1}}));
  cases.layer("average_wide_all", map,
              AveragePool2D({4, 2}, {.strides = 1, .padding = {3, 1}, .count_include_pad = true}));
}

void activations(Cases& cases) {
  for (const Activation function : functions) {
    const std::string name(activation_name(function));
    cases.layer("activation_" + name, map, ActivationLayer(function));
    cases.layer("activation_features_" + name, features, ActivationLayer(function));
    cases.layer("conv_" + name, map, Conv2D(3, 1, {.activation = function}));
    cases.layer("transpose_" + name, map, Conv2DTranspose(3, 2, {.padding = Padding::same, .activation = function}));
    cases.layer("dense_" + name, features, Dense(3, {.activation = function}));
    cases.layer("dense_map_" + name, map, Dense(3, {.activation = function}));
  }
  cases.layer("activation_alpha", map, ActivationLayer({Activation::leaky_relu, 0.37}));
  cases.layer("leaky_relu", map, LeakyReLU({.negative_slope = 0.37}));
  cases.layer("elu", map, ELU({.alpha = 1.7}));
  for (const Shape& shape : {map, features, rows, volume}) {
    const std::string rank = std::to_string(shape.rank());
    cases.layer("softmax_" + rank, shape, Softmax());
    for (Index axis = 1; axis <= shape.rank(); ++axis)
      cases.layer("softmax_" + rank + "_" + std::to_string(axis), shape, Softmax({.axis = axis}));
    cases.layer("alpha_dropout_" + rank, shape, AlphaDropout(0.3));
    cases.layer("gaussian_dropout_" + rank, shape, GaussianDropout(0.3));
    cases.layer("gaussian_noise_" + rank, shape, GaussianNoise(0.3));
    cases.layer("identity_" + rank, shape, Identity());
    cases.layer("activity_" + rank, shape, ActivityRegularization({.l1 = 0.1}));
    cases.layer("dense_rank_" + rank, shape, Dense(4, {.use_bias = false}));
    cases.layer("norm_" + rank, shape, Normalization());
    cases.layer("rescaling_" + rank, shape, Rescaling(1 / 255.0, {.offset = -0.5}));
    cases.layer("flatten_" + rank, shape, Flatten());
    cases.layer("dropout_" + rank, shape, Dropout(0.3));
    cases.layer("prelu_" + rank, shape, PReLU());
    for (const auto& [scale, center] : {std::pair(true, true), {true, false}, {false, true}, {false, false}})
      cases.layer("bn_" + rank + (scale ? "s" : "") + (center ? "c" : ""), shape,
                  BatchNorm({.center = center, .scale = scale}));
  }
  for (const double slope : {0.0, 0.2})
    for (const double threshold : {0.0, 0.4})
      for (const std::optional<double> limit : {std::optional<double>(), std::optional(1.5), std::optional(6.0)})
        cases.layer("relu_" + std::to_string(int(10 * slope)) + std::to_string(int(10 * threshold)) +
                        (limit ? "_" + std::to_string(int(10 * *limit)) : ""),
                    map, ReLU({.max_value = limit, .negative_slope = slope, .threshold = threshold}));
  const std::vector<Index> shared[] = {{1}, {2}, {3}, {1, 2}, {1, 3}, {2, 3}, {1, 2, 3}};
  for (std::size_t i = 0; i < std::size(shared); ++i)
    cases.layer("prelu_shared_" + std::to_string(i), map, PReLU({.shared_axes = shared[i]}));
  cases.layer("prelu_rows", rows, PReLU({.shared_axes = {1}}));
  cases.layer("prelu_features", features, PReLU({.shared_axes = {1}}));
  cases.layer("softmax_joint", map, Softmax({.axis = {1, 2}}));
  cases.layer("softmax_joint_last", map, Softmax({.axis = {2, 3}}));
  cases.layer("spatial_dropout_1", rows, SpatialDropout1D(0.3));
  cases.layer("spatial_dropout_2", map, SpatialDropout2D(0.3));
  cases.layer("crop", map, CenterCrop(4, 3));
  cases.layer("random_flip", map, RandomFlip());
  cases.layer("random_contrast", map, RandomContrast({.factor = {0.1, 0.2}}));
  for (const Index axis : {1, 2, 3, -1, -2, -3})
    cases.layer("bn_axis_" + std::to_string(axis), map, BatchNorm({.axis = axis}));
  cases.layer("bn_axis_rows", rows, BatchNorm({.axis = 1}));
  for (const bool invert : {false, true}) {
    const std::string name = invert ? "_invert" : "";
    cases.layer("norm_given" + name, map,
                Normalization({.mean = {{1, 2, 3, 4}}, .variance = {{2, 0.5, 1, 3}}, .invert = invert}));
    cases.layer("norm_given_one" + name, map, Normalization({.mean = {{1}}, .variance = {{2}}, .invert = invert}));
    cases.layer("norm_axis" + name, map, Normalization({.axis = 2, .invert = invert}));
    cases.layer("norm_all" + name, map, Normalization({.axis = std::vector<Index>{}, .invert = invert}));
  }
  cases.layer("rescaling_list", map, Rescaling({1, 2, 3, 4}, {.offset = {4, 3, 2, 1}}));
  cases.layer("rescaling_features", features, Rescaling({1, 2, 3, 4, 5}));
  for (const Freeze freeze : {Freeze::gradients, Freeze::layer}) {
    BatchNorm<float> norm;
    norm.freeze(freeze);
    cases.layer(freeze == Freeze::layer ? "bn_frozen" : "bn_frozen_gradients", map, norm);
  }
  cases.layer("bn_torch", map, BatchNorm(BatchNormOptions::torch()));
  cases.layer("bn_cumulative", map, BatchNorm({.cumulative = true}));
}

void shapes(Cases& cases) {
  for (const bool keep : {false, true}) {
    cases.layer(std::string("global_average") + (keep ? "_keep" : ""), map, GlobalAveragePool2D({.keepdims = keep}));
    cases.layer(std::string("global_max") + (keep ? "_keep" : ""), map, GlobalMaxPool2D({.keepdims = keep}));
  }
  const std::vector<Index> targets[] = {{-1}, {4, 42}, {6, 7, 4}, {2, 3, 4, 7}, {7, 4, 6}};
  for (std::size_t i = 0; i < std::size(targets); ++i)
    cases.layer("reshape_" + std::to_string(i), map, Reshape(targets[i]));
  cases.layer("reshape_features", {12}, Reshape({2, 3, 2}));
  cases.layer("padding", map, ZeroPadding2D({0, 1, 2, 3}));
  for (const Pair& size : {Pair(2), Pair(3, 1), Pair(7, 5), Pair(10, 13)})
    for (const Interpolation kind : {Interpolation::nearest, Interpolation::bilinear})
      cases.layer("upsampling_" + std::to_string(size.height) + (kind == Interpolation::nearest ? "" : "_bilinear"),
                  map, UpSampling2D(size, {.interpolation = kind}));
}

/// A Flatten and what carries its order of features.
void orders(Cases& cases) {
  const Shape in{3, 2, 4};
  cases.chain("order_dense", in, Flatten(), Dense(5));
  cases.chain("order_dropout", in, Flatten(), Dropout(0.5), Dense(5));
  cases.chain("order_bn", in, Flatten(), BatchNorm(), Dense(5));
  cases.chain("order_norm", in, Flatten(), Normalization(), ReLU(), Dense(5));
  cases.chain("order_prelu", in, Flatten(), PReLU(), Dense(5));
  cases.chain("order_prelu_shared", in, Flatten(), PReLU({.shared_axes = {1}}), Dense(5));
  cases.chain("order_softmax", in, Flatten(), Softmax(), Rescaling(2), Dense(5));
  cases.chain("order_reshape", in, Reshape({-1}), ActivationLayer(Activation::tanh), Dense(24), Reshape({4, 3, 2}));
  cases.chain("order_there_and_back", in, Flatten(), BatchNorm(), Reshape({3, 2, 4}), Conv2D(2, 2));
  cases.chain("order_flatten_twice", in, Flatten(), Flatten(), Reshape({24}), Dense(2));
  cases.chain("order_rows", in, Reshape({6, 4}), Flatten(), Dense(3));
  cases.chain("order_rescaling", {1, 2, 2}, Flatten(), Rescaling({1, 2, 3, 4}), Dense(3));
  cases.chain("order_output", in, Conv2D(3, 1), Flatten(), ReLU());
  cases.chain("order_one_channel", {3, 2, 1}, Flatten(), Dense(3));
  cases.chain("order_one_pixel", {1, 1, 6}, Flatten(), Dense(3));
  {
    Model<> model;
    const Node a = model.input(in), b = model.input({7}), c = model.input({2, 2, 3});
    const Node x = model.add(Concatenate(), {model.add(Flatten(), a), b, model.add(Flatten(), c)});
    model.output(model.add(Dense(4), model.add(BatchNorm(), x)));
    model.output(x);
    cases.add("order_concatenate", std::move(model));
  }
  {
    Model<> model;
    const Node a = model.input(in), b = model.input({24}), c = model.input({2, 3, 4});
    const Node x = model.add(Flatten(), a), y = model.add(Flatten(), c);
    model.output(model.add(Dense(3), model.add(Add(), {x, x})));
    model.output(model.add(Dense(3), model.add(Add(), {x, b})));
    model.output(model.add(Dense(3), model.add(Multiply(), {x, y})));
    model.output(model.add(Dense(3), model.add(Multiply(), {model.add(Dense(1), b), y})));
    cases.add("order_sums", std::move(model));
  }
  {
    Model<> model;
    const Node a = model.input(in), b = model.input({24});
    const Node first = model.add(Dense(3), model.add(Flatten(), a));
    model.output(first);
    model.output(model.share(first, b));
    const Node norm = model.add(BatchNorm(), b);
    model.output(norm);
    model.output(model.add(Dense(2), model.share(norm, model.add(Flatten(), a))));
    cases.add("order_shared", std::move(model));
  }
}

void graphs(Cases& cases) {
  {
    Model<> model;
    const Node a = model.input(map), b = model.input({1, 1, 4});
    const Node conv = model.add(Conv2D(4, 3, {.padding = Padding::same, .activation = Activation::relu}), a);
    const Node again = model.share(conv, conv);
    model.output(model.add(Add(), {a, conv, again}));
    model.output(model.add(Multiply(), {conv, b}));
    for (const Index axis : {1, 2, 3, -1, -2, -3}) model.output(model.add(Concatenate({.axis = axis}), {conv, again}));
    cases.add("graph", std::move(model));
  }
  {
    Model<> model;
    const Node a = model.input(rows);
    for (const Index axis : {1, 2, -1, -2}) model.output(model.add(Concatenate({.axis = axis}), {a, a}));
    const Node f = model.input(features);
    model.output(model.add(Concatenate({.axis = 1}), {f, f}));
    cases.add("graph_ranks", std::move(model));
  }
  cases.chain("network", map, Rescaling(1 / 127.5, {.offset = -1}),
              Conv2D(8, 3, {.strides = 2, .padding = Padding::same, .use_bias = false}), BatchNorm({.scale = false}),
              ReLU({.max_value = 6.0}), SeparableConv2D(6, 3, {.padding = Padding::same}), PReLU(), MaxPool2D(2),
              Flatten(), Dropout(0.2), Dense(7, {.activation = Activation::softmax}));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) return 2;
  std::filesystem::create_directories(argv[1]);
  Cases cases{argv[1]};
  convolutions(cases);
  activations(cases);
  shapes(cases);
  orders(cases);
  graphs(cases);
  std::printf("%d models written\n", cases.written);
  return 0;
} catch (const Error& error) {
  std::printf("not ok %s\n", error.what());
  return 1;
}
