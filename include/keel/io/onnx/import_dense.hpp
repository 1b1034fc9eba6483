#pragma once
/// ONNX's operators that multiply by a matrix, or by numbers of each channel.

#include <keel/io/onnx/import.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

template <class T>
void import_batch_norm(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.settled(node, to.in(node));
  if (x.constant) to.refuse(node, "a computed input", "a constant");
  if (integer_or(node, "spatial", 1) != 1) to.refuse(node, "spatial = 1", "0");
  if (to.opset() < 7 && integer_or(node, "is_test", 0) == 0) to.refuse(node, "is_test = 1", "0");
  to.refuse_statistics(node);
  const Index rank = to.sample(x).rank();
  const bool row = rank == 2 && !x.images;  // of a sequence: as it is
  const Node made = to.add(node,
                           BatchNorm<T>({.axis = row ? 1 : -1,
                                         .momentum = number_or(node, "momentum", 0.9),
                                         .epsilon = number_or(node, "epsilon", 1e-5),
                                         .moving_variance = to.options().moving_variance}),
                           rank > 2 ? to.images(node, x, rank - 1) : x.node);
  to.weigh(node, "gamma", to.constant(node, 1));
  to.weigh(node, "beta", to.constant(node, 2));
  to.weigh(node, "moving_mean", to.constant(node, 3));
  to.weigh(node, "moving_variance", to.constant(node, 4));
  to.set(node, Imported{.node = made, .images = x.images || rank > 2});
}

/// x W + b. Rows of W for features in ONNX's order (c, ...) go to keel's.
template <class T>
Node dense(OnnxImport<T>& to, const FileNode& node, const Imported& x, FileTensor kernel, const FileTensor* bias) {
  if (kernel.dims.size() != 2 || kernel.numbers.empty())
    to.refuse(node, "a matrix", std::to_string(kernel.dims.size()) + " axes");
  const Index units = kernel.dims[1], rows = kernel.dims[0];
  const auto dims = to.dims(x);
  const Index features = dims.size() < (x.batch.whole() ? 1 : 2) ? 0 : dims.back();
  if (features != rows)
    to.refuse(node, "as many rows as features", std::to_string(rows) + " and " + std::to_string(features));
  if (x.features.rank() > 0) {
    const Shape& f = x.features;
    const std::size_t last = to_size(f.rank() - 1);
    kernel.dims = {f.back()};
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < last; ++i) {
      kernel.dims.push_back(f[static_cast<Index>(i)]);
      order.push_back(i + 1);
    }
    kernel.dims.push_back(units);
    order.push_back(0);
    order.push_back(last + 1);
    kernel = permuted(kernel, order);
    kernel.dims = {rows, units};
  }
  const Node from = x.features.rank() > 0 ? x.node : to.plain(node, x);
  const Node made = to.add(node, Dense<T>(units, {.use_bias = bias != nullptr}), from);
  to.weigh(node, "kernel", kernel);
  if (bias) {
    FileTensor each = *bias;
    if (each.numbers.size() == 1) each.numbers.assign(to_size(units), each.numbers[0]);
    if (each.numbers.size() != to_size(units) || (bias->numbers.size() > 1 && bias->dims.back() != units))
      to.refuse(node, "a bias of " + std::to_string(units) + " values", std::to_string(bias->numbers.size()));
    each.dims = {units};
    to.weigh(node, "bias", each);
  }
  return made;
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
