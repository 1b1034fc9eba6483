#pragma once
/// Small files of every format, built in memory by the tests, and ways to damage them.

#include <keel/formats/hdf5/reader.hpp>
#include <keel/formats/hdf5/writer.hpp>
#include <keel/io/keras/npz.hpp>
#include <keel/formats/npy.hpp>
#include <keel/formats/safetensors.hpp>
#include <keel/io/tfjs/archive.hpp>
#include <keel/formats/torch_file.hpp>
#include <keel/formats/torch_write.hpp>

#include <string>
#include <vector>

#include "temporary_directory.hpp"

namespace build {

using namespace keel;
using namespace std::string_literals;

inline std::string little(std::uint64_t value, std::size_t size) {
  std::string text;
  formats::append_little(text, value, size);
  return text;
}
inline std::string text(const Bytes& bytes) { return std::string(formats::text_of(bytes)); }
/// The same bytes in a file, for as long as the object is there.
inline formats::FileBytes in_file(std::string_view content) {
  static const TemporaryDirectory directory;
  static std::uint64_t count = 0;
  const std::string path = directory.write(std::to_string(++count), content);
  formats::FileBytes bytes(formats::open_file(path));
  std::filesystem::remove(path);
  return bytes;
}

/// The file with `with` written over its bytes from `at`; a negative offset counts from the end.
inline std::string patched(std::string file, std::ptrdiff_t at, const std::string& with) {
  const auto start = static_cast<std::size_t>(at < 0 ? static_cast<std::ptrdiff_t>(file.size()) + at : at);
  return file.replace(start, with.size(), with);
}
/// The same, `shift` bytes after the n-th place where `mark` stands.
inline std::string patched(const std::string& file, const std::string& mark, std::size_t shift, const std::string& with,
                           int n = 0) {
  std::size_t at = file.find(mark);
  while (n-- > 0) at = file.find(mark, at + 1);
  if (at == file.npos) throw std::logic_error("no such mark in the file: " + mark);
  return patched(file, static_cast<std::ptrdiff_t>(at + shift), with);
}

inline std::string safetensors(const std::string& header, const std::string& data = {}) {
  return little(header.size(), 8) + header + data;
}

inline std::string npy(const std::string& header, const std::string& data = {}, int version = 1) {
  return "\x93NUMPY"s + static_cast<char>(version) + '\0' + little(header.size(), version == 1 ? 2 : 4) + header + data;
}
inline const std::string npy_header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";

using Members = std::vector<std::pair<std::string, std::string>>;
inline std::string zip(const Members& members) {
  ZipWriter writer;
  for (const auto& [name, content] : members) writer.add_text(name, content);
  return text(writer.bytes());
}

/// A zip of one deflated member that declares `bytes`.
inline std::string deflated(const std::string& name, const std::string& stored, std::uint64_t bytes,
                            std::uint32_t crc) {
  const std::string fields = "\x14\0\0\0\x08\0\0\0\x21\0"s + little(crc, 4) + little(stored.size(), 4) +
                             little(bytes, 4) + little(name.size(), 2);
  const std::string local = "PK\3\4" + fields + "\0\0"s + name + stored;
  const std::string central = "PK\1\2\x14\0"s + fields + std::string(16, '\0') + name;
  return local + central + "PK\5\6\0\0\0\0\1\0\1\0"s + little(central.size(), 4) + little(local.size(), 4) + "\0\0"s;
}

/// A PyTorch file around a pickle, with one storage `data/0` of 16 bytes.
inline std::string torch(const std::string& pickle, const Members& more = {}) {
  Members members{{"archive/data.pkl", pickle}, {"archive/data/0", std::string(16, '\0')}};
  members.insert(members.end(), more.begin(), more.end());
  return zip(members);
}
inline std::string unicode(const std::string& value) { return "X" + little(value.size(), 4) + value; }
inline std::string integer(std::int64_t value) { return "\x8a\x08" + little(static_cast<std::uint64_t>(value), 8); }
/// A float tensor over `data/KEY`, its parts replaceable.
struct TorchTensor {
  std::string storage = "ctorch\nFloatStorage\n", key = "0", numel = integer(4), offset = integer(0),
              size = "(" + integer(2) + integer(2) + "t", stride = "(" + integer(2) + integer(1) + "t",
              function = "ctorch._utils\n_rebuild_tensor_v2\n";
  std::string pickled() const {
    return function + "((" + unicode("storage") + storage + unicode(key) + unicode("cpu") + numel + "tQ" + offset +
           size + stride + "\x89" + "ccollections\nOrderedDict\n)RtR";
  }
};
/// A pickle of {name: value, ...}.
inline std::string dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string pickle = "\x80\x02}(";
  for (const auto& [name, value] : items) pickle += unicode(name) + value;
  return pickle + "u.";
}
inline std::string tensor_file(const TorchTensor& tensor) { return torch(dict({{"w", tensor.pickled()}})); }

