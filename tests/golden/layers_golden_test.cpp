#include <doctest/doctest.h>

#include <keel/layers/layers.hpp>
#include <keel/model/sequential.hpp>

#include "support/golden.hpp"

namespace {

using namespace keel;
using golden::Settings;

Pair pair_of(const Settings& s, const std::string& key, Pair otherwise) {
  if (!s.has(key)) return otherwise;
  const auto list = s.indices(key);
  return {list.at(0), list.at(1)};
}
Padding padding_of(const Settings& s) {
  if (s.text("padding") == "same") return Padding::same;
  if (s.text("padding") == "valid") return Padding::valid;
  const auto pads = s.indices("pads");
  return {pads.at(0), pads.at(1), pads.at(2), pads.at(3)};
}
ActivationSpec activation_of(const Settings& s) {
  if (!s.has("activation")) return Activation::linear;
  ActivationSpec activation = activation_from_name(s.text("activation"));
  activation.alpha = s.number("alpha", activation.alpha);
  return activation;
}
Index index_of(const Settings& s, const std::string& key) { return static_cast<Index>(s.number(key)); }

template <class T>
AnyLayer<T> layer_of(const Settings& s) {
  const std::string layer = s.text("layer");
  if (layer == "Conv2D")
    return Conv2D<T>(index_of(s, "filters"), pair_of(s, "kernel_size", 1),
                     {.strides = pair_of(s, "strides", 1),
                      .padding = padding_of(s),
                      .dilation_rate = pair_of(s, "dilation", 1),
                      .groups = static_cast<Index>(s.number("groups", 1)),
                      .activation = activation_of(s),
                      .use_bias = s.flag("use_bias", true)});
  if (layer == "DepthwiseConv2D")
    return DepthwiseConv2D<T>(pair_of(s, "kernel_size", 1), {.strides = pair_of(s, "strides", 1),
                                                             .padding = padding_of(s),
                                                             .depth_multiplier = index_of(s, "depth_multiplier"),
                                                             .dilation_rate = pair_of(s, "dilation", 1),
                                                             .use_bias = s.flag("use_bias", true)});
  if (layer == "Conv2DTranspose") {
    Conv2DTransposeOptions options{.strides = pair_of(s, "strides", 1), .dilation_rate = pair_of(s, "dilation", 1)};
    if (s.text("padding") == "torch") {
      const Pair cut = pair_of(s, "torch_padding", 0);
      options.padding = {cut.height, cut.width};
      options.output_padding = pair_of(s, "output_padding", 0);
    } else {
      options.padding = padding_of(s);
    }
    return Conv2DTranspose<T>(index_of(s, "filters"), pair_of(s, "kernel_size", 1), options);
  }
  if (layer == "Dense")
    return Dense<T>(index_of(s, "units"), {.activation = activation_of(s), .use_bias = s.flag("use_bias", true)});
  if (layer == "MaxPool2D")
    return MaxPool2D<T>(
        pair_of(s, "pool_size", 2),
        {.strides = pair_of(s, "strides", 0), .padding = padding_of(s), .ceil_mode = s.flag("ceil_mode")});
  if (layer == "AveragePool2D")
    return AveragePool2D<T>(pair_of(s, "pool_size", 2), {.strides = pair_of(s, "strides", 0),
                                                         .padding = padding_of(s),
                                                         .ceil_mode = s.flag("ceil_mode"),
                                                         .count_include_pad = s.flag("count_include_pad")});
  if (layer == "GlobalAveragePool2D") return GlobalAveragePool2D<T>();
  if (layer == "GlobalMaxPool2D") return GlobalMaxPool2D<T>();
  if (layer == "ZeroPadding2D") {
    const auto pads = s.indices("pads");
    return ZeroPadding2D<T>(Padding(pads.at(0), pads.at(1), pads.at(2), pads.at(3)));
  }
  if (layer == "UpSampling2D") {
    const bool bilinear = s.has("interpolation") && s.text("interpolation") == "bilinear";
    return UpSampling2D<T>(pair_of(s, "size", 2), {bilinear ? Interpolation::bilinear : Interpolation::nearest});
  }
  if (layer == "PReLU") return PReLU<T>({.shared_axes = s.indices("shared_axes")});
  if (layer == "Add") return Add<T>();
  if (layer == "Multiply") return Multiply<T>();
  if (layer == "Concatenate") return Concatenate<T>({.axis = index_of(s, "axis")});
  if (layer == "BatchNorm") return BatchNorm<T>({.momentum = s.number("momentum"), .epsilon = s.number("epsilon")});
  REQUIRE(layer == "Activation");
  return ActivationLayer<T>(activation_of(s));
}

/// Runs a model that ends in the case's output on the stored inputs and compares everything that is stored.
template <class T>
void check(const golden::File& file, const std::string& name, Model<T>& model, bool training, double tolerance) {
  const auto key = [&](const std::string& tensor) { return name + "/" + tensor; };
  std::vector<std::string> inputs;
  for (const char* input : {"x", "x2", "x3"})
    if (file.has(key(input))) inputs.emplace_back(input);
  std::vector<Tensor<T>> values;
  for (const std::string& input : inputs) values.push_back(file.tensor<T>(key(input)));
  const std::vector<TensorView<const T>> x(values.begin(), values.end());
  for (Parameter<T>* p : model.parameters()) p->set(file.tensor<T>(key(p->name())).reshaped(p->shape()));

  const Tensor<double> want = file.tensor(key("y"));
  if (!training) {
    const std::vector<Tensor<T>> predicted = model.predict(Inputs<T>(x));
    CHECK(predicted.at(0).shape() == want.shape());
    CHECK(golden::off(predicted.at(0), want) < tolerance);
  }
  Tape<T> tape;
  tape.input_gradients = true;
  const TensorView<const T> y = model.forward(Inputs<T>(x), tape, training)[0];
  CHECK(y.shape() == want.shape());
  CHECK(golden::off(y, want) < tolerance);
  model.backward(file.tensor<T>(key("dy")), tape);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    CAPTURE(inputs[i]);
    if (file.has(key("d" + inputs[i])))
      CHECK(golden::off(tape.input_gradient(i), file.tensor(key("d" + inputs[i]))) < tolerance);
  }
  for (const Parameter<T>* p : model.parameters()) {
    CAPTURE(p->name());
    if (p->trains())
      CHECK(golden::off(p->gradient, file.tensor(key("d" + p->name()))) < tolerance);
    else if (training)
      CHECK(golden::off(p->value(), file.tensor(key("new_" + p->name()))) < tolerance);
  }
}

