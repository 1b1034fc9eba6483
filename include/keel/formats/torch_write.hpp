#pragma once
/// Writes PyTorch state dicts that torch.load(weights_only=True) reads. torch_file.hpp reads them.

#include <charconv>

#include <keel/formats/pickle_write.hpp>
#include <keel/formats/torch_types.hpp>
#include <keel/formats/zip.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// Pickles a state dict: OrderedDict name -> tensor, and the module versions.
class TorchPickler {
 public:
  void begin() {
    ordered_dict();
    out_.op(Op::mark);
  }
  void tensor(const NamedArray& array, std::size_t key, const TorchType& type) {
    out_.string(array.name);
    out_.global("torch._utils _rebuild_tensor_v2");
    out_.op(Op::mark, Op::mark);
    out_.string("storage");
    out_.global(type.storage);
    out_.string(std::to_string(key));
    out_.string("cpu");
    out_.integer(array.shape.size());
    out_.op(Op::tuple, Op::binpersid);
    out_.integer(0);
    out_.tuple(array.shape);
    std::vector<Index> strides(to_size(array.shape.rank()), 1);
    for (Index axis = array.shape.rank() - 1; axis > 0; --axis)
      nth(strides, axis - 1) = nth(strides, axis) * (std::max)(array.shape[axis], Index{1});
    out_.tuple(strides);
    out_.op(Op::newfalse);
    ordered_dict();
    out_.op(Op::tuple, Op::reduce);
  }
  /// `_metadata` of module -> {version: 2}, as attributes of the dict.
  void begin_versions() {
    out_.op(Op::setitems, Op::empty_dict);
    out_.string("_metadata");
    ordered_dict();
    out_.op(Op::mark);
  }
  void version(std::string_view module, Index number) {
    out_.string(module);
    out_.op(Op::empty_dict);
    out_.string("version");
    out_.integer(number);
    out_.op(Op::setitem);
  }
  const std::string& finish(bool has_versions) {
    out_.op(Op::setitems);
    if (has_versions) out_.op(Op::setitem, Op::build);
    return out_.finish();
  }

 private:
  using Op = PickleOp;

  void ordered_dict() {
    out_.global("collections OrderedDict");
    out_.op(Op::empty_tuple, Op::reduce);
  }

  PickleWriter out_{2};
};

}  // namespace formats

/// Writes a state dict that torch.load(weights_only=True) reads. Metadata `_metadata.MODULE` = "2" becomes the
/// module's version; other metadata is not kept, as a state dict has no place for it. Throws FormatError for a type
/// that older versions of PyTorch lack, two tensors of one name, a version that is no number, or what write_file
/// refuses.
inline void write_torch(const std::string& path, const Archive& archive) {
  formats::TorchPickler pickler;
  pickler.begin();
  formats::NameSet names;
  for (std::size_t i = 0; i < archive.tensors.size(); ++i) {
    const NamedArray& array = archive.tensors[i];
    const auto* type =
        std::find_if(std::begin(formats::torch_types), std::end(formats::torch_types),
                     [&](const formats::TorchType& candidate) { return candidate.dtype == array.dtype; });
    if (type->storage.empty())
      throw FormatError(path + ": " + array.name, "a type of every PyTorch", name_of(array.dtype), "convert it first");
    names.add(array.name, path);
    pickler.tensor(array, i, *type);
  }
  constexpr std::string_view prefix = "_metadata.";
  bool has_versions = false;
  for (const auto& [key, value] : archive.metadata) {
    if (!key.starts_with(prefix)) continue;
    Index number = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), number);
    if (read.ec != std::errc() || read.ptr != value.data() + value.size())
      throw FormatError(path + ": " + key, "a module's version as a number", formats::shown(value));
    if (!std::exchange(has_versions, true)) pickler.begin_versions();
    pickler.version(std::string_view(key).substr(prefix.size()), number);
  }
  ZipWriter zip;
  zip.add_text("archive/data.pkl", pickler.finish(has_versions), 64);
  zip.add_text("archive/byteorder", "little", 64);
  for (std::size_t i = 0; i < archive.tensors.size(); ++i)
    zip.add("archive/data/" + std::to_string(i), archive.tensors[i].bytes, 64);
  zip.add_text("archive/version", "3\n", 64);
  zip.write(path);
}

}  // namespace KEEL_ABI
}  // namespace keel
