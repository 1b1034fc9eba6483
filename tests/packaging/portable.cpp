// portable FOLDER: saves two networks in every format and prints what they compute, to be compared with what another machine does.
// portable FOLDER OTHER: also loads the files of another machine and prints what they compute.

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include <keel/io/load.hpp>
#include <keel/keel.hpp>

using namespace keel;

namespace {

Model<> chain() {
  Sequential model({8, 8, 3}, {.name = "chain", .seed = 1});
  model.add(Conv2D(16, 3, {.padding = Padding::same, .activation = Activation::relu})).add(BatchNorm());
  model.add(MaxPool2D(2)).add(Flatten()).add(Dense(5, {.activation = Activation::softmax}));
  return model;
}
Model<> graph() {
  Model<> model({.name = "graph", .seed = 2});
  const Node x = model.input({8, 8, 3});
  const Node a = model.add(SeparableConv2D(4, 3, {.padding = Padding::same}), x);
  const Node b = model.add(Conv2D(4, 1, {.name = "inner/conv"}), x);
  model.output(model.add(Dense(5), model.add(GlobalAveragePool2D(), model.add(Add(), {a, b}))));
  return model;
}

/// The same on every machine: fractions of small integers.
Tensor<float> batch() {
  Tensor<float> x({4, 8, 8, 3});
  for (Index i = 0; i < x.size(); ++i) x[i] = static_cast<float>((i * 37) % 101) / 64.0f - 0.75f;
  return x;
}

void print(const std::string& name, const Tensor<float>& y) {
  std::printf("%s:", name.c_str());
  for (const float value : y) std::printf(" %.5f", static_cast<double>(value));
  std::printf("\n");
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return 2;
  for (Model<>& model : std::array{chain(), graph()}) {
    const std::string folder = std::string(arguments[1]) + "/" + model.name() + "/";
    std::filesystem::create_directories(folder);
    for (const char* extension : {".safetensors", ".keras", ".weights.h5", ".h5", ".pt", ".npz", ".json"})
      save(model, folder + "model" + extension);
    print(model.name(), model.predict(batch()));
    for (const char* extension : {".safetensors", ".keras", ".h5", ".json"})
      if (count > 2)
        print(model.name() + extension,
              load(arguments[2] + ("/" + model.name()) + "/model" + extension).predict(batch()));
    for (const char* extension : {".weights.h5", ".pt", ".npz"})
      if (count > 2) {
        load_weights(model, arguments[2] + ("/" + model.name()) + "/model" + extension);
        print(model.name() + extension, model.predict(batch()));
      }
  }
  Model<> model = chain();
  const Dataset<float> data(batch(), Tensor<float>({4}, {0, 1, 2, 3}));
  const History history =
      fit(model, data,
          {.epochs = 5, .batch_size = 2, .loss = Loss::sparse_categorical_crossentropy, .verbose = Verbose::silent});
  for (const double loss : history["loss"]) std::printf("loss %.4f\n", loss);
}
