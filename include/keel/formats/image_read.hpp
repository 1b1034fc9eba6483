#pragma once
/// PNG and JPEG files as bytes of pixels, through libpng and libjpeg-turbo (Debian: libpng-dev, libjpeg-dev). Which of them a
/// program has say KEEL_HAS_PNG and KEEL_HAS_JPEG; files of the other kind are refused.

#ifndef KEEL_HAS_PNG
#if __has_include(<png.h>)
#define KEEL_HAS_PNG 1
#else
#define KEEL_HAS_PNG 0
#endif
#endif
#ifndef KEEL_HAS_JPEG
#if __has_include(<jpeglib.h>)
#define KEEL_HAS_JPEG 1
#else
#define KEEL_HAS_JPEG 0
#endif
#endif

#include <csetjmp>
#include <cstdio>
#include <cstring>

#if KEEL_HAS_PNG
#include <png.h>
#endif
#if KEEL_HAS_JPEG
#include <jpeglib.h>
// behind jpeglib.h
#include <jerror.h>
#endif

#include <keel/formats/bytes.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// An image as its file holds it: (height, width, channels), rows from above. 1 channel is grey, 2 are grey and opacity, 3
/// red, green, blue, 4 these and opacity.
struct Image {
  Index height = 0, width = 0, channels = 0;
  std::vector<std::uint8_t> pixels;
};

namespace formats {

/// Throws FormatError for an image of more than `most` pixels, before there is memory for them.
inline void check_image_size(const std::string& where, std::uint64_t height, std::uint64_t width, std::uint64_t most) {
  if (height == 0 || width == 0 || height > most / width)
    throw FormatError(where, "an image of 1 to " + std::to_string(most) + " pixels",
                      std::to_string(width) + " x " + std::to_string(height),
                      "shrink it, or raise ImageFolderOptions::max_pixels");
}

#if KEEL_HAS_PNG

/// One PNG file. libpng leaves its functions by longjmp, so what is called between has no objects to destroy.
class PngReader {
 public:
  PngReader(ByteSpan bytes, const std::string& where) : bytes_(bytes), where_(where) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, &PngReader::fail, &PngReader::ignore);
    if (png_) info_ = png_create_info_struct(png_);
    if (!info_) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      out_of_memory(where_);
    }
  }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }

  Image read(std::uint64_t max_pixels) {
    if (!header()) refuse();
    const std::uint64_t height = png_get_image_height(png_, info_), width = png_get_image_width(png_, info_);
    check_image_size(where_, height, width, max_pixels);
    const std::uint64_t row = png_get_rowbytes(png_, info_);
    // deflate makes no more than 1032 bytes of one, and these are as the file has them: 8 pixels of 1 bit in each
    if (packed_row_ * height / 1100 > bytes_.size())
      throw FormatError(where_,
                        "a file that can hold " + std::to_string(width) + " x " + std::to_string(height) + " pixels",
                        std::to_string(bytes_.size()) + " bytes", "the file is damaged");
    Image image{static_cast<Index>(height), static_cast<Index>(width), png_get_channels(png_, info_), {}};
    image.pixels.resize(height * row);
    if (!rows(image.pixels.data(), height, row)) refuse();
    return image;
  }

 private:
  static void take(png_structp png, png_bytep to, std::size_t size) {
    auto& self = *static_cast<PngReader*>(png_get_io_ptr(png));
    if (size > self.bytes_.size() - self.at_) png_error(png, "the file ends too soon");
    std::memcpy(to, self.bytes_.data() + self.at_, size);
    self.at_ += size;
  }
  [[noreturn]] static void fail(png_structp png, png_const_charp message) {
    auto& self = *static_cast<PngReader*>(png_get_error_ptr(png));
    std::snprintf(self.message_, sizeof self.message_, "%s", message);
    std::longjmp(self.out_, 1);
  }
  static void ignore(png_structp, png_const_charp) {}
  [[noreturn]] void refuse() const { throw FormatError(where_, "a whole PNG image", message_, "the file is damaged"); }

  /// Up to the pixels, which are to be 8 bits a channel: no palette, no fewer bits, of 16 the upper 8.
  bool header() {
    if (setjmp(out_)) return false;
    png_set_read_fn(png_, this, &PngReader::take);
    png_set_user_limits(png_, 0x7fffffff, 0x7fffffff);  // read() checks
    png_set_chunk_cache_max(png_, 1000);
    png_set_chunk_malloc_max(png_, 8'000'000);
    png_read_info(png_, info_);
    packed_row_ = png_get_rowbytes(png_, info_);
    png_set_expand(png_);
    png_set_strip_16(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }
  bool rows(std::uint8_t* to, std::uint64_t height, std::uint64_t row) {
    if (setjmp(out_)) return false;
    const int passes = png_get_interlace_type(png_, info_) == PNG_INTERLACE_NONE ? 1 : 7;
    for (int pass = 0; pass < passes; ++pass)
      for (std::uint64_t y = 0; y < height; ++y) png_read_row(png_, to + y * row, nullptr);
    png_read_end(png_, nullptr);
    return true;
  }

  ByteSpan bytes_;
  const std::string& where_;
  std::size_t at_ = 0;
  std::uint64_t packed_row_ = 0;  // bytes of a row before it is expanded
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf out_;
  char message_[200] = "";
};

