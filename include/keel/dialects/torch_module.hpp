#pragma once
/// What a row of torch.hpp is made of, and how it becomes PyTorch's modules for one layer at one place: class,
/// arguments, weights. Images are (batch, channels, height, width) there, and whatever has two axes and more beside the
/// batch has its channels, keel's last axis, in front. Rows of windows see sequences as images of one row.

#include <cmath>

#include <keel/dialects/option.hpp>
#include <keel/layers/base/padding1d.hpp>
#include <keel/layers/base/volume.hpp>
#include <keel/tensor/text.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace dialects {

/// A module that PyTorch has where keel has a layer or a part of one.
struct TorchModule {
  std::string class_name;            ///< "Conv2d"
  std::string arguments;             ///< "1, 32, (3, 3), padding=(1, 1)"
  std::string suffix = {};           ///< of its name in a graph: "_activation"
  bool own = false;                  ///< not of torch.nn: torch_classes.hpp has its code
  bool function = false;             ///< what people write as a function, so that no table of modules shows it
  std::vector<Weight> weights = {};  ///< that it holds
  Shape output{};                    ///< without the batch, in keel's order of axes
  std::string comment = {};          ///< what the code says behind it

  std::string code() const { return (own ? "" : "nn.") + class_name + "(" + arguments + ")"; }
};

/// A layer at a place of a graph, as rows see it. Shapes are without the batch.
struct TorchPlace {
  std::string who;       ///< for errors
  const Config& config;  ///< copies of options are not made: running out of memory in one is not survived by gcc 12's
                         ///< library
  std::vector<Shape> inputs;
  Shape output;
};

class TorchBuilder;

/// What becomes of the order of features behind a Flatten, which is (c, h, w) in PyTorch and (h, w, c) in keel.
enum class FeatureOrder {
  none,   ///< there is none behind it
  made,   ///< it makes maps into features: Flatten
  kept,   ///< each feature by itself, or all alike
  taken,  ///< its weights take it up: Dense
  joined  ///< features one after the other: Concatenate
};

/// A value that PyTorch has as a weight where keel's layer has none.
struct TorchConstant {
  std::string_view weight;  ///< keel's name
  int value;
};

/// What a class of keel's is in PyTorch.
struct TorchRow {
  std::string_view type;                     ///< keel's class
  void (*modules)(TorchBuilder&) = nullptr;  ///< adds its modules; null where PyTorch has a function
  std::string_view function = {};            ///< "+", "*", or a name: "torch.cat"
  std::span<const Option> options = {};      ///< `values` of a mapped one: PyTorch's default, left out of the code
  std::span<const Weight> weights = {};
  FeatureOrder features = FeatureOrder::none;
  std::span<const TorchConstant> constants = {};
  std::string_view ignored = {};  ///< a tensor that a file may have and keel has no use for
  bool wraps = false;             ///< its options are also those of the layer inside
  bool refused = false;           ///< PyTorch has functions, but no module; no code is written for it
};

/// Numbers as Python reads them: exactly, or with so many digits where rounding is wanted.
inline std::string python(double value, int digits = -1) {
  if (std::isnan(value)) return "float('nan')";
  if (std::isinf(value)) return value > 0 ? "float('inf')" : "float('-inf')";
  return digits < 0 ? detail::shortest(value) : detail::text(value, digits);
}
inline std::string python(const Pair& pair) { return pair.to_string(); }

/// (3, 4, 4) for keel's (4, 4, 3).
inline std::string channels_first(const Shape& shape) {
  std::string text = "(" + std::to_string(shape.back());
  for (Index i = 0; i + 1 < shape.rank(); ++i) text += ", " + std::to_string(shape[i]);
  return text + (shape.rank() == 1 ? ",)" : ")");
}

/// PyTorch's number of an axis that an option counts as Keras does, with the batch and from both ends.
inline Index torch_dim(Index axis, Index rank) {
  const Index at = sample_axis(axis, rank);
  return rank == 1 || at == rank - 1 ? 1 : at + 2;
}

