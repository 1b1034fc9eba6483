#pragma once
/// A model as a graph of ONNX's operators, without its weights' values.

#include <set>

#include <keel/dialects/onnx.hpp>
#include <keel/io/onnx/export_options.hpp>
#include <keel/model/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

using namespace dialects;

/// Images and volumes lie as the options say, all else as in keel.
inline OnnxForm border_form(const Shape& sample, const OnnxOptions& options) {
  return options.images == OnnxImages::channels_first && sample.rank() >= 3 ? OnnxForm::first : OnnxForm::last;
}

/// Throws ConfigError for a class without a row, an option that its row does not have, and what it refuses.
template <class T>
const OnnxRow& checked_row(const Layer<T>& layer, const Config& config, bool training) {
  const OnnxRow* const row = onnx_row(layer.type());
  if (!row)
    throw ConfigError(layer.who(), "a layer that has a row in dialects/onnx.hpp", layer.type(),
                      "ONNX has no operator for it: leave the layer out, or use keel's own format");
  for (const auto& [entry, value] : config.entries()) {
    const std::string_view option = option_of_entry(entry);
    if (!row->wraps && !onnx_has_word(row->options, option) && !onnx_has_word(row->neutral, option))
      throw ConfigError(layer.who(), "options that ONNX has", "\"" + entry + "\"",
                        "dialects/onnx.hpp does not say what it is there");
  }
  if (training && row->training == "refused")
    throw ConfigError(layer.who(), "a layer that ONNX's operators can say in training form", layer.type(),
                      "export for inference, or freeze the layer with Freeze::layer");
  return *row;
}

/// Gives the graph its output, in a value of its own under the node's name.
inline void add_output(OnnxBuilder& builder, OnnxTensor& tensor, const OnnxOptions& options, const std::string& name,
                       std::set<std::string>& taken) {
  OnnxGraph& graph = builder.graph();
  int value = builder.in_form(tensor, border_form(tensor.sample, options), name);
  const auto in = [&](const std::vector<int>& list) {
    return std::find(list.begin(), list.end(), value) != list.end();
  };
  if (in(graph.inputs) || in(graph.outputs)) value = builder.copy(name + "/output", value);
  std::string free = name;
  for (int i = 2; !taken.insert(free).second; ++i) free = name + "_" + std::to_string(i);
  builder.rename(value, free);
  graph.outputs.push_back(value);
}

/// The nodes that are used, in the model's order. Throws ConfigError for an opset that is not known, a layer that ONNX
/// does not have, a model without outputs, and more numbers in constants than there is `room` for.
template <class T>
OnnxGraph graph_of(const Model<T>& model, const OnnxOptions& options,
                   std::size_t room = (std::numeric_limits<std::size_t>::max)()) {
  const std::string who = model.name().empty() ? "model" : model.name();
  if (options.opset < 17 || options.opset > 25)
    throw ConfigError(who, "an opset from 17 to 25", std::to_string(options.opset));
  if (model.outputs().empty()) throw ConfigError(who, "an output", "none", "declare one: model.output(node)");
  OnnxBuilder builder(options.opset, room);
  const auto nodes = model.nodes();
  const std::vector<bool> used = model.used_nodes();
  std::vector<OnnxTensor> tensors(nodes.size());
  std::set<std::string> border;
  for (const int input : model.inputs()) {
    OnnxTensor& tensor = nth(tensors, input);
    tensor.sample = nth(nodes, input).shape;
    const OnnxForm form = border_form(tensor.sample, options);
    const int value = tensor.in(form) = builder.value(nth(nodes, input).name, onnx_dims(tensor.sample, form));
    builder.graph().inputs.push_back(value);
    border.insert(nth(builder.graph().values, value).name);
  }
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    if (!used[n] || nodes[n].layer < 0) continue;
    const Layer<T>& layer = model.layer(nodes[n].layer);
    const bool trains = options.training && layer.frozen() != Freeze::layer && layer.frozen() != Freeze::statistics;
    const Config config = layer.config();
    const OnnxRow& row = checked_row(layer, config, trains);
    OnnxPlace place{.who = layer.who(),
                    .name = layer.name(),
                    .layer = nodes[n].layer,
                    .config = config,
                    .output = nodes[n].shape,
                    .training = trains};
    std::vector<OnnxTensor*> inputs;
    for (const int input : nodes[n].inputs) {
      inputs.push_back(&nth(tensors, input));
      place.inputs.push_back(nth(nodes, input).shape);
    }
    for (const Parameter<T>* parameter : layer.parameters())
      place.parameters.emplace_back(parameter->name(), parameter->value().shape());
    OnnxCall call(builder, std::move(place), std::move(inputs), tensors[n]);
    row.write(call);
  }
  for (const int output : model.outputs())
    add_output(builder, nth(tensors, output), options, nth(nodes, output).name, border);
  return std::move(builder.graph());
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel
