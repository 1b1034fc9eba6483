#pragma once
/// Networks of all layers of the registry with random options, for tests of what is written.

#include <functional>
#include <map>

#include <keel/keel.hpp>

namespace keel_test {

using namespace keel;

/// Options at random for classes that need some, or have some that matter; {} for all others.
class RandomOptions {
 public:
  explicit RandomOptions(std::uint64_t seed) : rng_(seed) {}

  Rng& rng() { return rng_; }
  Index from(Index low, Index high) { return low + rng_.below(high - low + 1); }
  bool coin() { return rng_.below(2) == 1; }
  double number(double low, double high) { return rng_.uniform(low, high); }
  template <class V>
  V one_of(std::vector<V> list) {
    return list[static_cast<std::size_t>(rng_.below(static_cast<Index>(list.size())))];
  }

  Config of(std::string_view type, const std::vector<Shape>& inputs) {
    const Shape& in = inputs.at(0);
    const auto found = makers().find(type);
    return found == makers().end() ? Config() : found->second(*this, in);
  }

 private:
  using Maker = std::function<Config(RandomOptions&, const Shape&)>;

  void add_activation(Config& config) {
    const auto name = one_of<std::string>({"linear", "linear", "linear", "relu", "relu6", "leaky_relu", "elu", "selu",
                                           "gelu", "gelu_tanh", "silu", "sigmoid", "hard_sigmoid", "hard_swish", "tanh",
                                           "softplus", "softmax", "log_softmax"});
    config.set("activation", name);
    if (name == "leaky_relu" || name == "elu") config.set("activation_alpha", number(0.1, 0.9));
  }
  void add_window(Config& config, const Shape& in, const char* size, bool transposed = false) {
    const bool row = in.rank() == 2;
    if (in.rank() == 4) return add_window_3d(config, size);
    const Index extent = from(1, 3);
    const bool dilates = !transposed && std::string_view(size) == "kernel_size" && coin();
    const auto pair = [&](const char* name, Index a, Index b) {
      if (row)
        config.set(name, a);
      else
        config.set(name, std::vector<Index>{a, b});
    };
    pair(size, extent, from(1, 3));
    pair("strides", dilates ? 1 : from(1, 3), dilates ? 1 : from(1, 3));
    if (dilates) pair("dilation_rate", from(1, 2), from(1, 2));
    const Index kind = from(0, 2);
    if (kind == 0)
      config.set("padding", std::string("same"));
    else if (kind == 1)
      config.set("padding", std::string("valid"));
    else if (row)
      config.set("padding", std::vector<Index>{from(0, extent - 1), from(0, extent - 1)});
    else
      config.set("padding", std::vector<Index>{from(0, extent - 1), from(0, extent - 1), 0, 0});
    if (row && std::string_view(size) == "kernel_size" && !transposed && from(0, 3) == 0)
      config.set("padding", std::string("causal"));
  }
  void add_window_3d(Config& config, const char* size) {
    const auto three = [&](Index most) { return std::vector<Index>{from(1, most), from(1, most), from(1, most)}; };
    config.set(size, three(3));
    config.set("strides", three(2));
    if (std::string_view(size) == "kernel_size") config.set("dilation_rate", three(2));
    config.set("padding", one_of<std::string>({"same", "valid"}));
  }
  static const std::map<std::string_view, Maker>& makers() {
    using R = RandomOptions;
    const auto rate = [](R& r, const Shape&) { return Config{{"rate", r.number(0.1, 0.6)}}; };
    const auto sides = [](const char* name) {
      return [name](R& r, const Shape& in) {
        std::vector<Index> list;
        for (Index i = 0; i + 1 < in.rank(); ++i) {
          list.push_back(r.from(0, 1));
          list.push_back(r.from(0, 2));
        }
        return Config{{name, list}};
      };
    };
    const auto pool = [](bool average) {
      return [average](R& r, const Shape& in) {
        Config config;
        r.add_window(config, in, "pool_size");
        config.set("ceil_mode", r.coin());
        if (average) config.set("count_include_pad", r.coin());
        return config;
      };
    };
    const auto adaptive = [](R& r, const Shape& in) {  // of extents that divide those of the input
      std::vector<Index> sizes;
      for (Index i = 0; i + 1 < in.rank(); ++i) sizes.push_back(r.one_of<Index>({1, in[i]}));
      return sizes.size() == 1 ? Config{{"output_size", sizes[0]}} : Config{{"output_size", sizes}};
    };
    const auto conv = [](bool depthwise, bool separable, bool transposed) {
      return [=](R& r, const Shape& in) {
        Config config;
        if (!depthwise) config.set("filters", r.from(1, 3) * (separable || transposed ? 1 : in.back()));
        r.add_window(config, in, "kernel_size", transposed);
        if (depthwise || separable)
          config.set("depth_multiplier", r.from(1, 2));
        else if (!transposed && r.coin())
          config.set("groups", in.back());
        config.set("use_bias", r.coin());
        r.add_activation(config);
        return config;
      };
    };
    const auto conv_lstm = [](R& r, const Shape& in) {
      Config config{{"filters", r.from(1, 3)},
                    {"recurrent_activation", r.one_of<std::string>({"sigmoid", "hard_sigmoid"})},
                    {"activation", r.one_of<std::string>({"tanh", "relu", "silu", "linear"})},
                    {"use_bias", r.coin()},
                    {"return_sequences", r.coin()},
                    {"go_backwards", r.coin()}};
      r.add_window(config, in.rank() > 2 ? in.sample() : in, "kernel_size");
      const auto* padding = std::get_if<std::string>(config.find("padding"));
      if (padding && *padding == "causal") config.set("padding", std::string("same"));
      return config;
    };
    const auto axis = [](R& r, const Shape& in) {
      return Config{{"axis", r.coin() ? Index{-1} : r.from(1, in.rank())}};
    };
    const auto axes = [](R& r, const Shape& in) {
      const Index first = r.from(1, in.rank());
      std::vector<Index> list{first};
      if (first < in.rank() && r.coin()) list.push_back(first + 1);
      return list;
    };
    const auto recurrent = [](std::string_view type) {
      return [type = std::string(type)](R& r, const Shape&) {
        const auto function = [&] {
          return r.one_of<std::string>({"tanh", "sigmoid", "relu", "hard_sigmoid", "linear", "elu", "softplus"});
        };
        Config config{{"units", r.from(1, 4)}, {"activation", function()}, {"use_bias", r.coin()}};
        if (type != "SimpleRNN")
          config.set("recurrent_activation", r.one_of<std::string>({"sigmoid", "hard_sigmoid", "hard_sigmoid_keras2"}));
        if (type == "GRU") config.set("reset_after", r.coin());
        config.set("return_sequences", r.coin());
        config.set("go_backwards", r.coin());
        config.set("dropout", r.coin() ? 0.2 : 0.0);
        return config;
      };
    };
    static const std::map<std::string_view, Maker> all{
        {"Activation",
         [](R& r, const Shape&) {
           Config config;
           r.add_activation(config);
           return config;
         }},
        {"AdaptiveAveragePooling1D", adaptive},
        {"AdaptiveAveragePooling2D", adaptive},
        {"AdaptiveAveragePooling3D", adaptive},
        {"AdaptiveMaxPooling1D", adaptive},
        {"AdaptiveMaxPooling2D", adaptive},
        {"AdaptiveMaxPooling3D", adaptive},
        {"AlphaDropout", rate},
        {"AveragePooling1D", pool(true)},
        {"AveragePooling2D", pool(true)},
        {"AveragePooling3D", pool(true)},
        {"BatchNormalization",
         [axis](R& r, const Shape& in) {
           Config config = axis(r, in);
           config.set("momentum", r.number(0.5, 0.99));
           config.set("epsilon", r.number(1e-5, 1e-2));
           config.set("center", r.coin());
           config.set("scale", r.coin());
           config.set("unbiased", r.coin());
           return config;
         }},
        {"CenterCrop",
         [](R& r, const Shape& in) {
           return Config{{"height", r.from(1, in[0])}, {"width", r.from(1, in[0])}};
         }},
        {"Concatenate", axis},
        {"Constant",
         [](R& r, const Shape&) {
           return Config{{"shape", std::vector<Index>{r.from(1, 3), r.from(1, 4)}}, {"trainable", r.coin()}};
         }},
        {"Conv1D", conv(false, false, false)},
        {"Conv1DTranspose", conv(false, false, true)},
        {"Conv2D", conv(false, false, false)},
        {"Conv2DTranspose", conv(false, false, true)},
        {"Conv3D", conv(false, false, false)},
        {"Conv3DTranspose", conv(false, false, true)},
        {"ConvLSTM1D", conv_lstm},
        {"ConvLSTM2D", conv_lstm},
        {"ConvLSTM3D", conv_lstm},
        {"Cropping1D", sides("cropping")},
        {"Cropping2D", sides("cropping")},
        {"Cropping3D", sides("cropping")},
        {"Dense",
         [](R& r, const Shape&) {
           Config config{{"units", r.from(1, 6)}, {"use_bias", r.coin()}};
           r.add_activation(config);
           return config;
         }},
        {"DepthwiseConv1D", conv(true, false, false)},
        {"DepthwiseConv2D", conv(true, false, false)},
        {"Dropout", rate},
        {"Dot",
         [](R& r, const Shape& in) {
           return Config{{"axes", r.coin() ? Index{-1} : r.from(1, in.rank())}, {"normalize", r.coin()}};
         }},
        {"EinsumDense",
         [](R& r, const Shape& in) {
           const bool bias = r.coin(), last = r.coin();
           Config config{{"equation", std::string(last ? "...x,xy->...y" : "ab...,bc->ac...")},
                         {"output_shape", std::vector<Index>{r.from(1, 4)}},
                         {"bias_axes", std::string(!bias  ? ""
                                                   : last ? "y"
                                                          : "c")}};
           if (in.rank() == 2 && r.coin())
             config = {{"equation", std::string("abc,cde->adbe")},
                       {"output_shape", std::vector<Index>{r.from(1, 3), 0, r.from(1, 3)}},
                       {"bias_axes", std::string(bias ? "de" : "")}};
           r.add_activation(config);
           return config;
         }},
        {"ELU",
         [](R& r, const Shape&) {
           return Config{{"alpha", r.number(0.2, 2)}};
         }},
        {"GaussianDropout", rate},
        {"GaussianNoise",
         [](R& r, const Shape&) {
           return Config{{"stddev", r.number(0.1, 1)}};
         }},
        {"GlobalAveragePooling1D",
         [](R& r, const Shape&) {
           return Config{{"keepdims", r.coin()}};
         }},
        {"GlobalAveragePooling2D",
         [](R& r, const Shape&) {
           return Config{{"keepdims", r.coin()}};
         }},
        {"GlobalMaxPooling1D",
         [](R& r, const Shape&) {
           return Config{{"keepdims", r.coin()}};
         }},
        {"GlobalMaxPooling2D",
         [](R& r, const Shape&) {
           return Config{{"keepdims", r.coin()}};
         }},
        {"Bidirectional",
         [recurrent](R& r, const Shape& in) {
           const auto layer = r.one_of<std::string>({"LSTM", "GRU", "SimpleRNN"});
           Config config{{"layer", layer}, {"merge_mode", r.one_of<std::string>({"concat", "sum", "mul", "ave"})}};
           const Config inner = recurrent(layer)(r, in);
           for (const auto& [name, value] : inner.entries()) config.set(name, value);
           return config;
         }},
        {"Embedding",
         [](R& r, const Shape&) {
           return Config{{"input_dim", r.from(10, 20)}, {"output_dim", r.from(1, 4)}};
         }},
        {"GLU", axis},
        {"GRU", recurrent("GRU")},
        {"GroupQueryAttention",
         [](R& r, const Shape&) {
           const Index shared = r.from(1, 2);
           return Config{{"head_dim", r.from(1, 4)},
                         {"num_query_heads", shared * r.from(1, 3)},
                         {"num_key_value_heads", shared},
                         {"use_bias", r.coin()},
                         {"use_causal_mask", r.coin()}};
         }},
        {"GroupNormalization",
         [](R& r, const Shape& in) {
           return Config{{"groups", r.one_of<Index>({-1, 1, in.back()})}, {"scale", r.coin()}, {"center", r.coin()}};
         }},
        {"LSTM", recurrent("LSTM")},
        {"LayerNormalization",
         [axes](R& r, const Shape& in) {
           return Config{{"axis", axes(r, in)}, {"scale", r.coin()}, {"center", r.coin()}};
         }},
        {"MultiHeadAttention",
         [](R& r, const Shape&) {
           return Config{{"num_heads", r.from(1, 3)}, {"key_dim", r.from(1, 4)},     {"value_dim", r.from(0, 3)},
                         {"use_bias", r.coin()},      {"use_causal_mask", r.coin()}, {"output_dim", r.from(0, 5)}};
         }},
        {"RMSNormalization",
         [axes](R& r, const Shape& in) {
           return Config{{"axis", axes(r, in)}};
         }},
        {"SimpleRNN", recurrent("SimpleRNN")},
        {"UnitNormalization",
         [axes](R& r, const Shape& in) {
           return Config{{"axis", axes(r, in)}};
         }},
        {"LeakyReLU",
         [](R& r, const Shape&) {
           return Config{{"negative_slope", r.number(0, 1)}};
         }},
        {"MaxPooling1D", pool(false)},
        {"MaxPooling2D", pool(false)},
        {"MaxPooling3D", pool(false)},
        {"Normalization",
         [](R& r, const Shape& in) {
           Config config{{"invert", r.coin()}};
           const Index axis = r.from(1, in.rank());
           if (r.coin()) config.set("axis", axis);
           if (r.coin()) {
             const Index count = config.find("axis") ? in[axis - 1] : in.back();
             std::vector<double> mean, variance;
             for (Index i = 0; i < count; ++i) {
               mean.push_back(r.number(-1, 1));
               variance.push_back(r.number(0.5, 2));
             }
             config.set("mean", mean);
             config.set("variance", variance);
           }
           return config;
         }},
        {"Elementwise",
         [](R& r, const Shape& in) {
           static constexpr const char* unary[] = {
               "abs",   "negative", "exp",  "erf",   "sin",  "cos",  "atan",   "sinh",         "tanh",
               "asinh", "floor",    "ceil", "round", "sign", "clip", "shrink", "hard_sigmoid", "thresholded_relu",
               "selu"};
           static constexpr const char* binary[] = {"add", "subtract", "multiply", "minimum", "maximum"};
           if (r.coin()) return Config{{"function", std::string(unary[r.from(0, 18)])}};
           Config config{{"function", std::string(binary[r.from(0, 4)])}};
           const Index kind = r.from(0, 2);
           if (kind == 0) config.set("scalar", r.number(-2, 2));
           if (kind == 1) config.set("constant_shape", std::vector<Index>{in[in.rank() - 1]});
           if (kind != 2) config.set("position", r.from(0, 1));
           return config;
         }},
        {"Gather",
         [axis](R& r, const Shape& in) {
           Config config = axis(r, in);
           config.set("indices", std::vector<Index>{0, r.from(-1, 0), 0});
           return config;
         }},
        {"Pad",
         [](R& r, const Shape& in) {
           std::vector<Index> sides;
           for (Index i = 0; i < 2 * in.rank(); ++i) sides.push_back(r.from(0, 2));
           return Config{{"sides", sides}, {"mode", r.one_of<std::string>({"constant", "edge"})}, {"value", 0.5}};
         }},
        {"RandomCrop",
         [](R&, const Shape& in) {
           return Config{{"height", in[0]}, {"width", in.rank() > 1 ? in[1] : Index{1}}};
         }},
        {"Reduce",
         [axis](R& r, const Shape& in) {
           Config config{{"function", r.one_of<std::string>(
                                          {"sum", "mean", "max", "min", "l1", "l2", "sum_square", "log_sum_exp"})},
                         {"keepdims", r.coin()}};
           if (in.rank() > 1) config.set("axes", std::vector<Index>{std::get<Index>(*axis(r, in).find("axis"))});
           return config;
         }},
        {"Slice",
         [](R& r, const Shape& in) {
           return Config{{"starts", std::vector<Index>{0}},
                         {"ends", std::vector<Index>{r.from(1, in[0])}},
                         {"steps", std::vector<Index>{r.from(1, 2)}}};
         }},
        {"Resizing",
         [](R& r, const Shape&) {
           return Config{{"height", r.from(1, 9)},
                         {"width", r.from(1, 9)},
                         {"interpolation", r.one_of<std::string>({"nearest", "bilinear"})}};
         }},
        {"TimeDistributed",
         [](R& r, const Shape&) {
           Config config{{"layer", std::string("Dense")}, {"units", r.from(1, 4)}};
           r.add_activation(config);
           return config;
         }},
        {"MatMul",
         [](R&, const Shape&) {
           return Config{{"transpose_b", true}};
         }},
        {"Tile",
         [](R& r, const Shape& in) {
           std::vector<Index> repeats;
           for (Index i = 0; i < in.rank(); ++i) repeats.push_back(r.from(1, 2));
           return Config{{"repeats", repeats}};
         }},
        {"Permute",
         [](R& r, const Shape& in) {
           std::vector<Index> dims;
           for (const Index i : r.rng().permutation(in.rank())) dims.push_back(i + 1);
           return Config{{"dims", dims}};
         }},
        {"PReLU",
         [](R& r, const Shape& in) {
           std::vector<Index> axes;
           for (Index i = 1; i <= in.rank(); ++i)
             if (r.coin()) axes.push_back(i);
           return Config{{"shared_axes", axes}};
         }},
        {"ReLU",
         [](R& r, const Shape&) {
           Config config;
           if (r.coin()) config.set("max_value", r.number(1, 6));
           if (r.coin()) config.set("negative_slope", r.number(0.1, 0.5));
           if (r.coin()) config.set("threshold", r.number(0.1, 0.5));
           return config;
         }},
        {"RepeatVector",
         [](R& r, const Shape&) {
           return Config{{"n", r.from(1, 4)}};
         }},
        {"Rescaling",
         [](R& r, const Shape& in) {
           std::vector<double> offset;
           for (Index i = 0; i < (r.coin() ? in.back() : 1); ++i) offset.push_back(r.number(-1, 1));
           return Config{{"scale", r.number(0.5, 2)}, {"offset", offset}};
         }},
        {"Reshape",
         [](R& r, const Shape& in) {
           std::vector<Index> target{-1};
           for (const Index extent : {2, 3})
             if (in.size() % (extent * 6) == 0 && r.coin()) target.insert(target.begin(), extent);
           return Config{{"target_shape", target}};
         }},
        {"SeparableConv1D", conv(false, true, false)},
        {"SeparableConv2D", conv(false, true, false)},
        {"Softmax",
         [axes](R& r, const Shape& in) {
           return Config{{"axis", axes(r, in)}};
         }},
        {"SpatialDropout1D", rate},
        {"SpatialDropout2D", rate},
        {"SpatialDropout3D", rate},
        {"UpSampling1D",
         [](R& r, const Shape&) {
           return Config{{"size", r.from(1, 3)}};
         }},
        {"UpSampling2D",
         [](R& r, const Shape&) {
           return Config{{"size", std::vector<Index>{r.from(1, 3), r.from(1, 3)}},
                         {"interpolation", r.one_of<std::string>({"nearest", "bilinear"})}};
         }},
        {"ZeroPadding1D", sides("padding")},
        {"ZeroPadding2D", sides("padding")},
        {"ZeroPadding3D", sides("padding")},
    };
    return all;
  }

