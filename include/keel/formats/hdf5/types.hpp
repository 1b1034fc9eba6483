#pragma once
/// What stands in HDF5's messages about values: their type, their shape, the filters of their chunks.

#include <keel/formats/archive.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// A type of values; numbers have a dtype, texts only a size.
struct Hdf5Type {
  enum class Kind : unsigned char { number, fixed_text, variable_text, opaque };
  Kind kind = Kind::number;
  DType dtype = DType::f32;
  bool swapped = false;
  std::uint32_t size = 0;
};

/// The fields of a class 0 type: whole bytes, signed or not.
inline DType hdf5_integer(ByteReader& reader, std::uint32_t size, bool is_signed) {
  const std::uint16_t offset = reader.u16("offset"), precision = reader.u16("precision");
  if (offset == 0 && precision == std::uint64_t{8} * size) {
    if (size == 1) return is_signed ? DType::i8 : DType::u8;
    if (size == 2) return is_signed ? DType::i16 : DType::u16;
    if (size == 4) return is_signed ? DType::i32 : DType::u32;
    if (size == 8) return is_signed ? DType::i64 : DType::u64;
  }
  reader.fail("integers of 1, 2, 4 or 8 bytes", std::to_string(precision) + " bits");
}
/// The fields of a class 1 type: they must be IEEE's, or bfloat16's.
inline DType hdf5_float(ByteReader& reader, std::uint32_t size, std::uint32_t flags) {
  struct Form {
    DType dtype;
    std::uint32_t size, exponent, mantissa;  ///< bytes, bits, bits
  };
  constexpr Form forms[] = {
      {DType::f32, 4, 8, 23}, {DType::f64, 8, 11, 52}, {DType::f16, 2, 5, 10}, {DType::bf16, 2, 8, 7}};
  const std::uint16_t offset = reader.u16("offset"), precision = reader.u16("precision");
  const std::uint8_t exponent_at = reader.u8("exponent"), exponent = reader.u8("exponent");
  const std::uint8_t mantissa_at = reader.u8("mantissa"), mantissa = reader.u8("mantissa");
  const std::uint32_t bias = reader.u32("bias");
  for (const Form& form : forms)
    if (size == form.size && offset == 0 && precision == 8 * form.size && exponent_at == form.mantissa &&
        exponent == form.exponent && mantissa_at == 0 && mantissa == form.mantissa &&
        bias == (1u << (form.exponent - 1)) - 1 && (flags >> 8 & 0xff) == 8 * form.size - 1 && (flags & 0x40) == 0)
      return form.dtype;
  reader.fail("IEEE floats of 2, 4 or 8 bytes, or bfloat16", std::to_string(precision) + " bits of another form");
}

/// The type in a message or an attribute. Throws FormatError for all but numbers, booleans, text and opaque bytes.
inline Hdf5Type hdf5_type(ByteSpan body, const std::string& where) {
  ByteReader reader(body, where + ", type");
  const std::uint8_t head = reader.u8("class");
  const auto flags = static_cast<std::uint32_t>(reader.little(3, "flags"));
  Hdf5Type type;
  type.size = reader.u32("size");
  if (head >> 4 < 1 || head >> 4 > 5) reader.fail("a type of version 1 to 5", std::to_string(head >> 4));
  if (type.size == 0 || type.size > 1u << 20) reader.fail("a type of 1 to 2^20 bytes", std::to_string(type.size));
  type.swapped = (flags & 1) != 0;
  switch (head & 15) {
    case 0: type.dtype = hdf5_integer(reader, type.size, (flags & 8) != 0); break;
    case 1: type.dtype = hdf5_float(reader, type.size, flags); break;
    case 3: type.kind = Hdf5Type::Kind::fixed_text; break;
    case 5: type.kind = Hdf5Type::Kind::opaque; break;
    case 8:  // an enumeration; h5py keeps booleans as one of a byte
      if (type.size != 1) reader.fail("booleans", "another enumeration");
      type.dtype = DType::boolean;
      type.swapped = false;
      break;
    case 9:
      if ((flags & 15) != 1 || type.size != 16) reader.fail("variable-length text", "another variable-length type");
      type.kind = Hdf5Type::Kind::variable_text;
      break;
    default: reader.fail("numbers or text", "a type of class " + std::to_string(head & 15));
  }
  return type;
}

inline Shape hdf5_shape(ByteSpan body, std::uint64_t item, std::uint64_t& bytes, const std::string& where) {
  ByteReader reader(body, where + ", shape");
  const std::uint8_t version = reader.u8("version"), rank = reader.u8("rank"), flags = reader.u8("flags");
  if (version != 1 && version != 2) reader.fail("a shape of version 1 or 2", std::to_string(version));
  const std::uint8_t kind = reader.u8("kind");
  if (version == 2 && (kind > 1 || (kind == 0) != (rank == 0))) reader.fail("a scalar or an array", "an empty space");
  if (version == 1) reader.skip(4, "padding");
  if (flags > 1) reader.fail("a shape without permutation", "one with it");
  std::vector<std::uint64_t> dims(rank);
  for (std::uint64_t& dim : dims) dim = reader.u64("an extent");
  return checked_shape(dims, item, bytes, where);
}

/// The filters of a dataset, of deflate (1) and shuffle (2).
inline std::vector<std::uint16_t> hdf5_filters(ByteSpan body, const std::string& where) {
  ByteReader reader(body, where + ", filters");
  const std::uint8_t version = reader.u8("version"), count = reader.u8("count");
  if (version != 1 && version != 2) reader.fail("filters of version 1 or 2", std::to_string(version));
  if (count > 2) reader.fail("deflate and shuffle at most", std::to_string(count) + " filters");
  if (version == 1) reader.skip(6, "padding");
  std::vector<std::uint16_t> filters;
  for (std::uint8_t i = 0; i < count; ++i) {
    const std::uint16_t id = reader.u16("filter");
    if ((id != 1 && id != 2) || std::find(filters.begin(), filters.end(), id) != filters.end())
      reader.fail("deflate (1) and shuffle (2), once each", "filter " + std::to_string(id));
    const std::uint16_t name = version == 1 ? reader.u16("name") : std::uint16_t{0};
    reader.skip(2, "flags");
    const std::uint16_t values = reader.u16("values");
    reader.skip((name + std::uint64_t{7}) / 8 * 8, "name");
    reader.skip(std::uint64_t{4} * values + (version == 1 && values % 2 != 0 ? 4 : 0), "values");
    filters.push_back(id);
  }
  return filters;
}

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
