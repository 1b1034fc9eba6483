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
/// 0 where a mask is true, else -infinity.
template <class T>
Imported numbers_of_mask(OnnxImport<T>& to, const FileNode& node, const Imported& truth) {
  const Imported hidden = constant_value({.numbers = {-std::numeric_limits<double>::infinity()}});
  return function_of(to, node, "where", {truth, constant_value({.numbers = {0.0}}), hidden});
}
/// What is added to the scores (..., rows, columns): a mask, and -infinity where a query would see a later key, the
/// first `past` columns being before all queries. Throws FormatError for constants by which a query sees no key.
template <class T>
std::optional<Imported> attention_bias(OnnxImport<T>& to, const FileNode& node, Index rows, Index columns, Index past) {
  std::optional<Imported> bias;
  if (to.has(node, 3)) bias = to.settled(node, to.counted(node, 3));
  if (bias && (to.dims(*bias).empty() || to.dims(*bias).back() != columns))
    to.refuse(node, "a mask for " + std::to_string(columns) + " keys", "another");
  if (bias && type_of(*bias)) bias = numbers_of_mask(to, node, *bias);
  if (integer_or(node, "is_causal", 0) != 0) {
    FileTensor seen = to.empty(node, {rows, columns}, true);
    for (Index i = 0; i < rows * columns; ++i) seen.numbers.push_back(i % columns <= i / columns + past ? 1 : 0);
    const Imported later = numbers_of_mask(to, node, constant_value(std::move(seen)));
    bias = bias ? function_of(to, node, "add", {*bias, later}) : later;
  }
  if (!bias || !bias->constant) return bias;
  const std::vector<double>& numbers = bias->constant->numbers;
  for (auto row = numbers.begin(); row != numbers.end(); row += columns)
    if (std::all_of(row, row + columns, [](double each) { return each < 0 && std::isinf(each); }))
      to.refuse(node, "a key for each query", "none");
  return bias;
}
/// Keys or values of before in front of those of an input, (batch, heads, length, size).
template <class T>
Imported behind_past(OnnxImport<T>& to, const FileNode& node, std::size_t i, Imported x) {
  if (!to.has(node, i)) return x;
  const Imported past = ordered(to, node, i);
  const Index rank = to.sample(x).rank();
  if (past.batch != x.batch || to.sample(past).rank() != rank)
    to.refuse(node, "a past of the same heads", "another value");
  const Node both[] = {past.node, x.node};
  x.node = to.add_helper(node, Concatenate<T>({.axis = rank - 1}), std::span<const Node>(both));
  return x;
}
/// Each head `times` times, one behind the other.
template <class T>
Imported repeated_heads(OnnxImport<T>& to, const FileNode& node, Imported x, Index heads, Index times) {
  if (times == 1) return x;
  std::vector<Index> places;
  for (Index i = 0; i < heads * times; ++i) places.push_back(i / times);
  x.node = to.add_helper(node, Gather<T>(std::move(places), {.axis = to.sample(x).rank() - 2}), x.node);
  return x;
}
/// softmax(scale q k' + bias) v for each head, keys and values behind those of the past, which both are outputs; a q of
/// three axes gives three. The fourth output is the scores: 0 alone, 1 with the bias, 2 cut, 3 behind softmax.
template <class T>
void import_attention(OnnxImport<T>& to, const FileNode& node) {
  if (to.has(node, 6)) to.refuse(node, "keys of one length", "nonpad_kv_seqlen");
  const bool rows = to.dims(to.raw(node)).size() == 3;
  const Imported q = heads_of(to, node, 0, "q_num_heads");
  Imported k = heads_of(to, node, 1, "kv_num_heads"), v = heads_of(to, node, 2, "kv_num_heads");
  const Index fresh = to.dims(k)[2];
  k = behind_past(to, node, 4, std::move(k));
  v = behind_past(to, node, 5, std::move(v));
  const std::vector<Index> dims = to.dims(q), keys = to.dims(k);
  if (to.dims(v)[1] != keys[1] || keys[1] < 1 || dims[1] % keys[1] != 0)
    to.refuse(node, "heads of queries for each head of keys",
              std::to_string(dims[1]) + " for " + std::to_string(keys[1]));
  to.set(node, k, 1);
  to.set(node, v, 2);
  const Index times = dims[1] / keys[1], mode = integer_or(node, "qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3) to.refuse(node, "qk_matmul_output_mode from 0 to 3", std::to_string(mode));
  const double scale = number_or(node, "scale", 0), cap = number_or(node, "softcap", 0);
  Imported scores = product_of(to, node, q, repeated_heads(to, node, k, keys[1], times), {.transpose_b = true});
  const double factor = scale != 0 ? scale : 1 / std::sqrt(static_cast<double>(dims[3]));
  scores = function_of(to, node, "multiply", {scores, number_value(factor)});
  if (mode == 0) to.set(node, scores, 3);
  const std::optional<Imported> bias = attention_bias(to, node, dims[2], keys[2], keys[2] - fresh);
  if (cap != 0 && bias) to.refuse(node, "softcap without a mask", "one");
  if (bias) scores = function_of(to, node, "add", {scores, *bias});
  if (mode == 1) to.set(node, scores, 3);
  if (cap != 0) {
    const Imported most = number_value(cap);
    scores = function_of(to, node, "tanh", {function_of(to, node, "divide", {scores, most})});
    scores = function_of(to, node, "multiply", {scores, most});
  }
  if (mode == 2) to.set(node, scores, 3);
  scores.node = to.add(node, ActivationLayer<T>(Activation::softmax), scores.node);
  if (mode == 3) to.set(node, scores, 3);
  Imported made = product_of(to, node, scores, repeated_heads(to, node, v, keys[1], times));
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
