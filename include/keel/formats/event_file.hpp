#pragma once
/// Files of records as TensorFlow frames them (TFRecord): what TensorBoard reads its events from. Source:
/// tensorflow/core/lib/io/record_writer.h; CRC-32C: RFC 3720, appendix B.4.

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>

#include <keel/formats/bytes.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// CRC-32C, Castagnoli's polynomial: of "123456789" 0xe3069283.
inline std::uint32_t crc32c(std::string_view bytes) {
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      entries[i] = i;
      for (int bit = 0; bit < 8; ++bit) entries[i] = entries[i] >> 1 ^ (entries[i] & 1 ? 0x82f63b78u : 0u);
    }
    return entries;
  }();
  std::uint32_t crc = 0xffffffffu;
  for (const char byte : bytes) crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  return ~crc;
}
/// As records carry it, so that a record inside a record has another one.
inline std::uint32_t masked_crc32c(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}
/// Length, its masked CRC-32C, content, its masked CRC-32C.
inline void append_record(std::string& to, std::string_view content) {
  std::string length;
  append_little(length, content.size(), 8);
  to += length;
  append_little(to, masked_crc32c(length), 4);
  to += content;
  append_little(to, masked_crc32c(content), 4);
}

/// A new file of records in a folder, which is made where it is not there, by a name that TensorBoard looks for.
class EventFile {
 public:
  /// Throws FormatError where the folder or the file cannot be made.
  explicit EventFile(const std::string& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) throw FormatError(folder, "a folder that can be made", error.message());
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const std::string base = folder + "/events.out.tfevents." +
                             std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count()) + ".keel";
    path_ = base;
    for (int i = 1; std::filesystem::exists(path_); ++i) path_ = base + "." + std::to_string(i);
    file_.reset(std::fopen(path_.c_str(), "wb"));
    if (!file_) throw FormatError(path_, "a file that can be written", system_message(errno));
  }
  const std::string& path() const { return path_; }
  /// A record more, on its way to the disk. Throws FormatError where it cannot be written.
  void write(std::string_view content) {
    std::string record;
    append_record(record, content);
    if (std::fwrite(record.data(), 1, record.size(), file_.get()) != record.size() || std::fflush(file_.get()) != 0)
      throw FormatError(path_, "a file that can be written", system_message(errno));
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
