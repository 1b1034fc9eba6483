// The rules of what is fused with what, one by one.

#include <doctest/doctest.h>

#include <keel/layers/add.hpp>
#include <keel/layers/batch_norm.hpp>
#include <keel/layers/conv2d.hpp>
#include <keel/model/model.hpp>

using namespace keel;

namespace {

using How = Fusion::How;
using Role = LayerRole;

/// A graph as the rules read it.
struct Read {
  std::vector<std::vector<int>> inputs;
  std::vector<FusionNode> nodes;
  std::vector<int> outputs = {};

  int add(FusionNode node, std::vector<int> from = {}) {
    inputs.push_back(std::move(from));
    node.inputs = inputs.back();
    nodes.push_back(node);
    return static_cast<int>(nodes.size()) - 1;
  }
  int input() { return add({}); }
  /// A convolution: in training it takes an activation, in inference all.
  int conv(int x, Activation own = Activation::linear) {
    const bool open = own == Activation::linear;
    return add({.activation = own, .fuses = {.affine = open, .activation = open, .residual = open}}, {x});
  }
  int norm(int x) {
    return add({.role = Role::channel_affine,
                .fuses = {.activation = true, .residual = true},
                .gradient_in_place = true,
                .keeps_shape = true},
               {x});
  }
  int activation(int x, Activation kind = Activation::relu) {
    return add({.role = Role::activation, .activation = kind, .keeps_shape = true}, {x});
  }
  int view(int x, bool keeps_shape = false) { return add({.role = Role::view, .keeps_shape = keeps_shape}, {x}); }
  int dropout(int x) { return add({.role = Role::identity_in_inference, .keeps_shape = true}, {x}); }
  int sum(int a, int b) { return add({.role = Role::add, .fuses = {.activation = true}, .keeps_shape = true}, {a, b}); }

  std::vector<Fusion> fuse(bool training) const { return keel::fuse(nodes, outputs, training); }
  /// A letter a node: input, run, view, affine, fused activation, sum, unused.
  std::string how(bool training) const {
    std::string letters;
    for (const Fusion& fusion : fuse(training)) switch (fusion.how) {
        case How::unused: letters += 'u'; break;
        case How::input: letters += 'i'; break;
        case How::run: letters += 'r'; break;
        case How::view: letters += 'v'; break;
        case How::affine: letters += 'a'; break;
        case How::activation: letters += 'f'; break;
        case How::residual: letters += 's'; break;
      }
    return letters;
  }
};

/// A chain behind an input: c conv, C conv with an activation of its own, n norm, r relu, g gelu, l linear, x softmax,
/// v view, w view of the same shape, d dropout.
Read chain(const std::string& layers) {
  Read g;
  int x = g.input();
  for (const char layer : layers) switch (layer) {
      case 'c': x = g.conv(x); break;
      case 'C': x = g.conv(x, Activation::relu); break;
      case 'n': x = g.norm(x); break;
      case 'r': x = g.activation(x); break;
      case 'g': x = g.activation(x, Activation::gelu); break;
      case 'l': x = g.activation(x, Activation::linear); break;
      case 'x': x = g.activation(x, Activation::softmax); break;
      case 'v': x = g.view(x); break;
      case 'w': x = g.view(x, true); break;
      case 'd': x = g.dropout(x); break;
      default: FAIL("no such layer");
    }
  g.outputs = {x};
  return g;
}

}  // namespace

TEST_CASE("chains: what is fused in training, and what in inference") {
  struct {
    const char *layers, *training, *inference;
  } const cases[] = {
      {"", "i", "i"},          {"r", "ir", "ir"},          {"cr", "irf", "irf"},
      {"cnr", "irrf", "iraf"}, {"cnnr", "irrrf", "iraaf"}, {"crn", "irfr", "irfr"},  // after an activation nothing more
      {"crr", "irfr", "irfr"}, {"Cr", "irr", "irr"},       {"Cn", "irr", "irr"},
      {"cg", "irr", "irf"},                              // its gradient reads what comes before
      {"cx", "irf", "irf"},    {"clr", "irvf", "irvf"},  // a linear activation is nothing
      {"cvr", "irvr", "irvr"},                           // another shape, other channels
      {"cwr", "irvf", "irvf"}, {"cdr", "irrr", "irvf"},    {"cndr", "irrrr", "iravf"},
      {"nr", "irf", "irf"},    {"wr", "ivr", "ivr"},  // an input is nobody's output
      {"dn", "irr", "ivr"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.layers);
    CHECK(chain(c.layers).how(true) == c.training);
    CHECK(chain(c.layers).how(false) == c.inference);
  }
}

TEST_CASE("nothing joins a kernel whose value somebody else needs") {
  for (const char* layers : {"cr", "cn", "cnr", "cw", "cd"}) {
    CAPTURE(layers);
    Read g = chain(layers);
    g.outputs.push_back(1);
    const std::string how = g.how(false);
    CHECK((how[2] == 'r' || how[2] == 'v'));
    Read read = chain(layers);
    read.outputs.push_back(read.conv(1));
    CHECK(read.how(false)[2] == how[2]);
  }
  Read unused = chain("cr");  // somebody who leads to no output does not count
  unused.conv(1);
  CHECK(unused.how(false) == "irfu");
  CHECK(unused.how(true) == "irfu");
}

