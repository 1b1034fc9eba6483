#pragma once
/// From the pickle of a PyTorch file to an archive: tensors by their paths in nested dicts and lists, numbers and texts
/// as metadata, other Python objects as skipped. See torch_file.hpp.

#include <keel/formats/pickle_numpy.hpp>
#include <keel/formats/torch_types.hpp>
#include <keel/tensor/text.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// What a state dict or a checkpoint may call or mention; anything else is foreign.
inline constexpr auto torch_globals = [] {
  using Use = PickleGlobal::Use;
  constexpr PickleGlobal named[] = {
      {"torch._utils _rebuild_tensor", Use::call},
      {"torch._utils _rebuild_tensor_v2", Use::call},
      {"torch._utils _rebuild_tensor_v3", Use::call},
      {"torch._utils _rebuild_parameter", Use::call},
      {"torch._utils _rebuild_parameter_with_state", Use::call},
      {"torch._utils _rebuild_device_tensor_from_numpy", Use::call},
      {"torch._utils _rebuild_device_tensor_from_cpu_tensor", Use::call},
      {"torch._utils _rebuild_xla_tensor", Use::call},
      {"torch._tensor _rebuild_from_type_v2", Use::call},
      {"torch Tensor"},
      {"torch.nn.parameter Parameter"},
      {"torch.nn.parameter Buffer"},
      {"torch Size", Use::call},
      {"torch device", Use::call},
      {"torch.storage UntypedStorage"},
      {"collections OrderedDict", Use::dict},
      {"collections Counter", Use::counter},
      {"collections defaultdict", Use::default_dict},
      {"numpy.core.multiarray _reconstruct", Use::object},
      {"numpy._core.multiarray _reconstruct", Use::object},
      {"numpy.core.multiarray scalar", Use::call},
      {"numpy._core.multiarray scalar", Use::call},
      {"numpy.core.numeric _frombuffer", Use::call},
      {"numpy._core.numeric _frombuffer", Use::call},
      {"numpy dtype", Use::object},
      {"numpy ndarray"},
      {"_codecs encode", Use::call},
  };
  std::array<PickleGlobal, std::size(named) + 2 * std::size(torch_types)> all{};
  auto next = std::copy(std::begin(named), std::end(named), all.begin());
  for (const TorchType& type : torch_types) {
    (next++)->name = type.name;
    (next++)->name = type.storage;
  }
  return all;
}();

/// A tensor's place in its storage, in elements.
struct TorchView {
  std::vector<std::uint64_t> sizes, strides;
  std::uint64_t offset = 0;
};

/// Turns the pickle's values into an archive. `storages` gives a storage's bytes by key.
template <class Storages>
class TorchBuilder {
 public:
  TorchBuilder(const Pickle& pickle, Storages& storages, Archive& archive, Budget& budget, Budget& tensors,
               const ReadLimits& limits)
      : pickle_(pickle),
        storages_(storages),
        archive_(archive),
        budget_(budget),
        tensors_(tensors),
        limits_(limits),
        numpy_(pickle, tensors) {
    const PickleValue& root = pickle.root();
    if (root.kind == Kind::foreign || root.kind == Kind::global) pickle.refuse(root.text);
    add("", root, 0);
    if (archive.tensors.empty() && !archive.skipped.empty())
      throw FormatError(archive.where, "a dict of tensors",
                        "other objects only, the first " + shown(archive.skipped.front().type),
                        "in Python, save model.state_dict() instead of the model");
  }

 private:
  using Kind = PickleValue::Kind;

