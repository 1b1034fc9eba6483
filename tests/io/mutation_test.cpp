/// Every truncation and every bit flip of a small file of each format: it is read with finite shapes or refused
/// with a FormatError, and nothing else ever happens. From memory and from a file it is the same.

#include <doctest/doctest.h>

#include <optional>

#include "file_builder.hpp"

using namespace build;

namespace {

struct Outcome {
  std::size_t read = 0, refused = 0, wrong = 0;
};

/// What came of reading: the arrays, or what the error says.
struct Result {
  std::optional<Archive> archive = {};
  std::string error = {};
  bool other_error = false;
};
template <class Read, class From>
Result result_of(const Read& read, const From& from) {
  try {
    return {formats::fetched(read(from))};
  } catch (const FormatError& error) {
    return {{}, error.what()};
  } catch (...) {
    return {{}, "", true};
  }
}
bool same(const Result& a, const Result& b) {
  if (a.error != b.error || a.other_error != b.other_error || a.archive.has_value() != b.archive.has_value())
    return false;
  if (!a.archive) return true;
  const std::vector<NamedArray>&x = a.archive->tensors, &y = b.archive->tensors;
  return std::equal(x.begin(), x.end(), y.begin(), y.end(), [](const NamedArray& first, const NamedArray& second) {
    return first.name == second.name && first.dtype == second.dtype && first.shape == second.shape &&
           first.bytes == second.bytes;
  });
}

/// Readers that take FileBytes have to do the same with bytes in memory and in a file.
template <class Read>
void attempt(const std::string& file, const Read& read, Outcome& outcome) {
  const Result result = result_of(read, formats::bytes_of(file));
  outcome.read += result.archive.has_value();
  outcome.refused += !result.error.empty();
  outcome.wrong += result.other_error;
  if constexpr (std::is_invocable_v<Read, formats::FileBytes>)
    if (!same(result, result_of(read, in_file(file)))) ++outcome.wrong;
  if (!result.archive) return;
  for (const NamedArray& array : result.archive->tensors)
    if (array.bytes.size() != formats::bytes_of_values(array)) ++outcome.wrong;
}

template <class Read>
Outcome truncate_everywhere(const std::string& file, const Read& read) {
  Outcome outcome;
  for (std::size_t size = 0; size < file.size(); ++size) attempt(file.substr(0, size), read, outcome);
  return outcome;
}
template <class Read>
Outcome flip_everywhere(std::string file, const Read& read) {
  Outcome outcome;
  for (char& byte : file)
    for (int bit = 0; bit < 8; ++bit) {
      byte = static_cast<char>(byte ^ (1 << bit));
      attempt(file, read, outcome);
      byte = static_cast<char>(byte ^ (1 << bit));
    }
  return outcome;
}

/// Nothing may be read from a file that is cut anywhere; flips of values may be read where there is no checksum.
template <class Read>
void check_mutations(const std::string& file, const Read& read, bool has_checksum) {
  REQUIRE_NOTHROW(read(formats::bytes_of(file)));
  const Outcome cut = truncate_everywhere(file, read);
  CHECK(cut.refused == file.size());
  CHECK(cut.read == 0);
  CHECK(cut.wrong == 0);
  const Outcome flipped = flip_everywhere(file, read);
  CHECK(flipped.wrong == 0);
  CHECK(flipped.refused > 0);
  MESSAGE(file.size() << " truncations, " << 8 * file.size() << " flips, of which " << flipped.refused << " refused");
  if (has_checksum) CHECK(flipped.refused > 5 * file.size());
}

Archive tfjs_of(ByteSpan bytes) {
  static const TemporaryDirectory directory;
  static const std::string shard = directory.write("w.bin", std::string(16, '\1'));
  return read_tfjs(directory.write("model.json", formats::text_of(bytes)));
}

}  // namespace

