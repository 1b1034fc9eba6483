#pragma once
/// ONNX's recurrent operators. They have the steps first and an axis of directions, weights with the gates in front and
/// in an order of their own, and two biases.

#include <keel/io/onnx/import.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

inline bool is_recurrent(std::string_view op) { return op == "LSTM" || op == "GRU" || op == "RNN"; }

/// What the attributes of a recurrent operator say.
struct FileCell {
  Index units = 0, directions = 1;
  bool backwards = false, reset_after = false, steps_first = true;
  std::vector<Index> order = {0};  ///< the place in ONNX of each gate of keel's
  ActivationSpec activation = Activation::tanh, recurrent_activation = Activation::sigmoid;

  Index gates() const { return count_of(order); }
};

/// The activation of a name. Its numbers are the next ones of the lists.
template <class T>
ActivationSpec cell_activation(const OnnxImport<T>& to, const FileNode& node, const std::string& said,
                               std::vector<float>& alphas, std::vector<float>& betas) {
  std::string name = said;
  for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  const auto next = [](std::vector<float>& list, double otherwise) {
    if (list.empty()) return otherwise;
    const auto value = static_cast<double>(list.front());
    list.erase(list.begin());
    return value;
  };
  const auto close = [](double a, double b) { return std::abs(a - b) < 1e-6; };
  if (name == "sigmoid") return Activation::sigmoid;
  if (name == "tanh") return Activation::tanh;
  if (name == "relu") return Activation::relu;
  if (name == "softplus") return Activation::softplus;
  if (name == "elu" || name == "leakyrelu") {
    ActivationSpec spec = name == "elu" ? Activation::elu : Activation::leaky_relu;
    spec.alpha = next(alphas, name == "elu" ? 1.0 : 0.01);
    return spec;
  }
  if (name == "affine" || name == "hardsigmoid") {
    const bool hard = name == "hardsigmoid";
    const double alpha = next(alphas, hard ? 0.2 : 1.0), beta = next(betas, hard ? 0.5 : 0.0);
    if (!hard && close(alpha, 1) && close(beta, 0)) return Activation::linear;
    if (hard && close(alpha, 0.2) && close(beta, 0.5)) return Activation::hard_sigmoid_keras2;
    if (hard && close(alpha, 1 / 6.0) && close(beta, 0.5)) return Activation::hard_sigmoid;
    to.refuse(node, "x, or a hard sigmoid of x / 5 + 1/2 or x / 6 + 1/2",
              shown(said) + " of " + std::to_string(alpha) + " x + " + std::to_string(beta));
  }
  to.refuse(node, "activations that keel's recurrent layers have", shown(said));
}
template <class T>
void read_activations(const OnnxImport<T>& to, const FileNode& node, FileCell& cell) {
  const FileAttribute* const found = node.find("activations");
  if (!found) return;
  const std::size_t each = node.op == "LSTM" ? 3 : node.op == "GRU" ? 2 : 1;
  if (found->texts.size() != each * to_size(cell.directions))
    to.refuse(node, std::to_string(each) + " activations a direction", std::to_string(found->texts.size()));
  const FileAttribute *const alpha = node.find("activation_alpha"), *const beta = node.find("activation_beta");
  std::vector<float> alphas = alpha ? alpha->numbers : std::vector<float>(),
                     betas = beta ? beta->numbers : std::vector<float>();
  std::vector<ActivationSpec> specs;
  for (const std::string& name : found->texts) specs.push_back(cell_activation(to, node, name, alphas, betas));
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const std::size_t first = each == 3 && i % each == 2 ? 1 : i % each;  // those of an LSTM's state and output are one
    if (!(specs[i] == specs[first])) to.refuse(node, "the same activations for state, output and directions", "others");
  }
  if (each > 1) cell.recurrent_activation = specs[0];
  cell.activation = specs[each > 1 ? 1 : 0];
}
template <class T>
FileCell read_cell(const OnnxImport<T>& to, const FileNode& node, const FileTensor& recurrent) {
  FileCell cell{.units = integer_or(node, "hidden_size", recurrent.dims.size() == 3 ? recurrent.dims[2] : 0)};
  if (node.op == "LSTM") cell.order = {0, 2, 3, 1};
  if (node.op == "GRU") cell.order = {0, 1, 2};
  const std::string direction = text_or(node, "direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
    to.refuse(node, "a direction forward, reverse or bidirectional", shown(direction));
  cell.backwards = direction == "reverse";
  cell.directions = direction == "bidirectional" ? 2 : 1;
  cell.reset_after = integer_or(node, "linear_before_reset", 0) != 0;
  cell.steps_first = integer_or(node, "layout", 0) == 0;
  if (integer_or(node, "input_forget", 0) != 0) to.refuse(node, "input_forget = 0", "1");
  if (node.find("clip")) to.refuse(node, "no clip", "one");
  read_activations(to, node, cell);
  return cell;
}

/// Parameters of a direction: `rows` of ONNX's (gates units, columns) from `from` on as (columns, gates units) of keel's.
template <class T>
FileTensor turned_gates(OnnxImport<T>& to, const FileNode& node, const FileCell& cell, const FileTensor& all,
                        Index direction, Index columns) {
  const Index rows = cell.gates() * cell.units;
  FileTensor made = to.empty(node, {columns, rows}, false);
  for (Index c = 0; c < columns; ++c)
    for (const Index gate : cell.order)
      for (Index u = 0; u < cell.units; ++u)
        made.numbers.push_back(nth(all.numbers, ((direction * rows + gate * cell.units + u) * columns) + c));
  return made;
}
/// The bias of a direction: the sum of the input's and the state's, of a GRU that resets behind the product both.
template <class T>
FileTensor cell_bias(OnnxImport<T>& to, const FileNode& node, const FileCell& cell, const FileTensor& all,
                     Index direction) {
  const Index rows = cell.gates() * cell.units;
  std::vector<double> input, state;
  for (const Index gate : cell.order)
    for (Index u = 0; u < cell.units; ++u) {
      input.push_back(nth(all.numbers, direction * 2 * rows + gate * cell.units + u));
      state.push_back(nth(all.numbers, (direction * 2 + 1) * rows + gate * cell.units + u));
    }
  const bool both = node.op == "GRU" && cell.reset_after;
  FileTensor made = to.empty(node, both ? std::vector<Index>{2, rows} : std::vector<Index>{rows}, false);
  for (std::size_t i = 0; i < input.size(); ++i) made.numbers.push_back(both ? input[i] : input[i] + state[i]);
  if (both) made.numbers.insert(made.numbers.end(), state.begin(), state.end());
  return made;
}
/// Whether an input is absent, or a constant of this number alone.
template <class T>
bool is_neutral(const OnnxImport<T>& to, const FileNode& node, std::size_t i, double number) {
  if (!to.has(node, i)) return true;
  const Imported& value = to.found(node, i);
  return value.constant && std::all_of(value.constant->numbers.begin(), value.constant->numbers.end(),
                                       [&](double each) { return each == number; });
}
/// Step by step (import_unrolled.hpp).
template <class T>
void unroll(OnnxImport<T>& to, const FileNode& node, const FileCell& cell, const Imported& x);

template <class T, class L, class O>
AnyLayer<T> cell_layer(const FileCell& cell, const O& options) {
  if (cell.directions == 2) return Bidirectional<T>(L(cell.units, options));
  return L(cell.units, options);
}
/// The layer; with `sequences` it gives all steps.
template <class T>
AnyLayer<T> recurrent_layer(const FileNode& node, const FileCell& cell, bool bias, bool sequences) {
  if (node.op == "RNN")
    return cell_layer<T, SimpleRNN<T>>(cell, SimpleRNNOptions{.activation = cell.activation,
                                                              .use_bias = bias,
                                                              .return_sequences = sequences,
                                                              .go_backwards = cell.backwards});
  if (node.op == "GRU")
    return cell_layer<T, GRU<T>>(cell, GRUOptions{.activation = cell.activation,
                                                  .recurrent_activation = cell.recurrent_activation,
                                                  .use_bias = bias,
                                                  .reset_after = cell.reset_after,
                                                  .return_sequences = sequences,
                                                  .go_backwards = cell.backwards});
  return cell_layer<T, LSTM<T>>(cell, LSTMOptions{.activation = cell.activation,
                                                  .recurrent_activation = cell.recurrent_activation,
                                                  .use_bias = bias,
                                                  .return_sequences = sequences,
                                                  .go_backwards = cell.backwards});
}
/// The last states of both directions from all steps of theirs: (steps, directions units) to (directions units).
template <class T>
Node last_states(OnnxImport<T>& to, const FileNode& node, const FileCell& cell, Node all, Index steps) {
  const auto part = [&](Index step, Index begin, Index end) {
    const Node row =
        to.add_helper(node, Slice<T>({step, begin}, {step + 1, end}, {.axes = {1, 2}, .steps = {1, 1}}), all);
    return to.add_helper(node, Flatten<T>(), row);
  };
  if (cell.directions == 1) return part(steps - 1, 0, cell.units);
  const std::vector<Node> both{part(steps - 1, 0, cell.units), part(0, cell.units, 2 * cell.units)};
  return to.add(node, Concatenate<T>({.axis = 1}), std::span<const Node>(both));
}
template <class T>
void import_recurrent(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.any(node);
  const FileTensor &kernel = to.constant(node, 1), &recurrent = to.constant(node, 2);
  const FileTensor* const bias = to.has(node, 3) ? &to.constant(node, 3) : nullptr;
  const FileCell cell = read_cell(to, node, recurrent);
  const Index rows = cell.gates() * cell.units, directions = cell.directions;
  if (x.constant || x.images || to.dims(x).size() != 3 || x.batch != BatchPlace{.axis = cell.steps_first ? 1 : 0})
    to.refuse(node, "a computed sequence", "another value");
  const Index steps = to.sample(x)[0], features = to.sample(x)[1];
  if (cell.units < 1 || kernel.dims != std::vector<Index>{directions, rows, features} ||
      recurrent.dims != std::vector<Index>{directions, rows, cell.units} ||
      (bias && bias->dims != std::vector<Index>{directions, 2 * rows}))
    to.refuse(node,
              "weights for " + std::to_string(cell.units) + " units and " + std::to_string(features) + " features",
              "others");
  if (!is_neutral(to, node, 4, static_cast<double>(steps))) to.refuse(node, "sequences of one length", "others");
  if (!is_neutral(to, node, 7, 0)) to.refuse(node, "no peepholes", "others");
  if (to.used(node, 2) || !is_neutral(to, node, 5, 0) || !is_neutral(to, node, 6, 0)) return unroll(to, node, cell, x);
  const bool sequences = to.used(node, 0);
  Node made = to.add(node, recurrent_layer<T>(node, cell, bias != nullptr, sequences), x.node);
  for (Index d = 0; d < directions; ++d) {
    const std::string prefix = directions == 1 ? "" : d == 0 ? "forward_" : "backward_";
    to.weigh(node, (prefix + "kernel").c_str(), turned_gates(to, node, cell, kernel, d, features));
    to.weigh(node, (prefix + "recurrent_kernel").c_str(), turned_gates(to, node, cell, recurrent, d, cell.units));
    if (bias) to.weigh(node, (prefix + "bias").c_str(), cell_bias(to, node, cell, *bias, d));
  }
  if (to.used(node, 1)) {
    const Node last = sequences ? last_states(to, node, cell, made, steps) : made;
    to.set(node,
           Imported{.node = last, .batch = {.axis = cell.steps_first ? 1 : 0}, .view = Shape{directions, cell.units}},
           1);
  }
  if (!sequences) return;
  if (cell.backwards)  // in the order of the steps
    made = to.add_helper(node, Slice<T>({-1}, {-steps - 1}, {.axes = {1}, .steps = {-1}}), made);
  to.set(node,
         Imported{
             .node = made, .batch = {.axis = cell.steps_first ? 2 : 0}, .view = Shape{steps, directions, cell.units}});
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
