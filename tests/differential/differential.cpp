/// Random networks of all layers that PyTorch has, for differential.py: `differential FOLDER FIRST COUNT` writes for each
/// number folders NUMBER_float and NUMBER_double with the network as code, its weights, inputs, targets, outputs,
/// gradients and the weights after ten steps. Where there are numbers for each class's turn, prints what was drawn as
/// `note` lines, and `not ok` for a class that was not.

#include <cstdio>
#include <filesystem>
#include <map>

#include <keel/io/load.hpp>
#include <keel/io/torch/code.hpp>

#include "io/onnx/random_network.hpp"

using namespace keel;

namespace {

constexpr int steps = 10;
constexpr double rate = 0.02;

/// What PyTorch's code refuses in training, or trains with random numbers whatever the options.
bool is_left_out(const dialects::TorchRow& row) {
  return row.refused || row.modules == &dialects::torch_inference_only;
}
/// Options with which a layer does the same in both worlds in training: nothing at random, PyTorch's moving variance,
/// gamma and beta together, as PyTorch trains them, the recurrent layers that it has, and values that float can tell
/// apart.
Config settled(const Config& config) {
  Config result;
  const bool recurrent = config.find("return_sequences") != nullptr, simple = !config.find("recurrent_activation");
  for (const auto& [name, value] : config.entries()) {
    if (name == "rate" || name == "stddev" || name == "dropout" || name == "recurrent_dropout")
      result.set(name, 0.0);
    else if (name == "unbiased")
      result.set(name, true);
    else if (name == "center" && config.find("scale"))
      result.set(name, *config.find("scale"));
    else if (recurrent && name == "activation" && !(simple && value == Config::Value(std::string("relu"))))
      result.set(name, std::string("tanh"));
    else if (recurrent && name == "recurrent_activation")
      result.set(name, std::string("sigmoid"));
    else if (recurrent && name == "go_backwards")
      result.set(name, false);
    else if (name == "value_range")
      result.set(name, std::vector<double>{0, 1});
    else
      result.set(name, value);
  }
  return result;
}
/// For double, where PyTorch's gradients of hard_sigmoid and hard_swish have a sixth in float: sigmoid and silu.
Config exact(const Config& config) {
  Config result;
  for (const auto& [name, value] : config.entries()) {
    const auto* const text = std::get_if<std::string>(&value);
    if (text && (*text == "hard_sigmoid" || *text == "hard_swish"))
      result.set(name, std::string(*text == "hard_sigmoid" ? "sigmoid" : "silu"));
    else
      result.set(name, value);
  }
  return result;
}
/// Whether there is code for the layer at these shapes.
bool has_code(const AnyLayer<float>& layer, const std::vector<Shape>& shapes) try {
  Model<float> alone;
  std::vector<Node> x;
  for (const Shape& shape : shapes) x.push_back(alone.input(shape));
  alone.output(alone.add(layer, x));
  torch_code(alone);
  return true;
} catch (const Error&) {
  return false;
}

/// Adds a layer of that class to `count` of the nodes that end the list, if its options and their shapes allow.
bool add(Model<float>& model, std::vector<Node>& nodes, std::string_view type, keel_test::RandomOptions& random,
         std::size_t count) try {
  const auto shape = [&](Node node) { return nth(model.nodes(), node.index).shape; };
  const Node last = nodes[nodes.size() - 1 - to_size(random.rng().below((std::min)(Index{2}, count_of(nodes))))];
  std::vector<Node> x{last};
  for (std::size_t i = nodes.size(); i-- > 0 && x.size() < count;)
    if (shape(nodes[i]) == shape(last)) x.push_back(nodes[i]);
  while (x.size() < count) x.push_back(last);
  std::vector<Shape> shapes;
  for (const Node node : x) shapes.push_back(shape(node));
  // all options, the random and the usual ones
  const Config drawn = make_layer(type, random.of(type, shapes))->config();
  const AnyLayer<float> layer = make_layer(type, settled(drawn));
  const Index size = layer->output_shape(shapes).size();
  if (size > 2000 || size == 0 || !has_code(layer, shapes)) return false;
  if (type == "Embedding" && nth(model.nodes(), last.index).layer >= 0) return false;  // of tokens alone
  nodes.push_back(model.add(layer, x));
  return true;
} catch (const Error&) {  // it wants other inputs or options
  return false;
}

/// All classes that are drawn.
std::vector<std::string_view> drawn_types() {
  std::vector<std::string_view> types;
  for (const auto& maker : keel::detail::layer_makers<float>)
    if (!is_left_out(*dialects::torch_row(maker.type))) types.push_back(maker.type);
  return types;
}
/// A network of one to five layers, the first of the class that is that number's turn.
Model<float> network(std::uint64_t seed, const std::vector<std::string_view>& types) {
  keel_test::RandomOptions random(seed);
  Model<float> model;
  std::vector<Node> nodes;
  const std::string_view first = types[seed % types.size()];
  for (int tries = 0; tries < 300 && nodes.size() < 2; ++tries) {
    model = Model<float>({.name = "random", .seed = seed});
    nodes = {model.input(random.one_of(keel_test::sample_shapes()))};
    if (!add(model, nodes, first, random, 1)) add(model, nodes, first, random, 2);
  }
  const Index layers = random.from(1, 5);
  for (int tries = 0; model.layer_count() < layers && tries < 100; ++tries)
    add(model, nodes, random.one_of(types), random, random.coin() ? 1 : 2);
  std::vector<bool> feeds(nodes.size(), false);
  for (const NodeInfo& node : model.nodes())
    for (const int input : node.inputs) feeds[to_size(input)] = true;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (!feeds[to_size(nodes[i].index)] && nth(model.nodes(), nodes[i].index).layer >= 0) model.output(nodes[i]);
  keel_test::randomise(model, random.rng());
  return model;
}

/// The same network with values of another type.
template <class T>
Model<T> as(const Model<float>& model) {
  Model<T> other(model.options());
  std::vector<Node> place(model.nodes().size());
  for (std::size_t n = 0; n < place.size(); ++n) {
    const NodeInfo& node = model.nodes()[n];
    if (node.layer < 0) {
      place[n] = other.input(node.shape, node.name);
      continue;
    }
    std::vector<Node> x;
    for (const int input : node.inputs) x.push_back(place[to_size(input)]);
    Config config = model.layer(node.layer).config();
    if constexpr (std::is_same_v<T, double>) config = exact(config);
    config.set("name", model.layer(node.layer).name());
    place[n] = other.add(make_layer<T>(model.layer(node.layer).type(), config), x);
  }
  for (const int output : model.outputs()) other.output(place[to_size(output)]);
  const auto from = model.parameters();
  for (std::size_t i = 0; i < from.size(); ++i)
    other.parameters()[i]->update([&](TensorView<T> value) {
      std::transform(from[i]->value().begin(), from[i]->value().end(), value.begin(),
                     [](float v) { return static_cast<T>(v); });
    });
  return other;
}

template <class T>
void write_all(const std::string& folder, const char* letter, const std::vector<TensorView<const T>>& tensors) {
  for (std::size_t i = 0; i < tensors.size(); ++i)
    write_npy(folder + "/" + letter + std::to_string(i) + ".npy", to_array("", tensors[i]));
}

/// Writes the gradients of the mean of (y - t)^2.
template <class T>
void backward(Model<T>& model, std::span<const TensorView<const T>> y, const std::vector<Tensor<T>>& targets,
              Tape<T>& tape) {
  std::vector<Tensor<T>> dy;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    dy.emplace_back(targets[i].shape());
    for (Index k = 0; k < dy[i].size(); ++k) dy[i][k] = 2 * (y[i][k] - targets[i][k]) / static_cast<T>(dy[i].size());
  }
  const std::vector<TensorView<const T>> views(dy.begin(), dy.end());
  model.backward(Inputs<T>(views), tape);
}
template <class T>
void descend(Model<T>& model) {
  for (Parameter<T>* parameter : model.parameters())
    if (parameter->trains())
      parameter->update([&](TensorView<T> value) {
        for (Index k = 0; k < value.size(); ++k) value[k] -= static_cast<T>(rate) * parameter->gradient[k];
      });
}
/// A model of the same names with the gradients in the parameters' place.
template <class T>
Model<T> gradients(const Model<T>& model) {
  Model<T> copy = model.clone();
  for (std::size_t i = 0; i < model.parameters().size(); ++i)
    if (model.parameters()[i]->trains()) copy.parameters()[i]->set(model.parameters()[i]->gradient);
  return copy;
}

