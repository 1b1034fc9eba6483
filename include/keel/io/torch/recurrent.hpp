#pragma once
/// The tensors of PyTorch's LSTM, GRU and RNN as keel has them, and back: one bias where PyTorch has two that are
/// added, GRU's gates in the order z, r, n, and each of several layers in one module as a module of its own.

#include <optional>

#include <keel/formats/archive.hpp>
#include <keel/tensor/tensor.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

namespace recurrent {

/// "gru.weight_hh_l1_reverse" in parts: "gru", "weight_hh", 1, "_reverse".
struct RecurrentName {
  std::string module, role, reverse;
  Index layer = 0;
};
inline std::optional<RecurrentName> recurrent_name(const std::string& name) {
  RecurrentName parts;
  const std::size_t dot = name.rfind('.');
  parts.module = dot == name.npos ? "" : name.substr(0, dot);
  std::string rest = dot == name.npos ? name : name.substr(dot + 1);
  if (rest.ends_with("_reverse")) {
    parts.reverse = "_reverse";
    rest.resize(rest.size() - parts.reverse.size());
  }
  for (const char* role : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}) {
    const std::string prefix = std::string(role) + "_l";
    if (!rest.starts_with(prefix) || rest.size() == prefix.size() || rest.size() > prefix.size() + 3) continue;
    for (std::size_t i = prefix.size(); i < rest.size(); ++i) {
      if (rest[i] < '0' || rest[i] > '9') return std::nullopt;
      parts.layer = parts.layer * 10 + (rest[i] - '0');
    }
    parts.role = role;
    return parts;
  }
  return std::nullopt;
}

/// Swaps the first two of three blocks of rows: r, z, n and z, r, n.
inline void swap_gates(NamedArray& array) {
  fetch(array);
  const std::size_t block = array.bytes.size() / 3;
  if (array.bytes.size() != 3 * block) return;
  std::swap_ranges(array.bytes.begin(), array.bytes.begin() + static_cast<std::ptrdiff_t>(block),
                   array.bytes.begin() + static_cast<std::ptrdiff_t>(block));
}
inline NamedArray* find_array(Archive& archive, const std::string& name) {
  for (NamedArray& array : archive.tensors)
    if (array.name == name) return &array;
  return nullptr;
}
/// How many gates a recurrent weight (gates units, units) has; 0: none.
inline Index gates_of(const NamedArray& kernel) {
  const Shape& shape = kernel.shape;
  return shape.rank() == 2 && shape[1] > 0 && shape[0] % shape[1] == 0 ? shape[0] / shape[1] : 0;
}

}  // namespace recurrent

/// Changes a state dict that was read. Modules with projections stay as they are, and nothing takes them.
inline void take_recurrent(Archive& archive) {
  std::vector<std::string> roots;  // of the recurrent weights, "gru.weight_hh_l0"
  for (const NamedArray& array : archive.tensors)
    if (const auto name = recurrent::recurrent_name(array.name); name && name->role == "weight_hh")
      roots.push_back(array.name);
  for (const std::string& root : roots) {
    const recurrent::RecurrentName name = *recurrent::recurrent_name(root);
    const Index gates = recurrent::gates_of(*recurrent::find_array(archive, root));
    const auto other = [&](const char* role) {
      return (name.module.empty() ? "" : name.module + ".") + role + "_l" + std::to_string(name.layer) + name.reverse;
    };
    NamedArray* const input = recurrent::find_array(archive, other("weight_ih"));
    if (!input || (gates != 1 && gates != 3 && gates != 4)) continue;
    if (gates == 3)
      for (const char* role : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"})
        if (NamedArray* const array = recurrent::find_array(archive, other(role))) recurrent::swap_gates(*array);
    NamedArray* const first = recurrent::find_array(archive, other("bias_ih"));
    NamedArray* const second = recurrent::find_array(archive, other("bias_hh"));
    if (first && second && first->shape == second->shape && first->dtype == second->dtype) {
      if (gates == 3) {
        first->shape = Shape{2, first->shape.size()};
        first->bytes.insert(first->bytes.end(), second->bytes.begin(), second->bytes.end());
      } else {
        const bool twice = first->dtype == DType::f64;
        const auto add = [&](auto zero) {
          using V = decltype(zero);
          Tensor<V> sum = to_tensor<V>(*first, archive.where);
          sum.array() += to_tensor<V>(*second, archive.where).array();
          *first = to_array(first->name, sum);
        };
        twice ? add(double{}) : add(float{});
      }
      const std::string gone = second->name;
      std::erase_if(archive.tensors, [&](const NamedArray& array) { return array.name == gone; });
    }
    if (name.layer > 0)
      for (NamedArray& array : archive.tensors)
        if (const auto each = recurrent::recurrent_name(array.name);
            each && each->module == name.module && each->layer == name.layer && each->reverse == name.reverse)
          array.name = name.module + "_l" + std::to_string(name.layer) + "." + each->role + "_l0" + each->reverse;
  }
}

/// Changes a state dict that is to be written: GRU's weights, known by their bias (2, 3 units).
inline void give_recurrent(Archive& archive) {
  std::vector<NamedArray> all;
  for (NamedArray& array : archive.tensors) {
    const auto name = recurrent::recurrent_name(array.name);
    const std::string root = name && !name->module.empty() ? name->module + ".weight_hh_l0" + name->reverse : "";
    const auto kernel = std::find_if(archive.tensors.begin(), archive.tensors.end(),
                                     [&](const NamedArray& each) { return each.name == root; });
    if (!name || kernel == archive.tensors.end() || recurrent::gates_of(*kernel) != 3) {
      all.push_back(array);
      continue;
    }
    if (array.shape.rank() != 2 || name->role != "bias_ih") {
      all.push_back(array);
      recurrent::swap_gates(all.back());
      continue;
    }
    const std::size_t half = array.bytes.size() / 2;
    for (const char* role : {"bias_ih", "bias_hh"}) {
      const bool first = role == std::string_view("bias_ih");
      const auto from = array.bytes.begin() + static_cast<std::ptrdiff_t>(first ? 0 : half);
      NamedArray part{name->module + "." + role + "_l0" + name->reverse, array.dtype, Shape{array.shape[1]},
                      Bytes(from, from + static_cast<std::ptrdiff_t>(half))};
      recurrent::swap_gates(part);
      all.push_back(std::move(part));
    }
  }
  archive.tensors = std::move(all);
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
