#pragma once
/// The content of an HDF5 file: groups and datasets by their paths, attributes of text and numbers.

#include <algorithm>
#include <optional>
#include <unordered_map>

#include <keel/formats/archive.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct Hdf5Attribute {
  std::string name;
  bool is_text = false;
  std::vector<std::string> texts;  ///< one for a scalar
  NamedArray value;                ///< numbers
};

struct Hdf5Object {
  std::string path;  ///< "" for the root, "model_weights/conv2d", ...
  bool is_group = false;
  std::vector<std::string> children;  ///< names, sorted
  std::vector<Hdf5Attribute> attributes;
  NamedArray value;  ///< of a dataset; its name is the path

  const Hdf5Attribute* find(std::string_view name) const {
    for (const Hdf5Attribute& attribute : attributes)
      if (attribute.name == name) return &attribute;
    return nullptr;
  }
};

struct Hdf5File {
  std::string where;
  std::vector<Hdf5Object> objects;  ///< the root first, then each group before what it holds

  /// None if there is none. Names with a backslash count as paths.
  const Hdf5Object* find(std::string_view path) const {
    std::string key(path);
    std::replace(key.begin(), key.end(), '\\', '/');
    const auto found = index.find(key);
    return found == index.end() ? nullptr : &objects[found->second];
  }
  const Hdf5Object& at(std::string_view path) const {
    if (const Hdf5Object* object = find(path)) return *object;
    throw FormatError(where, "an object " + formats::shown(path), "none of that name");
  }
  /// The text of an attribute, or none.
  std::optional<std::string> text(std::string_view path, std::string_view name) const {
    const Hdf5Object* object = find(path);
    const Hdf5Attribute* attribute = object ? object->find(name) : nullptr;
    if (attribute == nullptr || !attribute->is_text || attribute->texts.size() != 1) return std::nullopt;
    return attribute->texts.front();
  }
  /// The texts of a list attribute, joined from `name0`, `name1`, ... where Keras had to split it. None if absent.
  std::optional<std::vector<std::string>> texts(std::string_view path, std::string_view name) const {
    const Hdf5Object* object = find(path);
    if (object == nullptr) return std::nullopt;
    const Hdf5Attribute* attribute = object->find(name);
    if (attribute != nullptr) return attribute->texts;
    std::vector<std::string> all;
    std::size_t part = 0;
    while ((attribute = object->find(std::string(name) + std::to_string(part)))) {
      all.insert(all.end(), attribute->texts.begin(), attribute->texts.end());
      ++part;
    }
    return part ? std::optional(all) : std::nullopt;
  }

  std::unordered_map<std::string, std::size_t> index;
};

/// Every dataset by its path, and each text attribute as metadata `PATH@NAME`.
inline Archive to_archive(Hdf5File file) {
  Archive archive{file.where, "hdf5", {}, {}};
  for (Hdf5Object& object : file.objects) {
    for (const Hdf5Attribute& attribute : object.attributes)
      if (attribute.is_text && attribute.texts.size() == 1)
        archive.metadata.emplace(object.path + "@" + attribute.name, attribute.texts.front());
    if (!object.is_group) archive.tensors.push_back(std::move(object.value));
  }
  return archive;
}

}  // namespace KEEL_ABI
}  // namespace keel
