#pragma once
/// The model of a graph of ONNX's: its inputs, nodes and outputs.

#include <keel/io/onnx/operators.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// Whether an input has the channels before the rest: one of four axes or more, unless it is turned at once or a matrix
/// of products, and a sequence that a convolution or pooling takes.
template <class T>
bool channels_first(const OnnxImport<T>& to, const FileValue& input) {
  const std::size_t rank = input.dims.size();
  std::vector<std::int64_t> turn{0, static_cast<std::int64_t>(rank) - 1};
  for (std::size_t i = 1; i + 1 < rank; ++i) turn.push_back(static_cast<std::int64_t>(i));
  bool first = rank >= 4;
  for (const FileNode* const node : to.users(input.name)) {
    if (!node) continue;
    const FileAttribute* const order = node->op == "Transpose" ? node->find("perm") : nullptr;
    if (order && rank >= 4 && order->integers == turn) return false;
    if (node->op == "MatMul" || node->op == "Attention") return false;  // matrices
    if (rank == 3 && (node->op == "Conv" || node->op == "ConvTranspose" || node->op.ends_with("Pool"))) first = true;
  }
  return first;
}
/// Whether a recurrent operator takes a value, or a part of it, as states to begin with that have the batch second.
template <class T>
bool begins_cell(const OnnxImport<T>& to, const std::string& name, int nested = 0) {
  const auto users = to.users(name);
  return std::any_of(users.begin(), users.end(), [&](const FileNode* node) {
    if (!node || nested > 2) return false;
    if (is_recurrent(node->op) && integer_or(*node, "layout", 0) == 0)
      return (node->inputs.size() > 5 && node->inputs[5] == name) ||
             (node->inputs.size() > 6 && node->inputs[6] == name);
    if (node->op != "Slice" && node->op != "Split") return false;
    return std::any_of(node->outputs.begin(), node->outputs.end(),
                       [&](const std::string& output) { return begins_cell(to, output, nested + 1); });
  });
}
/// Whether an input is the steps of a recurrent operator as it is, (t, n, c), or states of one, (directions, n, c).
template <class T>
bool steps_first(const OnnxImport<T>& to, const FileValue& input) {
  if (input.dims.size() != 3) return false;
  const auto users = to.users(input.name);
  return begins_cell(to, input.name) || std::any_of(users.begin(), users.end(), [&](const FileNode* node) {
           return node && is_recurrent(node->op) && node->inputs[0] == input.name &&
                  integer_or(*node, "layout", 0) == 0;
         });
}
/// What a file says of an input's extents, the batch among them.
inline std::string open_extents(const FileValue& input) {
  if (!input.shaped) return "none in the file";
  std::string list;
  for (const Index extent : input.dims)
    list += (list.empty() ? "" : ", ") + (extent < 0 ? "?" : std::to_string(extent));
  return "(" + list + ") in the file";
}
template <class T>
void import_input(OnnxImport<T>& to, const FileValue& input, std::size_t number) {
  const FileGraph& graph = to.graph();
  const std::string place = graph.where + ": input " + shown(input.name);
  const auto type = static_cast<DataType>(input.type);
  const IntegerType integers = integer_type(type);
  if (!integers && type != DataType{0} && type != DataType::f32 && type != DataType::f64 && type != DataType::f16 &&
      type != DataType::bf16)
    throw FormatError(place, "real numbers or integers", "type " + std::to_string(input.type));
  bool images = channels_first(to, input), steps = steps_first(to, input);
  std::vector<Index> extents = input.dims;
  const bool no_batch =
      to.whole && (to.options().batch == OnnxBatch::none || extents.empty() || extents[steps ? 1 : 0] != 1);
  if (no_batch) images = steps = false;
  if (!no_batch && input.shaped && extents.empty()) throw FormatError(place, "a batch", "one number");
  if (!no_batch && !extents.empty()) extents.erase(extents.begin() + (steps ? 1 : 0));
  if (images) std::rotate(extents.begin(), extents.begin() + 1, extents.end());
  Shape sample;
  const bool open = !input.shaped || std::find(extents.begin(), extents.end(), -1) != extents.end();
  if (number < to.options().inputs.size()) {
    sample = to.options().inputs[number];
    bool fits = !input.shaped || sample.rank() == count_of(extents);
    for (Index i = 0; input.shaped && fits && i < sample.rank(); ++i)
      fits = nth(extents, i) == -1 || nth(extents, i) == sample[i];
    if (!fits) throw FormatError(place, "extents as LoadOptions::inputs has them", "others");
  } else if (open) {
    throw FormatError(place, "extents of the samples", open_extents(input),
                      "name them, without the batch and channels last: LoadOptions::inputs");
  } else {
    sample = Shape(std::span<const Index>(extents));
  }
  const Index batch = to.whole ? 1 : input.dims.empty() ? -1 : nth(input.dims, steps ? 1 : 0);
  if (to.batch > 0 && batch > 0 && batch != to.batch)
    throw FormatError(place, "a batch of " + std::to_string(to.batch), std::to_string(batch));
  if (batch > 0) to.batch = batch;
  Imported made{.images = images, .integers = integers};
  if (steps) made.batch.axis = 1;
  if (no_batch) made.batch = BatchPlace::none();
  made.node = to.model().input(sample, to.free_name(input.name));
  if (!to.first_input) to.first_input = made.node;
  to.define(input.name, std::move(made));
}

