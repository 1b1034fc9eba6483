#pragma once
/// Deflate (RFC 1951) and gzip (RFC 1952), through zlib (Debian: zlib1g-dev).

#ifndef KEEL_HAS_ZLIB
#if __has_include(<zlib.h>)
#define KEEL_HAS_ZLIB 1
#else
#define KEEL_HAS_ZLIB 0
#endif
#endif
#if KEEL_HAS_ZLIB
#include <zlib.h>
#endif

#include <algorithm>

#include <keel/formats/bytes.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// CRC-32 as zip and gzip use it, of what `before` is the checksum of and the bytes behind it.
inline std::uint32_t crc32_of(ByteSpan bytes, std::uint32_t before = 0) {
#if KEEL_HAS_ZLIB
  return static_cast<std::uint32_t>(
      ::crc32_z(before, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
#else
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      entries[i] = i;
      for (int bit = 0; bit < 8; ++bit) entries[i] = entries[i] >> 1 ^ (entries[i] & 1 ? 0xedb88320u : 0u);
    }
    return entries;
  }();
  std::uint32_t crc = ~before;
  for (const std::byte byte : bytes) crc = crc >> 8 ^ table[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xff];
  return ~crc;
#endif
}

/// Inflates into exactly `target.size()` bytes; more, less or damaged data throws FormatError.
/// `raw` is deflate without a wrapper, as in zip; otherwise the zlib wrapper is expected, as in HDF5.
inline void inflate_exactly(ByteSpan source, std::span<std::byte> target, bool raw, const std::string& where) {
#if KEEL_HAS_ZLIB
  z_stream stream{};
  if (::inflateInit2(&stream, raw ? -15 : 15) != Z_OK) throw FormatError(where, "to start zlib", "no memory");
  int status = Z_OK;
  std::size_t read = 0, written = 0;
  unsigned char beyond = 0;  // one byte more than declared shows a member that lies
  constexpr std::size_t chunk = std::size_t{1} << 30;
  while (status == Z_OK) {
    const std::size_t input = (std::min)(source.size() - read, chunk);
    const std::size_t room = (std::min)(target.size() - written, chunk);
    // zlib promises not to write through next_in.
    stream.next_in = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(source.data() + read));
    stream.avail_in = static_cast<uInt>(input);
    stream.next_out = room ? reinterpret_cast<unsigned char*>(target.data() + written) : &beyond;
    stream.avail_out = static_cast<uInt>(room ? room : 1);
    status = ::inflate(&stream, Z_NO_FLUSH);
    read += input - stream.avail_in;
    if (room == 0 && stream.avail_out == 0) status = Z_BUF_ERROR;
    written += room ? room - stream.avail_out : 0;
  }
  ::inflateEnd(&stream);
  if (status != Z_STREAM_END || written != target.size() || read != source.size())
    throw FormatError(where, "deflated data of " + std::to_string(target.size()) + " bytes",
                      status == Z_DATA_ERROR    ? "damaged data"
                      : written < target.size() ? "only " + std::to_string(written)
                                                : std::string("more"));
#else
  (void)source, (void)target, (void)raw;
  missing_library(where, "zlib", "zlib1g-dev");
#endif
}

/// The content of a gzip file of one member. Its declared size is held against the budget before anything is
/// allocated, and its checksum is verified.
inline Bytes gunzip(ByteSpan file, const std::string& where, const ReadLimits& limits = {}) {
  ByteReader reader(file, where);
  const ByteSpan header = reader.take(10, "a gzip header");
  const auto flags = std::to_integer<unsigned>(header[3]);
  if (load_little(header.data(), 3) != 0x088b1f || (flags & 0xe0) != 0)
    reader.fail("a gzip header", "something else", "the file is damaged");
  if (flags & 4) reader.skip(reader.u16("the extra field's size"), "the extra field");
  for (const unsigned text : {8u, 16u})  // file name, comment
    if (flags & text)
      while (reader.u8("a zero at the end of the file's name or comment") != 0) continue;
  if (flags & 2) reader.skip(2, "the header's checksum");
  if (reader.remaining() < 8) reader.fail("a checksum and a size of 8 bytes", "less", "the file is cut short");
  const ByteSpan content = reader.take(reader.remaining() - 8, "the content");
  const std::uint32_t crc = reader.u32("the checksum");
  const std::uint32_t size = reader.u32("the size");
  Budget::for_tensors(file.size(), limits).charge(size, where);
  Bytes bytes(size);
  inflate_exactly(content, bytes, true, where);
  if (crc32_of(bytes) != crc) throw FormatError(where, "content that fits its checksum", "damaged content");
  return bytes;
}

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
