/// Writes models as .onnx files with inputs and outputs beside them, for round.sh: round DIR [COUNT]. Reads each file
/// back and says where it gives other bits.

#include <cstdio>

#include <keel/io/load.hpp>
#include <keel/io/onnx/own.hpp>

#include "random_network.hpp"

using namespace keel;
using namespace keel_test;

namespace {

void write_values(const std::string& path, const std::vector<Tensor<float>>& tensors, OnnxImages images) {
  Json list = Json::array();
  std::string bytes;
  for (const Tensor<float>& tensor : tensors) {
    Tensor<float> turned = tensor;
    if (images == OnnxImages::channels_first && tensor.rank() >= 4) {
      std::vector<std::size_t> axes{0, static_cast<std::size_t>(tensor.rank() - 1)};
      for (std::size_t i = 1; i + 1 < static_cast<std::size_t>(tensor.rank()); ++i) axes.push_back(i);
      turned = io::permuted(tensor, axes);
    }
    const Shape& shape = turned.shape();
    list.push_back(std::vector<Index>(shape.begin(), shape.end()));
    bytes.append(reinterpret_cast<const char*>(turned.data()), static_cast<std::size_t>(turned.size()) * sizeof(float));
  }
  write_file(path + ".json", list.dump());
  write_file(path + ".bin", bytes);
}

int one(const Model<float>& model, const std::string& path, const OnnxOptions& options, Index batch) {
  const auto x = random_inputs(model, batch, 7);
  const auto y = predictions(model, x);
  save_onnx(model, path, options);
  write_values(path + ".x", x, options.images);
  write_values(path + ".y", y, options.images);
  if (options.fold_batch_norm) return 0;
  const auto back = own_onnx_model<float>(read_file(path), path);
  bool same = back.has_value();
  if (same) {
    const auto again = predictions(*back, x);
    for (std::size_t i = 0; i < y.size(); ++i)
      same = same && std::equal(y[i].begin(), y[i].end(), again[i].begin(), again[i].end(), [](float a, float b) {
               return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
             });
  }
  if (!same) std::printf("%s: not read back as the same model\n", path.c_str());
  return !same;
}

OnnxOptions options_of(Index i) {
  const int opsets[] = {17, 17, 17, 18, 20, 21, 23};
  return {.opset = opsets[i % 7],
          .images = i % 2 ? OnnxImages::channels_first : OnnxImages::channels_last,
          .fold_batch_norm = i % 5 == 4};
}

}  // namespace

int main(int count, char** arguments) {
  const std::string folder = arguments[1];
  const Index networks = count > 2 ? std::atoi(arguments[2]) : 200;
  int wrong = 0;
  for (int i = 3; i < count; ++i) {
    const std::string path = arguments[i];
    wrong += one(load(path), folder + "/example" + std::to_string(i - 2) + ".onnx", options_of(i), 3);
  }
  std::map<std::string, int> seen;
  const Index classes = static_cast<Index>(std::size(detail::layer_makers<float>));
  for (Index i = 0; i < networks; ++i) {
    const std::string_view first = detail::layer_makers<float>[i % classes].type;
    const Model<float> model = random_network(static_cast<std::uint64_t>(i) + 1000, 1 + i % 9, first);
    for (Index l = 0; l < model.layer_count(); ++l) ++seen[model.layer(l).type()];
    try {
      wrong += one(model, folder + "/random" + std::to_string(i) + ".onnx", options_of(i), 1 + i % 3);
    } catch (const Error& error) {
      std::printf("random%d: %s\n", static_cast<int>(i), error.what());
      ++wrong;
    }
  }
  std::printf("%d networks, %d of %d classes, %d wrong\n", static_cast<int>(networks), static_cast<int>(seen.size()),
              static_cast<int>(classes), wrong);
  return wrong != 0;
}
