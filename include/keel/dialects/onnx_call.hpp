#pragma once
/// One layer at one place of a graph, being written in ONNX's operators: what the functions of the rows of onnx.hpp
/// speak to.

#include <cmath>

#include <keel/dialects/onnx_graph.hpp>
#include <keel/dialects/option.hpp>
#include <keel/layers/base/padding1d.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace dialects {

/// A layer at a place of a model. Shapes are without the batch.
struct OnnxPlace {
  std::string who;   ///< for errors
  std::string name;  ///< of the layer, and of its first node
  int layer = -1;    ///< in the model
  const Config& config;
  std::vector<Shape> inputs = {};
  Shape output{};
  std::vector<std::pair<std::string, Shape>> parameters = {};
  bool training = false;  ///< whether it is to do what it does in training
};

/// Reads a place and appends to a graph.
class OnnxCall {
 public:
  OnnxCall(OnnxBuilder& builder, OnnxPlace place, std::vector<OnnxTensor*> inputs, OnnxTensor& output)
      : builder_(builder), place_(std::move(place)), inputs_(std::move(inputs)), output_(output) {
    output_.sample = place_.output;
  }

  // What is there.

  Index opset() const { return builder_.opset(); }
  bool training() const { return place_.training; }
  std::size_t count() const { return inputs_.size(); }
  const Shape& in(std::size_t i = 0) const { return place_.inputs.at(i); }
  const Shape& out() const { return place_.output; }
  Index rank() const { return in().rank(); }
  const Config& config() const { return place_.config; }
  template <class V>
  V get(std::string_view name, V fallback) const {
    return place_.config.get<V>(name, fallback);
  }
  bool has(std::string_view name) const { return place_.config.find(name) != nullptr; }
  bool is_text(std::string_view name, std::string_view value) const {
    const auto* entry = place_.config.find(name);
    const auto* text = entry ? std::get_if<std::string>(entry) : nullptr;
    return text && *text == value;
  }
  template <class V>
  V option(const char* name, V fallback) const {
    read_option(place_.config, name, fallback);
    return fallback;
  }
  /// The axes that an option counts as Keras does, as axes of a sample, in their order.
  std::vector<Index> axes(const char* name, Axes fallback = -1) const {
    std::vector<Index> list;
    for (const Index axis : option(name, std::move(fallback)).list) list.push_back(sample_axis(axis, rank()));
    std::sort(list.begin(), list.end());
    return list;
  }
  [[noreturn, gnu::cold]] void refuse(const std::string& expected, const std::string& got,
                                      const std::string& hint = {}) const {
    throw ConfigError(place_.who, expected, got, hint);
  }

  // Inputs and the result.

  /// Input i in that form.
  int x(OnnxForm form, std::size_t i = 0) { return builder_.in_form(*inputs_.at(i), form, place_.name); }
  /// The form in which most inputs are: for what takes any. Of features in another order, only where all agree.
  OnnxForm form() const {
    const auto have = [&](OnnxForm form) {
      return std::count_if(inputs_.begin(), inputs_.end(), [&](const OnnxTensor* t) { return t->in(form) >= 0; });
    };
    const auto all = static_cast<std::ptrdiff_t>(inputs_.size());
    const bool mixed = std::all_of(inputs_.begin(), inputs_.end(),
                                   [&](const OnnxTensor* t) { return t->mixed >= 0 && t->order == inputs_[0]->order; });
    if (have(OnnxForm::last) < all && mixed) return OnnxForm::mixed;
    return rank() > 1 && have(OnnxForm::first) >= have(OnnxForm::last) ? OnnxForm::first : OnnxForm::last;
  }
  bool is_mixed(std::size_t i = 0) const { return inputs_.at(i)->last < 0 && inputs_.at(i)->mixed >= 0; }
  const std::vector<Index>& order(std::size_t i = 0) const { return inputs_.at(i)->order; }
  /// The layer's output is this value.
  void result(OnnxForm form, int value) {
    if (form == OnnxForm::first && out().rank() < 2) form = OnnxForm::last;
    output_.in(form) = value;
    if (form == OnnxForm::mixed && output_.order.empty()) output_.order = inputs_.at(0)->order;
  }
  /// The order of the features of input 0, an image, behind a Flatten of channels first.
  std::vector<Index> flat_order() { return builder_.flat_order(in()); }
  void result_mixed(int value, std::vector<Index> order) {
    output_.mixed = value;
    output_.order = std::move(order);
  }
  /// The output is input 0.
  void pass() {
    const Shape sample = output_.sample;
    output_ = *inputs_.at(0);
    output_.sample = sample;
  }
  /// Where axis i of the input's sample, or of one of that rank, is.
  Index axis(Index i, OnnxForm form) const { return onnx_axis(i, rank(), form); }
  OnnxDims dims(OnnxForm form) const { return onnx_dims(out(), form); }
  const OnnxDims& dims(int value) const { return builder_.dims(value); }

