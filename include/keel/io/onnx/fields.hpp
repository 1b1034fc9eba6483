#pragma once
/// The numbers of the fields in ONNX's messages (onnx.proto3), and of its types.

#include <cstdint>
#include <string>
#include <utility>

#include <keel/formats/protobuf.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

using Field = std::uint32_t;

namespace model_field {
inline constexpr Field ir_version = 1, producer_name = 2, producer_version = 3, graph = 7, opset_import = 8,
                       metadata_props = 14, functions = 25;
}
namespace opset_field {
inline constexpr Field domain = 1, version = 2;
}
namespace entry_field {  // of metadata_props and external_data
inline constexpr Field key = 1, value = 2;
}
namespace graph_field {
inline constexpr Field node = 1, name = 2, initializer = 5, input = 11, output = 12, value_info = 13,
                       quantization_annotation = 14, sparse_initializer = 15;
}
namespace node_field {
inline constexpr Field input = 1, output = 2, name = 3, op_type = 4, attribute = 5, domain = 7, overload = 8;
}
namespace function_field {
inline constexpr Field name = 1, input = 4, output = 5, attribute = 6, node = 7, opset_import = 9, domain = 10,
                       attribute_proto = 11, overload = 13;
}
namespace attribute_field {
inline constexpr Field name = 1, f = 2, i = 3, s = 4, t = 5, g = 6, floats = 7, ints = 8, strings = 9, tensors = 10,
                       graphs = 11, type = 20, ref_attr_name = 21;
}
namespace tensor_field {
inline constexpr Field dims = 1, data_type = 2, segment = 3, float_data = 4, int32_data = 5, string_data = 6,
                       int64_data = 7, name = 8, raw_data = 9, double_data = 10, uint64_data = 11, external_data = 13,
                       data_location = 14;
}
namespace value_field {
inline constexpr Field name = 1, type = 2;
}
namespace type_field {
inline constexpr Field tensor_type = 1;
}
namespace tensor_type_field {
inline constexpr Field elem_type = 1, shape = 2;
}
namespace shape_field {
inline constexpr Field dim = 1;
}
namespace dim_field {
inline constexpr Field value = 1, param = 2;
}

/// Of attributes.
enum class AttributeType : std::int32_t {
  number = 1,
  integer = 2,
  string = 3,
  tensor = 4,
  graph = 5,
  numbers = 6,
  integers = 7,
  strings = 8
};

/// Of tensors.
enum class DataType : std::int32_t {
  f32 = 1,
  u8 = 2,
  i8 = 3,
  u16 = 4,
  i16 = 5,
  i32 = 6,
  i64 = 7,
  string = 8,
  boolean = 9,
  f16 = 10,
  f64 = 11,
  u32 = 12,
  u64 = 13,
  bf16 = 16
};

#if KEEL_HAS_PROTOBUF
/// Key and value of an entry.
inline std::pair<std::string, std::string> read_entry(formats::ProtobufMessage entry) {
  std::string key, value;
  while (entry.next())
    if (entry.field() == entry_field::key)
      key = entry.text("a key");
    else if (entry.field() == entry_field::value)
      value = entry.text("a value");
    else
      entry.skip();
  return {key, value};
}
#endif

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel
