/// Layers of sequences, recurrent, normalising and attending layers against real PyTorch: generate_more_layers.py.

#include <doctest/doctest.h>

#include <keel/layers/registry.hpp>

#include "support/golden.hpp"

namespace more_layers_golden {

using namespace keel;

Config::Value value_of(const std::string& text) {
  const std::string rest = text.substr(2);
  std::vector<Index> list;
  std::istringstream items(rest);
  switch (text[0]) {
    case 'b': return rest == "true";
    case 'i': return static_cast<Index>(std::stoll(rest));
    case 'd': return std::stod(rest);
    case 's': return rest;
    default:
      for (std::string item; std::getline(items, item, ',');) list.push_back(std::stoll(item));
      return list;
  }
}

/// The layer of a case, its options in `config`.
template <class T>
AnyLayer<T> layer_of(const golden::Settings& settings) {
  Config config;
  for (const auto& [key, text] : settings.all())
    if (key != "layer") config.set(key, value_of(text));
  // Bidirectional's own option has the name of the class
  if (settings.text("layer") == "Bidirectional") config.set("layer", value_of(settings.text("inner")));
  Config known;
  for (const auto& [name, value] : config.entries())
    if (name != "inner") known.set(name, value);
  return make_layer<T>(settings.text("layer"), known);
}

template <class T>
void run(const golden::File& file, const std::string& name, double& worst) {
  CAPTURE(name);
  AnyLayer<T> layer = layer_of<T>(file.settings(name));
  std::vector<Tensor<T>> x, dx;
  std::vector<Shape> shapes;
  for (int i = 0; file.has(name + "/x" + std::to_string(i)); ++i) {
    x.push_back(file.tensor<T>(name + "/x" + std::to_string(i)));
    dx.emplace_back(x.back().shape());
    shapes.push_back(x.back().shape().sample());
  }
  Rng rng(1);
  const Shape out = layer->output_shape(shapes);
  layer->build(shapes, rng);
  for (Parameter<T>* parameter : layer->parameters()) {
    parameter->set(file.tensor<T>(name + "/w." + parameter->name()));
    parameter->gradient = Tensor<T>(parameter->shape());
  }
  Scratch scratch;
  Cache<T> cache;
  Pass<T> pass{KernelContext{scratch}};
  pass.training = true;
  pass.cache = &cache;
  Tensor<T> y(out.with_batch(x[0].shape()[0]));
  const std::vector<TensorView<const T>> views(x.begin(), x.end());
  const std::vector<TensorView<T>> targets(dx.begin(), dx.end());
  static_cast<const Layer<T>&>(*layer).forward(views, y, pass);
  const auto check = [&](const Tensor<T>& got, const std::string& what) {
    CAPTURE(what);
    const Tensor<double> want = file.tensor(name + "/" + what);
    CHECK(got.shape() == want.shape());
    const double off = golden::off(got, want, 1);
    CHECK(off < golden::tolerance<T>());
    worst = (std::max)(worst, off);
  };
  check(y, "y");
  const Tensor<T> dy = file.tensor<T>(name + "/dy");
  layer->backward(views, y, dy, targets, pass);
  for (std::size_t i = 0; i < dx.size(); ++i) check(dx[i], "dx" + std::to_string(i));
  for (const Parameter<T>* parameter : layer->parameters()) check(parameter->gradient, "d." + parameter->name());
}

}  // namespace more_layers_golden

TEST_CASE("layers of sequences, recurrent, normalising and attending layers are PyTorch's") {
  const golden::File file("more_layers_torch");
  double single = 0, twice = 0;
  for (const auto& [name, settings] : file.cases()) {
    more_layers_golden::run<float>(file, name, single);
    more_layers_golden::run<double>(file, name, twice);
  }
  CHECK(file.cases().size() == 105);
  MESSAGE(file.cases().size() << " cases, largest difference " << single << " in float, " << twice << " in double");
}