/// Zeros around an image.
struct Sides {
  Index top = 0, bottom = 0, left = 0, right = 0;
  bool symmetric() const { return top == bottom && left == right; }
  bool none() const { return symmetric() && top == 0 && left == 0; }
  /// PyTorch's order, for images or sequences.
  std::string python(Index axes = 2) const {
    return "(" + std::to_string(left) + ", " + std::to_string(right) +
           (axes == 1 ? "" : ", " + std::to_string(top) + ", " + std::to_string(bottom)) + ")";
  }
};

/// Collects the modules of one place. The functions of torch.hpp speak to it.
class TorchBuilder {
 public:
  /// For an option of `place` that no row names, `refuse`.
  TorchBuilder(const TorchRow& row, TorchPlace place) : row_(row), place_(std::move(place)) {
    for (const auto& [name, value] : place_.config.entries())
      if (!row.wraps && std::none_of(row.options.begin(), row.options.end(),
                                     [&, key = option_of_entry(name)](const Option& o) { return o.keel == key; }))
        refuse("options that PyTorch has", "\"" + name + "\"", "dialects/torch.hpp does not say what it is there");
    if (row.modules) row.modules(*this);
  }

  const std::vector<TorchModule>& modules() const { return modules_; }
  /// Whether it pads more on one side, where PyTorch users write padding=1.
  bool asymmetric() const { return asymmetric_; }

  std::string_view type() const { return row_.type; }
  const Config& config() const { return place_.config; }
  const Shape& input(std::size_t i = 0) const { return place_.inputs.at(i); }
  const Shape& output() const { return place_.output; }
  std::size_t inputs() const { return place_.inputs.size(); }
  /// Axes of the input beside batch and channels.
  Index axes() const { return input().rank() - 1; }
  /// Height, 0, or width, 1.
  Index in(Index axis) const { return detail::as_image(input())[axis]; }
  Index out(Index axis) const { return detail::as_image(output())[axis]; }
  Index channels() const { return input().back(); }
  Index filters() const { return output().back(); }

  template <class V>
  V get(std::string_view name, V fallback) const {
    return place_.config.get<V>(name, fallback);
  }
  Pair pair(const char* name, Index fallback = 1) const {
    Pair value = fallback;
    read_option(place_.config, name, value);
    return axes() == 1 ? Pair(1, value.width) : value;
  }
  /// "(3, 2)", of sequences "2".
  std::string windows(const Pair& value) const { return axes() == 1 ? std::to_string(value.width) : python(value); }
  Padding padding_option() const {
    Padding value = Padding::valid;
    Padding1D along = Padding1D::valid;
    if (axes() == 1) {
      read_option(place_.config, "padding", along);
      return along.image(pair("kernel_size").width, pair("dilation_rate").width);
    }
    read_option(place_.config, "padding", value);
    return value;
  }
  bool has(std::string_view name) const { return place_.config.find(name) != nullptr; }