TEST_CASE("the later of two kernels adds the other's value") {
  for (const bool training : {false, true}) {
    CAPTURE(training);
    for (const bool first : {false, true}) {  // whichever input it is
      Read g;
      const int x = g.input(), y = g.norm(g.conv(x)), sum = first ? g.sum(y, x) : g.sum(x, y);
      g.outputs = {g.activation(sum)};
      CHECK(g.how(training) == (training ? "irrsf" : "irasf"));
      const auto fusions = g.fuse(training);
      const Fusion& kernel = nth(fusions, fusions.back().kernel);
      CHECK(kernel.residual == x);
      CHECK(kernel.activation.kind == Activation::relu);
    }
    Read twice;  // of two such kernels the later; and a kernel takes one residual, and none after an activation
    const int x = twice.input(), a = twice.norm(x), b = twice.norm(x), sum = twice.sum(b, a);
    twice.outputs = {twice.sum(twice.activation(twice.sum(sum, x)), x)};
    CHECK(twice.how(training) == "irrsrfr");
    CHECK(twice.fuse(training)[2].residual == a);

    Read same;  // a value added to itself
    const int y = same.norm(same.input());
    same.outputs = {same.sum(y, y)};
    CHECK(same.how(training) == "irr");

    Read late;  // an input that is declared after the kernel
    const int z = late.norm(late.input()), second = late.input();
    late.outputs = {late.sum(z, second)};
    CHECK(late.how(training) == "iris");

    Read through;  // the other one seen through a view made later
    const int in = through.input(), n = through.norm(in), view = through.view(in);
    through.outputs = {through.sum(n, view)};
    CHECK(through.how(training) == "irvs");
    CHECK(through.fuse(training)[1].residual == view);
  }
}

TEST_CASE("an output gives what comes before its activation where a loss asks for that") {
  Read inside = chain("C"), behind = chain("cx");
  inside.nodes[1].leave_out = Activation::relu;
  behind.nodes[2].leave_out = Activation::softmax;
  CHECK(inside.how(true) == "ir");
  CHECK(inside.fuse(true)[1].left_out);
  CHECK(behind.how(true) == "irv");
  CHECK(behind.fuse(true)[2].left_out);
  CHECK(behind.fuse(true)[1].activation.kind == Activation::linear);

  Read other = chain("cx");  // another activation than the one asked for
  other.nodes[2].leave_out = Activation::sigmoid;
  CHECK(other.how(true) == "irf");
  CHECK_FALSE(other.fuse(true)[2].left_out);
  behind.outputs.push_back(2);  // needed twice
  CHECK_FALSE(behind.fuse(true)[2].left_out);
}

TEST_CASE("where gradients have their memory") {
  using Memory = GradientMemory;
  Read g;
  const int x = g.input(), a = g.conv(x), b = g.conv(x), sum = g.sum(a, b), norm = g.norm(sum);
  g.outputs = {norm};
  auto fusions = g.fuse(true);
  CHECK(nth(fusions, a).input_gradient == Memory::own);
  CHECK(nth(fusions, norm).input_gradient == Memory::over_dy);
  CHECK_FALSE(nth(fusions, norm).one_gradient);
  REQUIRE(nth(fusions, sum).how == How::residual);  // the convolution adds
  CHECK(nth(fusions, b).residual_gradient == Memory::is_dy);

  g.nodes[to_size(b)].fuses = {};
  fusions = g.fuse(true);
  REQUIRE(nth(fusions, sum).how == How::run);
  CHECK(nth(fusions, sum).one_gradient);
  CHECK(nth(fusions, sum).input_gradient == Memory::is_dy);

  g.nodes[to_size(norm)].role = Role::activation;
  g.nodes[to_size(norm)].activation = Activation::relu;
  CHECK(nth(g.fuse(true), sum).input_gradient == Memory::over_dy);
  g.nodes[to_size(b)].fuses = {.activation = true, .residual = true};
  CHECK(nth(g.fuse(true), b).residual_gradient == Memory::over_dy);
}

TEST_CASE("a residual from an input that is declared after the kernel that adds it") {
  const auto network = [](bool apart) {
    Model<double> net({.seed = 3});
    const Node y = net.add(BatchNorm<double>(), net.add(Conv2D<double>(2, 1), net.input({3, 3, 2})));
    net.output(net.add(Add<double>(), {y, net.input({3, 3, 2})}));
    if (apart) net.output(y);
    return net;
  };
  Model<double> joined = network(false), apart = network(true);
  Tensor<double> x({4, 3, 3, 2}), z(x.shape()), dy(x.shape());
  Rng rng(5);
  for (Tensor<double>* each : {&x, &z, &dy})
    for (double& value : *each) value = rng.normal();
  const std::vector<TensorView<const double>> inputs{x, z};
  const Tensor<double> nothing(dy.shape());
  Tape<double> tape, other;
  tape.input_gradients = other.input_gradients = true;
  CHECK(Tensor<double>(joined.forward(inputs, tape)[0]) == Tensor<double>(apart.forward(inputs, other)[0]));
  joined.backward(dy, tape);
  apart.backward(std::vector<TensorView<const double>>{dy, nothing}, other);
  for (std::size_t i = 0; i < 2; ++i)
    CHECK(Tensor<double>(tape.input_gradient(i)) == Tensor<double>(other.input_gradient(i)));
  CHECK(tape.bytes() < other.bytes());
  CHECK(joined.predict(inputs)[0] == apart.predict(inputs)[0]);
}
