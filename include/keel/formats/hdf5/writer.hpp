#pragma once
/// Writes HDF5 files of the kind that h5py writes for Keras: superblock 0, old groups, contiguous little-endian
/// datasets, attributes of text. The same content gives the same bytes. See hdf5.hpp for reading.

#include <memory>

#include <keel/formats/archive.hpp>
#include <keel/formats/atomic_file.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Collects groups, datasets and attributes, then writes them at once. Paths are "a/b/c"; "" is the root; groups
/// on the way are made as needed.
class Hdf5Writer {
 public:
  void group(const std::string& path) { node(path); }
  void dataset(const std::string& path, NamedArray value) {
    Node& target = node(path);
    if (target.value || !target.children.empty() || path.empty())
      throw FormatError("HDF5: " + path, "a path that is free", "one in use");
    target.value = std::make_unique<NamedArray>(std::move(value));
  }
  /// A text of any length, as h5py writes a Python str.
  void attribute(const std::string& path, const std::string& name, std::string text) {
    node(path).attributes.push_back({name, {std::move(text)}, false});
  }
  /// A list of texts, as Keras writes layer_names and weight_names: split into `name0`, `name1`, ... beyond 64512
  /// bytes.
  void attribute(const std::string& path, const std::string& name, const std::vector<std::string>& texts) {
    constexpr std::size_t limit = 64512;
    std::size_t width = 1;
    for (const std::string& text : texts) width = (std::max)(width, text.size());
    if (width > limit) throw FormatError("HDF5: " + path + "@" + name, "texts of at most 64512 bytes", "a longer one");
    Node& target = node(path);
    if (texts.size() * width <= limit) return target.attributes.push_back({name, texts, true});
    const std::size_t rows = limit / width;
    for (std::size_t first = 0, part = 0; first < texts.size(); first += rows, ++part)
      target.attributes.push_back(
          {name + std::to_string(part),
           {texts.begin() + static_cast<std::ptrdiff_t>(first),
            texts.begin() + static_cast<std::ptrdiff_t>((std::min)(first + rows, texts.size()))},
           true});
  }

  /// The file's bytes; datasets are copied into them.
  Bytes bytes() const {
    Layout layout;
    layout.most_children = most_children(root_);
    layout.out.resize(superblock_bytes, std::byte{0});
    write_texts(layout);
    const Entry root = write_node(layout, root_, "");
    std::string head("\x89HDF\r\n\x1a\n", 8);
    head.append(5, '\0');
    append(head, {{8, 1}, {8, 1}, {0, 1}, {leaf_k, 2}, {layout.tree_k(), 2}, {0, 4}});
    append(head, {{0, 8}, {undefined, 8}, {layout.out.size(), 8}, {undefined, 8}});
    append(head, {{0, 8}, {root.header, 8}, {1, 4}, {0, 4}, {root.tree, 8}, {root.heap, 8}});
    std::memcpy(layout.out.data(), head.data(), head.size());
    return std::move(layout.out);
  }
  void write(const std::string& path) const { write_file(path, bytes()); }

 private:
  struct Attribute {
    std::string name;
    std::vector<std::string> texts;
    bool is_list;
  };
  struct Node {
    std::map<std::string, Node> children;  // sorted, as the format wants them
    std::vector<Attribute> attributes;
    std::unique_ptr<NamedArray> value;
  };
  struct Entry {
    std::uint64_t header = 0, tree = 0, heap = 0;
    bool is_group = false;
  };
  struct Field {
    std::uint64_t value;
    std::size_t size;
  };
  static constexpr std::uint64_t undefined = ~std::uint64_t{0};
  static constexpr std::size_t superblock_bytes = 96, leaf_k = 4;

  struct Layout {
    Bytes out;
    std::size_t most_children = 0;
    std::uint64_t texts = 0;  // address of the heap of texts
    std::map<const Attribute*, std::uint32_t> numbers;

    /// A group's tree has one level of up to 2 * tree_k nodes of 8 names each.
    std::uint64_t tree_k() const { return (std::max)(std::size_t{16}, (most_children + 15) / 16); }
    std::uint64_t place(std::string_view bytes) {
      const std::uint64_t address = out.size();
      const ByteSpan span = formats::bytes_of(bytes);
      out.insert(out.end(), span.begin(), span.end());
      out.resize((out.size() + 7) / 8 * 8, std::byte{0});
      return address;
    }
  };

