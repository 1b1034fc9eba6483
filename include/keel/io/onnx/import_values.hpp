#pragma once
/// What a name of an ONNX graph stands for, and where the batch is.

#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include <keel/io/onnx/constants.hpp>
#include <keel/model/model.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// Stands for the batch among the numbers of a shape: no file has it, as extents are at most 2^40. Three times a power of
/// two, so that no end of a slice is a multiple of it.
inline constexpr double batch_extent = -0x1.8p60;
/// How many times the batch a number is; 0 for one that is known.
inline Index batches(double number) {
  const double times = number / batch_extent;
  return times >= 1 && times < 0x1p40 && times == std::trunc(times) ? static_cast<Index>(times) : 0;
}

/// Where ONNX has the batch: on the axis `axis`, which may have other extents in it, before * batch * after. The node has
/// the axes before it, `before` and `after` where they are not 1, and the axes behind it: the values of a sample lie in
/// ONNX's order whichever way that cuts them into axes. At axis -1 the value has no batch: it is one sample, whole.
struct BatchPlace {
  Index axis = 0, before = 1, after = 1;

  static BatchPlace none() { return {.axis = -1}; }
  bool whole() const { return axis < 0; }
  bool first() const { return axis == 0 && before == 1 && after == 1; }
  /// Of the node's axes, how many stand for ONNX's one.
  Index inside() const { return (before > 1 ? 1 : 0) + (after > 1 ? 1 : 0); }
  void put(std::vector<Index>& node_axes) const {
    if (before > 1) node_axes.push_back(before);
    if (after > 1) node_axes.push_back(after);
  }
  friend bool operator==(const BatchPlace&, const BatchPlace&) = default;
};

/// What a name of the graph stands for: a constant, or a node of the model.
struct Imported {
  std::shared_ptr<const FileTensor> constant = {};
  Node node = {};
  bool images = false;  ///< ONNX has (n, c, ...), the node (n, ..., c)
  Shape features = {};  ///< of a row that ONNX has in the order (c, ...): the (..., c) that the node has; else rank 0
  IntegerType integers = {};
  BatchPlace batch = {};
  /// Of the samples, where it is not the node's: the same values, not yet reshaped.
  std::optional<Shape> view = {};
  /// The constant is one for each sample: its extent of 1 on the axis `batch.axis` stands for the batch.
  bool repeated = false;
};

inline Imported constant_value(FileTensor tensor) {
  return {.constant = std::make_shared<FileTensor>(std::move(tensor))};
}
/// One number, of the type of what it meets.
inline Imported number_value(double number) { return constant_value({.numbers = {number}, .integers = true}); }

inline IntegerType type_of(const Imported& value) { return value.constant ? value.constant->integers : value.integers; }

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
