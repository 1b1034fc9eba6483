#pragma once
/// The neutral form between every format and a model: named arrays in the order of the file, and text beside them.

#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_set>

#include <keel/formats/bytes.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Element types that files hold. Values are little-endian in memory too, on every machine.
enum class DType : unsigned char { boolean, u8, i8, u16, i16, u32, i32, u64, i64, f16, bf16, f32, f64 };

/// Bytes of one value.
inline std::size_t size_of(DType type) {
  switch (type) {
    case DType::boolean:
    case DType::u8:
    case DType::i8: return 1;
    case DType::u16:
    case DType::i16:
    case DType::f16:
    case DType::bf16: return 2;
    case DType::u32:
    case DType::i32:
    case DType::f32: return 4;
    case DType::u64:
    case DType::i64:
    case DType::f64: return 8;
  }
  return 0;
}
/// As numpy names it.
inline const char* name_of(DType type) {
  switch (type) {
    case DType::boolean: return "bool";
    case DType::u8: return "uint8";
    case DType::i8: return "int8";
    case DType::u16: return "uint16";
    case DType::i16: return "int16";
    case DType::u32: return "uint32";
    case DType::i32: return "int32";
    case DType::u64: return "uint64";
    case DType::i64: return "int64";
    case DType::f16: return "float16";
    case DType::bf16: return "bfloat16";
    case DType::f32: return "float32";
    case DType::f64: return "float64";
  }
  return "";
}
/// Whether its values are floating-point numbers.
inline bool is_floating(DType type) {
  return type == DType::f16 || type == DType::bf16 || type == DType::f32 || type == DType::f64;
}

/// One array of a file: contiguous, last axis fastest, whatever strides the file had.
struct NamedArray {
  std::string name;               ///< in the file
  DType dtype = DType::f32;       ///< of the values; see DType
  Shape shape{0};                 ///< in the file's order of axes
  Bytes bytes;                    ///< the values, little-endian
  formats::SharedFile file = {};  ///< of an array that was not read yet: its values lie there, from `offset` on
  std::uint64_t offset = 0;       ///< in bytes
};

/// Something of a file that is no tensor, number or text, and was left out without being made.
struct SkippedObject {
  std::string path;  ///< where it stands, as a tensor's name: "optimizer.param_groups"
  std::string type;  ///< of what class it says it is: "torch.optim.sgd.SGD"
};

/// What a file of arrays holds.
struct Archive {
  std::string where;                            ///< the file, for errors
  std::string format;                           ///< "safetensors", "npz", "torch", ...
  std::vector<NamedArray> tensors;              ///< in the file's order
  std::map<std::string, std::string> metadata;  ///< texts by name; of formats that have them
  std::vector<SkippedObject> skipped = {};      ///< Python's objects in a PyTorch file, in its order

  /// The array of that name, or null.
  const NamedArray* find(std::string_view name) const {
    for (const NamedArray& array : tensors)
      if (array.name == name) return &array;
    return nullptr;
  }
  /// Throws FormatError when there is none of that name.
  const NamedArray& at(std::string_view name) const {
    if (const NamedArray* array = find(name)) return *array;
    throw FormatError(where, "a tensor " + formats::shown(name), "none of that name");
  }
};

namespace formats {

inline float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16;
  const std::uint32_t exponent = half >> 10 & 31u, fraction = half & 0x3ffu;
  if (exponent == 0) {
    const float value = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -value : value;
  }
  return std::bit_cast<float>(sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13);
}
inline float bfloat_to_float(std::uint16_t value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}
/// NaN and infinity, by their bits: right under -ffast-math too.
inline bool is_finite_bits(double value) { return (std::bit_cast<std::uint64_t>(value) >> 52 & 0x7ff) != 0x7ff; }