TEST_CASE("safetensors, mutated") {
  check_mutations(
      small_safetensors(), [](ByteSpan bytes) { return read_safetensors(bytes, "f"); }, false);
}
TEST_CASE("npz, mutated") {
  check_mutations(
      small_npz(), [](const formats::FileBytes& bytes) { return formats::open_npz(ZipReader(bytes, "f")); }, true);
}
TEST_CASE("a deflated zip, mutated") {
  const std::string stored = "\1\3\0\xfc\xff"s + "aaa";
  const auto read = [](const formats::FileBytes& bytes) {
    ZipReader zip(bytes, "f");
    Bytes storage;
    for (const ZipMember& member : zip.members()) zip.read(member, storage);
    return Archive{};
  };
  check_mutations(deflated("a", stored, 3, formats::crc32_of(formats::bytes_of("aaa"))), read, false);
}
TEST_CASE("PyTorch, mutated") {
  check_mutations(
      tensor_file({}), [](const formats::FileBytes& bytes) { return formats::open_torch(bytes, "f"); }, true);
}
TEST_CASE("a PyTorch pickle behind a valid checksum, mutated") {
  // The zip is made anew for each mutation, so that the interpreter sees every flip.
  const auto read = [](ByteSpan bytes) {
    return read_torch(formats::bytes_of(torch(std::string(formats::text_of(bytes)))), "f");
  };
  check_mutations(dict({{"w", TorchTensor{}.pickled()}, {"n", integer(3)}}), read, false);
}
TEST_CASE("a weight of Keras in .npz behind a valid checksum, mutated") {
  const auto read = [](ByteSpan bytes) {
    return to_archive(read_keras_npz(formats::bytes_of(zip({{"a.npy", std::string(formats::text_of(bytes))}})), "f"));
  };
  NumpyArray array;
  array.values = "c_codecs\nencode\n" + unicode("1234567\xc3\xbf") + unicode("latin1") + "\x86R";
  check_mutations(numpy_member(numpy_dict({{"0", array.pickled()}, {"1", NumpyArray{}.pickled()}})), read, false);
}
TEST_CASE("PyTorch before 1.6, mutated") {
  check_mutations(
      legacy(), [](const formats::FileBytes& bytes) { return formats::open_torch(bytes, "f"); }, false);
}
TEST_CASE("HDF5 by keel, mutated") {
  check_mutations(
      small_hdf5(), [](const formats::FileBytes& bytes) { return to_archive(formats::open_hdf5(bytes, "f")); }, false);
}
TEST_CASE("HDF5 by h5py, truncated and its structure flipped") {
  const auto read = [](const formats::FileBytes& bytes) { return to_archive(formats::open_hdf5(bytes, "f")); };
  for (const char* name : {"good_earliest", "good_v108", "good_latest"}) {
    CAPTURE(name);
    const std::string file = hdf5_by_h5py(name);
    REQUIRE_NOTHROW(read(formats::bytes_of(file)));
    Outcome outcome;
    for (std::size_t size = 0; size < file.size(); size += 37) attempt(file.substr(0, size), read, outcome);
    CHECK(outcome.read == 0);
    CHECK(outcome.wrong == 0);
    // The text of 11 kB and the values are left out: only the structures around them are flipped, one bit a byte.
    std::string flipped = file;
    for (std::size_t at = 0; at < file.size(); ++at) {
      if (file[at] == '\0' && at % 8 != 0) continue;
      flipped[at] = static_cast<char>(file[at] ^ (1 << at % 8));
      if (at < 4096 || at % 11 == 0) attempt(flipped, read, outcome);
      flipped[at] = file[at];
    }
    CHECK(outcome.wrong == 0);
    CHECK(outcome.refused > 0);
    MESSAGE(name << ": " << outcome.refused << " refused, " << outcome.read << " read");
  }
}
TEST_CASE("npy, mutated") {
  const auto read = [](const formats::FileBytes& bytes) {
    Archive archive;
    archive.tensors.push_back(formats::open_npy(bytes, "f"));
    return archive;
  };
  check_mutations(npy(npy_header, std::string(8, '\0')), read, false);
}
TEST_CASE("TensorFlow.js, mutated") {
  check_mutations(
      R"({"format":"layers-model","modelTopology":{"a":[1]},"weightsManifest":[{"paths":["w.bin"],"weights":[)"
      R"({"name":"w","shape":[2],"dtype":"float32"},{"name":"q","shape":[8],"dtype":"float32","quantization":)"
      R"({"dtype":"uint8","scale":0.5,"min":-1}}]}]})",
      tfjs_of, false);
}
TEST_CASE("JSON, mutated") {
  const auto read = [](ByteSpan bytes) {
    parse_json(formats::text_of(bytes), "f", {.allow_nonfinite = true});
    return Archive{};
  };
  check_mutations(R"({"a":[1,-2.5e3,true,null,NaN,-Infinity,"x\u00e9\n"],"b":{"c":{}}})", read, false);
}
