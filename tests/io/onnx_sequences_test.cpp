/// Sequences in ONNX files that others wrote: recurrent operators against their formulas, normalisations, embeddings, and
/// values whose batch is not the first axis.

#include <random>

#include <doctest/doctest.h>

#include <keel/io/load.hpp>

#if KEEL_HAS_PROTOBUF
#include "io/onnx/imported.hpp"

namespace {

namespace onnx_sequences {

using namespace keel;
using keel_test::GraphFile;
using keel_test::model_of;
using keel_test::one_node;
using keel_test::refusal;
using keel_test::tensor_of;
using Numbers = std::vector<float>;
using Extents = std::vector<Index>;

Numbers some(Index count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  Numbers numbers(static_cast<std::size_t>(count));
  for (float& number : numbers) number = uniform(random);
  return numbers;
}
double at(const Numbers& numbers, Index i) { return static_cast<double>(numbers[static_cast<std::size_t>(i)]); }
void check_values(const Tensor<float>& y, const Extents& dims, const std::vector<double>& right) {
  CHECK(y.shape() == Shape(std::span<const Index>(dims)));
  REQUIRE(static_cast<std::size_t>(y.size()) == right.size());
  for (std::size_t i = 0; i < right.size(); ++i) {
    CAPTURE(i);
    CHECK(static_cast<double>(y[static_cast<Index>(i)]) == doctest::Approx(right[i]).epsilon(1e-5));
  }
}

// Recurrent operators, by the formulas of ONNX's documents.

struct Cell {
  std::string op = {};
  Index steps = 4, features = 3, units = 2, directions = 1, batch = 2;
  bool reset_after = false, bias = true;
  Numbers w = {}, r = {}, b = {};

