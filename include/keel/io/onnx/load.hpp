#pragma once
/// Models from files of ONNX, keel's and others'.

#include <keel/io/onnx/import_graph.hpp>
#include <keel/io/onnx/own.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// The model in a file of ONNX: the one that keel wrote, bit for bit, else the graph's operators as layers, images
/// channels last. Throws FormatError for a file that is damaged, with all operators and options that keel does not
/// have; for any file if the program was built without protozero.
template <class T>
Model<T> onnx_model(ByteSpan bytes, const std::string& where, const OnnxImportOptions& options = {}) {
#if KEEL_HAS_PROTOBUF
  if (std::optional<Model<T>> own = own_onnx_model<T>(bytes, where, options.model, options.probe))
    return std::move(*own);
  return io::onnx::import_graph<T>(io::onnx::read_onnx(bytes, where, options.external_data), options).model;
#else
  static_cast<void>(bytes);
  static_cast<void>(options);
  throw FormatError(where, "a format that this program was built with", "an ONNX model",
                    "build it with protozero: libprotozero-dev");
#endif
}

}  // namespace KEEL_ABI
}  // namespace keel
