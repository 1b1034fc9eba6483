#pragma once
/// Nodes of a graph that together are one operator, as exporters write those that an older opset does not have.

#include <cmath>
#include <set>

#include <keel/io/onnx/read.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// Puts a node with `parts` in the place of the last of those that it stands for:
///
///     Gelu                 x/2 (1 + erf(x / sqrt 2)), or with tanh(sqrt(2/pi) (x + 0.044715 x^3)) for erf(...)
///     Swish, Mish          x sigmoid(x), x tanh(softplus(x))
///     HardSwish            x hard_sigmoid(x) with 1/6 and 1/2, x clip(x + 3, 0, 6) / 6
///     LayerNormalization   (x - mean) / sqrt(mean of (x - mean)^2 + epsilon), scale and bias if they are constants
///     RMSNormalization     x / sqrt(mean of x^2 + epsilon), scale if it is a constant
///     GroupNormalization   Reshape to (n, groups, rest), InstanceNormalization, Reshape, scale and bias
///
/// Values between the parts go nowhere else. Whether axes and extents fit is seen when the node is imported; where they
/// do not, the parts are imported one by one. Nodes that compute constants stay as they are.
class Patterns {
 public:
  explicit Patterns(FileGraph& graph) : graph_(graph), taken_(graph.nodes.size(), false) {
    for (const FileTensor& tensor : graph.initializers) constants_[tensor.name] = &tensor;
    std::set<std::string_view> computed;
    for (const FileValue& input : graph.inputs)
      if (!constants_.contains(input.name)) computed.insert(input.name);
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      const FileNode& node = graph.nodes[n];
      for (const std::string& output : node.outputs) makers_[output] = n;
      for (const std::string& input : node.inputs) {
        users_[input].push_back(n);
        if (computed.contains(input)) computed_.insert(n);
      }
      if (computed_.contains(n)) computed.insert(node.outputs.begin(), node.outputs.end());
      const FileAttribute* const value = node.op == "Constant" && node.domain.empty() ? node.find("value") : nullptr;
      if (value && value->tensor && !node.outputs.empty()) constants_[node.outputs[0]] = &*value->tensor;
      count_captured(node);
    }
    for (const FileValue& output : graph.outputs) ++elsewhere_[output.name];
  }

  void fold() {
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const FileNode& node = graph_.nodes[n];
      if (!node.domain.empty() || node.outputs.empty() || !computed_.contains(n)) continue;
      if (node.op == "Mul") gated(n);
      if (node.op == "Erf" || node.op == "Tanh") gelu(n);
      if (node.op == "Sqrt") norm(n);
      if (node.op == "InstanceNormalization") group_norm(n);
    }
    if (made_.empty()) return;
    std::vector<FileNode> nodes;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const auto found = made_.find(n);
      if (found != made_.end()) {
        FileNode& node = found->second.node;
        for (const std::size_t part : found->second.parts) node.parts.push_back(graph_.nodes[part]);
        node.name = node.parts.back().name;
        node.outputs = {node.parts.back().outputs[0]};
        nodes.push_back(std::move(node));
      } else if (!taken_[n]) {
        nodes.push_back(std::move(graph_.nodes[n]));
      }
    }
    graph_.nodes = std::move(nodes);
  }

 private:
  using At = std::optional<std::size_t>;  ///< a node's place
  struct Made {
    FileNode node = {};
    std::set<std::size_t> parts = {};
  };

  /// Values that a branch takes from outside.
  void count_captured(const FileNode& node) {
    for (const FileAttribute& attribute : node.attributes) {
      if (!attribute.branch) continue;
      for (const FileValue& output : attribute.branch->outputs) ++elsewhere_[output.name];
      for (const FileNode& each : attribute.branch->nodes) {
        for (const std::string& input : each.inputs) ++elsewhere_[input];
        count_captured(each);
      }
    }
  }

  const FileNode& node(At n) const { return graph_.nodes[*n]; }
  static bool is(const FileNode& node, std::string_view op, std::size_t inputs) {
    return node.op == op && node.domain.empty() && node.inputs.size() >= inputs && !node.outputs.empty();
  }
  /// The node that makes a value, if it is that operator.
  At maker(const std::string& name, std::string_view op, std::size_t inputs) const {
    const auto found = makers_.find(name);
    if (found == makers_.end() || taken_[found->second] || !is(graph_.nodes[found->second], op, inputs)) return {};
    return found->second;
  }
  /// The only node that uses what a node makes, if it is that operator.
  At user(std::size_t of, std::string_view op, std::size_t inputs) const {
    const std::string& name = graph_.nodes[of].outputs[0];
    const auto found = users_.find(name);
    if (found == users_.end() || found->second.size() != 1 || elsewhere_.contains(name)) return {};
    const std::size_t n = found->second[0];
    return !taken_[n] && is(graph_.nodes[n], op, inputs) ? At(n) : At();
  }
  /// The other input of a node of two.
  const std::string& other(At n, const std::string& than) const {
    const auto& inputs = node(n).inputs;
    return inputs[0] == than ? inputs[1] : inputs[0];
  }
  const FileTensor* constant(const std::string& name) const {
    const auto found = constants_.find(name);
    return found == constants_.end() ? nullptr : found->second;
  }
  std::optional<double> number(const std::string& name) const {
    const FileTensor* const found = constant(name);
    if (!found || found->numbers.size() != 1 || found->dims.size() > 1) return std::nullopt;
    return found->numbers[0];
  }
  bool is_number(const std::string& name, double value) const {
    return std::abs(number(name).value_or(1e30) - value) <= 1e-6 * std::abs(value);
  }
  /// The input that is not this number, of an operator whose inputs may change places.
  const std::string* beside(At n, double value) const {
    if (!n) return nullptr;
    const auto& inputs = node(n).inputs;
    return is_number(inputs[1], value) ? &inputs[0] : is_number(inputs[0], value) ? &inputs[1] : nullptr;
  }
  /// x of x times a number, or x divided by its inverse.
  const std::string* times(const std::string& name, double factor, At& n) const {
    n = maker(name, "Mul", 2);
    if (n) return beside(n, factor);
    n = maker(name, "Div", 2);
    return n && is_number(node(n).inputs[1], 1 / factor) ? &node(n).inputs[0] : nullptr;
  }

  /// Takes nodes for a pattern if what lies between them goes nowhere else. `last` makes what the pattern does.
  void take(std::size_t last, FileNode made, std::set<std::size_t> parts) {
    if (taken_[last] || *parts.rbegin() != last) return;
    for (const std::size_t part : parts) {
      const FileNode& each = graph_.nodes[part];
      for (std::size_t i = 1; i < each.outputs.size(); ++i)
        if (!each.outputs[i].empty() && (users_.contains(each.outputs[i]) || elsewhere_.contains(each.outputs[i])))
          return;
      if (part == last) continue;
      if (taken_[part] || elsewhere_.contains(each.outputs[0])) return;
      for (const std::size_t user : users_[each.outputs[0]])
        if (!parts.contains(user)) return;
    }
    for (const std::size_t part : parts) taken_[part] = true;
    made_[last] = {std::move(made), std::move(parts)};
  }

  // x times a gate of x

  void gated(std::size_t n) {
    const auto& inputs = graph_.nodes[n].inputs;
    if (taken_[n] || inputs.size() != 2 || inputs[0] == inputs[1]) return;
    for (int way = 0; way < 2; ++way) {
      const std::string &x = inputs[to_size(way)], &gate = inputs[to_size(1 - way)];
      gated_by_function(n, x, gate);
      gated_by_clip(n, x, gate);
    }
  }
  void gated_by_function(std::size_t n, const std::string& x, const std::string& gate) {
    if (const At sigmoid = maker(gate, "Sigmoid", 1); sigmoid && node(sigmoid).inputs[0] == x)
      take(n, {.op = "Swish", .inputs = {x}}, {n, *sigmoid});
    const At tanh = maker(gate, "Tanh", 1), soft = tanh ? maker(node(tanh).inputs[0], "Softplus", 1) : At();
    if (soft && node(soft).inputs[0] == x) take(n, {.op = "Mish", .inputs = {x}}, {n, *tanh, *soft});
    const At hard = maker(gate, "HardSigmoid", 1);
    if (!hard || node(hard).inputs[0] != x) return;
    const FileAttribute *const alpha = node(hard).find("alpha"), *const beta = node(hard).find("beta");
    if (alpha && std::abs(alpha->number - 1 / 6.0) < 1e-6 && (!beta || beta->number == 0.5))
      take(n, {.op = "HardSwish", .inputs = {x}}, {n, *hard});
  }
  void gated_by_clip(std::size_t n, const std::string& x, const std::string& gate) {
    At sixth;
    const std::string* const inside = times(gate, 1 / 6.0, sixth);
    std::set<std::size_t> parts{n};
    if (inside && clipped(*inside, x, parts)) {
      parts.insert(*sixth);
      return take(n, {.op = "HardSwish", .inputs = {x}}, std::move(parts));
    }
    if (!clipped(gate, x, parts)) return;
    At behind = user(n, "Mul", 2);
    if (behind && !beside(behind, 1 / 6.0)) return;
    if (!behind) behind = user(n, "Div", 2);
    if (!behind || (node(behind).op == "Div" && !divides(behind, graph_.nodes[n].outputs[0], 6))) return;
    parts.insert(*behind);
    take(*behind, {.op = "HardSwish", .inputs = {x}}, std::move(parts));
  }
  /// Whether a Div is of that value by that number.
  bool divides(At n, const std::string& value, double number) const {
    return node(n).inputs[0] == value && is_number(node(n).inputs[1], number);
  }
  /// clip(x + 3, 0, 6)
  bool clipped(const std::string& name, const std::string& x, std::set<std::size_t>& parts) const {
    const At clip = maker(name, "Clip", 1);
    if (!clip) return false;
    const FileNode& found = node(clip);
    const auto bound = [&](std::size_t i, const char* attribute, double value) {
      if (const FileAttribute* const said = found.find(attribute)) return said->number == value;
      if (i >= found.inputs.size()) return false;
      return number(found.inputs[i]) == value;
    };
    const At sum = maker(found.inputs[0], "Add", 2);
    const std::string* const from = beside(sum, 3);
    if (!from || *from != x || !bound(1, "min", 0) || !bound(2, "max", 6)) return false;
    parts.insert({*clip, *sum});
    return true;
  }

  // x/2 (1 + something of x)

  void gelu(std::size_t n) {
    const bool exact = graph_.nodes[n].op == "Erf";
    std::set<std::size_t> parts{n};
    const std::string* const x = exact ? scaled(graph_.nodes[n].inputs[0], std::sqrt(0.5), parts) : cubic(n, parts);
    const At one = user(n, "Add", 2);
    if (!x || !one || !beside(one, 1)) return;
    parts.insert(*one);
    const At first = user(*one, "Mul", 2);
    if (!first) return;
    parts.insert(*first);
    const std::string& factor = other(first, node(one).outputs[0]);
    At half, last = first;
    if (const std::string* const inside = times(factor, 0.5, half); inside && *inside == *x) {
      parts.insert(*half);  // (x/2) (1 + ...)
    } else if (factor == *x || is_number(factor, 0.5)) {
      const At second = user(*first, "Mul", 2);  // x (1 + ...) / 2, or x ((1 + ...) / 2)
      if (!second) return;
      const std::string& rest = other(second, node(first).outputs[0]);
      if (factor == *x ? !is_number(rest, 0.5) : rest != *x) return;
      parts.insert(*second);
      last = second;
    } else {
      return;
    }
    FileNode made{.op = "Gelu", .inputs = {*x}};
    made.attributes.push_back({.name = "approximate", .text = exact ? "none" : "tanh"});
    take(*last, std::move(made), std::move(parts));
  }
  const std::string* scaled(const std::string& name, double factor, std::set<std::size_t>& parts) const {
    At n;
    const std::string* const x = times(name, factor, n);
    if (x) parts.insert(*n);
    return x;
  }
  /// x of tanh(sqrt(2/pi) (x + 0.044715 x^3))
  const std::string* cubic(std::size_t tanh, std::set<std::size_t>& parts) const {
    const std::string* const inner = scaled(graph_.nodes[tanh].inputs[0], std::sqrt(2 / 3.14159265358979323846), parts);
    const At sum = inner ? maker(*inner, "Add", 2) : At();
    if (!sum) return nullptr;
    parts.insert(*sum);
    for (int way = 0; way < 2; ++way) {
      const std::string& x = node(sum).inputs[to_size(way)];
      At n;
      const std::string* const cube = times(node(sum).inputs[to_size(1 - way)], 0.044715, n);
      if (!cube) continue;
      parts.insert(*n);
      if (const At power = maker(*cube, "Pow", 2); power && node(power).inputs[0] == x) {
        parts.insert(*power);
        return is_number(node(power).inputs[1], 3) ? &x : nullptr;
      }
      const At product = maker(*cube, "Mul", 2);
      if (!product) return nullptr;
      const At square = maker(other(product, x), "Mul", 2);
      if (!square || node(square).inputs[0] != x || node(square).inputs[1] != x) return nullptr;
      parts.insert({*product, *square});
      return &x;
    }
    return nullptr;
  }

  // x divided by the root of a mean of squares

  /// The axes of a ReduceMean that keeps them, in their order.
  std::optional<std::vector<std::int64_t>> axes(At n) const {
    const FileAttribute* const keep = node(n).find("keepdims");
    if (keep && keep->integer == 0) return std::nullopt;
    std::vector<std::int64_t> list;
    if (const FileAttribute* const said = node(n).find("axes")) list = said->integers;
    if (node(n).inputs.size() > 1) {
      const FileTensor* const said = constant(node(n).inputs[1]);
      if (!said) return std::nullopt;
      for (const double each : said->numbers) {
        if (!(std::abs(each) < 16)) return std::nullopt;
        list.push_back(static_cast<std::int64_t>(each));
      }
    }
    if (list.empty()) return std::nullopt;
    std::sort(list.begin(), list.end());
    return list;
  }
  /// x of x^2 or x x.
  const std::string* squared(const std::string& name, std::set<std::size_t>& parts) const {
    if (const At power = maker(name, "Pow", 2)) {
      parts.insert(*power);
      return is_number(node(power).inputs[1], 2) ? &node(power).inputs[0] : nullptr;
    }
    const At product = maker(name, "Mul", 2);
    if (!product || node(product).inputs[0] != node(product).inputs[1]) return nullptr;
    parts.insert(*product);
    return &node(product).inputs[0];
  }
  /// x and the place of its mean, if a value is x less its mean along the axes.
  const std::string* centred(const std::string& name, const std::vector<std::int64_t>& along,
                             std::set<std::size_t>& parts) const {
    const At difference = maker(name, "Sub", 2);
    const At mean = difference ? maker(node(difference).inputs[1], "ReduceMean", 1) : At();
    if (!mean || node(mean).inputs[0] != node(difference).inputs[0] || axes(mean) != along) return nullptr;
    parts.insert({*difference, *mean});
    return &node(difference).inputs[0];
  }
  void norm(std::size_t root) {
    std::set<std::size_t> parts{root};
    const At sum = maker(graph_.nodes[root].inputs[0], "Add", 2);
    if (!sum) return;
    At variance = maker(node(sum).inputs[0], "ReduceMean", 1);
    const std::string* epsilon = &node(sum).inputs[1];
    if (!variance) {
      variance = maker(node(sum).inputs[1], "ReduceMean", 1);
      epsilon = &node(sum).inputs[0];
    }
    const std::optional<double> small_number = number(*epsilon);
    const auto along = variance ? axes(variance) : std::nullopt;
    if (!along || !small_number || *small_number < 0) return;
    parts.insert({*sum, *variance});
    const std::string* const rooted = squared(node(variance).inputs[0], parts);
    if (!rooted) return;
    At ratio = user(root, "Div", 2);
    if (ratio && node(ratio).inputs[1] != graph_.nodes[root].outputs[0]) return;
    const std::string* over = ratio ? &node(ratio).inputs[0] : nullptr;
    if (const At inverse = user(root, "Reciprocal", 1)) {
      ratio = user(*inverse, "Mul", 2);
      if (!ratio) return;
      parts.insert(*inverse);
      over = &other(ratio, node(inverse).outputs[0]);
    }
    if (!ratio) return;
    parts.insert(*ratio);
    std::set<std::size_t> means;
    const std::string* const x = centred(*rooted, *along, means);
    std::set<std::size_t> again;  // some exporters write the difference twice
    const std::string* const above = x ? centred(*over, *along, again) : over;
    if (!above || *above != (x ? *x : *rooted)) return;
    parts.insert(means.begin(), means.end());
    parts.insert(again.begin(), again.end());
    FileNode made{.op = x ? "LayerNormalization" : "RMSNormalization", .inputs = {*above}};
    made.attributes.push_back({.name = "axes", .integers = *along});
    made.attributes.push_back({.name = "epsilon", .number = *small_number});
    const std::size_t last = scale_and_bias(*ratio, made, parts, x != nullptr);
    take(last, std::move(made), std::move(parts));
  }
  /// Behind a norm: a constant that it is multiplied by, and one that is added, as its next inputs. The last node.
  std::size_t scale_and_bias(std::size_t last, FileNode& made, std::set<std::size_t>& parts, bool with_bias) const {
    const At scale = user(last, "Mul", 2);
    if (!scale || !constant(other(scale, graph_.nodes[last].outputs[0]))) return last;
    made.inputs.push_back(other(scale, graph_.nodes[last].outputs[0]));
    parts.insert(*scale);
    const At bias = with_bias ? user(*scale, "Add", 2) : At();
    if (!bias || !constant(other(bias, node(scale).outputs[0]))) return *scale;
    made.inputs.push_back(other(bias, node(scale).outputs[0]));
    parts.insert(*bias);
    return *bias;
  }

  void group_norm(std::size_t n) {
    const FileNode& inner = graph_.nodes[n];
    if (taken_[n] || inner.inputs.size() != 3) return;
    const At before = maker(inner.inputs[0], "Reshape", 2), behind = user(n, "Reshape", 2);
    const FileTensor *const ones = constant(inner.inputs[1]), *const zeros = constant(inner.inputs[2]);
    const FileTensor* const shape = before ? constant(node(before).inputs[1]) : nullptr;
    if (!behind || !ones || !zeros || !shape || shape->numbers.size() != 3) return;
    const auto all = [](const FileTensor& each, double value) {
      return std::all_of(each.numbers.begin(), each.numbers.end(), [=](double number) { return number == value; });
    };
    if (!all(*ones, 1) || !all(*zeros, 0) || node(behind).inputs[0] != inner.outputs[0]) return;
    const double groups = shape->numbers[1];
    if (!(groups >= 1 && groups <= 1e6 && groups == std::trunc(groups))) return;
    FileNode made{.op = "GroupNormalization", .inputs = {node(before).inputs[0], node(behind).inputs[1]}};
    made.attributes.push_back({.name = "num_groups", .integer = static_cast<std::int64_t>(groups)});
    if (const FileAttribute* const epsilon = inner.find("epsilon")) made.attributes.push_back(*epsilon);
    std::set<std::size_t> parts{*before, n, *behind};
    const std::size_t last = scale_and_bias(*behind, made, parts, true);
    if (made.inputs.size() == 4) take(last, std::move(made), std::move(parts));
  }

  FileGraph& graph_;
  std::vector<bool> taken_;
  std::map<std::string_view, std::size_t> makers_;
  std::map<std::string_view, std::vector<std::size_t>> users_;
  std::map<std::string_view, int> elsewhere_;  ///< outputs of the graph, and what branches take
  std::map<std::string_view, const FileTensor*> constants_;
  std::set<std::size_t> computed_;  ///< from the graph's inputs
  std::map<std::size_t, Made> made_;
};

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