template <class T>
void replay(const golden::File& file, const std::string& name, const Settings& s, double tolerance) {
  CAPTURE(name);
  CAPTURE(sizeof(T));
  const Shape sample = file.tensor(name + "/x").shape().sample();
  const std::string layer = s.text("layer");
  if (layer == "SeparableConv2D") {  // keel's way to say it: a depthwise and a 1x1 convolution
    Sequential<T> model(sample);
    model.add(DepthwiseConv2D<T>(pair_of(s, "kernel_size", 1), {.strides = pair_of(s, "strides", 1),
                                                                .padding = padding_of(s),
                                                                .depth_multiplier = index_of(s, "depth_multiplier"),
                                                                .use_bias = false}));
    model.add(Conv2D<T>(index_of(s, "filters"), 1));
    const auto set = [&](Index i, const char* key) {
      model.parameters()[static_cast<std::size_t>(i)]->set(file.tensor<T>(name + "/" + key));
    };
    set(0, "depthwise_kernel");
    set(1, "pointwise_kernel");
    set(2, "bias");
    Tape<T> tape;
    tape.input_gradients = true;
    const Tensor<T> x = file.tensor<T>(name + "/x");
    CHECK(golden::off(model.predict(x), file.tensor(name + "/y")) < tolerance);
    CHECK(golden::off(model.forward(x, tape), file.tensor(name + "/y")) < tolerance);
    model.backward(file.tensor<T>(name + "/dy"), tape);
    CHECK(golden::off(tape.input_gradient(), file.tensor(name + "/dx")) < tolerance);
    CHECK(golden::off(model.parameters()[0]->gradient, file.tensor(name + "/ddepthwise_kernel")) < tolerance);
    CHECK(golden::off(model.parameters()[1]->gradient, file.tensor(name + "/dpointwise_kernel")) < tolerance);
    CHECK(golden::off(model.parameters()[2]->gradient, file.tensor(name + "/dbias")) < tolerance);
    return;
  }
  if (layer == "Flatten") {
    Sequential<T> model(sample);
    model.add(Flatten<T>()).add(Dense<T>(index_of(s, "units"), {.use_bias = false}));
    check(file, name, static_cast<Model<T>&>(model), true, tolerance);
    return;
  }
  Model<T> model;
  std::vector<Node> inputs;
  for (const char* key : {"x", "x2", "x3"})
    if (file.has(name + "/" + key)) inputs.push_back(model.input(file.tensor(name + "/" + key).shape().sample()));
  model.output(model.add(layer_of<T>(s), inputs));
  check(file, name, model, s.flag("training"), tolerance);
}

void replay_all(const char* name, std::size_t cases, bool single = false) {
  const golden::File file(name);
  CHECK(file.cases().size() == cases);
  for (const auto& [key, settings] : file.cases()) {
    if (settings.has("activation") && settings.text("activation") == "hard_sigmoid_keras2") continue;
    // PyTorch's hard sigmoid multiplies its gradient by 1/6 in float
    const double exact = single ? 1e-5 : key == "hard_sigmoid" ? 1e-7 : golden::tolerance<double>();
    replay<float>(file, key, settings, golden::tolerance<float>());
    replay<double>(file, key, settings, exact);
  }
}

TEST_CASE("layers give PyTorch's values and gradients") { replay_all("layers_torch", 66); }

TEST_CASE("activations give PyTorch's values and gradients") { replay_all("activations_torch", 33); }

TEST_CASE("layers give TensorFlow.js's values and gradients") { replay_all("layers_tfjs", 53, true); }

}  // namespace