/// A file before PyTorch 1.6: one tensor `w` of 4 floats.
inline std::string legacy(const std::string& keys =
                              "\x80\x02]X\1\0\0\0"
                              "0a."s,
                          std::uint64_t numel = 4, const std::string& data = std::string(16, '\0'),
                          const std::string& version = "\x80\x02M\xe9\x03."s, bool little_endian = true) {
  TorchTensor tensor;
  std::string body = tensor.pickled();
  body.replace(body.find("tQ"), 2, "NtQ");
  return std::string(formats::torch_legacy_mark) + version + "\x80\x02}" + unicode("little_endian") +
         (little_endian ? "\x88" : "\x89") + "s." + dict({{"w", body}}) + keys + little(numel, 8) + data;
}

/// An array as NumPy pickles it: two floats, its parts replaceable.
struct NumpyArray {
  std::string function = "cnumpy.core.multiarray\n_reconstruct\n", arguments = "cnumpy\nndarray\nK\0\x85"s + "C\1b\x87",
              shape = "K\2\x85", type = "f4", order = "<", type_version = "K\3", fortran = "\x89",
              values = "C\x08" + std::string(8, '\1'), version = "K\1";
  std::string dtype() const {
    return "cnumpy\ndtype\n" + unicode(type) + "\x89\x88\x87R(" + type_version + unicode(order) + "NNNtb";
  }
  std::string pickled() const {
    return function + arguments + "R(" + version + shape + dtype() + fortran + values + "tb";
  }
};
/// One member of a model.weights.npz: an array of one object, the dict of `items`, from its parts.
inline std::string numpy_member(const std::string& pickle, const std::string& descr = "|O",
                                const std::string& shape = "()") {
  return npy("{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n", pickle);
}
inline std::string numpy_dict(const std::vector<std::pair<std::string, std::string>>& items) {
  NumpyArray object;
  object.shape = ")";
  object.type = "O8";
  object.order = "|";
  object.values = "]}";
  for (const auto& [name, value] : items) object.values += unicode(name) + value + "s";
  object.values += "a";
  return "\x80\3" + object.pickled() + ".";
}
inline std::string keras_npz(const NumpyArray& array) {
  return zip({{"layers/dense.npy", numpy_member(numpy_dict({{"0", array.pickled()}}))}});
}

inline Archive small_archive() {
  Archive archive{"small", "", {}, {}};
  archive.tensors.push_back(to_array("w", Tensor<float>(Shape{2, 3}, {1, 2, 3, 4, 5, 6})));
  archive.tensors.push_back(to_array("b", Tensor<float>(Shape{3}, {-1, 0.5f, 2})));
  archive.tensors.push_back(to_array("n", Tensor<std::int64_t>(Shape{}, {7})));
  return archive;
}
inline std::string small_npz() {
  return zip({{"w.npy", npy(npy_header, std::string(8, '\1'))},
              {"b.npy", npy("{'descr': '<i8', 'fortran_order': True, 'shape': (1, 2), }\n", std::string(16, '\2'))}});
}
inline std::string small_safetensors() {
  return safetensors(R"({"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                     R"("n":{"dtype":"I64","shape":[],"data_offsets":[8,16]}})",
                     std::string(16, '\3'));
}
inline std::string small_hdf5() {
  Hdf5Writer writer;
  writer.attribute("", "model_config", "{}");
  writer.attribute("model_weights", "layer_names", std::vector<std::string>{"dense", "d"});
  writer.dataset("model_weights/dense/kernel:0", to_array("", Tensor<float>(Shape{2, 2}, {1, 2, 3, 4})));
  writer.group("model_weights/empty");
  return text(writer.bytes());
}

/// A member of one of the archives in tests/io/data.
inline std::string from_data(const std::string& archive, const std::string& name) {
  const Bytes file = read_file(std::string(KEEL_SOURCE_DIR) + "/tests/io/data/" + archive);
  ZipReader reader(file, archive);
  Bytes storage;
  const ZipMember* member = reader.find(name);
  if (member == nullptr) throw std::logic_error("no " + name + " in " + archive);
  return std::string(formats::text_of(reader.read(*member, storage)));
}
/// One of the files that interop/make_hdf5.py wrote with h5py.
inline std::string hdf5_by_h5py(const std::string& name) { return from_data("hdf5.zip", name + ".h5"); }

}  // namespace build