template <class T>
void run(const Model<float>& drawn, const std::string& folder, std::uint64_t seed) {
  Model<T> model = as<T>(drawn);
  std::vector<Tensor<T>> x, targets;
  for (const Tensor<float>& each : keel_test::random_inputs(drawn, 4, seed)) x.push_back(each.cast<T>());
  Rng rng(seed, 9);
  for (std::size_t i = 0; i < model.outputs().size(); ++i) {
    targets.emplace_back(model.output_shape(i).with_batch(4));
    for (T& value : targets.back()) value = static_cast<T>(rng.normal());
  }
  const std::vector<TensorView<const T>> inputs(x.begin(), x.end());
  std::filesystem::create_directories(folder);
  write_file(folder + "/model.py", std::string_view(torch_code(model)));
  save(model, folder + "/model.pt");
  write_all<T>(folder, "x", inputs);
  write_all<T>(folder, "t", {targets.begin(), targets.end()});
  const std::vector<Tensor<T>> predicted = model.predict(Inputs<T>(inputs));
  write_all<T>(folder, "y", {predicted.begin(), predicted.end()});
  Tape<T> tape;
  for (int step = 0; step < steps; ++step) {
    const auto y = model.forward(Inputs<T>(inputs), tape);
    if (step == 0) write_all<T>(folder, "z", {y.begin(), y.end()});
    backward(model, y, targets, tape);
    if (step == 0) save(gradients(model), folder + "/gradients.pt");
    descend(model);
  }
  save(model, folder + "/trained.pt");
}