  /// For a layer inside.
  OnnxBuilder& builder() { return builder_; }
  const OnnxPlace& place() const { return place_; }

  // Nodes. Names: the layer's, with `suffix` behind it.

  int node(std::string_view op, std::vector<int> inputs, OnnxDims dims, OnnxAttributes attributes = {},
           const std::string& suffix = {}, OnnxType type = OnnxType::real) {
    return builder_.node(place_.name + suffix, op, std::move(inputs), std::move(dims), std::move(attributes), type);
  }
  /// One more output of the last node.
  void more_output(const std::string& suffix, OnnxDims dims) {
    const int output = builder_.value(place_.name + suffix, std::move(dims));
    builder_.last_node().outputs.push_back(output);
  }
  /// Output i of the last recurrent node, or other node of several outputs.
  int last_output(std::size_t i) const {
    for (std::size_t n = builder_.graph().nodes.size(); n-- > 0;)
      if (builder_.graph().nodes[n].outputs.size() > i && builder_.graph().nodes[n].outputs.size() > 1)
        return builder_.graph().nodes[n].outputs[i];
    return -1;
  }
  /// Truth as 0 and 1, of the model's scalar.
  int to_real(int x, const std::string& suffix) {
    const int one = number(1, suffix + "/one"), zero = number(0, suffix + "/zero");
    return node("Where", {x, one, zero}, dims(x), {}, suffix);
  }
  /// An output like the input.
  int unary(std::string_view op, int x, OnnxAttributes attributes = {}, const std::string& suffix = {}) {
    return node(op, {x}, dims(x), std::move(attributes), suffix);
  }
  /// NumPy's broadcasting.
  int binary(std::string_view op, int a, int b, const std::string& suffix = {}, OnnxType type = OnnxType::real) {
    return node(op, {a, b}, joined(dims(a), dims(b)), {}, suffix, type);
  }
  int where(int condition, int a, int b, const std::string& suffix = {}) {
    return node("Where", {condition, a, b}, joined(dims(condition), joined(dims(a), dims(b))), {}, suffix);
  }
  /// ReduceMean and its kin; axes are those of the value.
  int reduce(std::string_view op, int x, const std::vector<Index>& axes, bool keep, const std::string& suffix = {}) {
    OnnxDims reduced;
    for (Index i = 0; i < count_of(dims(x)); ++i) {
      const bool gone = std::find(axes.begin(), axes.end(), i) != axes.end();
      if (!gone || keep) reduced.push_back(gone ? 1 : nth(dims(x), i));
    }
    const OnnxAttribute kept{"keepdims", Index{keep}};
    if (opset() < 18 && op != "ReduceSum") return node(op, {x}, std::move(reduced), {{"axes", axes}, kept}, suffix);
    return node(op, {x, integers(axes, suffix + "/axes")}, std::move(reduced), {kept}, suffix);
  }
  int slice(int x, const std::vector<Index>& starts, const std::vector<Index>& ends, const std::vector<Index>& axes,
            const std::string& suffix = {}) {
    OnnxDims cut = dims(x);
    for (std::size_t i = 0; i < axes.size(); ++i) nth(cut, axes[i]) = ends[i] - starts[i];
    return node(
        "Slice",
        {x, integers(starts, suffix + "/starts"), integers(ends, suffix + "/ends"), integers(axes, suffix + "/axes")},
        std::move(cut), {}, suffix);
  }
  /// `before` and `after` for each axis of the value.
  int pad(int x, const std::vector<Index>& before, const std::vector<Index>& after, const std::string& suffix = {}) {
    OnnxDims padded = dims(x);
    for (std::size_t i = 0; i < padded.size(); ++i)
      if (padded[i] >= 0) padded[i] += before[i] + after[i];
    std::vector<Index> sides = before;
    sides.insert(sides.end(), after.begin(), after.end());
    return node("Pad", {x, integers(std::move(sides), suffix + "/pads")}, std::move(padded), {}, suffix);
  }
  int transpose(int x, const std::vector<Index>& axes, const std::string& suffix = {}) {
    return builder_.transpose(place_.name + suffix, x, axes);
  }
  int reshape(int x, const Shape& sample, const std::string& suffix = {}) {
    return builder_.reshape(place_.name + suffix, x, sample);
  }
  int unsqueeze(int x, Index axis, const std::string& suffix) {
    OnnxDims more = dims(x);
    more.insert(more.begin() + axis, 1);
    return node("Unsqueeze", {x, integers({axis}, suffix + "/axes")}, std::move(more), {}, suffix);
  }
  int squeeze(int x, Index axis, const std::string& suffix) {
    OnnxDims less = dims(x);
    less.erase(less.begin() + axis);
    return node("Squeeze", {x, integers({axis}, suffix + "/axes")}, std::move(less), {}, suffix);
  }