/// The nodes in their order. One that cannot be taken leaves those that need its outputs out; what is wrong with the
/// others is said with it. Throws FormatError, a single refusal as it was made.
template <class T>
void import_nodes(OnnxImport<T>& to) {
  const FileGraph& graph = to.graph();
  Refusals refusals(graph);
  std::set<std::string_view> missing;
  std::optional<FormatError> only;
  for (const FileNode& node : graph.nodes) try {
      if (to.done.contains(&node)) continue;
      if (std::any_of(node.inputs.begin(), node.inputs.end(), [&](const auto& i) { return missing.contains(i); })) {
        missing.insert(node.outputs.begin(), node.outputs.end());
        continue;
      }
      import_node(to, node);
    } catch (const Error& error) {
      const FormatError refusal(to.place(node), error.expected(), error.got(), error.hint());
      only = refusals.any() ? std::nullopt : std::optional<FormatError>(refusal);
      refusals.add(node.op + " " + shown(node.who()) + ": expected " + error.expected() + ", got " + error.got());
      missing.insert(node.outputs.begin(), node.outputs.end());
      missing.erase("");
    }
  if (only) throw *only;
  refusals.check();
}

/// How the axes of an input or output stand in the file: there the channels are first and last in the model, or the
/// batch, which is first in the model, is elsewhere.
struct FileAxes {
  bool images = false;
  BatchPlace batch = {};
};
/// A model, and how the file has its inputs and outputs.
template <class T>
struct ImportedModel {
  Model<T> model;
  std::vector<FileAxes> inputs = {}, outputs = {};
};
/// The value of an output as a node of the model: one that depends on no input is the same for each sample.
template <class T>
FileAxes import_output(OnnxImport<T>& to, const FileValue& output, bool sequences_last) {
  if (!to.known(output.name)) throw FormatError(to.graph().where, "outputs that a node computes", shown(output.name));
  const FileNode end{.name = "the outputs", .op = "Identity", .inputs = {output.name}};
  const Imported value = to.any(end);
  if (value.constant && !to.whole) to.refuse(end, "outputs that depend on the samples", "a constant");
  // a sequence has its channels last where those that come in have
  const bool turned = value.images && to.sample(value).rank() == 2 && !sequences_last;
  const bool row = value.features.rank() > 0;
  Node made = value.node;
  if (value.constant) made = constant_node(to, end, *value.constant);
  if (row || turned) made = to.plain(end, value);
  if (to.graph().outputs.size() == 1)
    to.model().finish(made);
  else
    to.model().output(made);
  return {value.images && !turned, value.constant ? BatchPlace::none() : value.batch};
}
/// The model of a graph whose values have no batch if `whole`.
template <class T>
ImportedModel<T> import_nodes_of(const FileGraph& graph, const FileConstants& constants,
                                 const OnnxImportOptions& options, bool whole) {
  OnnxImport<T> to(graph, constants, options);
  to.whole = whole;
  std::vector<FileAxes> inputs, outputs;
  bool sequences_last = false;
  std::set<std::string_view> named;
  for (const FileValue& input : graph.inputs) {
    if (!named.insert(input.name).second)
      throw FormatError(graph.where, "inputs that differ in name", shown(input.name));
    if (to.known(input.name)) continue;  // an initializer, as files before IR 4 have it
    try {
      import_input(to, input, inputs.size());
    } catch (const ShapeError& error) {
      throw FormatError(graph.where + ": input " + shown(input.name), error.expected(), error.got(), error.hint());
    }
    const Imported& made = to.value(input.name);
    inputs.push_back({made.images, made.batch});
    sequences_last = sequences_last || (made.images && to.sample(made).rank() == 2);
  }
  if (options.inputs.size() > inputs.size())
    throw FormatError(graph.where, "as many shapes in LoadOptions::inputs as inputs",
                      std::to_string(options.inputs.size()) + " for " + std::to_string(inputs.size()));
  if (inputs.empty() && whole) to.first_input = to.model().input(Shape{1}, to.free_name("samples"));
  import_nodes(to);
  if (graph.outputs.empty()) throw FormatError(graph.where, "outputs", "none");
  for (const FileValue& output : graph.outputs) try {
      outputs.push_back(import_output(to, output, sequences_last));
    } catch (const ShapeError& error) {
      throw FormatError(graph.where + ": output " + shown(output.name), error.expected(), error.got(), error.hint());
    }
  require_values(to.model(), graph.where);
  return {.model = std::move(static_cast<Model<T>&>(to.model())), .inputs = inputs, .outputs = outputs};
}
/// Whether all extents of the inputs are known.
inline bool is_closed(const FileGraph& graph, const FileConstants& constants) {
  return std::all_of(graph.inputs.begin(), graph.inputs.end(), [&](const FileValue& input) {
    return constants.contains(input.name) ||
           (input.shaped && std::find(input.dims.begin(), input.dims.end(), -1) == input.dims.end());
  });
}
/// The model of a graph. Throws FormatError, with the node, for what is not understood.
template <class T>
ImportedModel<T> import_graph(FileGraph graph, const OnnxImportOptions& options) {
  FunctionCalls(graph).put_in_place();
  Patterns(graph).fold();
  check_operators<T>(graph);
  const FileConstants constants = take_constants(graph);
  if (options.batch == OnnxBatch::none) return import_nodes_of<T>(graph, constants, options, true);
  std::optional<FormatError> refusal;
  try {
    return import_nodes_of<T>(graph, constants, options, false);
  } catch (const FormatError& error) {
    if (options.batch == OnnxBatch::first || !is_closed(graph, constants)) throw;
    refusal = error;
  }
  try {
    ImportedModel<T> made = import_nodes_of<T>(graph, constants, options, true);
    if (options.notes)
      options.notes->push_back(
          "no axis of the file counts samples: every input is one sample, with all axes, or with "
          "those behind the first where that is 1");
    return made;
  } catch (const FormatError& error) {
    // that inputs have other batches says nothing of what could not be read
    if (refusal->where().starts_with(graph.where + ": input ")) throw;
    throw *refusal;
  }
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
