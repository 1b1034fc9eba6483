#pragma once
/// ONNX's operators that multiply matrices, of the model or computed.

#include <keel/io/onnx/import_dense.hpp>
#include <keel/io/onnx/import_functions.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// A value as a node, with these axes of the samples.
template <class T>
Node with_sample(OnnxImport<T>& to, const FileNode& node, Node x, const std::vector<Index>& dims) {
  const Shape& shape = to.sample({.node = x});
  if (std::equal(shape.begin(), shape.end(), dims.begin(), dims.end())) return x;
  return to.add_helper(node, Reshape<T>(dims), x);
}
/// The axes of a sample in another order, counted from 0.
template <class T>
Node with_order(OnnxImport<T>& to, const FileNode& node, Node x, std::vector<Index> order) {
  if (std::is_sorted(order.begin(), order.end())) return x;
  for (Index& axis : order) ++axis;
  return to.add_helper(node, Permute<T>(std::move(order)), x);
}

/// The product of the last two axes of a and b, each swapped first where asked; the others broadcast. Of samples, with
/// the batch before the matrices of both, or of values without a batch.
template <class T>
Imported product_of(OnnxImport<T>& to, const FileNode& node, const Imported& a, const Imported& b,
                    const MatMulOptions& options = {}) {
  const Imported* const values[] = {&a, &b};
  const Imported& like = a.constant ? b : a;
  if (a.constant && b.constant) to.refuse(node, "a computed input", "constants");
  const std::size_t ranks[] = {to.dims(a).size(), to.dims(b).size()};
  const std::size_t rank = (std::max)(ranks[0], ranks[1]);
  if (ranks[0] == 0 || ranks[1] == 0) to.refuse(node, "values of one axis or more", "one number");
  if (!like.batch.whole()) {
    const bool alike = a.constant || b.constant || (a.batch == b.batch && ranks[0] == ranks[1]);
    if (!alike || like.batch.axis + 2 >= count_of(to.dims(like)) || to.dims(like).size() != rank)
      to.refuse(node, "the batch before the matrices, on one axis of both", "another place");
  }
  std::vector<Node> x;
  for (std::size_t i = 0; i < 2; ++i) {
    const Imported& each = *values[i];
    x.push_back(each.constant
                    ? constant_node(to, node, sample_constant(to, node, *each.constant, rank, false, like.batch))
                    : to.plain(node, each));
    const Shape shape = to.sample({.node = x[i]});
    if (shape.rank() == 1 && ranks[i] == 1)
      x[i] = with_sample<T>(to, node, x[i], i == 0 ? std::vector<Index>{1, shape[0]} : std::vector<Index>{shape[0], 1});
  }
  Imported made{.node = to.add(node, MatMul<T>(options), std::span<const Node>(x)),
                .integers = common(type_of(a), type_of(b)),
                .batch = like.batch};
  const Shape shape = to.sample(made);
  std::vector<Index> left(shape.begin(), shape.end());
  if (ranks[1] == 1) left.pop_back();
  if (ranks[0] == 1) left.erase(left.end() - (ranks[1] == 1 ? 1 : 2));
  made.node = with_sample(to, node, made.node, left);
  return made;
}

