#pragma once
/// The other container of a .keras file's weights, model.weights.npz: NumPy's savez of {"layers/dense": {"0":
/// array}}, where each member is a pickled dict. Read by the interpreter that runs nothing, which understands
/// arrays of numbers only. https://github.com/keras-team/keras/blob/master/keras/src/saving/saving_lib.py,
/// NpzIOStore

#include <keel/formats/hdf5/reader.hpp>
#include <keel/formats/npy.hpp>
#include <keel/formats/pickle.hpp>
#include <keel/formats/pickle_write.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// Everything that a pickled array names. Index 0 to 3 are used below.
inline constexpr PickleGlobal numpy_globals[] = {{"numpy.core.multiarray _reconstruct", PickleGlobal::Use::object},
                                                 {"numpy._core.multiarray _reconstruct", PickleGlobal::Use::object},
                                                 {"numpy dtype", PickleGlobal::Use::object},
                                                 {"_codecs encode", PickleGlobal::Use::call},
                                                 {"numpy ndarray"}};

/// The dict of arrays in one pickled member.
class NumpyDict {
 public:
  NumpyDict(const Pickle& pickle, const std::string& where, Budget& tensors)
      : pickle_(pickle), where_(where), tensors_(tensors) {
    const PickleValue& state = array_state(pickle.root(), where);
    const PickleValue& values = at(state, 4);
    if (!at(state, 1).items.empty() || values.kind != Kind::list || values.items.size() != 1 ||
        at(values, 0).kind != Kind::dict)
      throw FormatError(where, "one dict of arrays", "something else");
    const PickleValue& dict = at(values, 0);
    for (std::size_t i = 0; i < dict.items.size(); i += 2) {
      const PickleValue& name = at(dict, i);
      if (name.kind != Kind::text || name.text.empty() || name.text.find('/') != name.text.npos)
        throw FormatError(where, "plain texts as names of arrays", "something else");
      arrays.push_back(array(std::string(name.text), at(dict, i + 1)));
    }
  }

  std::vector<NamedArray> arrays;

 private:
  using Kind = PickleValue::Kind;

  const PickleValue& at(const PickleValue& value, std::size_t i) const { return pickle_[value.items[i]]; }

  /// (1, shape, dtype, whether the first axis is the fastest, values)
  const PickleValue& array_state(const PickleValue& value, const std::string& where) const {
    if (value.kind != Kind::call || value.integer > 1)
      throw FormatError(where, "an array of NumPy", "something else",
                        "save the weights as arrays, or the model with model.weights.h5");
    return state(value, 5, 1, where);
  }
  /// What an object was built from: a tuple of `size` or more that starts with its version.
  const PickleValue& state(const PickleValue& value, std::size_t size, Index version, const std::string& where) const {
    const PickleValue& state = pickle_[value.state];
    if (value.state == 0 || state.kind != Kind::tuple || state.items.size() < size ||
        at(state, 0).kind != Kind::integer || at(state, 0).integer != version)
      throw FormatError(where, "an array's or type's state of version " + std::to_string(version), "another");
    return state;
  }

  NamedArray array(const std::string& name, const PickleValue& value) {
    const std::string where = where_ + ": " + shown(name);
    const PickleValue& parts = array_state(value, where);
    std::vector<std::uint64_t> dims;
    if (at(parts, 1).kind != Kind::tuple || at(parts, 1).items.size() > 64)
      throw FormatError(where, "a shape as a tuple of at most 8 integers", "something else");
    for (std::size_t i = 0; i < at(parts, 1).items.size(); ++i) {
      const PickleValue& extent = at(at(parts, 1), i);
      if (extent.kind != Kind::integer || extent.integer < 0)
        throw FormatError(where, "a shape of integers of 0 or more", "something else");
      dims.push_back(static_cast<std::uint64_t>(extent.integer));
    }
    bool swapped = false;
    NamedArray array{name, type(at(parts, 2), swapped, where), {}, {}};
    std::uint64_t size = 0;
    array.shape = checked_shape(dims, size_of(array.dtype), size, where);
    if (at(parts, 3).kind != Kind::boolean) throw FormatError(where, "an order of axes", "something else");
    Bytes decoded;
    const ByteSpan values = bytes(at(parts, 4), decoded, where);
    if (values.size() != size)
      throw FormatError(where, std::to_string(size) + " bytes for shape " + array.shape.to_string(),
                        std::to_string(values.size()));
    tensors_.charge(size, where);
    if (at(parts, 3).integer != 0 && array.shape.rank() > 1)
      array.bytes = from_fortran(values, array.shape, size_of(array.dtype));
    else
      array.bytes.assign(values.begin(), values.end());
    if (swapped) swap_bytes(array.bytes, size_of(array.dtype));
    return array;
  }

  /// dtype('f4', False, True) with the state (3, '<', ...).
  DType type(const PickleValue& value, bool& swapped, const std::string& where) const {
    if (value.kind != Kind::call || value.integer != 2 || value.items.empty() || at(value, 0).kind != Kind::text)
      throw FormatError(where, "a type of NumPy", "something else");
    const PickleValue& order = at(state(value, 2, 3, where), 1);
    if (order.kind != Kind::text) throw FormatError(where, "an order of bytes", "something else");
    return npy_type(std::string(order.text) + std::string(at(value, 0).text), swapped, where);
  }

