#pragma once
/// Files of ONNX that keel wrote: the same model again, bit for bit.

#include <keel/io/onnx/write.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

#if KEEL_HAS_PROTOBUF

/// The parts of a file that this needs.
struct OwnFile {
  ByteSpan graph = {};
  std::map<std::string, std::string> metadata = {};
};

/// Reads the outermost message; what is no such file gives an empty graph.
inline OwnFile own_file(ByteSpan bytes) try {
  formats::ProtobufFile file{.bytes = bytes, .where = "ONNX"};
  OwnFile own;
  formats::ProtobufMessage model(file);
  while (model.next()) {
    if (model.field() == model_field::graph) {
      if (!own.graph.empty()) return {};
      own.graph = model.bytes("a graph");
    } else if (model.field() == model_field::metadata_props) {
      const auto [key, value] = read_entry(model.message("an entry of the metadata"));
      own.metadata[key] = value;
    } else {
      model.skip();
    }
  }
  return own;
} catch (const FormatError&) {
  return {};
}

inline OnnxOptions options_from(const Json& json, const std::string& where) {
  const auto images = member<std::string>(json, "images", where);
  if (images != "channels_first" && images != "channels_last")
    throw FormatError(where, "images channels_first or channels_last", shown(images));
  const Index opset = member<Index>(json, "opset", where);
  if (opset < 17 || opset > 25) throw FormatError(where, "an opset from 17 to 25", std::to_string(opset));
  return {.opset = static_cast<int>(opset),
          .images = images == "channels_first" ? OnnxImages::channels_first : OnnxImages::channels_last,
          .fold_batch_norm = member<bool>(json, "fold_batch_norm", where),
          .training = member<bool>(json, "training", where)};
}

/// The values of each initializer in a graph's bytes, which have to be those of `expected` but for them; none if they
/// are not.
inline std::optional<std::vector<ByteSpan>> initializers_in(ByteSpan graph, const GraphBytes& expected) {
  if (graph.size() != expected.size()) return std::nullopt;
  std::vector<ByteSpan> values;
  std::size_t at = 0;
  const auto follows = [&](const std::string& text) {
    const bool same = std::memcmp(graph.data() + at, text.data(), text.size()) == 0;
    at += text.size();
    return same;
  };
  if (!follows(expected.head)) return std::nullopt;
  for (const GraphBytes::Initializer& each : expected.initializers) {
    if (!follows(each.prefix)) return std::nullopt;
    values.push_back(graph.subspan(at, each.size));
    at += each.size;
  }
  if (!follows(expected.tail)) return std::nullopt;
  return values;
}

/// The graph that a model of a file's architecture would be written as, in so much memory as a file of that size needs;
/// none if it cannot be written.
template <class T>
std::optional<OnnxGraph> known_graph(const Model<T>& model, const OnnxOptions& options, std::size_t bytes) try {
  return graph_of(model, options, bytes + (std::size_t{1} << 22));
} catch (const Error&) {
  return std::nullopt;
}

/// Values of a file into the parameters that they were made of. False if a constant has another value than the layers'
/// options give, or a part that is zeros has others.
template <class T, class File>
bool take_values(Model<T>& model, const OnnxGraph& graph, const std::vector<ByteSpan>& values,
                 const std::string& where) {
  std::map<std::pair<int, std::string>, Tensor<T>> made;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const OnnxInitializer& initializer = graph.initializers[i];
    if (initializer.layer < 0) {
      const InitializerBytes known = initializer_bytes(Model<File>(), graph, initializer);
      if (!std::equal(known.bytes.begin(), known.bytes.end(), values[i].begin(), values[i].end())) return false;
      continue;
    }
    NamedArray array{"values", dtype_of<File>(), Shape{static_cast<Index>(values[i].size() / sizeof(File))}, {}};
    array.bytes.assign(values[i].begin(), values[i].end());
    const Tensor<T> from = to_tensor<T>(array, where);
    Index at = 0;
    for (const OnnxPiece& piece : initializer.pieces) {
      const Index size = size_of(piece.split);
      if (piece.parameter.empty()) {
        for (Index k = 0; k < size; ++k)
          if (from[at + k] != T(0)) return false;
      } else {
        const Shape& shape = parameter_of(model.layer(initializer.layer), piece.parameter).value().shape();
        Tensor<T>& to = made.try_emplace({initializer.layer, piece.parameter}, shape, T(0)).first->second;
        for_each_place(piece, [&](Index k, Index source) { to[source] = from[at + k]; });
      }
      at += size;
    }
  }
  for (auto& [name, value] : made)
    for (Parameter<T>* parameter : model.layer(name.first).parameters())
      if (parameter->name() == name.second) parameter->set(std::move(value));
  return true;
}

#endif

}  // namespace io::onnx

/// The model of a file that `save_onnx` wrote, if it is one and the graph is still the one that keel writes for the
/// architecture in its metadata; weights may have been trained since. None for any other file, and where weights were
/// folded. Throws FormatError for metadata of keel's that are damaged. `probe` takes the file's, as text.
template <class T>
std::optional<Model<T>> own_onnx_model(ByteSpan bytes, const std::string& where, const ModelOptions& options = {},
                                       std::string* probe = nullptr) {
#if KEEL_HAS_PROTOBUF
  using namespace io::onnx;
  const OwnFile file = own_file(bytes);
  const auto architecture = file.metadata.find(metadata::architecture), said = file.metadata.find(metadata::options);
  if (architecture == file.metadata.end() || said == file.metadata.end()) return std::nullopt;
  const std::string place = where + ": " + metadata::architecture;
  const Json described = parse_json(architecture->second, place);
  if (!knows_layers<T>(described, options.layers, place)) return std::nullopt;
  const OnnxOptions written = options_from(parse_json(said->second, where), where + ": " + metadata::options);
  Model<T> model = build_model<T>(described, place, options, Weights::from_file);
  const std::optional<OnnxGraph> made = known_graph(model, written, file.graph.size());
  if (!made) return std::nullopt;
  const OnnxGraph& graph = *made;
  const std::string name = model.name().empty() ? "model" : model.name();
  for (const DataType real : {DataType::f32, DataType::f64}) {
    const auto values = initializers_in(file.graph, graph_bytes(graph, name, real));
    if (!values) continue;
    const bool taken = real == DataType::f32 ? take_values<T, float>(model, graph, *values, where)
                                             : take_values<T, double>(model, graph, *values, where);
    if (!taken) return std::nullopt;
    io::require_values(model, where);
    if (const auto counters = file.metadata.find(metadata::counters); counters != file.metadata.end()) {
      const Json json = parse_json(counters->second, where + ": " + metadata::counters);
      for (Index l = 0; l < model.layer_count(); ++l)
        for (Counter* counter : model.layer(l).counters())
          if (const Json* of = json.find(model.layer(l).name()))
            counter->value = io::member<Index>(*of, counter->name.c_str(), where + ": " + metadata::counters);
    }
    if (const auto proof = file.metadata.find(metadata::probe); probe && proof != file.metadata.end())
      *probe = proof->second;
    return model;
  }
  return std::nullopt;
#else
  static_cast<void>(bytes);
  static_cast<void>(where);
  static_cast<void>(options);
  static_cast<void>(probe);
  return std::nullopt;
#endif
}

}  // namespace KEEL_ABI
}  // namespace keel