/// The Dense of a product with a constant B, and with a bias that is one row, if there is one.
template <class T>
Imported gemm_layer(OnnxImport<T>& to, const FileNode& node, const Imported& a, const FileTensor& b,
                    const FileTensor* c) {
  FileTensor kernel = integer_or(node, "transB", 0) != 0 ? permuted(b, {1, 0}) : b;
  for (double& number : kernel.numbers) number *= number_or(node, "alpha", 1);
  std::optional<FileTensor> bias;
  if (c) bias = *c;
  if (c)
    for (double& number : bias->numbers) number *= number_or(node, "beta", 1);
  const IntegerType integers = common(a.integers, b.integers);
  return {
      .node = dense(to, node, a, std::move(kernel), bias ? &*bias : nullptr), .integers = integers, .batch = a.batch};
}
/// alpha A' B' + beta C. With constants as B and C a Dense.
template <class T>
void import_gemm(OnnxImport<T>& to, const FileNode& node) {
  const bool turn_a = integer_or(node, "transA", 0) != 0, turn_b = integer_or(node, "transB", 0) != 0;
  const double alpha = number_or(node, "alpha", 1), beta = number_or(node, "beta", 1);
  const Imported a = to.counted(node), b = to.counted(node, 1);
  if (to.dims(a).size() != 2 || to.dims(b).size() != 2) to.refuse(node, "matrices", "values of other axes");
  std::optional<Imported> c;
  if (to.has(node, 2)) c = to.counted(node, 2);
  const bool row = !c || (c->constant && (c->constant->numbers.size() == 1 || c->constant->dims.size() == 1 ||
                                          (c->constant->dims.size() == 2 && c->constant->dims[0] == 1)));
  Imported made;
  if (b.constant && !a.constant && !turn_a && a.batch.axis <= 0) {
    made = gemm_layer(to, node, a, *b.constant, c && row ? c->constant.get() : nullptr);
    if (row) return to.set(node, std::move(made));
  } else {
    made = product_of(to, node, a, b, {.transpose_a = turn_a, .transpose_b = turn_b});
    if (alpha != 1) made = function_of(to, node, "multiply", {made, number_value(alpha)});
  }
  if (c && beta != 1) *c = function_of(to, node, "multiply", {*c, number_value(beta)});
  to.set(node, c ? function_of(to, node, "add", {made, *c}) : made);
}
template <class T>
void import_matmul(OnnxImport<T>& to, const FileNode& node) {
  const Imported x = to.counted(node), other = to.counted(node, 1);
  const bool matrix = other.constant && other.constant->dims.size() == 2;
  if (x.constant || !matrix) return to.set(node, product_of(to, node, to.settled(node, x), to.settled(node, other)));
  const FileTensor& kernel = *other.constant;
  const FileNode* const next = to.constant_follower(node, "Add");
  const FileTensor* bias = nullptr;
  if (next) {
    const FileTensor& added = to.other_constant(*next, node.outputs[0]);
    if (added.dims.size() <= to.dims(x).size() && !added.dims.empty() && added.dims.back() == kernel.dims[1] &&
        added.numbers.size() == to_size(kernel.dims[1]))
      bias = &added;
  }
  const Imported result{
      .node = dense(to, node, x, kernel, bias), .integers = common(x.integers, kernel.integers), .batch = x.batch};
  to.set(node, result);
  if (!bias) return;
  to.done.insert(next);
  to.set(*next, result);
}

