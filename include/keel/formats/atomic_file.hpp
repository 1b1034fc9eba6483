#pragma once
/// Saving a file so that a crash, a full disk or a kill at any moment leaves either the old file or the new one.

#include <dirent.h>

#include <chrono>
#include <cstdlib>
#include <initializer_list>

#include <keel/formats/bytes.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// Removes what saves that were killed left behind: files `.name.tmp.*` older than an hour.
inline void sweep_stale(int folder, const std::string& prefix) {
  const int copy = ::openat(folder, ".", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  DIR* const listing = copy < 0 ? nullptr : ::fdopendir(copy);
  if (listing == nullptr) {
    if (copy >= 0) ::close(copy);
    return;
  }
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  while (const dirent* entry = ::readdir(listing)) {
    struct stat info {};
    if (std::string_view(entry->d_name).starts_with(prefix) &&
        ::fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
        info.st_mtime < now - 3600)
      ::unlinkat(folder, entry->d_name, 0);
  }
  ::closedir(listing);
}

inline void write_all(int fd, ByteSpan bytes, const std::string& where) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t count = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      throw FormatError(where, "to write " + std::to_string(bytes.size()) + " bytes",
                        count < 0 ? system_message(errno) : "nothing written", "the old file, if any, is unchanged");
    done += static_cast<std::size_t>(count);
  }
}

}  // namespace formats

/// Writes the parts one after the other as the whole content of `path`, or throws FormatError and changes nothing:
/// a temporary file in the same directory, fsync, close, rename, fsync of the directory, each checked.
/// An existing file keeps its permissions; a symbolic link stays, its target is replaced.
inline void write_file(const std::string& path, std::span<const ByteSpan> parts) {
  std::string target = path;
  if (char* const resolved = ::realpath(path.c_str(), nullptr)) {
    target = resolved;
    std::free(resolved);
  }
  const std::size_t slash = target.rfind('/');
  const std::string directory = slash == target.npos ? "." : target.substr(0, slash + 1);
  const std::string name = slash == target.npos ? target : target.substr(slash + 1);
  if (name.empty()) throw FormatError(path, "the name of a file", "a directory");
  const formats::Descriptor folder(::open(directory.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  if (folder.get() < 0) throw FormatError(path, "a directory that exists", formats::system_message(errno));
  struct stat old {};
  const bool replaces = ::fstatat(folder.get(), name.c_str(), &old, 0) == 0;
  if (replaces && !S_ISREG(old.st_mode)) throw FormatError(path, "a regular file to replace", "something else");

  const std::string prefix = "." + name + ".tmp.";
  formats::sweep_stale(folder.get(), prefix);
  const auto clock = std::chrono::steady_clock::now().time_since_epoch().count();
  std::string temporary;
  int opened = -1;
  for (int attempt = 0; attempt < 100 && opened < 0; ++attempt) {
    temporary = prefix + std::to_string(::getpid()) + "." + std::to_string(clock + attempt);
    opened = ::openat(folder.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                      replaces ? 0600 : 0666);
    if (opened < 0 && errno != EEXIST) break;
  }
  if (opened < 0) throw FormatError(path, "a directory that can be written", formats::system_message(errno));
  formats::Descriptor file(opened);
  try {
    const std::string unchanged = "the old file, if any, is unchanged";
    for (const ByteSpan part : parts) formats::write_all(file.get(), part, path);
    if (replaces && ::fchmod(file.get(), old.st_mode & 07777) != 0)
      throw FormatError(path, "to keep the file's permissions", formats::system_message(errno), unchanged);
    if (::fsync(file.get()) != 0)
      throw FormatError(path, "to reach the disk", formats::system_message(errno), unchanged);
    if (::close(file.release()) != 0)
      throw FormatError(path, "to close the file", formats::system_message(errno), unchanged);
    if (::renameat(folder.get(), temporary.c_str(), folder.get(), name.c_str()) != 0)
      throw FormatError(path, "to replace the file", formats::system_message(errno), unchanged);
  } catch (...) {
    ::unlinkat(folder.get(), temporary.c_str(), 0);
    throw;
  }
  if (::fsync(folder.get()) != 0 && errno != EINVAL)
    throw FormatError(path, "the directory to reach the disk", formats::system_message(errno),
                      "the new file is in place, but may be lost in a power failure");
}
inline void write_file(const std::string& path, ByteSpan bytes) {
  write_file(path, std::span<const ByteSpan>(&bytes, 1));
}
inline void write_file(const std::string& path, std::string_view text) { write_file(path, formats::bytes_of(text)); }

}  // namespace KEEL_ABI
}  // namespace keel