  // Constants and weights.

  int number(double value, const std::string& suffix, OnnxType type = OnnxType::real) {
    return builder_.numbers(place_.name + suffix, {value}, {}, type);
  }
  int numbers(std::vector<double> values, OnnxDims dims, const std::string& suffix) {
    return builder_.numbers(place_.name + suffix, std::move(values), std::move(dims));
  }
  int float32(std::vector<double> values, OnnxDims dims, const std::string& suffix) {
    return builder_.numbers(place_.name + suffix, std::move(values), std::move(dims), OnnxType::float32);
  }
  int integers(std::vector<Index> values, const std::string& suffix) {
    return builder_.integers(place_.name + suffix, std::move(values));
  }
  int boolean(bool value, const std::string& suffix) {
    return builder_.integers(place_.name + suffix, {value}, {}, OnnxType::boolean);
  }
  int booleans(std::vector<Index> values, OnnxDims dims, const std::string& suffix) {
    return builder_.integers(place_.name + suffix, std::move(values), std::move(dims), OnnxType::boolean);
  }
  bool has_parameter(std::string_view name) const { return find(name) != nullptr; }
  const Shape& shape_of(std::string_view parameter) const { return *find(parameter); }
  int weight(std::vector<OnnxPiece> pieces, OnnxDims dims, const std::string& suffix) {
    return builder_.weight(place_.name + suffix, place_.layer, std::move(pieces), std::move(dims));
  }
  /// A parameter with its axes in that order.
  int weight(const std::string& parameter, std::vector<Index> axes = {}) {
    const Shape& shape = shape_of(parameter);
    OnnxDims dims(shape.begin(), shape.end());
    OnnxPiece piece{.parameter = parameter, .split = dims, .axes = std::move(axes)};
    for (std::size_t i = 0; i < piece.axes.size(); ++i) dims[i] = shape[piece.axes[i]];
    return weight({std::move(piece)}, std::move(dims), "/" + parameter);
  }
  /// One value for each feature of input 0, which is a row, in its order.
  OnnxPiece features(const std::string& parameter) const {
    const Shape& shape = shape_of(parameter);
    OnnxPiece piece{.parameter = parameter, .split = {shape.begin(), shape.end()}};
    if (is_mixed()) piece.order = order();
    return piece;
  }
  /// A parameter along some axes of the sample, the others 1, to be broadcast with a value of that form.
  int along(const std::string& parameter, const std::vector<Index>& sample_axes, OnnxForm form) {
    const std::vector<Index> extents = spread(sample_axes);
    OnnxPiece piece{.parameter = parameter, .split = extents};
    if (form == OnnxForm::mixed && shape_of(parameter).size() > 1) piece.order = order();
    const std::vector<Index> turned = turn(form);
    OnnxDims dims;
    for (const Index axis : turned) dims.push_back(nth(extents, axis));
    if (std::count_if(extents.begin(), extents.end(), [](Index extent) { return extent > 1; }) > 1) piece.axes = turned;
    return weight({std::move(piece)}, std::move(dims), "/" + parameter);
  }
  /// The same of numbers: one, or one for each place of those axes.
  int along(const std::vector<double>& values, const std::vector<Index>& sample_axes, OnnxForm form,
            const std::string& suffix) {
    if (values.size() == 1) return number(values[0], suffix);
    const std::vector<Index> extents = spread(sample_axes), turned = turn(form);
    OnnxDims dims;
    for (const Index axis : turned) dims.push_back(nth(extents, axis));
    std::vector<double> placed(values.size());
    for (std::size_t k = 0; k < placed.size(); ++k) {
      Index rest = static_cast<Index>(k), from = 0;
      for (std::size_t i = turned.size(); i-- > 0;) {
        Index stride = 1;
        for (Index behind = turned[i] + 1; behind < count_of(extents); ++behind) stride *= nth(extents, behind);
        from += rest % dims[i] * stride;
        rest /= dims[i];
      }
      placed[k] = nth(values, form == OnnxForm::mixed ? nth(order(), from) : from);
    }
    return numbers(std::move(placed), std::move(dims), suffix);
  }

