#pragma once
/// Files as POSIX has them: what reading and saving need of the system. files_windows.hpp has the same for Windows.
/// Where something fails, `errno` says why.

#if !defined(_WIN32)

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>

#include <keel/formats/file_status.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// An open file, closed at the end of its scope.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  bool open() const { return descriptor_ >= 0; }
  std::optional<FileStatus> status() const {
    struct stat info {};
    if (::fstat(descriptor_, &info) != 0) return std::nullopt;
    return status_of(info);
  }
  /// How many bytes were read, from where the last call ended or `from` says, or written; -1: none, for an error.
  std::int64_t read(std::byte* to, std::size_t size) const {
    return again([&] { return ::read(descriptor_, to, size); });
  }
  std::int64_t read(std::byte* to, std::size_t size, std::uint64_t from) const {
    return again([&] { return ::pread(descriptor_, to, size, static_cast<off_t>(from)); });
  }
  std::int64_t write(ByteSpan bytes) const {
    return again([&] { return ::write(descriptor_, bytes.data(), bytes.size()); });
  }
  bool permit(unsigned permissions) const { return ::fchmod(descriptor_, permissions) == 0; }
  /// Waits until the disk has it.
  bool sync() const { return ::fsync(descriptor_) == 0; }
  bool close() { return ::close(std::exchange(descriptor_, -1)) == 0; }

  static FileStatus status_of(const struct stat& info) {
    return {.regular = S_ISREG(info.st_mode),
            .directory = S_ISDIR(info.st_mode),
            .size = static_cast<std::uint64_t>(info.st_size),
            .names = std::uint64_t{info.st_nlink},
            .changed = std::int64_t{info.st_mtime},
            .permissions = info.st_mode & 07777u};
  }

 private:
  template <class Call>
  static std::int64_t again(Call call) {
    std::int64_t count = 0;
    do count = call();
    while (count < 0 && errno == EINTR);
    return count;
  }

  int descriptor_;
};

/// A folder that is open, so that all names below are looked up in the same one.
class Folder {
 public:
  explicit Folder(const std::string& path) : folder_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY)) {}
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    if (folder_ >= 0) ::close(folder_);
  }

  bool open() const { return folder_ >= 0; }
  /// Not where the name is a symbolic link: errno is ELOOP then.
  File read(const std::string& name) const {
    return File(::openat(folder_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  }
  /// A new file to be written; none where the name is taken: errno is EEXIST then. With `hidden` nobody else may read it.
  File create(const std::string& name, bool hidden) const {
    return File(
        ::openat(folder_, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, hidden ? 0600 : 0666));
  }
  std::optional<FileStatus> status(const std::string& name, bool follow = true) const {
    struct stat info {};
    if (::fstatat(folder_, name.c_str(), &info, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
    return File::status_of(info);
  }
  bool rename(const std::string& from, const std::string& to) const {
    return ::renameat(folder_, from.c_str(), folder_, to.c_str()) == 0;
  }
  void remove(const std::string& name) const { ::unlinkat(folder_, name.c_str(), 0); }
  /// Waits until the disk has its names; where it cannot be said of a folder, all is well.
  bool sync() const { return ::fsync(folder_) == 0 || errno == EINVAL; }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    const int copy = ::openat(folder_, ".", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    DIR* const listing = copy < 0 ? nullptr : ::fdopendir(copy);
    if (listing == nullptr) {
      if (copy >= 0) ::close(copy);
      return names;
    }
    while (const dirent* entry = ::readdir(listing)) names.emplace_back(entry->d_name);
    ::closedir(listing);
    return names;
  }

 private:
  int folder_;
};

inline File open_to_read(const std::string& path) {
  return File(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}
/// The path without symbolic links; as it is, where nothing is there.
inline std::string resolved(const std::string& path) {
  char* const real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return path;
  std::string result = real;
  std::free(real);
  return result;
}
/// In bytes, of what there is under a path; none where there is nothing.
inline std::optional<std::uint64_t> size_of_file(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(info.st_size);
}
/// Leaves the first so many bytes.
inline bool cut_file(const std::string& path, std::uint64_t size) {
  return ::truncate(path.c_str(), static_cast<off_t>(size)) == 0;
}
/// Where the last name of a path begins.
inline std::size_t last_name(const std::string& path) { return path.rfind('/') + 1; }
inline std::int64_t process_number() { return ::getpid(); }

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel

#endif  // not _WIN32
