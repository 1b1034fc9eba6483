#pragma once
/// idx and idx.gz, the format of MNIST and Fashion-MNIST: https://yann.lecun.com/exdb/mnist/ (at its end).

#include <array>
#include <bit>
#include <vector>

#include <keel/formats/content.hpp>
#include <keel/formats/deflate.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// Bytes of a value, by idx's type code; 0: there is no such type.
inline std::size_t idx_value_bytes(unsigned type) {
  constexpr std::array<std::uint8_t, 15> sizes{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 2, 4, 4, 8};
  return type < sizes.size() ? sizes[type] : 0;
}
inline std::uint64_t load_big(const std::byte* from, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | std::to_integer<std::uint64_t>(from[i]);
  return value;
}
inline double idx_value(const std::byte* from, unsigned type) {
  const std::uint64_t bits = load_big(from, idx_value_bytes(type));
  switch (type) {
    case 0x08: return static_cast<double>(bits);
    case 0x09: return static_cast<double>(static_cast<std::int8_t>(bits));
    case 0x0B: return static_cast<double>(static_cast<std::int16_t>(bits));
    case 0x0C: return static_cast<double>(static_cast<std::int32_t>(bits));
    case 0x0D: return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    default: return std::bit_cast<double>(bits);
  }
}

}  // namespace io

/// The array in the bytes of an idx or idx.gz file, told apart by content. Throws FormatError.
template <class T = float>
Tensor<T> parse_idx(ByteSpan bytes, const std::string& where, const ReadLimits& limits = {}) {
  Bytes unpacked;
  if (recognise(bytes) == Content::gzip) {
    unpacked = formats::gunzip(bytes, where, limits);
    bytes = unpacked;
  }
  formats::ByteReader reader(bytes, where);
  const ByteSpan magic = reader.take(4, "an idx header");
  const auto type = std::to_integer<unsigned>(magic[2]), rank = std::to_integer<unsigned>(magic[3]);
  const std::size_t size = io::idx_value_bytes(type);
  if (magic[0] != std::byte{0} || magic[1] != std::byte{0} || size == 0)
    throw FormatError(where, "an idx file: two zeros, then a type code of 8, 9 or 11 to 14", describe(recognise(bytes)),
                      hint_for(recognise(bytes)));
  std::vector<std::uint64_t> dims;
  for (unsigned axis = 0; axis < rank; ++axis) {
    const ByteSpan dim = reader.take(4, "an extent");
    dims.push_back(io::load_big(dim.data(), 4));
  }
  std::uint64_t content = 0;
  const Shape shape = formats::checked_shape(dims, size, content, where);
  const ByteSpan values = reader.take(content, "values");
  if (reader.remaining() != 0)
    reader.fail("the end of the file after shape " + shape.to_string(),
                std::to_string(reader.remaining()) + " more bytes");
  Tensor<T> tensor = Tensor<T>::uninitialized(shape);
  for (Index i = 0; i < tensor.size(); ++i)
    tensor[i] = static_cast<T>(io::idx_value(values.data() + static_cast<std::size_t>(i) * size, type));
  return tensor;
}

/// The same from a path.
template <class T = float>
Tensor<T> read_idx(const std::string& path, const ReadLimits& limits = {}) {
  return parse_idx<T>(read_file(path, limits), path, limits);
}

}  // namespace KEEL_ABI
}  // namespace keel
