/// Runs ONNX's own tests of operators: `operator_cases DIRECTORY...`, each of them of Debian's libonnx-testdata
/// (/usr/share/libonnx-testdata/data/node and its neighbours). Prints passed, failed and unsupported by operator, and
/// what failed; ends with 1 if something failed.
///
/// Inputs other than the data are made constants first, as a model of keel's has weights, axes and shapes of its own.

#include <cstdio>
#include <filesystem>

#include "io/onnx/case_values.hpp"

using namespace keel;
using namespace keel::io::onnx;
using keel_test::arranged;

namespace {

struct Case {
  FileGraph graph;
  std::vector<FileTensor> inputs, outputs;
};
struct Counts {
  int passed = 0, failed = 0, unsupported = 0, random = 0;
};

FileTensor tensor_in(const std::string& path) {
  const Bytes bytes = read_file(path);
  formats::ProtobufFile file{.bytes = bytes, .where = path};
  ExternalFiles none;
  return read_tensor(formats::ProtobufMessage(file), none);
}
std::vector<FileTensor> tensors_in(const std::string& directory, const char* kind) {
  std::vector<FileTensor> tensors;
  for (int i = 0;; ++i) {
    const std::string path = directory + "/test_data_set_0/" + kind + "_" + std::to_string(i) + ".pb";
    if (!std::filesystem::exists(path)) return tensors;
    tensors.push_back(tensor_in(path));
  }
}
/// Debian's data hold bfloat16 as the bits of integers.
FileTensor from_bits(FileTensor from) {
  for (double& number : from.numbers)
    number = static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(number) << 16));
  from.integers = false;
  return from;
}
/// Whether the operator draws numbers at random, so that no outcome is the right one.
bool is_random(const std::string& directory, const FileGraph& graph) {
  const bool drops =
      directory.find("training_dropout") != directory.npos && directory.find("zero_ratio") == directory.npos;
  return drops || std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const FileNode& node) {
           return node.op == "Bernoulli" || node.op.starts_with("Random");
         });
}

/// The largest error of the case with these inputs as data and the others as constants, against 1e-3 relative and 1e-7
/// absolute, the bounds of ONNX's own runner: at most 1 is right.
double error_of(const Case& test, const std::vector<bool>& data) {
  FileGraph graph = test.graph;
  std::vector<FileValue> inputs;
  std::vector<FileTensor> given;
  for (std::size_t i = 0, next = 0; i < graph.inputs.size(); ++i) {
    const bool initializer = std::any_of(graph.initializers.begin(), graph.initializers.end(),
                                         [&](const FileTensor& t) { return t.name == graph.inputs[i].name; });
    if (initializer || next >= test.inputs.size()) continue;
    const bool brain = graph.inputs[i].type == static_cast<std::int64_t>(DataType::bf16);
    FileTensor tensor = brain && test.inputs[next].integers ? from_bits(test.inputs[next]) : test.inputs[next];
    if (data[next++]) {
      inputs.push_back(graph.inputs[i]);
      given.push_back(std::move(tensor));
      continue;
    }
    tensor.name = graph.inputs[i].name;
    graph.initializers.push_back(std::move(tensor));
  }
  graph.inputs = inputs;
  ImportedModel<float> made = import_graph<float>(std::move(graph), {});
  std::vector<Tensor<float>> x;
  for (std::size_t i = 0; i < given.size(); ++i) x.push_back(arranged(given[i], made.inputs[i]));
  if (x.empty()) x.emplace_back(Shape{1, 1});  // of a graph that has no inputs: one sample
  const std::vector<TensorView<const float>> views(x.begin(), x.end());
  Tape<float> tape;
  const auto y = made.model.forward(Inputs<float>(views.data(), views.size()), tape, false);
  double worst = 0;
  for (std::size_t k = 0; k < made.outputs.size() && k < test.outputs.size(); ++k) {
    const bool brain = test.graph.outputs[k].type == static_cast<std::int64_t>(DataType::bf16);
    const Tensor<float> right =
        arranged(brain && test.outputs[k].integers ? from_bits(test.outputs[k]) : test.outputs[k], made.outputs[k]);
    const Tensor<float> got(y[k]);
    const double relative = brain ? 0x1p-7 : 1e-3;  // keel computes on in float
    if (got.shape() != right.shape()) return 1e30;
    for (Index i = 0; i < right.size(); ++i) {
      if (std::isnan(right[i]) && std::isnan(got[i])) continue;
      if (right[i] == got[i]) continue;
      const double error = std::abs(double{right[i]} - double{got[i]}) / (1e-6 + relative * std::abs(double{right[i]}));
      if (!(error <= worst)) worst = error;
    }
  }
  return worst;
}

/// Data is every input; if the graph refuses that, every one of real numbers, then each alone.
double error_of(const Case& test, std::string& refusal) {
  std::vector<std::vector<bool>> ways;
  std::vector<bool> reals;
  for (const FileTensor& input : test.inputs) reals.push_back(!input.integers);
  ways.emplace_back(reals.size(), true);
  ways.push_back(reals);
  for (std::size_t i = 0; i < reals.size(); ++i) {
    ways.emplace_back(reals.size(), false);
    ways.back()[i] = true;
  }
  for (const std::vector<bool>& way : ways) try {
      return error_of(test, way);
    } catch (const Error& error) {
      if (refusal.empty()) refusal = error.what();
    }
  return -1;
}

}  // namespace

int main(int count, char** arguments) {
  std::map<std::string, Counts> operators;
  Counts sum;
  for (int i = 1; i < count; ++i) {
    std::vector<std::string> directories;
    for (const auto& entry : std::filesystem::directory_iterator(arguments[i]))
      if (std::filesystem::exists(entry.path() / "model.onnx")) directories.push_back(entry.path());
    std::sort(directories.begin(), directories.end());
    for (const std::string& directory : directories) {
      std::string op = "(unread)", refusal;
      double error = -1;
      try {
        const std::string path = directory + "/model.onnx";
        Case test{.graph = read_onnx(read_file(path), path)};
        op = test.graph.nodes.size() == 1 ? test.graph.nodes[0].op : "(several)";
        test.inputs = tensors_in(directory, "input");
        test.outputs = tensors_in(directory, "output");
        if (is_random(directory, test.graph)) {
          ++operators[op].random;
          ++sum.random;
          continue;
        }
        error = error_of(test, refusal);
      } catch (const Error& refused) {
        refusal = refused.what();
      }
      Counts& each = operators[op];
      if (error < 0) {
        ++each.unsupported;
        ++sum.unsupported;
        std::printf("unsupported %s: %s\n", directory.c_str(), refusal.c_str());
      } else if (error <= 1) {
        ++each.passed;
        ++sum.passed;
      } else {
        ++each.failed;
        ++sum.failed;
        std::printf("failed %s: %g times the bound\n", directory.c_str(), error);
      }
    }
  }
  const auto line = [](const char* op, const Counts& each) {
    std::printf("%-28s %4d passed %4d failed %4d unsupported %4d random, not comparable\n", op, each.passed,
                each.failed, each.unsupported, each.random);
  };
  for (const auto& [op, each] : operators) line(op.c_str(), each);
  line("all", sum);
  return sum.failed == 0 ? 0 : 1;
}