  /// ", stride=(2, 2), bias=False": the arguments of these options, names with a space between, but for defaults.
  std::string arguments(std::string_view names) const {
    std::string text;
    for (const Option& option : row_.options) {
      if (option.use != Use::mapped || option.key.empty() || !named(names, option.keel)) continue;
      const std::string value = value_of(option);
      if (!value.empty() && value != option.values) text += ", " + std::string(option.key) + "=" + value;
    }
    return text;
  }
  /// ", padding=(1, 1)", or a module that pads, with `value`, where the sides differ.
  std::string padding(std::string_view window, const char* value = "0") {
    const Sides sides = sides_of(window);
    if (sides.none()) return {};
    if (sides.symmetric()) return ", padding=" + windows(Pair(sides.top, sides.left));
    asymmetric_ = true;
    pad(sides, value);
    return {};
  }
  void pad(const Sides& sides, std::string_view value, std::string suffix = "_padding") {
    const bool zero = value == "0" && axes() == 2;  // there is no ZeroPad1d before PyTorch 2.1
    TorchModule module = next(zero ? "ZeroPad2d" : "ConstantPad" + std::to_string(axes()) + "d",
                              sides.python(axes()) + (zero ? "" : ", " + std::string(value)), std::move(suffix));
    module.function = true;
    module.output =
        detail::from_image(axes(), in(0) + sides.top + sides.bottom, in(1) + sides.left + sides.right, channels());
    modules_.push_back(std::move(module));
  }
  void mark_asymmetric() { asymmetric_ = true; }
  /// What surrounds the image: as the options say, or as many zeros as the output's extents need.
  Sides sides_of(std::string_view window) const {
    const Padding p = padding_option();
    if (p.mode == Padding::Mode::fixed) return {p.top, p.bottom, p.left, p.right};
    if (p.mode == Padding::Mode::valid) return {};
    const Sweep h = sweep_of(window, 0), w = sweep_of(window, 1);
    return {h.before, h.after, w.before, w.after};
  }
  /// The padding that TensorFlow's SAME has along an axis, 0 or 1.
  Sweep sweep_of(std::string_view window, Index axis) const {
    const bool pool = window == "pool_size";
    const Pair kernel = pair(pool ? "pool_size" : "kernel_size"), strides = pair("strides"),
               dilation = pair("dilation_rate");
    const auto along = [&](const Pair& p) { return axis == 0 ? p.height : p.width; };
    const Index reach = (along(kernel) - 1) * along(dilation) + 1;
    const Index missing = (std::max)(Index{0}, (out(axis) - 1) * along(strides) + reach - in(axis));
    return {out(axis), missing / 2, missing - missing / 2};
  }

  void add(std::string class_name, std::string arguments = {}, std::string suffix = {}) {
    modules_.push_back(next(std::move(class_name), std::move(arguments), std::move(suffix)));
  }
  void add_own(std::string class_name, std::string arguments = {}, std::string suffix = {}) {
    add(std::move(class_name), std::move(arguments), std::move(suffix));
    modules_.back().own = true;
  }
  TorchModule& first() { return modules_.front(); }
  TorchModule& last() { return modules_.back(); }
  /// The last module holds these of the row's weights, names with a space between.
  void hold(std::string_view names) {
    for (const Weight& weight : row_.weights)
      if (named(names, weight.keel)) last().weights.push_back(weight);
  }
  void hold(const Weight& weight) { last().weights.push_back(weight); }
  /// The module of the function `activation`, behind the layer's own.
  void activation(std::string suffix = "_activation");

  /// PyTorch cannot express the layer. Its weights have their modules all the same.
  [[gnu::cold]] void refuse(std::string expected, std::string got, std::string hint = {}) {
    if (!expected_.empty()) return;
    expected_ = std::move(expected);
    got_ = std::move(got);
    hint_ = std::move(hint);
  }
  /// Throws ConfigError, naming the layer, if it was refused.
  void require() const {
    if (!expected_.empty()) throw ConfigError(place_.who, expected_, got_, hint_);
  }

 private:
  TorchModule next(std::string class_name, std::string arguments, std::string suffix) const {
    TorchModule module{std::move(class_name), std::move(arguments), std::move(suffix)};
    module.output = output();
    return module;
  }
  static bool named(std::string_view names, std::string_view name) {
    for (std::size_t at = 0; at < names.size();) {
      const std::size_t end = (std::min)(names.find(' ', at), names.size());
      if (names.substr(at, end - at) == name) return true;
      at = end + 1;
    }
    return false;
  }
  std::string value_of(const Option& option) const {
    if (!has(option.keel)) return {};
    switch (option.form) {
      case Form::boolean: return get<bool>(option.keel, false) ? "True" : "False";
      case Form::integer: return std::to_string(get<Index>(option.keel, 0));
      case Form::pair: return windows(pair(std::string(option.keel).c_str()));
      default: return python(get<double>(option.keel, 0));
    }
  }

  const TorchRow& row_;
  TorchPlace place_;
  std::vector<TorchModule> modules_;
  bool asymmetric_ = false;
  std::string expected_, got_, hint_;
};

}  // namespace dialects

}  // namespace KEEL_ABI
}  // namespace keel
