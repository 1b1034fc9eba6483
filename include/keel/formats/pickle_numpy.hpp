#pragma once
/// NumPy's arrays and scalars inside pickles, as numpy/core/multiarray.py and ndarray.__reduce__ write them.

#include <keel/formats/npy.hpp>
#include <keel/formats/pickle.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace formats {

/// Reads arrays and scalars of a pickle. Throws FormatError where one is damaged or holds no numbers.
class PickledNumpy {
 public:
  PickledNumpy(const Pickle& pickle, Budget& tensors) : pickle_(pickle), tensors_(tensors) {}

  /// Made by numpy's _reconstruct, or in protocol 5 by _frombuffer.
  static bool is_array(const PickleValue& value) { return is_reconstructed(value) || is_buffer(value); }
  static bool is_scalar(const PickleValue& value) { return is_call(value, "scalar"); }
  /// Whether an array or scalar says it holds booleans, integers or floats; others hold texts, dates or objects.
  bool holds_numbers(const PickleValue& value, const std::string& where) const {
    bool swapped = false;
    return find_npy_type(descr(dtype_of(value, where), where), swapped).has_value();
  }

  NamedArray array(const std::string& name, const PickleValue& value, const std::string& where) {
    return is_buffer(value) ? from_buffer(name, value, where) : reconstructed(name, value, where);
  }
  /// A scalar as an array of rank 0.
  NamedArray scalar(const PickleValue& value, const std::string& where) {
    const PickleValue& type = dtype_of(value, where);
    return filled("", type, {}, false, at(value, 1), where);
  }

  /// What an array was built from: (1, shape, dtype, whether the first axis is the fastest, values).
  const PickleValue& array_state(const PickleValue& value, const std::string& where) const {
    if (!is_reconstructed(value))
      throw FormatError(where, "an array of NumPy", "something else",
                        "save the weights as arrays, or the model with model.weights.h5");
    return state(value, 5, 1, where);
  }
  const PickleValue& at(const PickleValue& value, std::size_t i) const { return pickle_[value.items[i]]; }

 private:
  using Kind = PickleValue::Kind;

  /// numpy.core is numpy._core since NumPy 2.
  static bool is_call(const PickleValue& value, std::string_view function) {
    if (value.kind != Kind::call || !value.text.starts_with("numpy.")) return false;
    return value.text.substr(value.text.find(' ') + 1) == function;
  }
  static bool is_reconstructed(const PickleValue& value) { return is_call(value, "_reconstruct"); }
  static bool is_buffer(const PickleValue& value) { return is_call(value, "_frombuffer"); }

  /// What an object was given by BUILD: a tuple of `size` or more that starts with its version.
  const PickleValue& state(const PickleValue& value, std::size_t size, Index version, const std::string& where) const {
    const PickleValue& state = pickle_[value.state];
    if (value.state == 0 || state.kind != Kind::tuple || state.items.size() < size ||
        at(state, 0).kind != Kind::integer || at(state, 0).integer != version)
      throw FormatError(where, "an array's or type's state of version " + std::to_string(version), "another");
    return state;
  }

  const PickleValue& dtype_of(const PickleValue& value, const std::string& where) const {
    if (is_reconstructed(value)) return at(array_state(value, where), 2);
    if (value.items.size() != (is_buffer(value) ? 4u : 2u))
      throw FormatError(where, "the parts of an array or scalar of NumPy",
                        std::string(value.text) + " of " + std::to_string(value.items.size()));
    return at(value, is_buffer(value) ? 1 : 0);
  }

  NamedArray reconstructed(const std::string& name, const PickleValue& value, const std::string& where) {
    const PickleValue& parts = array_state(value, where);
    const PickleValue& order = at(parts, 3);
    if (order.kind != Kind::boolean) throw FormatError(where, "an order of axes", "something else");
    return filled(name, at(parts, 2), shape(at(parts, 1), where), order.integer != 0, at(parts, 4), where);
  }
  /// _frombuffer(values, dtype, shape, 'C' or 'F')
  NamedArray from_buffer(const std::string& name, const PickleValue& value, const std::string& where) {
    const PickleValue& type = dtype_of(value, where);
    const PickleValue& order = at(value, 3);
    if (order.kind != Kind::text || (order.text != "C" && order.text != "F"))
      throw FormatError(where, "an order of axes", "something else");
    return filled(name, type, shape(at(value, 2), where), order.text == "F", at(value, 0), where);
  }

  NamedArray filled(const std::string& name, const PickleValue& type, const std::vector<std::uint64_t>& dims,
                    bool fortran_order, const PickleValue& content, const std::string& where) {
    bool swapped = false;
    NamedArray array{name, npy_type(descr(type, where), swapped, where), {}, {}};
    const std::size_t item = size_of(array.dtype);
    std::uint64_t size = 0;
    array.shape = checked_shape(dims, item, size, where);
    Bytes decoded;
    const ByteSpan values = bytes(content, decoded, where);
    if (values.size() != size)
      throw FormatError(where, std::to_string(size) + " bytes for shape " + array.shape.to_string(),
                        std::to_string(values.size()));
    tensors_.charge(size, where);
    if (fortran_order && array.shape.rank() > 1)
      array.bytes = from_fortran(values, array.shape, item);
    else
      array.bytes.assign(values.begin(), values.end());
    if (swapped) swap_bytes(array.bytes, item);
    return array;
  }

  std::vector<std::uint64_t> shape(const PickleValue& value, const std::string& where) const {
    if (value.kind != Kind::tuple || value.items.size() > 64)
      throw FormatError(where, "a shape as a tuple of at most 8 integers", "something else");
    std::vector<std::uint64_t> dims;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      const PickleValue& extent = at(value, i);
      if (extent.kind != Kind::integer || extent.integer < 0)
        throw FormatError(where, "a shape of integers of 0 or more", "something else");
      dims.push_back(static_cast<std::uint64_t>(extent.integer));
    }
    return dims;
  }

  /// '<f4' of dtype('f4', False, True) with the state (3, '<', ...).
  std::string descr(const PickleValue& value, const std::string& where) const {
    if (value.kind != Kind::call || value.text != "numpy dtype" || value.items.empty() ||
        at(value, 0).kind != Kind::text)
      throw FormatError(where, "a type of NumPy", "something else");
    const PickleValue& order = at(state(value, 2, 3, where), 1);
    if (order.kind != Kind::text) throw FormatError(where, "an order of bytes", "something else");
    return std::string(order.text) + std::string(at(value, 0).text);
  }

  /// Bytes, or as protocol 2 has them: a text whose characters are the bytes, encoded as latin1.
  ByteSpan bytes(const PickleValue& value, Bytes& decoded, const std::string& where) {
    if (value.kind == Kind::bytes) return bytes_of(value.text);
    if (value.kind != Kind::call || value.text != "_codecs encode" || value.items.size() != 2 ||
        at(value, 0).kind != Kind::text || at(value, 1).text != "latin1")
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
  Budget& tensors_;
};

}  // namespace formats

}  // namespace KEEL_ABI
}  // namespace keel
