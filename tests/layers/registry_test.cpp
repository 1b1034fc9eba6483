#include <keel/layers/registry.hpp>

#include <doctest/doctest.h>

#include <limits>

using namespace keel;

namespace {

/// The layer again from its own type and options, in float and in double.
template <class L>
void again(const L& layer) {
  const Config config = layer.config();
  CAPTURE(layer.type());
  const AnyLayer<typename L::Scalar> copy = make_layer<typename L::Scalar>(layer.type(), config);
  CHECK(copy->type() == layer.type());
  CHECK(copy->config() == config);
  CHECK(make_layer<double>(layer.type(), config)->config() == config);
}

/// Two layers of a program's own: a class without options, and a template with one.
class Twice : public Layer<float> {
 public:
  std::string type() const override { return "Twice"; }
  Shape output_shape(Shapes inputs) const override { return single_input(inputs); }
  void forward(Inputs<float> x, TensorView<float> y, Pass<float>&) const override { y.array() = 2 * x[0].array(); }
  void backward(Inputs<float>, TensorView<const float>, TensorView<const float> dy, Outputs<float> dx,
                Pass<float>&) override {
    if (dx[0].data()) dx[0].array() = 2 * dy.array();
  }
};
template <class T>
class Power : public Layer<T> {
 public:
  explicit Power(double exponent) : exponent_(exponent) {}
  static Power from_config(const Config& config) { return Power(config.get<double>("exponent", 1)); }
  std::string type() const override { return "Power"; }
  Config config() const override { return {{"exponent", exponent_}}; }
  Shape output_shape(Shapes inputs) const override { return this->single_input(inputs); }
  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    y.array() = x[0].array().pow(static_cast<T>(exponent_));
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T>, Outputs<T>, Pass<T>&) override {}

 private:
  double exponent_;
};

}  // namespace

