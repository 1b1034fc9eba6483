/// Flatten counts (c, h, w) in PyTorch and (h, w, c) in keel: the weights behind it, whatever stands between, are those
/// that PyTorch's modules need.

#include <doctest/doctest.h>

#include <keel/io/load.hpp>

#include "io/scramble.hpp"
#include "temporary_directory.hpp"

using namespace keel;

namespace torch_order {  // files of a folder are compiled together

namespace {

const Shape maps{3, 2, 4};

Tensor<float> values(const Shape& shape) {
  Tensor<float> x(shape);
  for (Index i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 37 % 101) / 50 - 1;
  return x;
}

/// keel's features of one sample in the order in which PyTorch would have them: `blocks` maps (h, w, c) one after the
/// other; a Shape of rank 1 is in order.
std::vector<float> torch_order(const TensorView<const float>& features, const std::vector<Shape>& blocks) {
  std::vector<float> result;
  Index before = 0;
  for (const Shape& block : blocks) {
    const Index h = block.rank() == 3 ? block[0] : 1, w = block.rank() == 3 ? block[1] : 1, c = block.back();
    for (Index channel = 0; channel < c; ++channel)
      for (Index i = 0; i < h; ++i)
        for (Index j = 0; j < w; ++j) result.push_back(features[before + (i * w + j) * c + channel]);
    before += block.size();
  }
  return result;
}

/// The state dict of a model, through a file.
Archive state_of_file(const Model<>& model) {
  const TemporaryDirectory directory;
  save(model, directory / "a.pt");
  return read_torch(directory / "a.pt");
}

/// That the Linear called `name` makes keel's last output from PyTorch's features.
void check_linear(const Model<>& model, const Tensor<float>& features, const std::vector<Shape>& blocks,
                  const Tensor<float>& wanted, const std::string& name) {
  CAPTURE(name);
  const Archive state = state_of_file(model);
  const Tensor<float> weight = tensor_at(state, name + ".weight"), bias = tensor_at(state, name + ".bias");
  const std::vector<float> x = torch_order(features.view(), blocks);
  REQUIRE(weight.shape() == Shape{bias.size(), count_of(x)});
  for (Index o = 0; o < bias.size(); ++o) {
    double sum = static_cast<double>(bias[o]);
    for (Index i = 0; i < count_of(x); ++i) sum += static_cast<double>(weight(o, i)) * static_cast<double>(nth(x, i));
    CHECK(static_cast<double>(wanted[o]) == doctest::Approx(sum).epsilon(1e-4));
  }
}

/// Flatten, `between` and Dense in a Sequential; the Linear is module number `linear`.
template <class... L>
void check_chain(const std::string& linear, const L&... between) {
  Sequential model(maps), front(maps);
  model.add(Flatten());
  front.add(Flatten());
  (model.add(between), ...);
  (front.add(between), ...);
  model.add(Dense(3));
  scramble(model);
  for (std::size_t p = 0; p < front.parameters().size(); ++p)
    front.parameters()[p]->set(model.parameters()[p]->value());
  const Tensor<float> x = values(maps.with_batch(1));
  check_linear(model, front.predict(x), {maps}, model.predict(x), linear);

  // and back: into a model whose values differ
  const TemporaryDirectory directory;
  save(model, directory / "a.pt");
  Model<> other = model.clone();
  for (Parameter<float>* p : other.parameters()) p->set(Tensor<float>(p->shape(), 0.5f));
  load_weights(other, directory / "a.pt");
  CHECK(other.predict(x) == model.predict(x));
}

}  // namespace

TEST_CASE("Flatten's order passes layers that treat each feature by itself") {
  check_chain("1");
  check_chain("2", Dropout(0.5));
  check_chain("2", BatchNorm());
  check_chain("2", Normalization());
  check_chain("2", ReLU());
  check_chain("2", ReLU({.max_value = 0.7, .negative_slope = 0.1, .threshold = 0.2}));
  check_chain("2", ActivationLayer(Activation::softmax));
  check_chain("2", PReLU());
  check_chain("2", PReLU({.shared_axes = {1}}));
  check_chain("2", Rescaling(2));
  check_chain("2", Flatten());
  check_chain("2", Reshape({24}));
  check_chain("5", BatchNorm({.scale = false}), Dropout(0.1), LeakyReLU(), PReLU());
}

TEST_CASE("per-feature statistics behind Flatten are in PyTorch's order") {
  Sequential model(maps);
  model.add(Flatten()).add(BatchNorm()).add(Normalization()).add(PReLU());
  scramble(model);
  const Archive state = state_of_file(model);
  const auto check = [&](const char* layer, const char* parameter, const std::string& tensor) {
    CAPTURE(tensor);
    for (const Parameter<float>* p : std::as_const(model).layer(layer).parameters())
      if (p->name() == parameter) {
        const Tensor<float> there = tensor_at(state, tensor);
        CHECK(std::vector<float>(there.begin(), there.end()) == torch_order(p->value().view(), {maps}));
      }
  };
  check("batch_normalization", "gamma", "1.weight");
  check("batch_normalization", "moving_variance", "1.running_var");
  check("normalization", "mean", "2.running_mean");
  check("p_re_lu", "alpha", "3.weight");
}

TEST_CASE("Concatenate puts orders of features one after the other") {
  Model<> model;
  const Node a = model.input(maps), b = model.input({5}), c = model.input({2, 2, 3});
  const Node joined = model.add(Concatenate(), {model.add(Flatten(), a), b, model.add(Flatten(), c)});
  model.output(joined);
  model.output(model.add(Dense(3, {.name = "head"}), model.add(Dropout(0.5), joined)));
  scramble(model);
  const Tensor<float> x = values(maps.with_batch(1)), y = values({1, 5}), z = values({1, 2, 2, 3});
  const TensorView<const float> inputs[] = {x.view(), y.view(), z.view()};
  const std::vector<Tensor<float>> outputs = model.predict(Inputs<float>(inputs));
  check_linear(model, outputs[0], {maps, Shape{5}, Shape{2, 2, 3}}, outputs[1], "head");
}

TEST_CASE("where Flatten's order cannot go on, the code brings back keel's") {
  const auto count = [](const std::string& text, const std::string& part) {
    Index found = 0;
    for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
    return found;
  };
  {  // a Reshape to maps reads keel's order
    Sequential model(maps);
    model.add(Flatten()).add(BatchNorm()).add(Reshape({3, 2, 4})).add(Conv2D(2, 1));
    const std::string code = torch_code(model);
    CHECK(count(code, "    ChannelsLast((4, 3, 2)),\n    Reshape(3, 2, 4),") == 1);
    CHECK(state_of_file(model).find("4.weight") != nullptr);
  }
  {  // so does who reads the output
    Sequential model(maps);
    model.add(Flatten()).add(ReLU());
    CHECK(count(torch_code(model), "    nn.ReLU(),\n    ChannelsLast((4, 3, 2)),\n)") == 1);
  }
  {  // a sum of features in different orders
    Model<> model;
    const Node flat = model.add(Flatten(), model.input(maps)), plain = model.input({24});
    const Node sum = model.add(Add(), {flat, plain}), same = model.add(Add(), {flat, flat});
    model.output(model.add(Dense(2, {.name = "first"}), sum));
    model.output(model.add(Dense(2, {.name = "second"}), same));
    scramble(model);
    const std::string code = torch_code(model);
    CHECK(count(code, "ChannelsLast((4, 3, 2))(x1) + x2") == 1);
    CHECK(count(code, "x1 + x1") == 1);
    const Archive state = state_of_file(model);
    const auto& kernel = model.layer("first").parameters()[0]->value();
    CHECK(tensor_at(state, "first.weight")(1, 7) == kernel(7, 1));
    // channel 1, row 0, column 1 is PyTorch's 7; keel's is (0 * 2 + 1) * 4 + 1
    CHECK(tensor_at(state, "second.weight")(1, 7) == model.layer("second").parameters()[0]->value()(5, 1));
  }
  {  // one Dense for features in both orders keeps keel's
    Model<> model;
    const Node flat = model.add(Flatten(), model.input(maps)), plain = model.input({24});
    const Node first = model.add(Dense(2, {.name = "both"}), flat);
    model.output(first);
    model.output(model.share(first, plain));
    scramble(model);
    CHECK(count(torch_code(model), "self.both(ChannelsLast((4, 3, 2))(x1))") == 1);
    CHECK(tensor_at(state_of_file(model), "both.weight")(1, 7) == model.layer("both").parameters()[0]->value()(7, 1));
  }
}

}  // namespace torch_order
