#pragma once
/// A function of numbers, applied value by value.

#include <keel/kernels/parallel.hpp>
#include <keel/layers/base/options.hpp>
#include <keel/layers/base/scalar_functions.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ElementwiseOptions {
  /// One argument that is a number, the same for all values; by default none.
  std::optional<double> scalar = {};
  /// Which argument the scalar or the constant is, from 0; default -1, the last.
  Index position = -1;
  /// Whether the constant is trained; default false.
  bool trainable = false;
  /// Numbers that the function has beside its arguments; by default its usual ones.
  std::vector<double> numbers = {};
  /// In the model; by default made from the class.
  std::string name = {};
};

/// y = f(x0, x1, ...), value by value, of one to three arguments. Each is an input but for at most one, which may be a
/// scalar or a constant tensor of the layer's own.
///
/// Functions of one argument: abs, negative, reciprocal, sqrt, exp, log, erf, sin, cos, tan, asin, acos, atan, sinh,
/// cosh, tanh, asinh, acosh, atanh, floor, ceil, round (halves to even), truncate, sign, not, to_bool (x != 0), is_nan,
/// is_inf (numbers: whether -infinity counts, whether infinity does), clip (least, most), shrink (lambda, bias),
/// hard_sigmoid (alpha, beta), thresholded_relu (alpha), celu (alpha), selu (alpha, scale). Of two: add, subtract,
/// multiply, divide, integer_divide (cut to an integer), power, minimum, maximum, modulo (sign of the divisor), fmod
/// (of the dividend), prelu (x, slope), equal, less, less_equal, greater, greater_equal, and, or, xor. Of three: where
/// (condition, x, y). Truth is 1 or 0; whatever is not 0 is true.
///
/// Inputs and constant broadcast as in NumPy along the axes of a sample, aligned at the last; the constant has no
/// batch.
/// Gradients are 0 where a function is flat, jumps or compares, and a half for each of two equal values in a maximum.
/// Parameter: constant, if there is one, a buffer unless `trainable`. Throws ConfigError for a function that there is
/// not, a position beyond its arguments or another count of numbers, ShapeError for another count of inputs and for
/// extents that differ and are not 1. Keras and PyTorch have functions, but no layer.
///
///     Elementwise("exp")      Elementwise("subtract", {.scalar = 1, .position = 0})      // 1 - x
///     Elementwise("add", Tensor<float>({4, 4, 1}))
template <class T = float>
class Elementwise : public Layer<T> {
 public:
  explicit Elementwise(const std::string& function, ElementwiseOptions options = {})
      : Elementwise(function, std::optional<Tensor<T>>(), std::move(options)) {}
  Elementwise(const std::string& function, Tensor<T> constant, ElementwiseOptions options = {})
      : Elementwise(function, std::optional<Tensor<T>>(std::move(constant)), std::move(options)) {}
  static Elementwise from_config(const Config& config) {
    ElementwiseOptions options{.position = config.get<Index>("position", -1),
                               .trainable = config.get<bool>("trainable", false),
                               .numbers = config.get<std::vector<double>>("numbers", {}),
                               .name = read_name(config)};
    read_option(config, "scalar", options.scalar);
    std::optional<Tensor<T>> constant;
    if (config.find("constant_shape"))
      constant = Tensor<T>::unallocated(Shape(config.get<std::vector<Index>>("constant_shape", {})));
    return Elementwise(config.get<std::string>("function", ""), std::move(constant), std::move(options));
  }

  /// The name of the function.
  std::string_view function() const { return function_->name; }
  const ElementwiseOptions& options() const { return options_; }
  Parameter<T>& constant() { return constant_; }

  std::string type() const override { return "Elementwise"; }
  Config config() const override {
    Config config{{"function", std::string(function_->name)}};
    write_option(config, "scalar", options_.scalar);
    if (has_constant_) {
      config.set("constant_shape", std::vector<Index>(constant_.shape().begin(), constant_.shape().end()));
      config.set("trainable", options_.trainable);
    }
    if (has_constant_ || options_.scalar) config.set("position", options_.position);
    if (function_->numbers > 0) config.set("numbers", options_.numbers);
    return config;
  }

  Shape output_shape(Shapes inputs) const override {
    const std::size_t wanted = to_size(function_->arguments) - (held() ? 1 : 0);
    if (inputs.size() != wanted)
      throw ShapeError(this->who(), std::to_string(wanted) + " inputs of " + std::string(function_->name),
                       std::to_string(inputs.size()));
    std::vector<Shape> shapes(inputs.begin(), inputs.end());
    if (has_constant_) shapes.push_back(constant_.shape());
    return broadcast_shape(*this, shapes);
  }
  void build(Shapes, Rng& rng) override {
    if (has_constant_ && !constant_.value().data() && !rng.is_none())
      constant_.set(Tensor<T>(constant_.shape()));  // made from options, without a file
  }
  std::vector<Parameter<T>*> parameters() override {
    if (!has_constant_) return {};
    return {&constant_};
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const Operands operands(*this, x, y.shape());
    const Broadcast way(y.shape(), {operands.shapes.data(), to_size(function_->arguments)});
    parallel_for(pass.kernel.threads, y.size(), 16384, [&](Index begin, Index end) {
      way.for_each(begin, end, [&](Index at, Index count, const Broadcast::Places& places) {
        function_->value(count, operands.at(way, places), y.data() + at);
      });
    });
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const Operands operands(*this, x, y.shape());
    const Broadcast way(y.shape(), {operands.shapes.data(), to_size(function_->arguments)});
    std::size_t next = 0;
    for (Index k = 0; k < function_->arguments; ++k) {
      const bool mine = held() && k == options_.position;
      if (mine && !(has_constant_ && constant_.trains())) continue;
      const TensorView<T> to = mine ? constant_.gradient.view() : dx[next++];
      if (!to.data()) continue;
      if (!mine) std::fill(to.begin(), to.end(), T(0));
      if (function_->slopes[to_size(k)]) add_gradient(k, operands, way, y, dy, to, pass);
    }
  }

