#pragma once
/// Which format a file holds, told from its first bytes and never from its name.

#include <algorithm>

#include <keel/formats/bytes.hpp>

namespace keel {
inline namespace KEEL_ABI {

enum class Content { unknown, empty, safetensors, zip, hdf5, pickle, npy, json, gzip, git_lfs, html, torch_tar, onnx };

/// Told from the beginning of a file of `size` bytes, which may still turn out damaged when it is read.
inline Content recognise(ByteSpan bytes, std::uint64_t size) {
  const std::string_view text = formats::text_of(bytes);
  if (text.empty()) return Content::empty;
  if (text.starts_with("version https://git-lfs.github.com/")) return Content::git_lfs;
  if (text.starts_with("PK\3\4") || text.starts_with("PK\5\6")) return Content::zip;
  if (text.starts_with("\x89HDF\r\n\x1a\n")) return Content::hdf5;
  if (text.starts_with("\x93NUMPY")) return Content::npy;
  if (text.starts_with("\x1f\x8b")) return Content::gzip;
  if (text.size() > 262 && text.substr(257, 5) == "ustar") return Content::torch_tar;
  if (text.size() >= 9 && text[8] == '{' && formats::load_little(bytes.data(), 8) <= size - 8)
    return Content::safetensors;
  if (text.size() >= 2 && text[0] == '\x80' && text[1] >= 1 && text[1] <= 5) return Content::pickle;
  // the first field of a model in protobuf, the version of the format
  if (text.size() >= 2 && text[0] == '\x08' && text[1] >= 1 && text[1] < 0x20) return Content::onnx;
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  if (start != text.npos && (text[start] == '{' || text[start] == '[')) return Content::json;
  if (start != text.npos && text[start] == '<') return Content::html;
  return Content::unknown;
}
inline Content recognise(ByteSpan bytes) { return recognise(bytes, bytes.size()); }

/// "an HDF5 file" and the like, as errors and `inspect` say it.
inline const char* describe(Content content) {
  switch (content) {
    case Content::empty: return "an empty file";
    case Content::safetensors: return "a safetensors file";
    case Content::zip: return "a zip archive (.keras, .pt or .npz)";
    case Content::hdf5: return "an HDF5 file (.h5)";
    case Content::pickle: return "a Python pickle (old .pt or .pth)";
    case Content::npy: return "a NumPy .npy file";
    case Content::json: return "JSON text";
    case Content::gzip: return "a gzip file";
    case Content::git_lfs: return "a Git LFS pointer, not the model itself";
    case Content::html: return "a web page";
    case Content::torch_tar: return "a tar archive";
    case Content::onnx: return "an ONNX model";
    case Content::unknown: break;
  }
  return "a file of no known format";
}

inline const char* hint_for(Content content) {
  switch (content) {
    case Content::git_lfs: return "fetch the file with `git lfs pull`";
    case Content::html: return "the download gave an error page; fetch the file again";
    case Content::gzip: return "unpack it first";
    case Content::empty: return "fetch or save the file again";
    case Content::torch_tar: return "unpack it first; save it again if it is a PyTorch file older than 0.2";
    default: return "";
  }
}

namespace formats {

/// Throws unless the bytes look like what the reader reads.
inline void expect_content(const FileBytes& bytes, Content expected, const std::string& where) {
  const Content content = recognise(bytes.view(0, (std::min<std::uint64_t>)(bytes.size(), 4096)), bytes.size());
  if (content != expected) throw FormatError(where, describe(expected), describe(content), hint_for(content));
}

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
