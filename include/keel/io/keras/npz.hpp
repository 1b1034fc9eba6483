#pragma once
/// The other container of a .keras file's weights, model.weights.npz: NumPy's savez of {"layers/dense": {"0":
/// array}}, where each member is a pickled dict. Read by the interpreter that runs nothing, which understands
/// arrays of numbers only. https://github.com/keras-team/keras/blob/master/keras/src/saving/saving_lib.py,
/// NpzIOStore

#include <keel/formats/hdf5/reader.hpp>
#include <keel/formats/pickle_numpy.hpp>
#include <keel/formats/pickle_write.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// Everything that a dict of pickled arrays names.
inline constexpr PickleGlobal keras_npz_globals[] = {{"numpy.core.multiarray _reconstruct", PickleGlobal::Use::object},
                                                     {"numpy._core.multiarray _reconstruct", PickleGlobal::Use::object},
                                                     {"numpy dtype", PickleGlobal::Use::object},
                                                     {"_codecs encode", PickleGlobal::Use::call},
                                                     {"numpy ndarray"}};

/// The dict of arrays in one pickled member: an array of one object.
inline std::vector<NamedArray> dict_of_arrays(const Pickle& pickle, const std::string& where, Budget& tensors) {
  using Kind = PickleValue::Kind;
  PickledNumpy numpy(pickle, tensors);
  const PickleValue& state = numpy.array_state(pickle.root(), where);
  const PickleValue& values = numpy.at(state, 4);
  if (!numpy.at(state, 1).items.empty() || values.kind != Kind::list || values.items.size() != 1 ||
      numpy.at(values, 0).kind != Kind::dict)
    throw FormatError(where, "one dict of arrays", "something else");
  const PickleValue& dict = numpy.at(values, 0);
  std::vector<NamedArray> arrays;
  for (std::size_t i = 0; i < dict.items.size(); i += 2) {
    const PickleValue& name = numpy.at(dict, i);
    if (name.kind != Kind::text || name.text.empty() || name.text.find('/') != name.text.npos)
      throw FormatError(where, "plain texts as names of arrays", "something else");
    const PickleValue& array = numpy.at(dict, i + 1);
    const std::string place = where + ": " + shown(name.text);
    numpy.array_state(array, place);
    arrays.push_back(numpy.array(std::string(name.text), array, place));
  }
  return arrays;
}

}  // namespace io

/// Reads a model.weights.npz from memory, as if it were the model.weights.h5 of the same weights: "layers/dense"
/// holds "layers/dense/vars/0", and so on. Throws FormatError.
inline Hdf5File read_keras_npz(ByteSpan bytes, const std::string& where, const ReadLimits& limits = {}) {
  ZipReader zip(bytes, where, limits);
  formats::Budget budget = formats::Budget::for_structure(bytes.size()),
                  tensors = formats::Budget::for_tensors(bytes.size(), limits);
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
    formats::expect_content(content, Content::npy, place);
    formats::ByteReader reader(content, place);
    if (const formats::NpyHeader header = formats::read_npy_header(reader, place);
        header.descr != "|O" || !header.shape.empty())
      throw FormatError(place, "one object, a dict of arrays",
                        header.descr + " of " + std::to_string(header.shape.size()) + " axes",
                        "an .npz of plain arrays is read by load_weights");
    const Pickle pickle(reader, io::keras_npz_globals, budget, PickleForeign::refuse,
                        "only dicts of arrays are read; save the model with model.weights.h5");
    if (reader.remaining() != 0) reader.fail("the end of the pickle", "more");
    std::vector<NamedArray> arrays = io::dict_of_arrays(pickle, place, tensors);
    const std::string name = member.name.substr(0, member.name.size() - 4);
    Hdf5Object vars{name == "__root__" ? "vars" : name + "/vars", true, {}, {}, {}};
    for (const NamedArray& array : arrays) vars.children.push_back(array.name);
    const std::string path = vars.path;
    add(std::move(vars));
    for (NamedArray& array : arrays) {
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
/// come next; end_array ends it.
inline void begin_array(PickleWriter& pickle, const std::string& descr, const Shape& shape) {
  using Op = PickleOp;
  const bool object = descr == "|O";
  pickle.global("numpy.core.multiarray _reconstruct");
  pickle.global("numpy ndarray");
  pickle.tuple(Shape{0});
  pickle.bytes(bytes_of("b"));
  pickle.op(Op::tuple3, Op::reduce, Op::mark);
  pickle.integer(1);
  pickle.tuple(shape);
  // dtype('f4', False, True) with the state (3, '<', None, None, None, -1, -1, flags)
  pickle.global("numpy dtype");
  pickle.string(object ? "O8" : descr.substr(1));
  pickle.op(Op::newfalse, Op::newtrue, Op::tuple3, Op::reduce, Op::mark);
  pickle.integer(3);
  pickle.string(descr.substr(0, 1));
  pickle.op(Op::none, Op::none, Op::none);
  pickle.integer(-1);
  pickle.integer(-1);
  pickle.integer(object ? 0x3f : 0);
  pickle.op(Op::tuple, Op::build, Op::newfalse);
}
inline void end_array(PickleWriter& pickle) { pickle.op(PickleOp::tuple, PickleOp::build); }

/// model.weights.npz, as NumPy 1 and 2 read it: np.load(file, allow_pickle=True)["layers/dense"].tolist()["0"].
inline Bytes keras_npz(const std::vector<KerasVariables>& variables) {
  ZipWriter zip;
  for (const KerasVariables& layer : variables) {
    PickleWriter pickle(3);
    begin_array(pickle, "|O", {});
    pickle.op(PickleOp::empty_list, PickleOp::empty_dict, PickleOp::mark);
    for (std::size_t i = 0; i < layer.arrays.size(); ++i) {
      const NamedArray& array = layer.arrays[i];
      pickle.string(std::to_string(i));
      begin_array(pickle, npy_descr(array, layer.path), array.shape);
      pickle.bytes(array.bytes);
      end_array(pickle);
    }
    pickle.op(PickleOp::setitems, PickleOp::append);
    end_array(pickle);
    zip.add_text(layer.path + ".npy", npy_header("|O", {}) + pickle.finish());
  }
  return zip.bytes();
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
