#pragma once
/// ONNX's If, whose condition has to be known when the file is read.

#include <keel/io/onnx/import.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

template <class T>
void import_node(OnnxImport<T>& to, const FileNode& node);

/// The nodes of the branch that is taken, in the place of the If.
template <class T>
void import_if(OnnxImport<T>& to, const FileNode& node) {
  const FileTensor& condition = to.constant(node, 0);
  if (condition.numbers.size() != 1) to.refuse(node, "one condition", std::to_string(condition.numbers.size()));
  const bool holds = to.integer(node, condition.numbers[0]) != 0;
  const FileAttribute* const taken = node.find(holds ? "then_branch" : "else_branch");
  if (!taken || !taken->branch) to.refuse(node, "two branches", "fewer");
  const FileGraph& branch = to.enter(node, *taken->branch);
  if (branch.outputs.size() < node.outputs.size())
    to.refuse(node, std::to_string(node.outputs.size()) + " outputs of its branch",
              std::to_string(branch.outputs.size()));
  for (const FileNode& each : branch.nodes) try {
      if (!to.done.contains(&each)) import_node(to, each);
    } catch (const Error& error) {
      to.refuse(node, "in its branch, " + each.op + " " + shown(each.who()) + ": " + error.expected(), error.got());
    }
  for (std::size_t i = 0; i < node.outputs.size(); ++i)
    to.set(node, to.found({.name = node.name, .op = node.op, .inputs = {branch.outputs[i].name}}), i);
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