  Index gates() const { return op == "LSTM" ? 4 : op == "GRU" ? 3 : 1; }
  void draw(unsigned seed) {
    w = some(directions * gates() * units * features, seed);
    r = some(directions * gates() * units * units, seed + 1);
    b = some(directions * 2 * gates() * units, seed + 2);
    if (!bias) b.assign(b.size(), 0.0f);
  }
};
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// What a direction begins with, and where its cell ends.
struct Ends {
  std::vector<double> state = {}, cell = {};
};
/// States of a direction for one sample, in the order of the steps of x, (steps, features).
std::vector<std::vector<double>> states(const Cell& c, const Numbers& x, Index sample, Index d, bool backwards,
                                        Ends* ends = nullptr) {
  const Index g = c.gates(), h = c.units;
  std::vector<double> state(static_cast<std::size_t>(h)), cell = state;
  if (ends) state = ends->state;
  if (ends) cell = ends->cell;
  std::vector<std::vector<double>> all(static_cast<std::size_t>(c.steps));
  for (Index k = 0; k < c.steps; ++k) {
    const Index t = backwards ? c.steps - 1 - k : k;
    const auto input = [&](Index gate, Index u) {
      double sum = at(c.b, d * 2 * g * h + gate * h + u);
      for (Index f = 0; f < c.features; ++f)
        sum += at(c.w, ((d * g + gate) * h + u) * c.features + f) * at(x, (sample * c.steps + t) * c.features + f);
      return sum;
    };
    const auto recurrent = [&](Index gate, Index u, const std::vector<double>& from, bool with_bias = true) {
      double sum = with_bias ? at(c.b, (d * 2 + 1) * g * h + gate * h + u) : 0.0;
      for (Index v = 0; v < h; ++v)
        sum += at(c.r, ((d * g + gate) * h + u) * h + v) * from[static_cast<std::size_t>(v)];
      return sum;
    };
    std::vector<double> next = state, reset = state;
    for (Index u = 0; u < h; ++u) {
      const auto i = static_cast<std::size_t>(u);
      if (c.op == "GRU") reset[i] = sigmoid(input(1, u) + recurrent(1, u, state)) * state[i];
    }
    for (Index u = 0; u < h; ++u) {
      const auto i = static_cast<std::size_t>(u);
      if (c.op == "RNN") {
        next[i] = std::tanh(input(0, u) + recurrent(0, u, state));
      } else if (c.op == "LSTM") {  // i, o, f, c
        const double in = sigmoid(input(0, u) + recurrent(0, u, state));
        const double out = sigmoid(input(1, u) + recurrent(1, u, state));
        const double keep = sigmoid(input(2, u) + recurrent(2, u, state));
        cell[i] = keep * cell[i] + in * std::tanh(input(3, u) + recurrent(3, u, state));
        next[i] = out * std::tanh(cell[i]);
      } else {  // z, r, h
        const double z = sigmoid(input(0, u) + recurrent(0, u, state));
        const double r = sigmoid(input(1, u) + recurrent(1, u, state));
        const double n = c.reset_after ? std::tanh(input(2, u) + r * recurrent(2, u, state))
                                       : std::tanh(input(2, u) + recurrent(2, u, reset));
        next[i] = (1 - z) * n + z * state[i];
      }
    }
    state = next;
    all[static_cast<std::size_t>(t)] = state;
  }
  if (ends) *ends = {state, cell};
  return all;
}

enum class Around { steps_first, turned, batch_first };

GraphFile file_of(const Cell& cell, const std::string& direction, Around around, const std::string& output) {
  GraphFile file;
  file.opset = 14;
  const bool first = around == Around::steps_first;
  file.input("x", first ? Extents{cell.steps, -1, cell.features} : Extents{-1, cell.steps, cell.features});
  file.floats("w", {cell.directions, cell.gates() * cell.units, cell.features}, cell.w);
  file.floats("r", {cell.directions, cell.gates() * cell.units, cell.units}, cell.r);
  file.floats("b", {cell.directions, 2 * cell.gates() * cell.units}, cell.b);
  GraphFile::Attributes attributes{{"hidden_size", cell.units}, {"direction", direction}};
  if (cell.op == "GRU") attributes.push_back({"linear_before_reset", Index{cell.reset_after}});
  if (around == Around::batch_first) attributes.push_back({"layout", Index{1}});
  if (around == Around::turned) file.node("Transpose", {"x"}, {"t"}, {{"perm", Extents{1, 0, 2}}}, "before");
  GraphFile::Names inputs{around == Around::turned ? "t" : "x", "w", "r"};
  if (cell.bias) inputs.push_back("b");
  file.node(cell.op, inputs, {"all", "last"}, attributes, "cell");
  if (output == "last") {
    file.output("last");
    return file;
  }
  if (around == Around::turned) {
    file.node("Transpose", {"all"}, {"back"}, {{"perm", Extents{2, 0, 1, 3}}}, "behind");
    file.output("back");
  } else {
    file.output("all");
  }
  return file;
}

TEST_CASE("ONNX import: recurrent operators in each direction, layout and output give their formulas' values") {
  unsigned seed = 1;
  for (const char* op : {"RNN", "GRU", "LSTM"})
    for (const bool variant : {false, true})
      for (const char* direction : {"forward", "reverse", "bidirectional"})
        for (const Around around : {Around::steps_first, Around::turned, Around::batch_first})
          for (const char* output : {"all", "last"}) {
            Cell cell{.op = op};
            cell.directions = direction == std::string("bidirectional") ? 2 : 1;
            cell.reset_after = variant;
            cell.bias = variant;
            cell.draw(seed += 10);
            CAPTURE(op);
            CAPTURE(variant);
            CAPTURE(direction);
            CAPTURE(output);
            CAPTURE(static_cast<int>(around));
            const Numbers x = some(cell.batch * cell.steps * cell.features, seed + 5);
            const Tensor<float> y = model_of(file_of(cell, direction, around, output))
                                        .predict(tensor_of({cell.batch, cell.steps, cell.features}, x));
            std::vector<double> right;
            for (Index n = 0; n < cell.batch; ++n) {
              std::vector<std::vector<std::vector<double>>> each;
              for (Index d = 0; d < cell.directions; ++d)
                each.push_back(states(cell, x, n, d, direction == std::string("reverse") || d == 1));
              if (output == std::string("last")) {
                for (std::size_t d = 0; d < each.size(); ++d) {
                  const auto& row = direction == std::string("reverse") || d == 1 ? each[d].front() : each[d].back();
                  right.insert(right.end(), row.begin(), row.end());
                }
              } else {
                for (std::size_t t = 0; t < each[0].size(); ++t)
                  for (const auto& of : each) right.insert(right.end(), of[t].begin(), of[t].end());
              }
            }
            const Extents dims = output == std::string("last")
                                     ? Extents{cell.batch, cell.directions, cell.units}
                                     : Extents{cell.batch, cell.steps, cell.directions, cell.units};
            check_values(y, dims, right);
          }
}

TEST_CASE("ONNX import: recurrent operators go on from states that are given, and give their last ones") {
  unsigned seed = 4000;
  for (const char* op : {"RNN", "GRU", "LSTM"})
    for (const bool variant : {false, true})
      for (const char* direction : {"forward", "reverse", "bidirectional"})
        for (const bool batch_first : {false, true})
          for (const bool constant : {false, true}) {
            Cell cell{.op = op};
            cell.directions = direction == std::string("bidirectional") ? 2 : 1;
            cell.reset_after = variant;
            cell.bias = variant;
            cell.draw(seed += 10);
            CAPTURE(op);
            CAPTURE(variant);
            CAPTURE(direction);
            CAPTURE(batch_first);
            CAPTURE(constant);
            GraphFile file = file_of(cell, direction, batch_first ? Around::batch_first : Around::steps_first, "all");
            const bool cells = op == std::string("LSTM");
            const Index d = cell.directions, n = constant ? 1 : cell.batch, h = cell.units;
            const Extents dims = batch_first ? Extents{constant ? 1 : -1, d, h} : Extents{d, constant ? 1 : -1, h};
            const Numbers first[] = {some(n * d * h, seed + 6), some(n * d * h, seed + 7)};  // (samples, directions)
            file.graph.clear();
            file.input("x",
                       batch_first ? Extents{-1, cell.steps, cell.features} : Extents{cell.steps, -1, cell.features});
            for (const int k : {0, 1}) {
              if (k == 1 && !cells) continue;
              if (constant)
                file.floats(k == 0 ? "h0" : "c0", dims, first[k]);
              else
                file.input(k == 0 ? "h0" : "c0", dims);
            }
            file.floats("w", {d, cell.gates() * h, cell.features}, cell.w);
            file.floats("r", {d, cell.gates() * h, h}, cell.r);
            file.floats("b", {d, 2 * cell.gates() * h}, cell.b);
            GraphFile::Attributes attributes{{"hidden_size", h}, {"direction", std::string(direction)}};
            if (cell.op == "GRU") attributes.push_back({"linear_before_reset", Index{cell.reset_after}});
            if (batch_first) attributes.push_back({"layout", Index{1}});
            GraphFile::Names inputs{"x", "w", "r", cell.bias ? "b" : "", "", "h0"}, outputs{"all", "last"};
            if (cells) inputs.push_back("c0");
            if (cells) outputs.push_back("carry");
            file.node(op, inputs, outputs, attributes, "cell");
            for (const std::string& output : outputs) file.output(output);

            const Model<float> model = model_of(file);
            const Numbers x = some(cell.batch * cell.steps * cell.features, seed + 5);
            std::vector<Tensor<float>> given{tensor_of({cell.batch, cell.steps, cell.features}, x)};
            for (const int k : {0, 1})
              if (!constant && (k == 0 || cells)) given.push_back(tensor_of({cell.batch, d, h}, first[k]));
            const std::vector<TensorView<const float>> views(given.begin(), given.end());
            const auto y = model.predict(Inputs<float>(views.data(), views.size()));
            std::vector<double> all, last, carry;
            for (Index sample = 0; sample < cell.batch; ++sample) {
              std::vector<std::vector<std::vector<double>>> each;
              for (Index k = 0; k < d; ++k) {
                Ends ends;
                const Index row = (constant ? 0 : sample) * d + k;
                for (Index u = 0; u < h; ++u) ends.state.push_back(at(first[0], row * h + u));
                for (Index u = 0; u < h; ++u) ends.cell.push_back(at(first[1], row * h + u));
                each.push_back(states(cell, x, sample, k, direction == std::string("reverse") || k == 1, &ends));
                last.insert(last.end(), ends.state.begin(), ends.state.end());
                carry.insert(carry.end(), ends.cell.begin(), ends.cell.end());
              }
              for (std::size_t t = 0; t < each[0].size(); ++t)
                for (const auto& of : each) all.insert(all.end(), of[t].begin(), of[t].end());
            }
            check_values(Tensor<float>(y[0]), {cell.batch, cell.steps, d, h}, all);
            check_values(Tensor<float>(y[1]), {cell.batch, d, h}, last);
            if (cells) check_values(Tensor<float>(y[2]), {cell.batch, d, h}, carry);
          }
}

TEST_CASE("ONNX import: all steps of a recurrent operator that goes on from a state share its weights") {
  Cell cell{.op = "GRU"};
  cell.draw(91);
  GraphFile file;
  file.input("x", {cell.steps, -1, cell.features});
  file.input("h0", {1, -1, cell.units});
  file.floats("w", {1, 3 * cell.units, cell.features}, cell.w);
  file.floats("r", {1, 3 * cell.units, cell.units}, cell.r);
  file.floats("b", {1, 6 * cell.units}, cell.b);
  file.node("GRU", {"x", "w", "r", "b", "", "h0"}, {"", "last"}, {{"hidden_size", cell.units}}, "cell");
  file.output("last");
  Model<float> model = model_of(file);
  Index weights = 0;
  for (const auto& named : model.named_parameters()) weights += named.parameter->size();
  // the biases of two gates are one
  CHECK(weights == 3 * cell.units * (cell.features + cell.units + 1) + cell.units);

  GraphFile others = file;
  others.graph.clear();
  others.input("x", {cell.steps, 2, cell.features});
  others.floats("w", {1, 3 * cell.units, cell.features}, cell.w);
  others.floats("r", {1, 3 * cell.units, cell.units}, cell.r);
  others.floats("h0", {1, 2, cell.units}, some(2 * cell.units, 3));
  others.node("GRU", {"x", "w", "r", "", "", "h0"}, {"", "last"}, {{"hidden_size", cell.units}}, "cell");
  others.output("last");
  CHECK(refusal(others).find("the same for each sample") != std::string::npos);
}

TEST_CASE("ONNX import: PyTorch's way with a recurrent layer is the layer alone") {
  for (const bool both : {false, true}) {
    Cell cell{.op = "LSTM", .directions = both ? 2 : 1};
    cell.draw(77);
    GraphFile file;
    file.input("x", {-1, cell.steps, cell.features});
    file.floats("w", {cell.directions, 4 * cell.units, cell.features}, cell.w);
    file.floats("r", {cell.directions, 4 * cell.units, cell.units}, cell.r);
    file.floats("b", {cell.directions, 8 * cell.units}, cell.b);
    file.node("Transpose", {"x"}, {"t"}, {{"perm", Extents{1, 0, 2}}});
    file.node("Shape", {"t"}, {"shape"}, {});
    file.integers("one", {}, {1});
    file.node("Gather", {"shape", "one"}, {"n"}, {});
    file.integers("axis", {0});
    file.node("Unsqueeze", {"n", "axis"}, {"n1"}, {});
    file.integers("d", {cell.directions});
    file.integers("h", {cell.units});
    file.node("Concat", {"d", "n1", "h"}, {"states"}, {{"axis", Index{0}}});
    file.node("ConstantOfShape", {"states"}, {"zeros"}, {});
    file.node("LSTM", {"t", "w", "r", "b", "", "zeros", "zeros"}, {"y"},
              {{"hidden_size", cell.units}, {"direction", std::string(both ? "bidirectional" : "forward")}}, "lstm");
    if (both) {
      file.node("Transpose", {"y"}, {"z"}, {{"perm", Extents{0, 2, 1, 3}}});
      file.integers("rows", {0, 0, -1});
      file.node("Reshape", {"z", "rows"}, {"s"}, {});
    } else {
      file.integers("direction", {1});
      file.node("Squeeze", {"y", "direction"}, {"s"}, {});
    }
    file.node("Transpose", {"s"}, {"out"}, {{"perm", Extents{1, 0, 2}}});
    file.output("out");
    const Model<float> model = model_of(file);
    CAPTURE(both);
    REQUIRE(model.layer_count() == 1);
    CHECK(model.layer(0).type() == (both ? "Bidirectional" : "LSTM"));
    CHECK(model.output_shape() == Shape{cell.steps, cell.directions * cell.units});
  }
}

TEST_CASE("ONNX import: what a recurrent layer of keel's does not have is refused") {
  const auto file_with = [](const GraphFile::Attributes& more, const std::string& extra, float value = 0.5f) {
    Cell cell{.op = "LSTM"};
    cell.draw(5);
    GraphFile file;
    file.opset = 14;
    file.input("x", {cell.steps, 2, cell.features});
    file.floats("w", {1, 4 * cell.units, cell.features}, cell.w);
    file.floats("r", {1, 4 * cell.units, cell.units}, cell.r);
    file.floats("b", {1, 8 * cell.units}, cell.b);
    file.floats("state", {1, 2, cell.units}, Numbers(4, value));
    file.floats("p", {1, 3 * cell.units}, Numbers(6, value));
    file.integers("lengths", {4, value == 0 ? 4 : 3});
    GraphFile::Attributes attributes = more;
    if (more.empty() || more[0].name != "hidden_size") attributes.push_back({"hidden_size", cell.units});
    GraphFile::Names inputs{"x", "w", "r", "b", "", "", "", ""};
    if (extra == "lengths") inputs[4] = extra;
    if (extra == "h") inputs[5] = "state";
    if (extra == "c") inputs[6] = "state";
    if (extra == "p") inputs[7] = extra;
    file.node("LSTM", inputs, {"y", "h", "c"}, attributes, "it");
    file.output(extra == "cell" ? "c" : "y");
    return file;
  };
  const auto says = [](const GraphFile& file, const char* what) {
    const std::string message = refusal(file);
    CAPTURE(message);
    CHECK(message.find(what) != message.npos);
    CHECK((message == "accepted" || message.find("LSTM 'it'") != message.npos));
  };
  for (const char* neutral : {"lengths", "h", "c", "p"}) says(file_with({}, neutral, 0.0f), "accepted");
  says(file_with({}, "lengths"), "sequences of one length");
  for (const char* taken : {"h", "c", "cell"}) says(file_with({}, taken), "accepted");
  says(file_with({}, "p"), "no peepholes");
  says(file_with({{"clip", 1.0}}, ""), "no clip");
  says(file_with({{"input_forget", Index{1}}}, ""), "input_forget = 0");
  says(file_with({{"direction", std::string("sideways")}}, ""), "forward, reverse or bidirectional");
  says(file_with({{"hidden_size", Index{5}}}, ""), "weights for 5 units");
  using Texts = std::vector<std::string>;
  says(file_with({{"activations", Texts{"Sigmoid", "Tanh", "Tanh"}}}, ""), "accepted");
  says(file_with({{"activations", Texts{"Sigmoid", "Tanh", "Relu"}}}, ""), "the same activations");
  says(file_with({{"activations", Texts{"Sigmoid", "Cosine", "Cosine"}}}, ""), "'Cosine'");
  says(file_with({{"activations", Texts{"Sigmoid"}}}, ""), "3 activations a direction");
}

// Normalisations.

TEST_CASE("ONNX import: LayerNormalization over the axes from its own on") {
  const Numbers x = some(2 * 3 * 4, 3);
  for (const Index axis : {Index{-1}, Index{2}, Index{1}, Index{-2}}) {
    const bool last = axis == -1 || axis == 2;
    const Index count = last ? 4 : 12;
    const Numbers gamma = some(count, 8), beta = some(count, 9);
    GraphFile file = one_node("LayerNormalization", {-1, 3, 4}, {"gamma", "beta"}, {{"axis", axis}}, 17);
    file.floats("gamma", last ? Extents{4} : Extents{3, 4}, gamma);
    file.floats("beta", last ? Extents{4} : Extents{3, 4}, beta);
    std::vector<double> right;
    for (Index row = 0; row < 24 / count; ++row) {
      double mean = 0, variance = 0;
      for (Index i = 0; i < count; ++i) mean += at(x, row * count + i) / static_cast<double>(count);
      for (Index i = 0; i < count; ++i)
        variance += std::pow(at(x, row * count + i) - mean, 2) / static_cast<double>(count);
      for (Index i = 0; i < count; ++i)
        right.push_back((at(x, row * count + i) - mean) / std::sqrt(variance + 1e-5) * at(gamma, i) + at(beta, i));
    }
    CAPTURE(axis);
    check_values(model_of(file).predict(tensor_of({2, 3, 4}, x)), {2, 3, 4}, right);
  }
}
TEST_CASE("ONNX import: InstanceNormalization, and GroupNormalization before and from opset 21 on") {
  const Index channels = 4, places = 6;
  const Numbers x = some(2 * places * channels, 31);  // (n, h, w, c)
  for (const Index opset : {Index{6}, Index{18}, Index{21}}) {
    const Index groups = opset == 6 ? channels : 2, numbers = opset == 18 ? groups : channels;
    const Numbers scale = some(numbers, 4), bias = some(numbers, 5);
    GraphFile file = opset == 6 ? one_node("InstanceNormalization", {-1, channels, 2, 3}, {"scale", "bias"}, {}, 9)
                                : one_node("GroupNormalization", {-1, channels, 2, 3}, {"scale", "bias"},
                                           {{"num_groups", groups}}, opset);
    file.floats("scale", {numbers}, scale);
    file.floats("bias", {numbers}, bias);
    std::vector<double> right(x.size());
    const Index wide = channels / groups;
    for (Index n = 0; n < 2; ++n)
      for (Index g = 0; g < groups; ++g) {
        double mean = 0, variance = 0;
        const auto place = [&](Index p, Index c) { return (n * places + p) * channels + g * wide + c; };
        const double count = static_cast<double>(places * wide);
        for (Index p = 0; p < places; ++p)
          for (Index c = 0; c < wide; ++c) mean += at(x, place(p, c)) / count;
        for (Index p = 0; p < places; ++p)
          for (Index c = 0; c < wide; ++c) variance += std::pow(at(x, place(p, c)) - mean, 2) / count;
        for (Index p = 0; p < places; ++p)
          for (Index c = 0; c < wide; ++c) {
            const Index number = opset == 18 ? g : g * wide + c;
            right[static_cast<std::size_t>(place(p, c))] =
                (at(x, place(p, c)) - mean) / std::sqrt(variance + 1e-5) * at(scale, number) + at(bias, number);
          }
      }
    CAPTURE(opset);
    check_values(model_of(file).predict(tensor_of({2, 2, 3, channels}, x)), {2, 2, 3, channels}, right);
  }
}

TEST_CASE("ONNX import: rows of a table picked by an integer input, one or a sequence of them a sample") {
  for (const bool sequence : {true, false}) {
    GraphFile file;
    file.input("x", sequence ? Extents{-1, 3} : Extents{-1}, 7);
    file.floats("table", {4, 2}, {0, 1, 10, 11, 20, 21, 30, 31});
    file.node("Gather", {"table", "x"}, {"y"}, {}, "words");
    file.output("y");
    const Model<float> model = model_of(file);
    CHECK(model.layer(0).type() == "Embedding");
    if (sequence)
      check_values(model.predict(tensor_of({1, 3}, {2, 0, 3})), {1, 3, 2}, {20, 21, 0, 1, 30, 31});
    else
      check_values(model.predict(tensor_of({2}, {2, 1})), {2, 2}, {20, 21, 10, 11});
  }
}

// The batch elsewhere. All values of x are different, so that each place of y says where it is from.

/// What the chain of Reshapes and Transposes makes of (batch, 6, 4) for each sample by itself.
TEST_CASE("ONNX import: the batch may move, and be one axis with others, as long as it comes back") {
  const Index batch = 3;
  Numbers x;
  for (Index i = 0; i < batch * 24; ++i) x.push_back(static_cast<float>(i));
  const auto sample = [&](Index n, Index t, Index c) { return at(x, (n * 6 + t) * 4 + c); };

  SUBCASE("heads of attention, one axis with the batch: (t, n h, d) to (n h, t, d) and back to (t n, c)") {
    GraphFile file;
    file.input("x", {-1, 6, 4});
    file.node("Shape", {"x"}, {"shape"}, {});
    file.integers("zero", {}, {0});
    file.node("Gather", {"shape", "zero"}, {"n"}, {});
    file.integers("two", {}, {2});
    file.node("Mul", {"n", "two"}, {"nh"}, {});
    file.integers("axis", {0});
    for (const char* name : {"n", "nh"}) file.node("Unsqueeze", {name, "axis"}, {std::string(name) + "1"}, {});
    file.integers("six", {6});
    file.integers("d", {2});
    file.node("Transpose", {"x"}, {"t"}, {{"perm", Extents{1, 0, 2}}});
    file.node("Concat", {"six", "nh1", "d"}, {"heads"}, {{"axis", Index{0}}});
    file.node("Reshape", {"t", "heads"}, {"split"}, {});
    file.node("Transpose", {"split"}, {"headed"}, {{"perm", Extents{1, 0, 2}}});  // (n h, t, d)
    file.floats("ten", {1, 6, 1}, {0, 100, 200, 300, 400, 500});
    file.node("Add", {"headed", "ten"}, {"moved"}, {});
    file.node("Transpose", {"moved"}, {"joined"}, {{"perm", Extents{1, 0, 2}}});
    file.integers("rows", {-1, 4});
    file.node("Reshape", {"joined", "rows"}, {"flat"}, {});  // (t n, c)
    file.floats("w", {4, 4}, {0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1});
    file.node("Gemm", {"flat", "w"}, {"mixed"}, {});
    file.integers("four", {4});
    file.node("Concat", {"six", "n1", "four"}, {"whole"}, {{"axis", Index{0}}});
    file.node("Reshape", {"mixed", "whole"}, {"steps"}, {});
    file.node("Transpose", {"steps"}, {"y"}, {{"perm", Extents{1, 0, 2}}});
    file.output("y");
    std::vector<double> right;
    for (Index n = 0; n < batch; ++n)
      for (Index t = 0; t < 6; ++t)
        for (const Index c : {1, 0, 2, 3}) right.push_back(sample(n, t, c) + 100.0 * static_cast<double>(t));
    check_values(model_of(file).predict(tensor_of({batch, 6, 4}, x)), {batch, 6, 4}, right);
  }
  SUBCASE("q, k and v of one product: (n, t, 2, h, d) by (2, 0, 3, 1, 4), each picked") {
    for (const Index pick : {0, 1}) {
      GraphFile file;
      file.input("x", {-1, 6, 4});
      file.integers("parts", {-1, 6, 2, 2, 1});
      file.node("Reshape", {"x", "parts"}, {"cut"}, {});
      file.node("Transpose", {"cut"}, {"turned"}, {{"perm", Extents{2, 0, 3, 1, 4}}});
      file.integers("which", {}, {pick});
      file.node("Gather", {"turned", "which"}, {"y"}, {{"axis", Index{0}}});
      file.output("y");
      std::vector<double> right;
      for (Index n = 0; n < batch; ++n)
        for (Index h = 0; h < 2; ++h)
          for (Index t = 0; t < 6; ++t) right.push_back(sample(n, t, pick * 2 + h));
      check_values(model_of(file).predict(tensor_of({batch, 6, 4}, x)), {batch, 2, 6, 1}, right);
    }
  }
  SUBCASE("a file that fixes the batch has numbers for it") {
    GraphFile file;
    file.input("x", {3, 6, 4});
    file.node("Transpose", {"x"}, {"t"}, {{"perm", Extents{1, 0, 2}}});
    file.integers("heads", {6, 6, 2});
    file.node("Reshape", {"t", "heads"}, {"split"}, {});
    file.node("Transpose", {"split"}, {"headed"}, {{"perm", Extents{1, 0, 2}}});
    file.integers("back", {3, 2, 6, 2});
    file.node("Reshape", {"headed", "back"}, {"y"}, {});
    file.output("y");
    std::vector<double> right;
    for (Index n = 0; n < batch; ++n)
      for (Index h = 0; h < 2; ++h)
        for (Index t = 0; t < 6; ++t)
          for (Index d = 0; d < 2; ++d) right.push_back(sample(n, t, h * 2 + d));
    check_values(model_of(file).predict(tensor_of({batch, 6, 4}, x)), {batch, 2, 6, 2}, right);
  }
  SUBCASE("parts, sums and joins along the steps before the batch") {
    GraphFile file;
    file.input("x", {-1, 6, 4});
    file.node("Transpose", {"x"}, {"t"}, {{"perm", Extents{1, 0, 2}}});
    for (const char* name : {"from", "to", "at"}) file.integers(name, {name == std::string("to") ? 3 : 0});
    file.node("Slice", {"t", "from", "to", "at"}, {"front"}, {});
    file.node("ReduceMax", {"t"}, {"most"}, {{"axes", Extents{0}}, {"keepdims", Index{1}}});
    file.node("Concat", {"front", "most"}, {"both"}, {{"axis", Index{0}}});
    file.node("Transpose", {"both"}, {"y"}, {{"perm", Extents{1, 0, 2}}});
    file.output("y");
    std::vector<double> right;
    for (Index n = 0; n < batch; ++n)
      for (const Index t : {0, 1, 2, 5})
        for (Index c = 0; c < 4; ++c) right.push_back(sample(n, t, c));
    check_values(model_of(file).predict(tensor_of({batch, 6, 4}, x)), {batch, 4, 4}, right);
  }
}
TEST_CASE("ONNX import: what would mix samples is refused, and so is arithmetic with the size of the batch") {
  GraphFile mixed;  // rows of 4 have values of two samples
  mixed.input("x", {2, 6});
  mixed.integers("shape", {3, 4});
  mixed.node("Reshape", {"x", "shape"}, {"y"}, {}, "it");
  mixed.output("y");
  CHECK(refusal(mixed, {.batch = keel::OnnxBatch::first}).find("a shape that leaves the batch as it is") !=
        std::string::npos);

  GraphFile one_more;  // n + 1
  one_more.input("x", {-1, 6});
  one_more.node("Shape", {"x"}, {"shape"}, {});
  one_more.integers("one", {1});
  one_more.node("Add", {"shape", "one"}, {"more"}, {}, "it");
  one_more.node("Reshape", {"x", "more"}, {"y"}, {});
  one_more.output("y");
  CHECK(refusal(one_more).find("the size of the batch") != std::string::npos);

  GraphFile sum;  // over the batch
  sum.input("x", {-1, 6});
  sum.node("Transpose", {"x"}, {"t"}, {{"perm", Extents{1, 0}}});
  sum.node("ReduceSum", {"t"}, {"y"}, {{"axes", Extents{1}}}, "it");
  sum.opset = 11;
  sum.output("y");
  CHECK(refusal(sum).find("an axis of the samples") != std::string::npos);

  GraphFile soft;
  soft.input("x", {-1, 6});
  soft.node("Transpose", {"x"}, {"t"}, {{"perm", Extents{1, 0}}});
  soft.node("Softmax", {"t"}, {"y"}, {{"axis", Index{1}}}, "it");
  soft.output("y");
  CHECK(refusal(soft).find("expected the batch first") != std::string::npos);
}

}  // namespace onnx_sequences

}  // namespace
#endif
