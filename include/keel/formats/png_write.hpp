#pragma once
/// PNG images and base64, as pages and logs carry pictures. Source: RFC 2083, RFC 1950, RFC 4648.

#include <array>

#include <keel/formats/deflate.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

inline void append_big(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}
/// Length, name, content, CRC-32 of name and content.
inline void append_png_chunk(std::string& out, const std::string& name, const std::string& content) {
  append_big(out, static_cast<std::uint32_t>(content.size()));
  out += name + content;
  append_big(out, crc32_of(bytes_of(name + content)));
}
/// A zlib stream of stored blocks: nothing is compressed, and no library needed.
inline std::string zlib_stored(const std::string& content) {
  constexpr std::size_t most = 0xffff;
  std::string out = "\x78\x01";
  std::uint32_t a = 1, b = 0;  // Adler-32
  for (const char c : content) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  for (std::size_t at = 0; at == 0 || at < content.size(); at += most) {
    const std::size_t size = (std::min)(most, content.size() - at);
    out += static_cast<char>(at + size == content.size());
    for (const std::size_t number : {size, most - size})
      out += {static_cast<char>(number & 0xff), static_cast<char>(number >> 8)};
    out += content.substr(at, size);
  }
  append_big(out, b << 16 | a);
  return out;
}

/// An image of (height, width, channels) bytes as a PNG file: 1 channel is grey, 3 are red, green and blue, 4 have
/// opacity beside. Throws ConfigError for other channels, for an empty image and where the bytes are not as many.
inline std::string png(std::span<const std::uint8_t> pixels, Index height, Index width, Index channels) {
  if ((channels != 1 && channels != 3 && channels != 4) || height < 1 || width < 1)
    throw ConfigError("png", "an image of 1, 3 or 4 channels",
                      std::to_string(height) + " x " + std::to_string(width) + " x " + std::to_string(channels));
  if (count_of(pixels) != height * width * channels)
    throw ConfigError("png", std::to_string(height * width * channels) + " bytes", std::to_string(pixels.size()));
  std::string header, rows, file = "\x89PNG\r\n\x1a\n";
  append_big(header, static_cast<std::uint32_t>(width));
  append_big(header, static_cast<std::uint32_t>(height));
  header += {char{8}, static_cast<char>(channels == 1 ? 0 : channels == 3 ? 2 : 6), char{0}, char{0}, char{0}};
  for (Index y = 0; y < height; ++y) {
    const auto row = pixels.subspan(to_size(y * width * channels), to_size(width * channels));
    rows += '\0';  // no filter
    rows.append(row.begin(), row.end());
  }
  append_png_chunk(file, "IHDR", header);
  append_png_chunk(file, "IDAT", zlib_stored(rows));
  append_png_chunk(file, "IEND", "");
  return file;
}

inline std::string base64(std::string_view bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i) text += at + i <= bytes.size() ? digits[group >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