  void add(const std::string& path, const PickleValue& value, Index depth) {
    const std::string where = archive_.where + ": " + (path.empty() ? "the root" : shown(path));
    budget_.charge(path.size() + 16, where);
    if (depth > limits_.depth) throw FormatError(where, "at most " + std::to_string(limits_.depth) + " levels", "more");
    switch (value.kind) {
      case Kind::dict: return add_dict(path, value, depth);
      case Kind::list:
      case Kind::tuple:
        for (std::size_t i = 0; i < value.items.size(); ++i)
          add(child(path, std::to_string(i)), pickle_[value.items[i]], depth + 1);
        return;
      case Kind::call: return add_call(path, value, where, depth);
      case Kind::foreign: return add_foreign(path, value.text, where);
      case Kind::bytes: return skip(path, "builtins bytes");
      case Kind::persistent: throw FormatError(where, "a tensor", "a storage by itself");
      default: return note(path, *text_of_plain(value));
    }
  }
  static std::string child(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + "." + name;
  }
  void add_dict(const std::string& path, const PickleValue& dict, Index depth) {
    for (std::size_t i = 0; i < dict.items.size(); i += 2) {
      const std::optional<std::string> key = text_of_plain(pickle_[dict.items[i]]);
      if (key)
        add(child(path, *key), pickle_[dict.items[i + 1]], depth + 1);
      else
        skip(child(path, "?"), pickle_[dict.items[i]].kind == Kind::tuple ? "builtins tuple" : "builtins object");
    }
    if (dict.state != 0) add_versions(path, pickle_[dict.state]);
  }
  /// A text, number, name or None as Python prints it; nothing for other values.
  static std::optional<std::string> text_of_plain(const PickleValue& value) {
    switch (value.kind) {
      case Kind::none: return "None";
      case Kind::boolean: return value.integer != 0 ? "True" : "False";
      case Kind::integer: return std::to_string(value.integer);
      case Kind::real: return detail::shortest(value.real);
      case Kind::text:
      case Kind::global: return std::string(value.text);
      default: return std::nullopt;
    }
  }
  void note(const std::string& path, const std::string& text) {
    budget_.charge(2 * path.size() + text.size() + 128, archive_.where);
    if (!archive_.metadata.emplace(path, text).second)
      throw FormatError(archive_.where, "names that differ", "two values " + shown(path));
  }
  void skip(const std::string& path, std::string_view name) {
    budget_.charge(2 * sizeof(SkippedObject) + path.size() + name.size() + 64, archive_.where);
    std::string type(name);
    std::replace(type.begin(), type.end(), ' ', '.');
    archive_.skipped.push_back({path, std::move(type)});
  }
  /// A tensor of a kind that keel does not know is no object that a model can do without.
  void add_foreign(const std::string& path, std::string_view name, const std::string& where) {
    if (name.starts_with("torch._utils _rebuild_") || name.starts_with("torch._tensor _rebuild_"))
      throw FormatError(where, "a dense tensor of booleans, integers or floats", "one made by " + shown(name),
                        "in Python, save dense tensors of plain types");
    skip(path, name);
  }
  /// The versions that a state dict keeps beside its tensors: `_metadata` of module -> {version: 2}.
  void add_versions(const std::string& path, const PickleValue& state) {
    const PickleValue* modules = pickle_.find(state, "_metadata");
    if (modules == nullptr || modules->kind != Kind::dict) return;
    for (std::size_t i = 0; i < modules->items.size(); i += 2) {
      const PickleValue& fields = pickle_[modules->items[i + 1]];
      if (fields.kind != Kind::dict) continue;
      if (const PickleValue* version = pickle_.find(fields, "version"); version && version->kind == Kind::integer)
        note((path.empty() ? "" : path + ".") + "_metadata." + std::string(pickle_[modules->items[i]].text),
             std::to_string(version->integer));
    }
  }

