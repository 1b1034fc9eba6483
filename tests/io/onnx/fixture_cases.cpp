/// Runs models that others exported: `fixture_cases DIRECTORY`, a folder for each with model.onnx, input_N.npy and
/// output_N.npy in the file's order of axes. Extents of samples that a file leaves open are those of the data. Names that
/// begin with reject_ have to be refused; those with training or BatchNorm1D in them run in training mode, without
/// Dropout. Prints a line for each; ends with 1 if one gives other numbers.

#include <cstdio>
#include <filesystem>

#include <keel/formats/npy.hpp>

#include "io/onnx/case_values.hpp"

using namespace keel;
using namespace keel::io::onnx;

namespace {

Tensor<float> arranged(const std::string& path, const FileAxes& axes) {
  const Tensor<float> from = to_tensor<float>(read_npy(path));
  FileTensor tensor;
  tensor.dims.assign(from.shape().begin(), from.shape().end());
  tensor.numbers.assign(from.begin(), from.end());
  return keel_test::arranged(tensor, axes);
}
/// The graph with the data's extents.
FileGraph closed(FileGraph graph, const std::string& directory) {
  std::set<std::string> constants;
  for (const FileTensor& each : graph.initializers) constants.insert(each.name);
  std::size_t k = 0;
  for (FileValue& input : graph.inputs) {
    if (constants.contains(input.name)) continue;
    const Shape shape = read_npy(directory + "/input_" + std::to_string(k++) + ".npy").shape;
    input.shaped = true;
    input.dims.assign(shape.begin(), shape.end());
  }
  return graph;
}
ImportedModel<float> imported(const FileGraph& graph, const std::string& directory) try {
  return import_graph<float>(graph, {});
} catch (const FormatError& error) {
  if (error.expected() != "extents of the samples") throw;
  return import_graph<float>(closed(graph, directory), {});
}
/// The largest |difference| / (1 + |right|).
double error_of(const std::string& directory, bool training) {
  const std::string path = directory + "/model.onnx";
  FileGraph graph = read_onnx(read_file(path), path, directory);
  for (FileNode& node : graph.nodes) {
    if (!training || node.op != "Dropout") continue;
    node.op = "Identity";
    node.inputs.resize(1);
    node.attributes.clear();
  }
  ImportedModel<float> made = imported(graph, directory);
  std::vector<Tensor<float>> x;
  for (std::size_t k = 0; k < made.inputs.size(); ++k)
    x.push_back(arranged(directory + "/input_" + std::to_string(k) + ".npy", made.inputs[k]));
  const std::vector<TensorView<const float>> views(x.begin(), x.end());
  Tape<float> tape;
  const auto y = made.model.forward(Inputs<float>(views.data(), views.size()), tape, training);
  double worst = 0;
  for (std::size_t k = 0; k < made.outputs.size(); ++k) {
    const Tensor<float> right = arranged(directory + "/output_" + std::to_string(k) + ".npy", made.outputs[k]);
    const Tensor<float> got(y[k]);
    if (got.shape() != right.shape()) return 1e30;
    for (Index i = 0; i < right.size(); ++i) {
      const double error = std::abs(double{right[i]} - double{got[i]}) / (1 + std::abs(double{right[i]}));
      if (!(error <= worst)) worst = error;
    }
  }
  return worst;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::puts("fixture_cases DIRECTORY");
    return 2;
  }
  std::vector<std::string> directories;
  for (const auto& entry : std::filesystem::directory_iterator(arguments[1]))
    if (std::filesystem::exists(entry.path() / "model.onnx")) directories.push_back(entry.path());
  std::sort(directories.begin(), directories.end());
  int right = 0, wrong = 0, refused = 0;
  for (const std::string& directory : directories) {
    const std::string name = std::filesystem::path(directory).filename();
    const bool training = name.find("training") != name.npos || name.find("BatchNorm1D") != name.npos;
    const bool long_sums = name.starts_with("vit") || name.find("_cct") != name.npos;
    try {
      const double error = error_of(directory, training);
      const bool good = error <= (long_sums ? 1e-4 : 1e-5) && !name.starts_with("reject_");
      ++(good ? right : wrong);
      std::printf("%s %s: %.2g\n", good ? "right" : "WRONG", name.c_str(), error);
    } catch (const Error& error) {
      ++refused;
      std::printf("refused %s: %s\n", name.c_str(), error.what());
    }
  }
  std::printf("%d right, %d wrong, %d refused\n", right, wrong, refused);
  return wrong == 0 ? 0 : 1;
}
