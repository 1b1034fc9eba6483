#pragma once
/// Files as Windows has them: files_posix.hpp for the C library of Microsoft's, which mingw-w64 uses too. Paths are
/// UTF-8. A folder is its path here, so a link that is put in its place meanwhile is followed; its names reach the disk
/// when Windows writes them.

#if defined(_WIN32)

#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <share.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>

#include <keel/formats/file_status.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

inline std::filesystem::path native(const std::string& path) {
  return std::filesystem::path(std::u8string(path.begin(), path.end()));
}

/// An open file, closed at the end of its scope.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const std::filesystem::path& path, int flags) {
    if (::_wsopen_s(&descriptor_, path.c_str(), flags | _O_BINARY | _O_NOINHERIT, _SH_DENYNO, _S_IREAD | _S_IWRITE) !=
        0)
      descriptor_ = -1;
  }
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~File() {
    if (descriptor_ >= 0) ::_close(descriptor_);
  }

  bool open() const { return descriptor_ >= 0; }
  std::optional<FileStatus> status() const {
    struct _stat64 info {};
    if (::_fstat64(descriptor_, &info) != 0) return std::nullopt;
    return FileStatus{.regular = (info.st_mode & _S_IFMT) == _S_IFREG,
                      .directory = (info.st_mode & _S_IFMT) == _S_IFDIR,
                      .size = static_cast<std::uint64_t>(info.st_size),
                      .names = 1,
                      .changed = std::int64_t{info.st_mtime}};
  }
  std::int64_t read(std::byte* to, std::size_t size) const {
    return ::_read(descriptor_, to, static_cast<unsigned>((std::min)(size, at_once)));
  }
  std::int64_t read(std::byte* to, std::size_t size, std::uint64_t from) const {
    return ::_lseeki64(descriptor_, static_cast<std::int64_t>(from), SEEK_SET) < 0 ? -1 : read(to, size);
  }
  std::int64_t write(ByteSpan bytes) const {
    return ::_write(descriptor_, bytes.data(), static_cast<unsigned>((std::min)(bytes.size(), at_once)));
  }
  bool permit(unsigned) const { return true; }  // a file that may not be written is not replaced either
  bool sync() const { return ::_commit(descriptor_) == 0; }
  bool close() { return ::_close(std::exchange(descriptor_, -1)) == 0; }

 private:
  static constexpr std::size_t at_once = std::size_t{1} << 30;
  int descriptor_ = -1;
};

class Folder {
 public:
  explicit Folder(const std::string& path) : path_(native(path)) {
    std::error_code error;
    open_ = std::filesystem::is_directory(path_, error);
    if (!open_) errno = error ? error.default_error_condition().value() : ENOTDIR;
  }

  bool open() const { return open_; }
  File read(const std::string& name) const {
    std::error_code error;
    if (std::filesystem::is_symlink(path_ / native(name), error)) {
      errno = ELOOP;
      return File(-1);
    }
    return {path_ / native(name), _O_RDONLY};
  }
  File create(const std::string& name, bool) const { return {path_ / native(name), _O_WRONLY | _O_CREAT | _O_EXCL}; }
  std::optional<FileStatus> status(const std::string& name, bool follow = true) const {
    std::error_code error;
    const std::filesystem::path path = path_ / native(name);
    const auto found = follow ? std::filesystem::status(path, error) : std::filesystem::symlink_status(path, error);
    if (!std::filesystem::exists(found)) return std::nullopt;
    const auto links = std::filesystem::hard_link_count(path, error);
    const auto age = std::filesystem::file_time_type::clock::now() - std::filesystem::last_write_time(path, error);
    const auto changed = std::chrono::system_clock::now() - std::chrono::duration_cast<std::chrono::seconds>(age);
    return FileStatus{.regular = std::filesystem::is_regular_file(found),
                      .directory = std::filesystem::is_directory(found),
                      .names = static_cast<std::uint64_t>(links),
                      .changed = std::chrono::system_clock::to_time_t(changed)};
  }
  bool rename(const std::string& from, const std::string& to) const {
    std::error_code error;
    std::filesystem::rename(path_ / native(from), path_ / native(to), error);
    if (error) errno = error.default_error_condition().value();
    return !error;
  }
  void remove(const std::string& name) const {
    std::error_code error;
    std::filesystem::remove(path_ / native(name), error);
  }
  bool sync() const { return true; }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(path_, error)) {
      const std::u8string name = entry.path().filename().u8string();
      names.emplace_back(name.begin(), name.end());
    }
    return names;
  }

 private:
  std::filesystem::path path_;
  bool open_ = false;
};

inline File open_to_read(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(native(path), error)) {
    errno = EISDIR;
    return File(-1);
  }
  return {native(path), _O_RDONLY};
}
inline std::string resolved(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(native(path), error);
  if (error) return path;
  const std::u8string text = real.u8string();
  return {text.begin(), text.end()};
}
inline std::optional<std::uint64_t> size_of_file(const std::string& path) {
  std::error_code error;
  const std::filesystem::path file = native(path);
  if (!std::filesystem::exists(file, error)) return std::nullopt;
  return std::filesystem::is_regular_file(file, error) ? std::filesystem::file_size(file, error) : 0;
}
inline bool cut_file(const std::string& path, std::uint64_t size) {
  std::error_code error;
  std::filesystem::resize_file(native(path), size, error);
  return !error;
}
inline std::size_t last_name(const std::string& path) { return path.find_last_of("/\\:") + 1; }
inline std::int64_t process_number() { return ::_getpid(); }

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel

#endif  // _WIN32
