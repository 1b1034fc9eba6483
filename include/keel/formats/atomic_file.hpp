#pragma once
/// Saving a file so that a crash, a full disk or a kill at any moment leaves either the old file or the new one.

#include <chrono>
#include <initializer_list>

#include <keel/formats/bytes.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// Removes what saves that were killed left behind: files `.name.tmp.*` older than an hour.
inline void sweep_stale(const Folder& folder, const std::string& prefix) {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  for (const std::string& name : folder.names()) {
    if (!name.starts_with(prefix)) continue;
    const auto status = folder.status(name, false);
    if (status && status->regular && status->changed < now - 3600) folder.remove(name);
  }
}

inline void write_all(const File& file, ByteSpan bytes, const std::string& where) {
  for (std::size_t done = 0; done < bytes.size();) {
    const std::int64_t count = file.write(bytes.subspan(done));
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
[[gnu::cold]] inline void write_file(const std::string& path, std::span<const ByteSpan> parts) {
  const std::string target = formats::resolved(path);
  const std::size_t slash = formats::last_name(target);
  const std::string directory = slash == 0 ? "." : target.substr(0, slash), name = target.substr(slash);
  if (name.empty()) throw FormatError(path, "the name of a file", "a directory");
  const formats::Folder folder(directory);
  if (!folder.open()) throw FormatError(path, "a directory that exists", formats::system_message(errno));
  const auto old = folder.status(name);
  if (old && !old->regular) throw FormatError(path, "a regular file to replace", "something else");

  const std::string prefix = "." + name + ".tmp.";
  formats::sweep_stale(folder, prefix);
  const auto clock = std::chrono::steady_clock::now().time_since_epoch().count();
  std::string temporary;
  formats::File file(-1);
  for (int attempt = 0; attempt < 100 && !file.open(); ++attempt) {
    temporary = prefix + std::to_string(formats::process_number()) + "." + std::to_string(clock + attempt);
    file = folder.create(temporary, old.has_value());
    if (!file.open() && errno != EEXIST) break;
  }
  if (!file.open()) throw FormatError(path, "a directory that can be written", formats::system_message(errno));
  try {
    const std::string unchanged = "the old file, if any, is unchanged";
    for (const ByteSpan part : parts) formats::write_all(file, part, path);
    if (old && !file.permit(old->permissions))
      throw FormatError(path, "to keep the file's permissions", formats::system_message(errno), unchanged);
    if (!file.sync()) throw FormatError(path, "to reach the disk", formats::system_message(errno), unchanged);
    if (!file.close()) throw FormatError(path, "to close the file", formats::system_message(errno), unchanged);
    if (!folder.rename(temporary, name))
      throw FormatError(path, "to replace the file", formats::system_message(errno), unchanged);
  } catch (...) {
    file = formats::File(-1);  // Windows removes no open file
    folder.remove(temporary);
    throw;
  }
  if (!folder.sync())
    throw FormatError(path, "the directory to reach the disk", formats::system_message(errno),
                      "the new file is in place, but may be lost in a power failure");
}
/// The same of one piece.
inline void write_file(const std::string& path, ByteSpan bytes) {
  write_file(path, std::span<const ByteSpan>(&bytes, 1));
}
/// The same of a text.
inline void write_file(const std::string& path, std::string_view text) { write_file(path, formats::bytes_of(text)); }

}  // namespace KEEL_ABI
}  // namespace keel