 private:
  const Shape* find(std::string_view name) const {
    for (const auto& [known, shape] : place_.parameters)
      if (known == name) return &shape;
    return nullptr;
  }
  /// The sample's extents along these axes, 1 along the others.
  std::vector<Index> spread(const std::vector<Index>& sample_axes) const {
    std::vector<Index> extents(to_size(rank()), 1);
    for (const Index axis : sample_axes) nth(extents, axis) = in()[axis];
    return extents;
  }
  /// The axes of a sample in the order of that form.
  std::vector<Index> turn(OnnxForm form) const {
    std::vector<Index> axes;
    for (Index i = 0; i < rank(); ++i) axes.push_back(form == OnnxForm::first ? (i == 0 ? rank() - 1 : i - 1) : i);
    return axes;
  }
  static OnnxDims joined(const OnnxDims& a, const OnnxDims& b) {
    if (a.size() < b.size()) return joined(b, a);
    OnnxDims to = a;
    for (std::size_t i = 0; i < b.size(); ++i) {
      Index& dim = to[a.size() - b.size() + i];
      if (dim == 1) dim = b[i];
    }
    return to;
  }

  OnnxBuilder& builder_;
  OnnxPlace place_;
  std::vector<OnnxTensor*> inputs_;
  OnnxTensor& output_;
};

/// What a class of keel's is in ONNX. Texts are lists of words with a space between.
struct OnnxRow {
  std::string_view type;       ///< keel's class
  std::string_view operators;  ///< that it may become beside Transpose, Reshape and Gather at its inputs; empty: none
  void (*write)(OnnxCall&);
  std::string_view options = {};   ///< that `write` reads
  std::string_view neutral = {};   ///< that change no number of the graph: how weights begin, what the shapes say
  bool wraps = false;              ///< its options are also those of the layer inside
  std::string_view training = {};  ///< more operators in training form; "refused": what it does there ONNX cannot say
};

/// The row of a class, or null: a layer of the user's own. In onnx.hpp.
inline const OnnxRow* onnx_row(std::string_view type);

/// Whether a list of words has that one.
inline bool onnx_has_word(std::string_view words, std::string_view word) {
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = (std::min)(words.find(' ', at), words.size());
    if (words.substr(at, end - at) == word) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace dialects

}  // namespace KEEL_ABI
}  // namespace keel
