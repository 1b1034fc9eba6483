/// Models with a layer of the program's own: saved by keel and loaded again.

#include <doctest/doctest.h>

#include <keel/io/load.hpp>

#include "temporary_directory.hpp"

using namespace keel;

namespace {

/// y = x g^power, one learned g for each channel.
template <class T = float>
class Gate : public Layer<T> {
 public:
  explicit Gate(Index power = 1) : power_(power) {}
  static Gate from_config(const Config& config) { return Gate(config.get<Index>("power", 1)); }

  std::string type() const override { return "Gate"; }
  Config config() const override { return {{"power", power_}}; }
  Shape output_shape(Shapes inputs) const override { return this->single_input(inputs, 1); }
  void build(Shapes inputs, Rng& rng) override {
    g_ = {"g", initial_values<T>(inputs[0], {Initializer::random_normal, 1}, {1, 1}, rng)};
  }
  std::vector<Parameter<T>*> parameters() override { return {&g_}; }
  void forward(Inputs<T> x, TensorView<T> y, Pass<T>&) const override {
    y.array() = x[0].array();
    for (Index i = 0; i < power_; ++i) y.matrix().array().rowwise() *= g_.value().array().transpose();
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T>, Outputs<T>, Pass<T>&) override {}

 private:
  Index power_;
  Parameter<T> g_;
};

template <class T = float>
Sequential<T> gated(std::uint64_t seed) {
  Sequential<T> model({4}, {.seed = seed});
  model.add(Dense<T>(3)).add(Gate<T>(2)).add(Dense<T>(2));
  return model;
}
const Tensor<float> x({2, 4}, {1, 2, -3, 4, 0.5f, -1, 2, 1});

}  // namespace

TEST_CASE("a model of one's own layer is loaded where the layer is registered") {
  const TemporaryDirectory directory;
  const std::string path = directory / "gate.safetensors";
  const auto model = gated(1);
  save(model, path);
  const auto loaded = load(path, {.layers = register_layer<Gate>("Gate")});
  CHECK(loaded.predict(x) == model.predict(x));
  CHECK(loaded.layer(1).config() == Config{{"power", Index{2}}});
  CHECK(load<double>(path, {.layers = register_layer<Gate>("Gate")}).layer(1).type() == "Gate");
  CHECK(load(path, {.layers = register_layer<Gate<float>>("Gate")}).predict(x) == model.predict(x));
}

TEST_CASE("a class that is not registered is named, with what to do") {
  const TemporaryDirectory directory;
  const std::string path = directory / "gate.safetensors";
  save(gated(1), path);
  try {
    load(path);
    FAIL("no error");
  } catch (const Error& error) {
    const std::string message = error.what();
    CHECK(message.find("got \"Gate\"") != message.npos);
    CHECK(message.find("{.layers = register_layer<Gate>(\"Gate\")}") != message.npos);
  }
}

TEST_CASE("weights of a file with an unknown class go into a model that is built in code") {
  const TemporaryDirectory directory;
  const std::string path = directory / "gate.safetensors";
  const auto model = gated(1);
  save(model, path);
  auto other = gated(2);
  CHECK(!(other.predict(x) == model.predict(x)));
  CHECK(diagnose(other, path).fits());
  load_weights(other, path);
  CHECK(other.predict(x) == model.predict(x));
  Sequential<float> smaller({4});
  smaller.add(Dense(3)).add(Dense(2));
  CHECK_THROWS_AS(load_weights(smaller, path), FormatError);
}