TEST_CASE("every layer comes back from its options") {
  again(ActivationLayer({Activation::leaky_relu, 0.01}));
  again(ActivationLayer(Activation::gelu_tanh));
  again(ActivityRegularization({.l1 = 0.5, .l2 = 2}));
  again(Add<float>());
  again(AlphaDropout(0.25));
  again(AveragePool2D(3, {.strides = 2, .padding = Padding::same, .ceil_mode = true, .count_include_pad = true}));
  again(BatchNorm<float>());
  again(BatchNorm({.axis = 1}));
  again(BatchNorm(BatchNormOptions::torch()));
  again(BatchNorm({.momentum = 0.3, .epsilon = 0.1, .center = false, .scale = false, .cumulative = true}));
  again(BatchNorm({.gamma_initializer = {Initializer::constant, 0.5}}));
  again(CenterCrop(3, 4));
  again(Concatenate({.axis = 1}));
  again(Constant(Tensor<float>({2, 3}), {.trainable = true}));
  again(Conv2D(8, {3, 2},
               {.strides = {2, 1},
                .padding = {1, 2, 3, 4},
                .dilation_rate = 3,
                .groups = 4,
                .activation = {Activation::elu, 0.3},
                .use_bias = false,
                .kernel_initializer = Initializer::he_normal,
                .bias_initializer = Initializer::ones}));
  again(Conv2DTranspose(8, 3, {.strides = 2, .padding = 1, .output_padding = {1, 0}}));
  again(Conv2DTranspose(8, 3, {.strides = 2, .padding = Padding::same, .output_padding = 0}));
  again(Dense(10, {.activation = Activation::softmax, .kernel_initializer = Initializer::torch_default}));
  again(DepthwiseConv2D(3, {.padding = Padding::same, .depth_multiplier = 2}));
  again(Dropout(0.25));
  again(Elementwise("exp"));
  again(Elementwise("clip", {.numbers = {-1, 6}}));
  again(Elementwise("subtract", {.scalar = 0.5, .position = 0}));
  again(Elementwise("multiply", Tensor<float>({3, 1}), {.trainable = true}));
  again(Elementwise("add", Tensor<float>(Shape{})));
  again(ELU({.alpha = 0.2}));
  again(Flatten<float>());
  again(Gather({0, -1}, {.axis = 2}));
  again(GaussianDropout(0.25));
  again(GaussianNoise(2));
  again(GlobalAveragePool2D({.keepdims = true}));
  again(GlobalMaxPool2D<float>());
  again(GlobalMaxPool2D(GlobalMaxPool2DOptions::torch()));
  again(Identity<float>());
  again(LeakyReLU({.negative_slope = 0.1}));
  again(MaxPool2D({2, 3}, {.strides = 1, .padding = 1}));
  again(Multiply<float>());
  again(Normalization<float>());
  again(Normalization({.axis = {1, 2}, .mean = Numbers{1, 0.5}, .variance = Numbers(2), .invert = true}));
  again(Pad({1, 0, -1, 2}, {.mode = "edge", .value = 0.5}));
  again(PReLU({.alpha_initializer = Initializer::ones, .shared_axes = {1, 2}}));
  again(RandomContrast({.factor = {0.5, 0.25}}));
  again(RandomFlip({.mode = "vertical"}));
  again(RandomRotation({.factor = {-0.5, 0.25}, .fill_mode = "constant", .interpolation = "nearest", .fill_value = 1}));
  again(RandomTranslation({.height_factor = 0.5, .width_factor = {0, 0.25}}));
  again(RandomZoom<float>());
  again(RandomZoom({.height_factor = {0.5, 1}, .width_factor = 0.25}));
  again(Reduce("log_sum_exp"));
  again(Reduce("max", {.axes = {1, -1}, .keepdims = true}));
  again(ReLU<float>());
  again(ReLU({.max_value = 6, .negative_slope = 0.1, .threshold = 1}));
  again(Rescaling(1 / 255.0, {.offset = -0.5}));
  again(Rescaling({0.5, 0.25}, {.offset = {1, 2}}));
  again(Reshape({7, -1}));
  again(SeparableConv2D(8, 3, {.depth_multiplier = 2, .use_bias = false}));
  again(Slice({1, 0}, {-1, 2}, {.axes = {1, 3}, .steps = {2, -1}}));
  again(Softmax<float>());
  again(Softmax({.axis = 1}));
  again(Softmax({.axis = {1, 2}}));
  again(SpatialDropout1D(0.25));
  again(SpatialDropout2D(0.25));
  again(Tile({2, 1}));
  again(UpSampling2D({2, 3}, {.interpolation = Interpolation::bilinear}));
  again(ZeroPadding2D({0, 1, 0, 1}));
}

TEST_CASE("options left out have their defaults, and a name is taken") {
  const auto conv =
      make_layer<float>("Conv2D", {{"filters", Index{3}}, {"kernel_size", Index{5}}, {"name", std::string("a")}});
  CHECK(conv->name() == "a");
  CHECK(conv->config() == Conv2D(3, 5).config());
  CHECK(make_layer<float>("MaxPooling2D", {})->config() == MaxPool2D().config());
}

TEST_CASE("a layer of one's own is made where it is registered, and nowhere else") {
  CHECK_THROWS_AS(make_layer<float>("Twice", {}), ConfigError);
  const LayerRegistry own = register_layer<Twice>("Twice").register_layer<Power>("Power");
  CHECK(make_layer<float>("Twice", {{"name", std::string("t")}}, own)->type() == "Twice");
  CHECK(make_layer<double>("Power", {{"exponent", 3.0}}, own)->config() == Config{{"exponent", 3.0}});
  CHECK(make_layer<float>("Dense", {{"units", Index{2}}}, own)->type() == "Dense");
  CHECK_THROWS_AS(make_layer<double>("Twice", {}, own), ConfigError);  // it is a class for float
  CHECK_THROWS_WITH_AS(make_layer<float>("Twice", {{"units", Index{2}}}, own),
                       "[Twice] expected no options, got \"units\"", ConfigError);
  CHECK_THROWS_WITH_AS(make_layer<float>("Double", {}, register_layer<Twice>("Double")),
                       "[register_layer] expected \"Twice\", the name that type() gives, got \"Double\"", ConfigError);
  CHECK_THROWS_WITH_AS(make_layer<float>("Dense", {}, register_layer<Twice>("Dense")),
                       "[register_layer] expected a name that no layer of keel has, got \"Dense\"", ConfigError);
}

