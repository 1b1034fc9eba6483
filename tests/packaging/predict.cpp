// A program that loads a model and predicts: of what it costs to compile, see check_compile_cost.
#include <cstdio>

#include <keel/io/keel/model_file.hpp>

int main(int count, char** paths) {
  const keel::Model<float> model = keel::load_safetensors(count > 1 ? paths[1] : "model.safetensors");
  const keel::Tensor<float> y = model.predict(keel::Tensor<float>(keel::Shape{1, 28, 28, 1}, 0.5f));
  std::printf("%g\n", static_cast<double>(y.data()[0]));
}
