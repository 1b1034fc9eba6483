#pragma once
/// Nodes of ONNX's functions and branches in the place of those that call them.

#include <array>
#include <functional>
#include <map>
#include <set>

#include <keel/io/onnx/read.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// What copies of nodes take in memory, about.
inline std::uint64_t bytes_of(const FileGraph& graph);
inline std::uint64_t bytes_of(const FileNode& node) {
  std::uint64_t bytes = 2 * (sizeof(FileNode) + node.name.size() + node.op.size() + node.domain.size());
  for (const auto* list : {&node.inputs, &node.outputs})
    for (const std::string& each : *list) bytes += 2 * (sizeof(std::string) + each.size());
  for (const FileAttribute& each : node.attributes) {
    bytes += sizeof(FileAttribute) + each.name.size() + each.text.size() + 8 * each.integers.size();
    bytes += 4 * each.numbers.size() + (each.tensor ? 8 * each.tensor->numbers.size() : 0);
    for (const std::string& text : each.texts) bytes += sizeof(std::string) + text.size();
    if (each.branch) bytes += bytes_of(*each.branch);
  }
  return bytes;
}
inline std::uint64_t bytes_of(const FileGraph& graph) {
  std::uint64_t bytes = sizeof(FileGraph);
  for (const FileNode& node : graph.nodes) bytes += bytes_of(node);
  for (const FileTensor& tensor : graph.initializers) bytes += sizeof(FileTensor) + 8 * tensor.numbers.size();
  return bytes;
}

/// What each name of a node becomes.
using Renaming = std::function<std::string(const std::string&)>;
inline void rename(FileGraph& graph, const Renaming& to);
inline void rename(FileNode& node, const Renaming& to) {
  for (auto* list : {&node.inputs, &node.outputs})
    for (std::string& each : *list)
      if (!each.empty()) each = to(each);
  for (FileAttribute& attribute : node.attributes) {
    if (!attribute.branch) continue;
    FileGraph branch = *attribute.branch;
    rename(branch, to);
    attribute.branch = std::make_shared<FileGraph>(std::move(branch));
  }
}
inline void rename(FileGraph& graph, const Renaming& to) {
  for (FileNode& node : graph.nodes) rename(node, to);
  for (FileTensor& tensor : graph.initializers) tensor.name = to(tensor.name);
  for (FileValue& output : graph.outputs) output.name = to(output.name);
}
/// The attributes of a call, or the function's own values for them, where its nodes refer to them; those that have
/// neither are absent.
inline void resolve(FileNode& node, const FileNode& call, const FileFunction& function) {
  std::vector<FileAttribute> attributes;
  for (FileAttribute& attribute : node.attributes) {
    if (attribute.branch) {
      FileGraph branch = *attribute.branch;
      for (FileNode& each : branch.nodes) resolve(each, call, function);
      attribute.branch = std::make_shared<FileGraph>(std::move(branch));
    }
    if (!attribute.reference.empty()) {
      const FileAttribute* value = call.find(attribute.reference);
      for (const FileAttribute& each : function.defaults)
        if (!value && each.name == attribute.reference) value = &each;
      if (!value) continue;
      std::string name = std::move(attribute.name);
      attribute = *value;
      attribute.name = std::move(name);
    }
    attributes.push_back(std::move(attribute));
  }
  node.attributes = std::move(attributes);
}

/// Puts the nodes of functions where they are called. ONNX's own operators are what ONNX says, whatever a function of
/// their name does.
class FunctionCalls {
 public:
  explicit FunctionCalls(FileGraph& graph) : graph_(graph), room_(16 * graph.bytes + (std::uint64_t{8} << 20)) {
    for (const FileFunction& each : graph.functions)
      functions_.emplace(Key{each.domain, each.name, each.overload}, &each);
  }

  /// Throws FormatError for functions that call each other without end, and for more nodes than the file's size allows.
  void put_in_place() {
    if (!graph_.functions.empty()) graph_.nodes = expanded(std::move(graph_.nodes), 0);
  }