#endif
#if KEEL_HAS_JPEG

/// One JPEG file; as PngReader. Warnings that stand for lost pixels are errors.
class JpegReader {
 public:
  JpegReader(ByteSpan bytes, const std::string& where) : bytes_(bytes), where_(where) {
    jpeg_.err = jpeg_std_error(&errors_);
    errors_.error_exit = &JpegReader::fail;
    errors_.emit_message = &JpegReader::warn;
    jpeg_.client_data = this;
  }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
  ~JpegReader() { jpeg_destroy_decompress(&jpeg_); }

  Image read(std::uint64_t max_pixels) {
    if (!header()) refuse();
    check_image_size(where_, jpeg_.image_height, jpeg_.image_width, max_pixels);
    if (jpeg_.num_components != 1 && jpeg_.num_components != 3)
      throw FormatError(where_, "a JPEG image in grey or in colours",
                        std::to_string(jpeg_.num_components) + " channels", "convert it from CMYK to RGB");
    const std::size_t channels = jpeg_.num_components == 1 ? 1 : 3;
    Image image{static_cast<Index>(jpeg_.image_height),
                static_cast<Index>(jpeg_.image_width),
                static_cast<Index>(channels),
                {}};
    image.pixels.resize(std::size_t{jpeg_.image_height} * jpeg_.image_width * channels);
    if (!rows(image.pixels.data(), channels)) refuse();
    return image;
  }

 private:
  static void fail(j_common_ptr jpeg) {
    auto& self = *static_cast<JpegReader*>(jpeg->client_data);
    jpeg->err->format_message(jpeg, self.message_);
    std::longjmp(self.out_, 1);
  }
  static void warn(j_common_ptr jpeg, int level) {
    const int code = jpeg->err->msg_code;
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM && code != JWRN_TOO_MUCH_DATA) fail(jpeg);
  }
  /// A file of many scans would take long for few bytes.
  static void count_scans(j_common_ptr jpeg) {
    auto& self = *static_cast<JpegReader*>(jpeg->client_data);
    if (self.jpeg_.input_scan_number <= 200) return;
    std::snprintf(self.message_, sizeof self.message_, "more than 200 scans");
    std::longjmp(self.out_, 1);
  }
  [[noreturn]] void refuse() const { throw FormatError(where_, "a whole JPEG image", message_, "the file is damaged"); }

  bool header() {
    if (setjmp(out_)) return false;
    jpeg_create_decompress(&jpeg_);
    progress_.progress_monitor = &JpegReader::count_scans;
    jpeg_.progress = &progress_;
    jpeg_mem_src(&jpeg_, reinterpret_cast<const unsigned char*>(bytes_.data()),
                 static_cast<unsigned long>(bytes_.size()));
    jpeg_read_header(&jpeg_, TRUE);
    return true;
  }
  bool rows(std::uint8_t* to, std::size_t channels) {
    if (setjmp(out_)) return false;
    jpeg_.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&jpeg_);
    while (jpeg_.output_scanline < jpeg_.output_height) {
      JSAMPROW row = to + std::size_t{jpeg_.output_scanline} * jpeg_.output_width * channels;
      jpeg_read_scanlines(&jpeg_, &row, 1);
    }
    jpeg_finish_decompress(&jpeg_);
    return true;
  }

  ByteSpan bytes_;
  const std::string& where_;
  jpeg_decompress_struct jpeg_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf out_;
  char message_[JMSG_LENGTH_MAX] = "";
};

#endif

/// The image in a PNG or JPEG file's bytes, which of them by their first. `where` is the file in errors. Throws FormatError
/// for other bytes, a damaged image, one of more than `max_pixels`, and where the library is missing.
inline Image read_image(ByteSpan bytes, const std::string& where, [[maybe_unused]] std::uint64_t max_pixels) {
  const auto begins = [&](std::string_view with) { return text_of(bytes).substr(0, with.size()) == with; };
  if (begins("\x89PNG\r\n\x1a\n")) {
#if KEEL_HAS_PNG
    return PngReader(bytes, where).read(max_pixels);
#else
    missing_library(where, "libpng", "libpng-dev");
#endif
  }
  if (begins("\xff\xd8\xff")) {
#if KEEL_HAS_JPEG
    return JpegReader(bytes, where).read(max_pixels);
#else
    missing_library(where, "libjpeg", "libjpeg-dev");
#endif
  }
  throw FormatError(where, "a PNG or JPEG image", bytes.empty() ? "an empty file" : "a file of another kind",
                    "its name decides nothing");
}

}  // namespace formats
}  // namespace KEEL_ABI
}  // namespace keel
