#pragma once
/// Values of ONNX's cases as keel has them.

#include <keel/io/onnx/import_graph.hpp>

namespace keel_test {

using namespace keel;
using keel::io::onnx::BatchPlace;
using keel::io::onnx::FileAxes;
using keel::io::onnx::FileTensor;

inline Tensor<float> values_of(const FileTensor& from) {
  Tensor<float> tensor = Tensor<float>::uninitialized(Shape(std::span<const Index>(from.dims)));
  for (Index i = 0; i < tensor.size(); ++i) tensor[i] = static_cast<float>(from.numbers[to_size(i)]);
  return tensor;
}
/// As keel has it: the batch first, and the channels of images last.
inline Tensor<float> arranged(const FileTensor& from, const FileAxes& axes) {
  const BatchPlace& batch = axes.batch;
  if (!axes.images && batch.first()) return values_of(from);
  if (batch.whole()) {
    FileTensor sample = from;
    sample.dims.insert(sample.dims.begin(), 1);
    return values_of(sample);
  }
  FileTensor cut = from;  // the batch on an axis of its own
  std::vector<std::size_t> order{0};
  for (std::size_t i = 0; i < cut.dims.size(); ++i)
    if (i != to_size(batch.axis) && !(axes.images && i == 1)) order.push_back(i);
  if (axes.images) order.push_back(1);
  if (batch.inside() > 0) {
    const auto at = cut.dims.begin() + batch.axis;
    const Index samples = *at / (batch.before * batch.after);
    std::vector<Index> parts;
    if (batch.before > 1) parts.push_back(batch.before);
    parts.push_back(samples);
    if (batch.after > 1) parts.push_back(batch.after);
    cut.dims.insert(cut.dims.erase(at), parts.begin(), parts.end());
    order.assign(1, 0);
    for (std::size_t i = 0; i < cut.dims.size(); ++i)
      if (i != to_size(batch.axis + (batch.before > 1 ? 1 : 0))) order.push_back(i);
  }
  order[0] = to_size(batch.axis + (batch.before > 1 ? 1 : 0));
  return values_of(permuted(cut, order));
}

}  // namespace keel_test