  Node& node(const std::string& path) {
    Node* at = &root_;
    for (std::size_t start = 0; start < path.size();) {
      const std::size_t end = (std::min)(path.find('/', start), path.size());
      const std::string name = path.substr(start, end - start);
      if (name.empty() || name == "." || name == ".." || name.find('\0') != name.npos || at->value)
        throw FormatError("HDF5: " + path, "names between slashes, inside groups", formats::shown(name));
      at = &at->children[name];
      start = end + 1;
    }
    return *at;
  }
  static std::size_t most_children(const Node& node) {
    std::size_t most = node.children.size();
    for (const auto& [name, child] : node.children) most = (std::max)(most, most_children(child));
    return most;
  }

  static void append(std::string& to, std::initializer_list<Field> fields) {
    for (const Field& field : fields) formats::append_little(to, field.value, field.size);
  }
  static std::string padded(std::string text) {
    text.resize((text.size() + 7) / 8 * 8);
    return text;
  }

  void collect(const Node& node, Layout& layout, std::string& heap) const {
    for (const Attribute& attribute : node.attributes)
      if (!attribute.is_list) {
        const std::string& text = attribute.texts.front();
        const auto number = static_cast<std::uint32_t>(layout.numbers.size() + 1);
        if (number > 0xffff) throw FormatError("HDF5", "at most 65535 texts", "more");
        layout.numbers.emplace(&attribute, number);
        append(heap, {{number, 2}, {1, 2}, {0, 4}, {text.size(), 8}});
        heap += padded(text);
      }
    for (const auto& [name, child] : node.children) collect(child, layout, heap);
  }
  /// All texts in one heap, the rest of which is its free object 0.
  void write_texts(Layout& layout) const {
    std::string heap;
    collect(root_, layout, heap);
    if (heap.empty()) return;
    const std::size_t size = (std::max)(std::size_t{4096}, 16 + heap.size() + 16);
    std::string head = "GCOL";
    append(head, {{1, 4}, {size, 8}});
    append(heap, {{0, 8}, {size - 16 - heap.size(), 8}});
    heap.resize(size - 16);
    layout.texts = layout.place(head + heap);
  }

  static std::string shape_bytes(const Shape& shape) {
    std::string text;
    append(text, {{1, 1}, {static_cast<std::uint64_t>(shape.rank()), 1}, {0, 6}});
    for (const Index extent : shape) append(text, {{static_cast<std::uint64_t>(extent), 8}});
    return text;
  }
  static std::string integer_type(std::size_t size, bool is_signed) {
    std::string text;
    append(text, {{0x10, 1}, {is_signed ? 8u : 0u, 3}, {size, 4}, {0, 2}, {8 * size, 2}});
    return text;
  }
  static std::string float_type(std::size_t size, std::size_t exponent, std::size_t mantissa) {
    std::string text;
    append(text, {{0x11, 1}, {0x20 | (8 * size - 1) << 8, 3}, {size, 4}, {0, 2}, {8 * size, 2}});
    append(text, {{mantissa, 1}, {exponent, 1}, {0, 1}, {mantissa, 1}, {(1u << (exponent - 1)) - 1, 4}});
    return text;
  }
  static std::string type_bytes(DType type, const std::string& path) {
    const std::size_t size = size_of(type);
    switch (type) {
      case DType::f16: return float_type(2, 5, 10);
      case DType::f32: return float_type(4, 8, 23);
      case DType::f64: return float_type(8, 11, 52);
      case DType::bf16: throw FormatError("HDF5: " + path, "a type that NumPy has", "bfloat16", "save it as float32");
      case DType::boolean: {  // an enumeration, as h5py has it
        std::string text;
        append(text, {{0x18, 1}, {2, 3}, {1, 4}});
        return text + integer_type(1, true) + std::string("FALSE\0\0\0TRUE\0\0\0\0\0\1", 18);
      }
      case DType::i8:
      case DType::i16:
      case DType::i32:
      case DType::i64: return integer_type(size, true);
      default: return integer_type(size, false);
    }
  }