  Rng rng_;
};

/// Other values in all parameters than they begin with, variances above 0.
inline void randomise(Model<float>& model, Rng& rng) {
  for (const NamedParameter<float>& named : model.named_parameters())
    named.parameter->update([&](TensorView<float> value) {
      const bool positive =
          named.name.find("variance") != named.name.npos || named.name.find("gamma") != named.name.npos;
      for (float& each : value) each = static_cast<float>(positive ? rng.uniform(0.5, 1.5) : rng.uniform(-0.5, 0.5));
    });
}

/// Shapes of samples, at least one of which each class takes.
inline std::vector<Shape> sample_shapes() { return {{6, 5, 3}, {7, 4}, {6}, {4, 3, 5, 2}, {1, 1, 4}, {2, 3, 2, 4, 2}}; }

/// Adds a layer of that class to nodes of the model, if its options and their shapes allow. `shapes`: of all nodes.
inline bool add_random(Model<float>& model, std::vector<Node>& nodes, std::string_view type, RandomOptions& random,
                       std::size_t count) {
  const auto shape = [&](Node node) { return nth(model.nodes(), node.index).shape; };
  const Node last =
      nodes[nodes.size() - 1 - static_cast<std::size_t>(random.rng().below(std::min<Index>(2, count_of(nodes))))];
  std::vector<Node> x{last};
  for (std::size_t i = nodes.size(); i-- > 0 && x.size() < count;)
    if (shape(nodes[i]) == shape(last)) x.push_back(nodes[i]);
  while (x.size() < count) x.push_back(last);
  try {
    std::vector<Shape> shapes;
    for (const Node node : x) shapes.push_back(shape(node));
    AnyLayer<float> layer = make_layer(type, random.of(type, shapes));
    if (layer->output_shape(shapes).size() > 3000 || layer->output_shape(shapes).size() == 0) return false;
    if (type == "Embedding" && nth(model.nodes(), last.index).layer >= 0) return false;  // of tokens alone
    nodes.push_back(model.add(std::move(layer), x));
    return true;
  } catch (const Error&) {  // it wants other inputs or options
    return false;
  }
}

/// A network of `layers` layers of any class, the first of them of the class `first`.
inline Model<float> random_network(std::uint64_t seed, Index layers, std::string_view first = {}) {
  RandomOptions random(seed);
  Model<float> model({.name = "random", .seed = seed});
  std::vector<Node> nodes;
  std::vector<std::string_view> types;
  for (const auto& maker : detail::layer_makers<float>) types.push_back(maker.type);
  for (Index tries = 0; nodes.size() < 2 && tries < 500; ++tries) {
    nodes.clear();
    model = Model<float>({.name = "random", .seed = seed});
    nodes.push_back(model.input(random.one_of(sample_shapes())));
    if (first.empty()) break;
    if (!add_random(model, nodes, first, random, 1)) add_random(model, nodes, first, random, 2);
  }
  if (random.coin()) nodes.push_back(model.input(random.one_of(sample_shapes())));
  for (Index tries = 0; model.layer_count() < layers && tries < 200; ++tries) {
    const std::string_view type = random.one_of(types);
    if (add_random(model, nodes, type, random, 1)) continue;
    add_random(model, nodes, type, random, static_cast<std::size_t>(random.from(2, 3)));
  }
  std::vector<bool> feeds(nodes.size(), false);
  for (const NodeInfo& node : model.nodes())
    for (const int input : node.inputs) feeds[static_cast<std::size_t>(input)] = true;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (!feeds[static_cast<std::size_t>(nodes[i].index)]) model.output(nodes[i]);
  if (random.coin()) model.output(nodes[static_cast<std::size_t>(random.rng().below(count_of(nodes)))]);
  randomise(model, random.rng());
  return model;
}

/// Whether an input is of token numbers.
inline bool is_tokens(const Model<float>& model, int input) {
  for (const NodeInfo& node : model.nodes())
    if (node.layer >= 0 && node.inputs[0] == input && model.layer(node.layer).type() == "Embedding") return true;
  return false;
}

/// Values for each input.
inline std::vector<Tensor<float>> random_inputs(const Model<float>& model, Index batch, std::uint64_t seed) {
  Rng rng(seed, 1);
  std::vector<Tensor<float>> all;
  for (std::size_t i = 0; i < model.inputs().size(); ++i) {
    all.push_back(Tensor<float>::uninitialized(model.input_shape(i).with_batch(batch)));
    const bool tokens = is_tokens(model, model.inputs()[i]);
    for (float& each : all.back()) each = static_cast<float>(tokens ? rng.uniform(0, 10) : rng.uniform(-2, 2));
  }
  return all;
}
inline std::vector<Tensor<float>> predictions(const Model<float>& model, const std::vector<Tensor<float>>& x) {
  std::vector<TensorView<const float>> views;
  for (const Tensor<float>& each : x) views.push_back(each.view());
  return model.predict(Inputs<float>(views));
}

}  // namespace keel_test