inline std::size_t bytes_of_values(const NamedArray& array) {
  return to_size(array.shape.size()) * size_of(array.dtype);
}
/// Writes an array's values from byte `from` on, as they are in the file, to memory.
inline void copy_values(const NamedArray& array, std::uint64_t from, std::span<std::byte> to) {
  if (array.file)
    array.file->read(array.offset + from, to);
  else if (!to.empty())
    std::memcpy(to.data(), array.bytes.data() + from, to.size());
}
/// Gives an array its values: those in memory are copied, those in a file stay there until they are wanted.
inline void leave_values(NamedArray& array, const FileBytes& values) {
  if (values.file()) {
    array.file = values.file();
    array.offset = values.offset();
  } else {
    const ByteSpan bytes = values.view(0, values.size());
    array.bytes.assign(bytes.begin(), bytes.end());
  }
}
/// Reads the values of an array that are still in a file.
inline void fetch(NamedArray& array) {
  if (!array.file) return;
  array.bytes.resize(bytes_of_values(array));
  array.file->read(array.offset, array.bytes);
  array.file.reset();
}
/// An archive with all values read.
inline Archive fetched(Archive archive) {
  for (NamedArray& array : archive.tensors) fetch(array);
  return archive;
}
/// Calls f(bytes, of which value the first is) for all of an array, block after block.
template <class F>
void for_each_block(const NamedArray& array, F&& f) {
  if (!array.file) return f(ByteSpan(array.bytes), Index{0});
  constexpr std::size_t most = FileBytes::block_bytes;
  const std::size_t size = bytes_of_values(array);
  Bytes block((std::min)(size, most));
  for (std::size_t done = 0; done < size; done += block.size()) {
    block.resize((std::min)(most, size - done));
    array.file->read(array.offset + done, block);
    f(ByteSpan(block), static_cast<Index>(done / size_of(array.dtype)));
  }
}

/// Calls f with each value in turn, as double (f16, bf16, f32, f64), std::int64_t or std::uint64_t.
template <class F>
void for_each_value(DType dtype, ByteSpan bytes, Index first, F&& f) {
  const std::size_t size = size_of(dtype);
  const Index count = first + static_cast<Index>(bytes.size() / size);
  const std::byte* at = bytes.data();
  for (Index i = first; i < count; ++i, at += size) {
    const std::uint64_t bits = load_little(at, size);
    switch (dtype) {
      case DType::boolean: f(i, std::uint64_t{bits != 0}); break;
      case DType::u8:
      case DType::u16:
      case DType::u32:
      case DType::u64: f(i, bits); break;
      case DType::i8: f(i, std::int64_t{static_cast<std::int8_t>(bits)}); break;
      case DType::i16: f(i, std::int64_t{static_cast<std::int16_t>(bits)}); break;
      case DType::i32: f(i, std::int64_t{static_cast<std::int32_t>(bits)}); break;
      case DType::i64: f(i, static_cast<std::int64_t>(bits)); break;
      case DType::f16: f(i, static_cast<double>(half_to_float(static_cast<std::uint16_t>(bits)))); break;
      case DType::bf16: f(i, static_cast<double>(bfloat_to_float(static_cast<std::uint16_t>(bits)))); break;
      case DType::f32: f(i, static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)))); break;
      case DType::f64: f(i, std::bit_cast<double>(bits)); break;
    }
  }
}
template <class F>
void for_each_value(const NamedArray& array, F&& f) {
  for_each_block(array, [&](ByteSpan block, Index first) { for_each_value(array.dtype, block, first, f); });
}

/// Whether a value survives as a T: integers exactly; a finite value must not become infinite in a float,
/// rounding is allowed there.
template <class T, class Value>
bool fits(Value value) {
  if constexpr (std::is_floating_point_v<T>) {
    return !std::is_same_v<Value, double> || !is_finite_bits(static_cast<double>(value)) ||
           std::abs(static_cast<double>(value)) <= static_cast<double>((std::numeric_limits<T>::max)());
  } else if constexpr (std::is_same_v<Value, double>) {
    return value >= -0x1p63 && value < 0x1p63 && std::trunc(value) == value &&
           std::in_range<T>(static_cast<std::int64_t>(value));
  } else {
    return std::in_range<T>(value);
  }
}

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>)
    return DType::f32;
  else if constexpr (std::is_same_v<T, double>)
    return DType::f64;
  else if constexpr (std::is_same_v<T, std::int64_t>)
    return DType::i64;
  else if constexpr (std::is_same_v<T, std::int32_t>)
    return DType::i32;
  else {
    static_assert(std::is_same_v<T, std::uint8_t>, "float, double, int64, int32 or uint8");
    return DType::u8;
  }
}

