// What keel says when it is used wrongly: every mistake with the whole sentence that answers it. Nothing is half
// changed by one: the model that all of them meet predicts the same bits afterwards.

#include <functional>
#include <limits>

#include <doctest/doctest.h>

#include <keel/io/keel/model_file.hpp>
#include <keel/keel.hpp>

#include "temporary_directory.hpp"

#ifdef EIGEN_CXX11_TENSOR_TENSOR_H
#error "keel.hpp must not reach Eigen's tensors, which take seconds to compile: see keel/tensor/eigen_tensor.hpp"
#endif

using namespace keel;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Sequential<float> small_model() {
  Sequential model({4, 4, 1}, {.name = "net", .seed = 1});
  model.add(Conv2D(2, 3, {.padding = Padding::same}));
  model.add(BatchNorm());
  model.add(Flatten());
  model.add(Dense(3, {.activation = Activation::softmax}));
  return model;
}

Dataset<float> data(Index samples = 6) {
  Tensor x({samples, 4, 4, 1}, 0.5f), y({samples});
  for (Index i = 0; i < samples; ++i) y[i] = static_cast<float>(i % 3);
  return {x, y};
}

struct NoBackward : Layer<float> {
  std::string type() const override { return "NoBackward"; }
  Shape output_shape(Shapes in) const override { return in[0]; }
  void forward(Inputs<float> x, TensorView<float> y, Pass<float>&) const override { y.array() = x[0].array(); }
};

struct Mistake {
  const char* says;  ///< {classes} stands for the names of all layers
  std::function<void(Sequential<float>&)> make;
};

using Net = Sequential<float>;

const std::vector<Mistake>& mistakes() {
  static const std::vector<Mistake> table = {
#include "table.inl"
  };
  return table;
}

std::string whole(std::string sentence) {
  constexpr std::string_view place = "{classes}";
  const std::size_t at = sentence.find(place);
  if (at == sentence.npos) return sentence;
  const auto name = [](const detail::LayerMaker<float>& maker) { return std::string(maker.type); };
  return sentence.replace(at, place.size(), join(detail::layer_makers<float>, ", ", name));
}

}  // namespace

TEST_CASE("every mistake is answered in full, and changes nothing") {
  const TemporaryDirectory directory;  // some mistakes are made with files
  const std::filesystem::path home = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  const Tensor<float> x({2, 4, 4, 1}, 0.25f);
  Net model = small_model();
  const Tensor<float> before = model.predict(x);
  CHECK(mistakes().size() >= 108);
  for (const Mistake& mistake : mistakes()) {
    std::string said = "nothing";
    try {
      mistake.make(model);
    } catch (const Error& error) {
      said = error.what();
    }
    CHECK(said == whole(mistake.says));
    CHECK(model.predict(x) == before);
    CHECK(model.layer_count() == 4);
  }
  std::filesystem::current_path(home);
}