  /// Bytes, or as protocol 2 has them: a text whose characters are the bytes, encoded as latin1.
  ByteSpan bytes(const PickleValue& value, Bytes& decoded, const std::string& where) const {
    if (value.kind == Kind::bytes) return bytes_of(value.text);
    if (value.kind != Kind::call || value.integer != 3 || value.items.size() != 2 || at(value, 0).kind != Kind::text ||
        at(value, 1).text != "latin1")
      throw FormatError(where, "values as bytes", "something else");
    const std::string_view text = at(value, 0).text;
    tensors_.charge(text.size(), where);
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
      auto code = static_cast<unsigned char>(text[i]);
      if (code >= 0x80) {
        const unsigned next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0u;
        if ((code != 0xc2 && code != 0xc3) || next < 0x80 || next > 0xbf)
          throw FormatError(where, "characters of latin1", "others");
        code = static_cast<unsigned char>((code & 3u) << 6 | (next & 0x3fu));
        ++i;
      }
      decoded.push_back(std::byte{code});
    }
    return decoded;
  }

  const Pickle& pickle_;
  std::string where_;
  Budget& tensors_;
};

}  // namespace io

/// Reads a model.weights.npz from memory, as if it were the model.weights.h5 of the same weights: "layers/dense"
/// holds "layers/dense/vars/0", and so on. Throws FormatError.
inline Hdf5File read_keras_npz(ByteSpan bytes, const std::string& where, const ReadLimits& limits = {}) {
  ZipReader zip(bytes, where, limits);
  io::Budget budget = io::Budget::for_structure(bytes.size()), tensors = io::Budget::for_tensors(bytes.size(), limits);
  Hdf5File file{where, {}, {}};
  const auto add = [&](Hdf5Object object) {
    budget.charge(sizeof(Hdf5Object) + 3 * object.path.size() + 128, where);
    if (!file.index.emplace(object.path, file.objects.size()).second)
      throw FormatError(where, "names that differ", "two of " + io::shown(object.path));
    file.objects.push_back(std::move(object));
  };
  add({"", true, {}, {}, {}});
  for (const ZipMember& member : zip.members()) {
    const std::string place = where + ": " + member.name;
    if (!member.name.ends_with(".npy") || member.name.size() == 4)
      throw FormatError(place, "members NAME.npy", "another", "this is not an .npz file");
    if (member.name == "optimizer.npy" || member.name.starts_with("optimizer/")) continue;
    Bytes storage;
    const ByteSpan content = zip.read(member, storage);
    io::expect_content(content, Content::npy, place);
    io::ByteReader reader(content, place);
    if (const io::NpyHeader header = io::read_npy_header(reader, place); header.descr != "|O" || !header.shape.empty())
      throw FormatError(place, "one object, a dict of arrays",
                        header.descr + " of " + std::to_string(header.shape.size()) + " axes",
                        "an .npz of plain arrays is read by load_weights");
    const Pickle pickle(reader, io::numpy_globals, budget,
                        "only dicts of arrays are read; save the model with model.weights.h5");
    if (reader.remaining() != 0) reader.fail("the end of the pickle", "more");
    io::NumpyDict dict(pickle, place, tensors);
    const std::string name = member.name.substr(0, member.name.size() - 4);
    Hdf5Object vars{name == "__root__" ? "vars" : name + "/vars", true, {}, {}, {}};
    for (const NamedArray& array : dict.arrays) vars.children.push_back(array.name);
    const std::string path = vars.path;
    add(std::move(vars));
    for (NamedArray& array : dict.arrays) {
      const std::string full = path + "/" + array.name;
      array.name = full;
      add({full, false, {}, {}, std::move(array)});
    }
  }
  return file;
}

namespace io {

/// The weights of one layer, at "layers/dense".
struct KerasVariables {
  std::string path, name;
  std::vector<NamedArray> arrays;
};

/// _reconstruct(ndarray, (0,), b'b') and its state (1, shape, dtype, False, values) as far as the values, which
/// come next; "tb" ends it.
inline void pickle_array(PickleWriter& pickle, const std::string& descr, const Shape& shape) {
  using std::string_literals::operator""s;
  const bool object = descr == "|O";
  pickle.global("numpy.core.multiarray", "_reconstruct");
  pickle.global("numpy", "ndarray");
  pickle.text += "K\0\x85\x43\1b\x87R(K\1("s;
  for (const Index extent : shape) pickle.integer(static_cast<std::uint64_t>(extent));
  pickle.text += 't';
  // dtype('f4', False, True) with the state (3, '<', None, None, None, -1, -1, flags)
  pickle.global("numpy", "dtype");
  pickle.string(object ? "O8" : descr.substr(1));
  pickle.text += "\x89\x88\x87R(K\3";
  pickle.string(descr.substr(0, 1));
  pickle.text += "NNNJ" + std::string(4, '\xff') + "J" + std::string(4, '\xff') + "K";
  pickle.text += object ? '\x3f' : '\0';
  pickle.text += "tb\x89";
}

/// model.weights.npz, as NumPy 1 and 2 read it: np.load(file, allow_pickle=True)["layers/dense"].tolist()["0"].
inline Bytes keras_npz(const std::vector<KerasVariables>& variables) {
  ZipWriter zip;
  for (const KerasVariables& layer : variables) {
    PickleWriter pickle(3);
    pickle_array(pickle, "|O", {});
    pickle.text += "]}(";
    for (std::size_t i = 0; i < layer.arrays.size(); ++i) {
      const NamedArray& array = layer.arrays[i];
      pickle.string(std::to_string(i));
      pickle_array(pickle, npy_descr(array, layer.path), array.shape);
      pickle.bytes(array.bytes);
      pickle.text += "tb";
    }
    pickle.text += "uatb.";
    zip.add_text(layer.path + ".npy", npy_header("|O", {}) + pickle.text);
  }
  return zip.bytes();
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