/// Whether the bytes of a file are those of values of T in this machine's memory.
template <class T>
bool is_as_in_memory(const NamedArray& array) {
  return array.dtype == dtype_of<T>() && std::endian::native == std::endian::little;
}

/// Names as keys: UTF-8, no control characters, all different.
class NameSet {
 public:
  void add(const std::string& name, const std::string& where) {
    if (!valid_utf8(name)) throw FormatError(where, "a name in UTF-8", shown(name));
    for (const char character : name)
      if (static_cast<unsigned char>(character) < 0x20)
        throw FormatError(where, "a name without control characters", shown(name));
    if (!names_.insert(name).second) throw FormatError(where, "names that differ", "two tensors " + shown(name));
  }

 private:
  std::unordered_set<std::string> names_;
};

/// Calls f with each value as a T. Throws FormatError for one that a T cannot hold.
template <class T, class F>
void for_each_as(const NamedArray& array, const std::string& where, F&& f) {
  for_each_value(array, [&](Index i, auto value) {
    if (!fits<T>(value))
      throw FormatError(where + ": " + array.name, std::string("values that fit ") + name_of(dtype_of<T>()),
                        std::to_string(value) + " at element " + std::to_string(i));
    f(i, static_cast<T>(value));
  });
}

}  // namespace formats

/// The array as a tensor of T (float, double, std::int64_t, std::int32_t, std::uint8_t). Any type converts; a
/// float may be rounded, but a value that T cannot hold (300 as uint8, 1e300 as float, 0.5 as int64) throws
/// FormatError.
template <class T>
Tensor<T> to_tensor(const NamedArray& array, const std::string& where = "tensor") {
  Tensor<T> tensor = Tensor<T>::uninitialized(array.shape);
  if (formats::is_as_in_memory<T>(array)) {
    formats::copy_values(array, 0, std::as_writable_bytes(std::span(tensor.data(), to_size(tensor.size()))));
    return tensor;
  }
  formats::for_each_as<T>(array, where, [&](Index i, T value) { tensor[i] = value; });
  return tensor;
}

/// The array of that name, as a tensor of T.
template <class T = float>
Tensor<T> tensor_at(const Archive& archive, std::string_view name) {
  return to_tensor<T>(archive.at(name), archive.where);
}

/// A tensor as an array of the same type, ready to be saved.
template <class T>
NamedArray to_array(std::string name, TensorView<const T> tensor) {
  NamedArray array{std::move(name), formats::dtype_of<T>(), tensor.shape(), {}};
  array.bytes.resize(static_cast<std::size_t>(tensor.size()) * sizeof(T));
  if constexpr (std::endian::native == std::endian::little) {
    if (!array.bytes.empty()) std::memcpy(array.bytes.data(), tensor.data(), array.bytes.size());
  } else {
    for (std::size_t i = 0; i < array.bytes.size(); ++i)
      array.bytes[i] =
          reinterpret_cast<const std::byte*>(tensor.data())[(i / sizeof(T) + 1) * sizeof(T) - 1 - i % sizeof(T)];
  }
  return array;
}
/// The same of a tensor.
template <class T>
NamedArray to_array(std::string name, const Tensor<T>& tensor) {
  return to_array(std::move(name), tensor.view());
}

/// How many values are NaN or infinite.
inline Index count_nonfinite(const NamedArray& array) {
  Index count = 0;
  if (array.dtype == DType::f32)  // by bits, as files of it are large
    formats::for_each_block(array, [&](ByteSpan block, Index) {
      for (std::size_t at = 0; at < block.size(); at += 4)
        count += (std::to_integer<unsigned>(block[at + 3]) & 0x7f) == 0x7f && block[at + 2] >= std::byte{0x80};
    });
  else if (is_floating(array.dtype))
    formats::for_each_value(array,
                            [&](Index, auto value) { count += !formats::is_finite_bits(static_cast<double>(value)); });
  return count;
}

/// Throws FormatError naming the first tensor with a NaN or an infinity.
inline void require_finite(const Archive& archive) {
  for (const NamedArray& array : archive.tensors)
    if (const Index count = count_nonfinite(array))
      throw FormatError(archive.where + ": " + array.name, "finite values",
                        std::to_string(count) + " of " + std::to_string(array.shape.size()) + " NaN or infinite");
}

}  // namespace KEEL_ABI
}  // namespace keel
