#pragma once
/// Bytes, and what a system says of a file: files_posix.hpp and files_windows.hpp ask it.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <keel/tensor/tensor.hpp>

namespace keel {
inline namespace KEEL_ABI {

using Bytes = AlignedVector<std::byte>;
using ByteSpan = std::span<const std::byte>;

namespace formats {

struct FileStatus {
  bool regular = false, directory = false;
  std::uint64_t size = 0;    ///< in bytes
  std::uint64_t names = 1;   ///< hard links
  std::int64_t changed = 0;  ///< seconds since 1970
  unsigned permissions = 0;  ///< POSIX's bits
};

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