/// The axes of Einsum's operands and result, a letter each.
struct Equation {
  std::vector<std::string> inputs = {};
  std::string output = {};
};
/// An equation with letters in the place of "...": the last of them for the last of those axes.
template <class T>
std::string without_dots(OnnxImport<T>& to, const FileNode& node, std::string text) {
  std::string unused;
  for (char letter = 'A'; letter <= 'Z'; ++letter)
    if (text.find(letter) == std::string::npos) unused += letter;
  std::size_t input = 0, most = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = (std::min)(text.find_first_of(",-", at), text.size()), dots = text.find("...", at);
    if (dots < end) {
      const bool result = at > 0 && text[at - 1] == '>';
      const std::size_t rank = result ? 0 : to.dims(to.counted(node, input)).size(), letters = end - at - 3;
      const std::size_t axes = result ? most : rank - (std::min)(rank, letters);
      if (axes > unused.size()) to.refuse(node, "an equation of fewer letters", shown(text));
      most = (std::max)(most, axes);
      text.replace(dots, 3, unused.substr(unused.size() - axes));
      at = end + axes - 3;
    } else {
      at = end;
    }
    at += text.compare(at, 2, "->") == 0 ? 2U : 1U;
    ++input;
  }
  return text;
}
template <class T>
Equation equation_of(OnnxImport<T>& to, const FileNode& node) {
  std::string text = text_or(node, "equation", "");
  std::erase(text, ' ');
  if (text.find("->") != text.npos) text = without_dots(to, node, std::move(text));
  Equation equation;
  const std::size_t arrow = text.find("->");
  std::string left = text.substr(0, arrow);
  for (std::size_t comma; (comma = left.find(',')) != left.npos; left.erase(0, comma + 1))
    equation.inputs.push_back(left.substr(0, comma));
  equation.inputs.push_back(left);
  if (arrow != text.npos) equation.output = text.substr(arrow + 2);
  std::map<char, int> counts;
  for (const std::string& input : equation.inputs)
    for (const char letter : input) ++counts[letter];
  if (arrow == text.npos)
    for (const auto& [letter, count] : counts)
      if (count == 1) equation.output += letter;
  for (std::string list : equation.inputs) {
    std::sort(list.begin(), list.end());
    const bool once = std::adjacent_find(list.begin(), list.end()) == list.end();
    if (!once || std::any_of(list.begin(), list.end(),
                             [](char c) { return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')); }))
      to.refuse(node, "an equation of letters, each once an input", shown(text));
  }
  std::string sorted = equation.output;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end() ||
      std::any_of(sorted.begin(), sorted.end(), [&](char c) { return !counts.contains(c); }))
    to.refuse(node, "letters of the inputs in the result, each once", shown(text));
  return equation;
}
/// An operand of Einsum: a letter for each axis of its samples.
struct Lettered {
  Node node = {};
  std::string letters = {};

  bool has(char letter) const { return letters.find(letter) != std::string::npos; }
};
/// With its axes in the order of the letters.
template <class T>
Node sorted_as(OnnxImport<T>& to, const FileNode& node, const Lettered& x, const std::string& wanted) {
  std::vector<Index> order;
  for (const char letter : wanted) order.push_back(static_cast<Index>(x.letters.find(letter)));
  return with_order(to, node, x.node, order);
}
/// The letters of the samples' axes alone, where the batch has the first of all.
template <class T>
void leave_batch(OnnxImport<T>& to, const FileNode& node, const std::vector<Imported>& x, Equation& e) {
  if ((x[0].constant ? x.back() : x[0]).batch.whole()) return;
  bool first = !e.output.empty();
  for (std::size_t i = 0; first && i < x.size(); ++i)
    first = x[i].constant ? e.inputs[i].find(e.output[0]) == std::string::npos
                          : x[i].batch.first() && e.inputs[i][0] == e.output[0];
  if (!first) to.refuse(node, "the batch first in inputs and result", "another place");
  e.output.erase(0, 1);
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!x[i].constant) e.inputs[i].erase(0, 1);
}
/// Summed along the axes that neither the result nor the other input has.
template <class T>
Lettered summed_alone(OnnxImport<T>& to, const FileNode& node, const Lettered& x, const std::string& kept) {
  std::vector<Index> axes;
  Lettered made{x.node};
  for (std::size_t k = 0; k < x.letters.size(); ++k)
    if (kept.find(x.letters[k]) == std::string::npos)
      axes.push_back(static_cast<Index>(k) + 1);
    else
      made.letters += x.letters[k];
  if (!axes.empty()) made.node = to.add(node, Reduce<T>("sum", {.axes = axes}), x.node);
  return made;
}
/// The product of two operands as one of matrices: axes of both, of the first alone, those that are summed over, of the
/// second alone.
template <class T>
Node product_of_letters(OnnxImport<T>& to, const FileNode& node, const Lettered& a, const Lettered& b,
                        const std::string& output) {
  std::map<char, Index> extents;
  for (const Lettered* const each : {&a, &b})
    for (std::size_t k = 0; k < each->letters.size(); ++k) {
      const Index extent = to.sample({.node = each->node})[static_cast<Index>(k)];
      if (extents.emplace(each->letters[k], extent).first->second != extent)
        to.refuse(node, "one extent for each letter", std::to_string(extent));
    }
  std::string both, rows, columns, depth;
  for (const char letter : output) (a.has(letter) && b.has(letter) ? both : a.has(letter) ? rows : columns) += letter;
  for (const char letter : a.letters)
    if (output.find(letter) == std::string::npos) depth += letter;
  const auto matrices = [&](const Lettered& x, const std::string& second, const std::string& third) {
    std::vector<Index> dims;
    for (const char letter : both) dims.push_back(extents[letter]);
    for (const std::string* const side : {&second, &third}) {
      dims.push_back(1);
      for (const char letter : *side) dims.back() *= extents[letter];
    }
    return with_sample(to, node, sorted_as(to, node, x, both + second + third), dims);
  };
  const Node factors[] = {matrices(a, rows, depth), matrices(b, depth, columns)};
  Lettered made{to.add(node, MatMul<T>(), std::span<const Node>(factors)), both + rows + columns};
  std::vector<Index> dims;
  for (const char letter : made.letters) dims.push_back(extents[letter]);
  made.node = with_sample(to, node, made.node, dims);
  return sorted_as(to, node, made, output);
}
/// The product of an operand and a constant as a Dense, where they share only letters that are summed over.
template <class T>
std::optional<Node> dense_of_letters(OnnxImport<T>& to, const FileNode& node, const Lettered& x,
                                     const FileTensor& constant, const std::string& letters,
                                     const std::string& output) {
  std::string rest, depth, units;
  for (const char letter : x.letters) (letters.find(letter) == std::string::npos ? rest : depth) += letter;
  for (const char letter : letters)
    if (!x.has(letter)) units += letter;
  const bool fits = !depth.empty() && depth.find_first_of(output) == std::string::npos &&
                    (rest + units).find_first_not_of(output) == std::string::npos;
  if (!fits) return std::nullopt;
  std::vector<std::size_t> order;
  std::vector<Index> from, made;
  Index rows = 1, columns = 1;
  for (const char letter : rest)
    from.push_back(to.sample({.node = x.node})[static_cast<Index>(x.letters.find(letter))]);
  made = from;
  for (const char letter : depth + units) {
    order.push_back(letters.find(letter));
    const Index extent = constant.dims[order.back()];
    if (x.has(letter) && to.sample({.node = x.node})[static_cast<Index>(x.letters.find(letter))] != extent)
      to.refuse(node, "one extent for each letter", std::to_string(extent));
    (x.has(letter) ? rows : columns) *= extent;
    if (!x.has(letter)) made.push_back(extent);
  }
  FileTensor kernel = permuted(constant, order);
  kernel.dims = {rows, columns};
  from.push_back(rows);
  const Node flat = with_sample(to, node, sorted_as(to, node, x, rest + depth), from);
  const Node product = dense(to, node, {.node = flat}, std::move(kernel), nullptr);
  return sorted_as(to, node, {with_sample(to, node, product, made), rest + units}, output);
}
/// Sums and products of one input or two, as sums, transposes and products of matrices.
template <class T>
void import_einsum(OnnxImport<T>& to, const FileNode& node) {
  Equation e = equation_of(to, node);
  if (e.inputs.size() != node.inputs.size() || e.inputs.size() > 2)
    to.refuse(node, "an equation of one input or two", std::to_string(e.inputs.size()));
  std::vector<Imported> x;
  for (std::size_t i = 0; i < e.inputs.size(); ++i) {
    x.push_back(to.settled(node, to.counted(node, i)));
    if (to.dims(x[i]).size() != e.inputs[i].size())
      to.refuse(node, std::to_string(e.inputs[i].size()) + " axes", std::to_string(to.dims(x[i]).size()));
  }
  leave_batch(to, node, x, e);
  const auto part = [&](std::size_t i) {
    const Node from = x[i].constant ? constant_node(to, node, *x[i].constant) : to.plain(node, x[i]);
    return summed_alone(to, node, {from, e.inputs[i]}, e.output + (x.size() > 1 ? e.inputs[1 - i] : std::string()));
  };
  std::vector<Lettered> parts(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!x[i].constant) parts[i] = part(i);
  if (x.size() == 2 && (x[0].constant == nullptr) != (x[1].constant == nullptr)) {
    const std::size_t k = x[0].constant ? 0 : 1;
    const std::optional<Node> made = dense_of_letters(to, node, parts[1 - k], *x[k].constant, e.inputs[k], e.output);
    if (made)
      return to.set(node,
                    Imported{.node = *made, .integers = common(type_of(x[0]), type_of(x[1])), .batch = x[1 - k].batch});
  }
  for (std::size_t i = 0; i < x.size(); ++i)
    if (x[i].constant) parts[i] = part(i);
  if (x.size() == 1)
    return to.set(
        node,
        Imported{.node = sorted_as(to, node, parts[0], e.output), .integers = x[0].integers, .batch = x[0].batch});
  to.set(node, Imported{.node = product_of_letters(to, node, parts[0], parts[1], e.output),
                        .integers = common(type_of(x[0]), type_of(x[1])),
                        .batch = (x[0].constant ? x[1] : x[0]).batch});
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