  void add_call(const std::string& path, const PickleValue& call, const std::string& where, Index depth) {
    if (PickledNumpy::is_array(call) || PickledNumpy::is_scalar(call)) return add_numpy(path, call, where);
    if (call.text == "torch device") return note(path, device(call, where));
    if (call.text == "torch._utils _rebuild_tensor") return add_tensor(path, call, 4, where);
    if (call.text == "torch._utils _rebuild_tensor_v2") return add_tensor(path, call, 4, where);
    if (call.text == "torch._utils _rebuild_tensor_v3") return add_tensor(path, call, 7, where);
    if (call.text == "torch._tensor _rebuild_from_type_v2") return add_typed(path, call, where, depth);
    if (!call.text.starts_with("torch ") && !call.text.starts_with("torch._utils ")) return skip(path, call.text);
    // a shape, a parameter or a tensor of another device: the first argument says it all
    if (call.items.empty() || (call.text == "torch Size" && call.items.size() != 1))
      throw FormatError(where, call.text == "torch Size" ? "one argument" : "a parameter's tensor",
                        std::to_string(call.items.size()));
    add(path, pickle_[call.items[0]], depth + 1);
  }
  /// _rebuild_from_type_v2(function, class, arguments, attributes)
  void add_typed(const std::string& path, const PickleValue& call, const std::string& where, Index depth) {
    if (call.items.size() != 4) throw FormatError(where, "a tensor's function, class and arguments", "others");
    const PickleValue &function = pickle_[call.items[0]], &type = pickle_[call.items[1]];
    const PickleValue& arguments = pickle_[call.items[2]];
    if (type.kind == Kind::foreign) return skip(path, type.text);
    if (function.kind == Kind::foreign) return add_foreign(path, function.text, where);
    if (type.kind != Kind::global || function.kind != Kind::global || arguments.kind != Kind::tuple)
      throw FormatError(where, "a tensor's function, class and arguments", "others");
    if (depth >= limits_.depth)
      throw FormatError(where, "at most " + std::to_string(limits_.depth) + " levels", "more");
    PickleValue inner;
    inner.kind = Kind::call;
    inner.text = function.text;
    inner.items = arguments.items;
    add_call(path, inner, where, depth + 1);
  }
  /// "cuda:0" of device('cuda', 0).
  std::string device(const PickleValue& call, const std::string& where) const {
    if (call.items.empty() || call.items.size() > 2) throw FormatError(where, "a device's name and number", "others");
    std::string text;
    for (const std::uint32_t item : call.items)
      if (const std::optional<std::string> part = text_of_plain(pickle_[item]))
        text += (text.empty() ? "" : ":") + *part;
    return text;
  }
  void add_numpy(const std::string& path, const PickleValue& call, const std::string& where) {
    if (!numpy_.holds_numbers(call, where)) return skip(path, call.text);
    if (PickledNumpy::is_array(call))
      return push_tensor(numpy_.array(path.empty() ? "tensor" : path, call, where), where);
    for_each_value(numpy_.scalar(call, where), [&](Index, auto value) {
      if constexpr (std::is_same_v<decltype(value), double>)
        note(path, detail::shortest(value));
      else
        note(path, std::to_string(value));
    });
  }

  /// _rebuild_tensor(storage, offset, size, stride), and in later versions more, of which v3's seventh is the type.
  void add_tensor(const std::string& path, const PickleValue& call, std::size_t arguments, const std::string& where) {
    if (call.items.size() < arguments) throw FormatError(where, "a tensor's arguments", "fewer");
    const PickleValue& persistent = pickle_[call.items[0]];
    if (persistent.kind != Kind::persistent) throw FormatError(where, "a tensor with a storage", "something else");
    const PickleValue& id = pickle_[persistent.items[0]];
    if (id.kind != Kind::tuple || id.items.size() < 5 || pickle_[id.items[0]].text != "storage" ||
        !is_name(pickle_[id.items[1]]) || pickle_[id.items[2]].kind != Kind::text)
      throw FormatError(where, "a storage of type, key, device and size", "something else");
    if (id.items.size() > 5 && pickle_[id.items[5]].kind != Kind::none)
      throw FormatError(where, "a whole storage", "a view of another", "save it again with PyTorch 1.6 or later");

    const PickleValue& kind = arguments > 6 ? pickle_[call.items[6]] : pickle_[id.items[1]];
    const std::string_view named = is_name(kind) ? kind.text : "";
    const auto* type = std::find_if(std::begin(torch_types), std::end(torch_types), [&](const TorchType& candidate) {
      return !named.empty() && (candidate.name == named || candidate.storage == named);
    });
    if (type == std::end(torch_types))
      throw FormatError(where, "a tensor of booleans, integers or floats", shown(named));
    const bool counts_bytes = pickle_[id.items[1]].text == "torch.storage UntypedStorage";
    const std::size_t item = size_of(type->dtype);
    const std::uint64_t numel = natural(id.items[4], where);
    std::uint64_t storage_bytes = 0;
    if (!multiply(numel, counts_bytes ? 1 : item, storage_bytes))
      throw FormatError(where, "a storage that fits 64 bits", std::to_string(numel) + " elements");
    const FileBytes storage = storages_(std::string(pickle_[id.items[2]].text), storage_bytes, where);
    const TorchView view{naturals(call.items[2], where), naturals(call.items[3], where), natural(call.items[1], where)};
    place(path, type->dtype, storage, view, where);
  }
  static bool is_name(const PickleValue& value) { return value.kind == Kind::global || value.kind == Kind::foreign; }

