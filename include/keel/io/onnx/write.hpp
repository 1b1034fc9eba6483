#pragma once
/// Models as .onnx files.

#include <keel/formats/atomic_file.hpp>
#include <keel/io/keel/architecture.hpp>
#include <keel/io/onnx/fold.hpp>
#include <keel/io/onnx/graph.hpp>
#include <keel/io/onnx/message.hpp>
#include <keel/model/parts.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// The least version of the file's format that has an opset.
inline int ir_version_of(int opset) {
  constexpr int versions[] = {8, 8, 9, 9, 10, 10, 11, 12, 13};  // of opset 17 on
  return versions[opset - 17];
}

template <class T>
constexpr DataType real_type() {
  return std::is_same_v<T, float> ? DataType::f32 : DataType::f64;
}

/// The keys of metadata_props that are keel's.
namespace metadata {
inline constexpr const char *version = "keel.version", *architecture = "keel.architecture", *options = "keel.options",
                            *counters = "keel.counters", *moving_variance = "keel.moving_variance",
                            *probe = "keel.probe";
}

inline Json to_json(const OnnxOptions& options) {
  return {{"opset", Index{options.opset}},
          {"images", options.images == OnnxImages::channels_first ? "channels_first" : "channels_last"},
          {"fold_batch_norm", options.fold_batch_norm},
          {"training", options.training}};
}

/// What the graph does not say: keel's version, the options, and unless weights were folded the architecture (classes,
/// options, what is frozen) and the counters; of each layer with a moving variance, which one it is: ONNX's is biased.
template <class T>
std::vector<std::pair<std::string, std::string>> metadata_of(const Model<T>& model, const OnnxOptions& options) {
  std::vector<std::pair<std::string, std::string>> all{{metadata::version, KEEL_VERSION},
                                                       {metadata::options, to_json(options).dump()}};
  Json variances = Json::object(), counters = Json::object();
  for (Index l = 0; l < model.layer_count(); ++l) {
    const Layer<T>& layer = model.layer(l);
    const Config config = layer.config();
    if (config.find("unbiased")) variances[layer.name()] = config.get<bool>("unbiased", false) ? "unbiased" : "biased";
    for (const Counter* counter : layer.counters()) counters[layer.name()][counter->name] = counter->value;
  }
  if (variances.size() > 0) all.emplace_back(metadata::moving_variance, variances.dump());
  if (options.fold_batch_norm) return all;
  if (counters.size() > 0) all.emplace_back(metadata::counters, counters.dump());
  all.emplace_back(metadata::architecture, architecture(model).dump());
  return all;
}

/// The model with the layers that lead to an output alone; inputs and names stay.
template <class T>
Model<T> used_part(const Model<T>& model) {
  std::vector<Node> from, to;
  for (const int input : model.inputs()) from.push_back({input});
  for (const int output : model.outputs()) to.push_back({output});
  return model.sub_model(from, to, PartWeights::shared);
}

}  // namespace io::onnx

/// Writes a model as an .onnx file, all or nothing: operators of ONNX with the layers' names, channels first inside, a
/// batch of any size. What ONNX has no word for stands in metadata_props, so that `load` gives the same model and the
/// same bits, and a probe (io/probe.hpp), as text. Layers that lead to no output are left out.
///
/// Throws ConfigError for a layer that ONNX does not have, or not with those options, and for an opset that is not
/// known; FormatError for a file above 2^31 - 1 bytes, protobuf's limit (external data are not written), and what
/// `write_file` throws.
///
///     save_onnx(model, "model.onnx")      save_onnx(model, "model.onnx", {.images = OnnxImages::channels_first})
template <class T>
void save_onnx(const Model<T>& model, const std::string& path, const OnnxOptions& options = {},
               const std::string& probe = {}) {
#if KEEL_HAS_PROTOBUF
  using namespace io::onnx;
  const std::vector<bool> used = model.used_layers();
  if (std::find(used.begin(), used.end(), false) != used.end())
    return save_onnx(used_part(model), path, options, probe);
  OnnxGraph graph = graph_of(model, options);
  if (options.fold_batch_norm) io::onnx::fold_batch_norm(model, graph);
  const GraphBytes bytes = graph_bytes(graph, model.name().empty() ? "model" : model.name(), real_type<T>());
  std::string head;
  {
    Message message(head);
    message.add_int64(model_field::ir_version, ir_version_of(options.opset));
    message.add_string(model_field::producer_name, "keel");
    auto metadata = metadata_of(model, options);
    if (!probe.empty()) metadata.emplace_back(metadata::probe, probe);
    message.add_string(model_field::producer_version, metadata[0].second);
    add_message(message, model_field::opset_import,
                [&](Message& opset) { opset.add_int64(opset_field::version, options.opset); });
    for (const auto& [key, value] : metadata)
      add_message(message, model_field::metadata_props, [&, &key = key, &value = value](Message& entry) {
        entry.add_string(entry_field::key, key);
        entry.add_string(entry_field::value, value);
      });
  }
  append_length(head, model_field::graph, bytes.size());
  if (head.size() + bytes.size() > message_limit)
    throw FormatError(path, "a file of at most 2^31 - 1 bytes, protobuf's limit",
                      std::to_string(head.size() + bytes.size()),
                      "external data are not written: save in keel's format, .safetensors");
  head += bytes.head;
  std::vector<InitializerBytes> values;
  for (const OnnxInitializer& initializer : graph.initializers)
    values.push_back(initializer_bytes(model, graph, initializer));
  std::vector<ByteSpan> parts{formats::bytes_of(head)};
  for (std::size_t i = 0; i < values.size(); ++i) {
    parts.push_back(formats::bytes_of(bytes.initializers[i].prefix));
    parts.push_back(values[i].bytes);
  }
  parts.push_back(formats::bytes_of(bytes.tail));
  write_file(path, parts);
#else
  static_cast<void>(model);
  static_cast<void>(options);
  static_cast<void>(probe);
  formats::missing_library(path, "protozero", "libprotozero-dev");
#endif
}

KEEL_INSTANCE(void save_onnx(const Model<float>&, const std::string&, const OnnxOptions&, const std::string&))

}  // namespace KEEL_ABI
}  // namespace keel