TEST_CASE("make_layer says what is wrong") {
  const auto message = [](std::string_view type, const Config& config) -> std::string {
    try {
      make_layer<float>(type, config);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "nothing";
  };
  CHECK(message("Dots", {}).find("[make_layer] expected one of the layers Activation, ") == 0);
  CHECK(message("Dots", {}).find(", Conv2D, ") != std::string::npos);
  CHECK(message("Dots", {})
            .find("got \"Dots\" (a layer of your own is registered: {.layers = register_layer<Dots>(\"Dots\")})") !=
        std::string::npos);
  CHECK(message("Dropout", {{"rate", 0.5}, {"ratio", 0.5}}) == "[Dropout] expected options among rate, got \"ratio\"");
  CHECK(message("Flatten", {{"units", Index{3}}}) == "[Flatten] expected no options, got \"units\"");
  CHECK(message("Dense", {}) == "[Dense] expected units of 1 or more, got 0");
  CHECK(message("Dense", {{"units", std::string("ten")}}) == "[option units] expected an integer, got a string");
  CHECK(message("Conv2D", {{"filters", Index{3}}}) == "[Conv2D] expected kernel_size of 1 or more, got 0");
  CHECK(message("Conv2D", {{"filters", Index{3}}, {"kernel_size", Index{3}}, {"activation", std::string("rellu")}})
            .find("got \"rellu\"") != std::string::npos);
  CHECK(message("Dropout", {}) == "[Dropout] expected a rate in [0, 1], got -1.000000");
  CHECK(message("UpSampling2D", {{"interpolation", std::string("cubic")}}) ==
        "[option interpolation] expected \"nearest\" or \"bilinear\", got \"cubic\"");
}

TEST_CASE("a file's numbers cannot overflow an extent") {
  constexpr Index most = std::numeric_limits<Index>::max(), half = Index{1} << 61;
  const auto message = [](const char* type, const Config& config) {
    const std::vector<Shape> in{Shape{8, 8, 2}};
    try {
      return make_layer(type, config)->output_shape(in).to_string();
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  // most + 8 + most wraps to 6 rows, (half + 1) 8 to 8, 4 half + 1 to 1, and half 8 to 0
  CHECK(message("ZeroPadding2D", {{"padding", std::vector<Index>{most, most, 0, 0}}}) ==
        "[ZeroPadding2D] expected padding of at most 1048576, got 9223372036854775807");
  CHECK(message("UpSampling2D", {{"size", half + 1}}) ==
        "[UpSampling2D] expected size of at most 1048576, got 2305843009213693953");
  CHECK(message("Conv2D", {{"filters", Index{1}}, {"kernel_size", Index{5}}, {"dilation_rate", 2 * half}})
            .rfind("[Conv2D] expected dilation_rate of at most 1048576", 0) == 0);
  CHECK(message("Conv2DTranspose", {{"filters", Index{1}}, {"kernel_size", Index{1}}, {"strides", half}})
            .rfind("[Conv2DTranspose] expected strides of at most 1048576", 0) == 0);
  CHECK(message("Dense", {{"units", most}}) == "[Dense] expected units of at most 2147483648, got 9223372036854775807");
  CHECK(message("Reshape", {{"target_shape", std::vector<Index>(3, Index{1} << 31)}}) ==
        "[Shape] expected at most 2^40 elements, got (2147483648, 2147483648, 2147483648)");
}