  void place(const std::string& path, DType dtype, const FileBytes& storage, const TorchView& view,
             const std::string& where) {
    const std::size_t item = size_of(dtype);
    std::uint64_t bytes = 0;
    NamedArray array{path.empty() ? "tensor" : path, dtype, checked_shape(view.sizes, item, bytes, where), {}};
    bool contiguous = true;
    const std::uint64_t last = last_element(view, bytes == 0, contiguous, where);
    if (bytes != 0 && last >= storage.size() / item)
      throw FormatError(where, "a tensor inside its storage of " + std::to_string(storage.size() / item) + " elements",
                        "element " + std::to_string(last));
    tensors_.charge(bytes, where);
    if (bytes != 0 && contiguous) leave_values(array, storage.part(view.offset * item, bytes));
    if (bytes != 0 && !contiguous) gather(array, storage.view(0, storage.size()), view, item);
    push_tensor(std::move(array), where);
  }
  /// The farthest element of a view; and whether its elements lie in their order without gaps.
  static std::uint64_t last_element(const TorchView& view, bool empty, bool& contiguous, const std::string& where) {
    const auto& [sizes, strides, offset] = view;
    if (strides.size() != sizes.size())
      throw FormatError(where, "a stride for each of " + std::to_string(sizes.size()) + " axes",
                        std::to_string(strides.size()));
    std::uint64_t last = offset, packed = 1;
    for (std::size_t axis = sizes.size(); axis-- > 0 && !empty;) {
      if (sizes[axis] == 1) continue;
      std::uint64_t reach = 0;
      if (strides[axis] == 0)
        throw FormatError(where, "strides above 0", "stride 0", "in Python, call .contiguous() on an expanded tensor");
      if (!multiply(sizes[axis] - 1, strides[axis], reach) || last + reach < last)
        throw FormatError(where, "strides within 64 bits", std::to_string(strides[axis]));
      last += reach;
      contiguous = contiguous && strides[axis] == packed;
      packed *= sizes[axis];
    }
    return last;
  }
  void push_tensor(NamedArray array, const std::string& where) {
    names_.add(array.name, where);
    budget_.charge(3 * sizeof(NamedArray) + 2 * array.name.size() + 80, where);
    archive_.tensors.push_back(std::move(array));
  }
  static void gather(NamedArray& array, ByteSpan storage, const TorchView& view, std::size_t item) {
    array.bytes.resize(bytes_of_values(array));
    std::array<Index, Shape::max_rank> at{};
    std::uint64_t from = view.offset;
    for (Index i = 0; i < array.shape.size(); ++i) {
      std::memcpy(array.bytes.data() + static_cast<std::size_t>(i) * item, storage.data() + from * item, item);
      for (auto axis = static_cast<std::size_t>(array.shape.rank()); axis-- > 0;) {
        const Index extent = array.shape[static_cast<Index>(axis)];
        from += view.strides[axis];
        if (++at[axis] < extent) break;
        from -= view.strides[axis] * static_cast<std::uint64_t>(extent);
        at[axis] = 0;
      }
    }
  }

  std::uint64_t natural(std::uint32_t id, const std::string& where) const {
    const PickleValue& value = pickle_[id];
    if (value.kind != Kind::integer || value.integer < 0)
      throw FormatError(where, "an integer of 0 or more",
                        value.kind == Kind::integer ? std::to_string(value.integer) : "something else");
    return static_cast<std::uint64_t>(value.integer);
  }
  std::vector<std::uint64_t> naturals(std::uint32_t id, const std::string& where) const {
    const PickleValue* value = &pickle_[id];
    if (value->kind == Kind::call && value->text == "torch Size" && value->items.size() == 1)
      value = &pickle_[value->items[0]];
    if (value->kind != Kind::tuple) throw FormatError(where, "a tuple of integers", "something else");
    if (value->items.size() > 64)
      throw FormatError(where, "a shape of at most 8 axes", std::to_string(value->items.size()));
    std::vector<std::uint64_t> numbers;
    for (const std::uint32_t item : value->items) numbers.push_back(natural(item, where));
    return numbers;
  }

  const Pickle& pickle_;
  Storages& storages_;
  Archive& archive_;
  Budget& budget_;
  Budget& tensors_;
  const ReadLimits& limits_;
  PickledNumpy numpy_;
  NameSet names_;
};

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