 private:
  static constexpr int most_nested = 32;

  /// Domain, name and overload.
  using Key = std::array<std::string, 3>;

  const FileFunction* called_by(const FileNode& node) const {
    if (node.domain.empty()) return nullptr;
    const auto found = functions_.find(Key{node.domain, node.op, node.overload});
    return found == functions_.end() ? nullptr : found->second;
  }
  [[noreturn]] void fail(const FileNode& call, const std::string& expected, const std::string& got) const {
    throw FormatError(graph_.where + ": " + call.op + " " + shown(call.who()), expected, got);
  }
  std::vector<FileNode> expanded(std::vector<FileNode> nodes, int depth) {
    std::vector<FileNode> all;
    for (FileNode& node : nodes) {
      for (FileAttribute& attribute : node.attributes) {
        if (!attribute.branch) continue;
        FileGraph branch = *attribute.branch;
        branch.nodes = expanded(std::move(branch.nodes), depth);
        attribute.branch = std::make_shared<FileGraph>(std::move(branch));
      }
      const FileFunction* const function = called_by(node);
      if (!function) {
        all.push_back(std::move(node));
        continue;
      }
      if (depth >= most_nested) fail(node, "functions nested at most 32 deep", "deeper ones");
      for (FileNode& each : expanded(body_of(*function, node), depth + 1)) all.push_back(std::move(each));
    }
    return all;
  }
  std::vector<FileNode> body_of(const FileFunction& function, const FileNode& call) {
    if (function.opset != 0 && function.opset != graph_.opset)
      fail(call, "a function of the model's opset " + std::to_string(graph_.opset), std::to_string(function.opset));
    if (call.inputs.size() > function.inputs.size() || call.outputs.size() > function.outputs.size())
      fail(call, "as many inputs and outputs as the function has", "more");
    const std::string prefix = call.who() + "/" + std::to_string(++count_) + "/";
    room_.charge(64 * (function.inputs.size() + function.outputs.size()), graph_.where);
    std::map<std::string, std::string> names;
    std::vector<FileNode> body;
    for (std::size_t i = 0; i < function.inputs.size(); ++i)
      names[function.inputs[i]] = i < call.inputs.size() ? call.inputs[i] : "";
    std::vector<FileNode> copies;
    for (std::size_t i = 0; i < call.outputs.size(); ++i) {
      if (call.outputs[i].empty()) continue;
      const auto [found, is_new] = names.emplace(function.outputs[i], call.outputs[i]);
      if (!is_new)  // an input, or an output that stands twice
        copies.push_back({.op = "Identity", .inputs = {found->second}, .outputs = {call.outputs[i]}});
    }
    const Renaming to = [&](const std::string& name) {
      const auto found = names.find(name);
      return found == names.end() ? prefix + name : found->second;
    };
    for (const FileNode& from : function.nodes) {
      room_.charge(bytes_of(from), graph_.where);
      FileNode& node = body.emplace_back(from);
      resolve(node, call, function);
      rename(node, to);
      if (!call.name.empty() && !node.name.empty()) node.name = call.name + "/" + node.name;
    }
    for (FileNode& each : copies) body.push_back(std::move(each));
    return body;
  }

  FileGraph& graph_;
  std::map<Key, const FileFunction*> functions_;
  Budget room_;
  int count_ = 0;
};

/// The nodes of a branch under names that no other value has.
inline FileGraph renamed_branch(const FileGraph& branch, const std::string& prefix) {
  std::set<std::string> own;
  for (const FileTensor& tensor : branch.initializers) own.insert(tensor.name);
  for (const FileNode& node : branch.nodes) own.insert(node.outputs.begin(), node.outputs.end());
  FileGraph renamed = branch;
  rename(renamed, [&](const std::string& name) { return own.contains(name) ? prefix + name : name; });
  return renamed;
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