/// Counts the model's layers by class, and their activations.
void count(const Model<float>& model, std::map<std::string, int>& layers, std::map<std::string, int>& activations) {
  for (Index l = 0; l < model.layer_count(); ++l) {
    ++layers[model.layer(l).type()];
    const Config config = model.layer(l).config();
    for (const char* const option : {"activation", "recurrent_activation"})
      if (const auto* const value = config.find(option))
        if (const auto* const text = std::get_if<std::string>(value)) ++activations[*text];
  }
}
std::string listed(const std::map<std::string, int>& counts) {
  std::string text;
  for (const auto& [name, count] : counts) text += (text.empty() ? "" : ", ") + name + " " + std::to_string(count);
  return text;
}

void report(const std::map<std::string, int>& layers, const std::map<std::string, int>& activations,
            const std::vector<std::string_view>& types) {
  std::printf("note layers drawn: %s\nnote activations drawn: %s\n", listed(layers).c_str(),
              listed(activations).c_str());
  std::string left_out;
  for (const auto& maker : keel::detail::layer_makers<float>)
    if (is_left_out(*dialects::torch_row(maker.type))) left_out += " " + std::string(maker.type);
  std::printf("note left out, as PyTorch has none or draws in training:%s\n", left_out.c_str());
  for (const std::string_view type : types)
    if (!layers.contains(std::string(type)))
      std::printf("not ok %.*s was not drawn\n", static_cast<int>(type.size()), type.data());
}

}  // namespace

int main(int count_of_arguments, char** arguments) try {
  if (count_of_arguments != 4) {
    std::fprintf(stderr, "differential FOLDER FIRST COUNT\n");
    return 2;
  }
  const std::string folder = arguments[1];
  const std::uint64_t first = std::stoull(arguments[2]), last = first + std::stoull(arguments[3]);
  const std::vector<std::string_view> types = drawn_types();
  std::map<std::string, int> layers, activations;
  for (std::uint64_t seed = first; seed < last; ++seed) {
    const Model<float> drawn = network(seed, types);
    count(drawn, layers, activations);
    run<float>(drawn, folder + "/" + std::to_string(seed) + "_float", seed);
    run<double>(drawn, folder + "/" + std::to_string(seed) + "_double", seed);
  }
  if (last - first >= types.size()) report(layers, activations, types);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