  static void message(std::string& header, std::size_t& count, std::uint64_t type, std::string body) {
    body = padded(std::move(body));
    if (body.size() > 0xfff8) throw FormatError("HDF5", "an attribute of at most 65528 bytes", "a larger one");
    append(header, {{type, 2}, {body.size(), 2}, {0, 4}});
    header += body;
    ++count;
  }
  static std::string attribute_bytes(const Layout& layout, const Attribute& attribute) {
    std::string type, data;
    Shape shape{};
    if (!attribute.is_list) {
      append(type, {{0x19, 1}, {0x0101, 3}, {16, 4}});  // variable-length text in UTF-8
      type += integer_type(1, false);
      append(data, {{attribute.texts.front().size(), 4}, {layout.texts, 8}, {layout.numbers.at(&attribute), 4}});
    } else if (attribute.texts.empty()) {
      type = float_type(8, 11, 52);  // what Keras's empty list becomes
      shape = Shape{0};
    } else {
      std::size_t width = 1;
      for (const std::string& text : attribute.texts) width = (std::max)(width, text.size());
      append(type, {{0x13, 1}, {1, 3}, {width, 4}});  // text padded with zeros
      shape = Shape{static_cast<Index>(attribute.texts.size())};
      for (const std::string& text : attribute.texts) (data += text).append(width - text.size(), '\0');
    }
    const std::string space = shape_bytes(shape);
    std::string body;
    append(body, {{1, 2}, {attribute.name.size() + 1, 2}, {type.size(), 2}, {space.size(), 2}});
    return body + padded(attribute.name + '\0') + padded(type) + padded(space) + data;
  }

  Entry write_node(Layout& layout, const Node& node, const std::string& path) const {
    std::string messages;
    std::size_t count = 0;
    Entry entry;
    if (node.value) {
      const NamedArray& array = *node.value;
      const std::uint64_t data = array.bytes.empty() ? undefined : layout.place(formats::text_of(array.bytes));
      message(messages, count, 0x01, shape_bytes(array.shape));
      message(messages, count, 0x03, type_bytes(array.dtype, path));
      message(messages, count, 0x05, std::string("\2\2\2\1\0\0\0\0", 8));  // zeros where nothing is written
      std::string place;
      append(place, {{3, 1}, {1, 1}, {data, 8}, {array.bytes.size(), 8}});
      message(messages, count, 0x08, place);
    } else {
      entry.is_group = true;
      write_group(layout, node, path, entry);
      std::string place;
      append(place, {{entry.tree, 8}, {entry.heap, 8}});
      message(messages, count, 0x11, place);
    }
    for (const Attribute& attribute : node.attributes)
      message(messages, count, 0x0c, attribute_bytes(layout, attribute));
    std::string header;
    append(header, {{1, 2}, {count, 2}, {1, 4}, {messages.size(), 4}, {0, 4}});
    entry.header = layout.place(header + messages);
    return entry;
  }

  void write_group(Layout& layout, const Node& node, const std::string& path, Entry& entry) const {
    std::string names(8, '\0');
    std::string leaves, tree;
    const std::size_t nodes = (node.children.size() + 2 * leaf_k - 1) / (2 * leaf_k);
    append(tree, {{0, 1}, {0, 1}, {nodes, 2}, {undefined, 8}, {undefined, 8}, {0, 8}});
    std::string leaf;
    std::size_t held = 0, left = node.children.size();
    for (const auto& [name, child] : node.children) {
      const Entry link = write_node(layout, child, path.empty() ? name : path + "/" + name);
      append(
          leaf,
          {{names.size(), 8}, {link.header, 8}, {link.is_group ? 1u : 0u, 4}, {0, 4}, {link.tree, 8}, {link.heap, 8}});
      const std::uint64_t name_at = names.size();
      names += padded(name + '\0');
      --left;
      if (++held < 2 * leaf_k && left > 0) continue;
      std::string head = "SNOD";
      append(head, {{1, 2}, {held, 2}});
      leaf.resize(2 * leaf_k * 40);
      append(tree, {{layout.place(head + leaf), 8}, {name_at, 8}});
      leaf.clear();
      held = 0;
    }
    tree = "TREE" + tree;
    tree.resize(24 + 8 + layout.tree_k() * 2 * 16);
    entry.tree = layout.place(tree);
    const std::uint64_t names_at = layout.place(names);
    std::string heap = "HEAP";
    append(heap, {{0, 4}, {names.size(), 8}, {1, 8}, {names_at, 8}});
    entry.heap = layout.place(heap);
  }

  Node root_;
};

}  // namespace KEEL_ABI
}  // namespace keel