 private:
  using Arguments = typename ScalarFunction<T>::Arguments;
  /// The arguments of one call, as operands of its result.
  struct Operands {
    std::array<Shape, Broadcast::most> shapes;
    Arguments arguments;
    T scalar = 0;
    std::array<T, 2> numbers{};

    Operands(const Elementwise& layer, Inputs<T> x, const Shape& out) {
      std::size_t next = 0;
      for (Index k = 0; k < layer.function_->arguments; ++k) {
        Shape& shape = nth(shapes, k);
        const T*& values = nth(arguments.values, k);
        if (!layer.held() || k != layer.options_.position) {
          shape = broadcast_operand(x[next].shape(), out.rank());
          values = x[next++].data();
        } else if (layer.has_constant_) {
          shape = broadcast_operand(layer.constant_.shape(), out.rank(), false);
          values = layer.constant_.value().data();
        } else {
          shape = broadcast_operand(Shape{}, out.rank(), false);
          scalar = static_cast<T>(*layer.options_.scalar);
          values = &scalar;
        }
      }
      std::transform(layer.options_.numbers.begin(), layer.options_.numbers.end(), numbers.begin(),
                     [](double number) { return static_cast<T>(number); });
      arguments.numbers = numbers.data();
    }
    Operands(const Operands&) = delete;  // its pointers are to its own numbers
    Operands& operator=(const Operands&) = delete;
    /// Those of a stretch.
    Arguments at(const Broadcast& way, const Broadcast::Places& places) const {
      Arguments here = arguments;
      for (std::size_t k = 0; k < Broadcast::most; ++k) {
        if (here.values[k]) here.values[k] += places[k];
        here.steps[k] = way.step(k);
      }
      return here;
    }
  };

  Elementwise(const std::string& function, std::optional<Tensor<T>> constant, ElementwiseOptions options)
      : Layer<T>(options.name),
        function_(&scalar_function<T>(detail::who(options.name, "Elementwise"), function)),
        options_(std::move(options)),
        has_constant_(constant.has_value()) {
    const std::string who = detail::who(this->name(), "Elementwise");
    if (has_constant_ && options_.scalar) throw ConfigError(who, "a scalar or a constant", "both");
    if (options_.position == -1) options_.position = function_->arguments - 1;
    if (held()) check_option(who, "position", options_.position, 0, function_->arguments - 1);
    if (held() && function_->arguments == 1)
      throw ConfigError(who, "no scalar and no constant for " + function, "one", "it has one argument, the input");
    if (options_.numbers.empty())
      options_.numbers.assign(function_->usual.begin(), function_->usual.begin() + function_->numbers);
    if (count_of(options_.numbers) != function_->numbers)
      throw ConfigError(who, std::to_string(function_->numbers) + " numbers for " + function,
                        std::to_string(options_.numbers.size()));
    if (has_constant_)
      constant_ = {"constant", std::move(*constant),
                   options_.trainable ? ParameterKind::trainable : ParameterKind::buffer};
  }

  bool held() const { return has_constant_ || options_.scalar.has_value(); }

  /// to += the sums of dy df/dx_k over the places that each value counts for, in memory's order.
  void add_gradient(Index k, const Operands& operands, const Broadcast& way, const TensorView<const T>& y,
                    const TensorView<const T>& dy, const TensorView<T>& to, Pass<T>& pass) const {
    constexpr Index piece = 256;
    Scratch::Frame frame(pass.kernel.scratch);
    double* const sums = pass.kernel.scratch.template take<double>(to.size());
    std::fill(sums, sums + to.size(), 0.0);
    std::array<T, piece> part;
    const auto slope = nth(function_->slopes, k);
    const Index step = way.step(to_size(k));
    way.for_each(0, y.size(), [&](Index at, Index count, const Broadcast::Places& places) {
      for (Index begin = 0; begin < count; begin += piece) {
        const Index n = (std::min)(piece, count - begin);
        Broadcast::Places here = places;
        for (std::size_t i = 0; i < here.size(); ++i) here[i] += begin * way.step(i);
        slope(n, operands.at(way, here), y.data() + at + begin, dy.data() + at + begin, part.data());
        double* const sum = sums + nth(here, k);
        for (Index i = 0; i < n; ++i) sum[i * step] += static_cast<double>(nth(part, i));
      }
    });
    for (Index i = 0; i < to.size(); ++i) to[i] += static_cast<T>(sums[i]);
  }

  const ScalarFunction<T>* function_;
  ElementwiseOptions options_;
  bool has_constant_;
  Parameter<T> constant_;
};
KEEL_REFUSE_OTHERS(Elementwise)

KEEL_INSTANCE(class Elementwise<float>)

}  // namespace KEEL_ABI
}  // namespace keel
