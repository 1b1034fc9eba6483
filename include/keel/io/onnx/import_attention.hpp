#pragma once
/// ONNX's operator Attention, as the products that it is made of.

#include <keel/io/onnx/import_choices.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// (batch, length, heads size) as (batch, heads, length, size), which four axes are already.
template <class T>
Imported heads_of(OnnxImport<T>& to, const FileNode& node, std::size_t i, const char* attribute) {
  Imported x = ordered(to, node, i);
  const std::vector<Index> dims = to.dims(x);
  if (dims.size() == 4) return x;
  const Index heads = integer_or(node, attribute, 0);
  if (dims.size() != 3 || heads < 1 || dims[2] % heads != 0)
    to.refuse(node, "values of four axes, or of three and how many heads they have", std::to_string(dims.size()));
  const Index first = x.batch.whole() ? 1 : 0;
  std::vector<Index> cut(dims.begin() + 1, dims.end() - 1), order{1, 0, 2};
  if (first == 1) cut.insert(cut.begin(), dims[0]);
  if (first == 1) order = {0, 2, 1, 3};
  cut.insert(cut.end(), {heads, dims[2] / heads});
  x.node = with_order(to, node, with_sample(to, node, x.node, cut), order);
  return x;
}
/// 0 where a mask is true, else -infinity. Throws FormatError for a query that would see no key.
template <class T>
FileTensor numbers_of_mask(OnnxImport<T>& to, const FileNode& node, const FileTensor& truth) {
  constexpr double hidden = -std::numeric_limits<double>::infinity();
  FileTensor made = to.empty(node, truth.dims, false);
  for (const double each : truth.numbers) made.numbers.push_back(each != 0 ? 0 : hidden);
  const Index width = truth.dims.empty() ? 1 : truth.dims.back();
  for (Index at = 0; at < count_of(made.numbers); at += width) {
    const auto row = made.numbers.begin() + at;
    if (std::count(row, row + width, hidden) == width) to.refuse(node, "a key for each query", "none");
  }
  return made;
}
/// What is added to the scores (..., rows, columns): a mask, and -infinity behind the diagonal where a query sees no
/// later key.
template <class T>
std::optional<Imported> attention_bias(OnnxImport<T>& to, const FileNode& node, Index rows, Index columns) {
  std::optional<Imported> bias;
  if (to.has(node, 3)) bias = to.counted(node, 3);
  if (bias && type_of(*bias)) bias = constant_value(numbers_of_mask(to, node, to.constant(node, 3)));
  if (integer_or(node, "is_causal", 0) == 0) return bias;
  if (bias || rows != columns) to.refuse(node, "is_causal without a mask, for as many queries as keys", "others");
  FileTensor seen = to.empty(node, {rows, columns}, false);
  for (Index i = 0; i < rows * columns; ++i) seen.numbers.push_back(i % columns <= i / columns ? 1 : 0);
  return constant_value(numbers_of_mask(to, node, seen));
}
/// softmax(scale q k' + bias) v for each head; a q of three axes gives three.
template <class T>
void import_attention(OnnxImport<T>& to, const FileNode& node) {
  for (std::size_t i = 4; i < node.inputs.size(); ++i)
    if (to.has(node, i)) to.refuse(node, "no past and no lengths", "some");
  for (std::size_t i = 1; i < node.outputs.size(); ++i)
    if (to.used(node, i)) to.refuse(node, "no use but of the first output", shown(node.outputs[i]));
  const bool rows = to.dims(to.raw(node)).size() == 3;
  const Imported q = heads_of(to, node, 0, "q_num_heads"), k = heads_of(to, node, 1, "kv_num_heads"),
                 v = heads_of(to, node, 2, "kv_num_heads");
  const std::vector<Index> dims = to.dims(q), keys = to.dims(k);
  if (dims[1] != keys[1]) to.refuse(node, "as many heads of queries as of keys", std::to_string(keys[1]));
  const double scale = number_or(node, "scale", 0), cap = number_or(node, "softcap", 0);
  Imported scores = product_of(to, node, q, k, {.transpose_b = true});
  const double factor = scale != 0 ? scale : 1 / std::sqrt(static_cast<double>(dims[3]));
  scores = function_of(to, node, "multiply", {scores, number_value(factor)});
  const std::optional<Imported> bias = attention_bias(to, node, dims[2], keys[2]);
  if (cap != 0) {
    if (bias) to.refuse(node, "softcap without a mask", "one");
    const Imported most = number_value(cap);
    scores = function_of(to, node, "tanh", {function_of(to, node, "divide", {scores, most})});
    scores = function_of(to, node, "multiply", {scores, most});
  }
  if (bias) scores = function_of(to, node, "add", {scores, *bias});
  scores.node = to.add(node, ActivationLayer<T>(Activation::softmax), scores.node);
  Imported made = product_of(to, node, scores, v);
  if (rows) {
    const Index first = made.batch.whole() ? 1 : 0;
    std::vector<Index> order{1, 0, 2}, joined{dims[2], dims[1] * to.dims(v)[3]};
    if (first == 1) order = {0, 2, 1, 3};
    if (first == 1) joined.insert(joined.begin(), dims[0]);
    made.node = with_sample(to, node, with_order(to, node, made.node, order), joined);
  }
  to.set(node, std::move(made));
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
