// check_layer must find every one of these mistakes.

#include <keel/layers/activation_layer.hpp>
#include <keel/layers/add.hpp>
#include <keel/layers/average_pool2d.hpp>
#include <keel/layers/batch_norm.hpp>
#include <keel/layers/concatenate.hpp>
#include <keel/layers/conv2d.hpp>
#include <keel/layers/dense.hpp>
#include <keel/layers/dropout.hpp>
#include <keel/layers/elu.hpp>
#include <keel/layers/flatten.hpp>
#include <keel/layers/global_average_pool2d.hpp>
#include <keel/layers/max_pool2d.hpp>
#include <keel/layers/multiply.hpp>
#include <keel/layers/prelu.hpp>
#include <keel/layers/zero_padding2d.hpp>
#include <keel/testing/check_layer.hpp>

#include <doctest/doctest.h>

#include <functional>

using namespace keel;

namespace {

/// What a backward pass is called with.
struct Call {
  Inputs<double> x;
  TensorView<const double> y, dy;
  Outputs<double> dx;
  Pass<double>& pass;
  std::vector<Parameter<double>*> parameters;
  std::function<void(TensorView<const double>)> rightly;  ///< the real backward pass, from another dy

  Tensor<double>& gradient(std::size_t i) const { return parameters[i]->gradient; }
  bool trains(std::size_t i = 0) const { return parameters[i]->trains(); }
};

/// A real layer with another backward pass.
template <class L>
struct Broken : L {
  std::function<void(const Call&)> wrongly;

  Broken(L layer, std::function<void(const Call&)> w) : L(std::move(layer)), wrongly(std::move(w)) {}
  void backward(Inputs<double> x, TensorView<const double> y, TensorView<const double> dy, Outputs<double> dx,
                Pass<double>& pass) override {
    wrongly({x, y, dy, dx, pass, this->parameters(),
             [&](TensorView<const double> from) { L::backward(x, y, from, dx, pass); }});
  }
};

/// Checks the layer as it is (it must be fine) and with the wrong backward pass (check_layer must say so, about
/// `what`).
template <class L>
void caught(const char* what, L layer, const std::vector<Shape>& inputs, std::function<void(const Call&)> wrongly) {
  const LayerReport right = check_layer(Broken<L>(layer, [](const Call& call) { call.rightly(call.dy); }), inputs);
  INFO(right.to_string());
  CHECK(right.ok());
  const LayerReport report = check_layer(Broken<L>(layer, std::move(wrongly)), inputs);
  INFO(what, "\n", report.to_string());
  CHECK(!report.ok());
  bool found = false;
  for (const LayerFinding& finding : report.findings)
    found = found || (finding.check + ": " + finding.got).find(what) != std::string::npos;
  CHECK(found);
}

Tensor<double> copy(TensorView<const double> values) { return Tensor<double>(values); }

const std::vector<Shape> vectors{{4}}, images{{6, 5, 2}}, pair{{3, 4}, {3, 4}};
const Conv2D<double> convolution(3, 3, {.strides = 2, .padding = Padding::same});

}  // namespace

TEST_CASE("broken Dense layers are caught") {
  const Dense<double> dense(4), relu(3, {.activation = Activation::relu});
  SUBCASE("wrong sign of the kernel's gradient") {
    caught("training: gradient of kernel", dense, vectors, [](const Call& c) {
      c.rightly(c.dy);
      if (c.trains() && !c.pass.asked.accumulate) c.gradient(0).array() *= -1.0;
    });
  }
  SUBCASE("the kernel's gradient divided by the batch") {
    caught("training: gradient of kernel", dense, vectors, [](const Call& c) {
      c.rightly(c.dy);
      if (c.trains() && !c.pass.asked.accumulate) c.gradient(0).array() /= 3.0;
    });
  }
  SUBCASE("the kernel's gradient transposed") {
    caught("training: gradient of kernel", dense, vectors, [](const Call& c) {
      c.rightly(c.dy);
      if (!c.trains()) return;
      for (Index i = 0; i < 4; ++i)
        for (Index j = 0; j < i; ++j) std::swap(c.gradient(0)(i, j), c.gradient(0)(j, i));
    });
  }
  SUBCASE("the bias forgotten") {
    caught("training: gradient of bias", dense, vectors, [](const Call& c) {
      const bool trains = c.trains(1);
      Tensor<double> before = c.gradient(1);
      c.rightly(c.dy);
      if (trains) c.gradient(1) = before;
    });
  }
  SUBCASE("the bias's gradient from one sample only") {
    caught("training: gradient of bias", dense, vectors, [](const Call& c) {
      c.rightly(c.dy);
      if (c.trains(1) && !c.pass.asked.accumulate)
        for (Index j = 0; j < 4; ++j) c.gradient(1)[j] = c.dy[j];
    });
  }
  SUBCASE("dx through the kernel instead of its transpose") {
    caught("training: gradient of input 0", dense, vectors, [](const Call& c) {
      c.rightly(c.dy);
      if (!c.dx[0].data()) return;
      const Tensor<double>& kernel = c.parameters[0]->value();
      for (Index n = 0; n < c.dy.shape()[0]; ++n)
        for (Index i = 0; i < 4; ++i) {
          c.dx[0](n, i) = 0;
          for (Index o = 0; o < 4; ++o) c.dx[0](n, i) += c.dy(n, o) * kernel(o, i);
        }
    });
  }
  SUBCASE("the activation's mask forgotten") {
    caught("training: gradient of input 0", relu, vectors, [](const Call& c) {
      c.rightly(c.dy);
      if (!c.dx[0].data()) return;
      const Tensor<double>& kernel = c.parameters[0]->value();
      c.dx[0].matrix() = c.dy.matrix() * kernel.matrix().transpose();
    });
  }
  SUBCASE("dx added to what is there") {
    caught("training: gradient of input 0", dense, vectors, [](const Call& c) {
      if (!c.dx[0].data()) return c.rightly(c.dy);
      const Tensor<double> before(TensorView<const double>(c.dx[0]));
      c.rightly(c.dy);
      c.dx[0].array() += before.array();
    });
  }
  SUBCASE("gradients always added, though backward says that it overwrites") {
    caught("training: gradient of kernel", dense, vectors, [](const Call& c) {
      c.pass.asked.accumulate = true;
      c.rightly(c.dy);
    });
  }
  SUBCASE("gradients overwritten that should be added to") {
    caught("does not add to gradients", dense, vectors, [](const Call& c) {
      c.pass.asked.accumulate = false;
      c.rightly(c.dy);
    });
  }
  SUBCASE("a frozen parameter gets a gradient") {
    caught("layer frozen: backward writes the gradient of kernel", dense, vectors, [](const Call& c) {
      c.rightly(c.dy);
      if (!c.trains()) c.gradient(0)[0] = 0;
    });
  }
  SUBCASE("no parameter gradients when the input wants none") {
    caught("when input 0 wants none", dense, vectors, [](const Call& c) {
      if (c.dx[0].data()) c.rightly(c.dy);
    });
  }
  SUBCASE("a step of its own") {
    caught("forward or backward changes kernel", dense, vectors, [](const Call& c) {
      c.rightly(c.dy);
      c.parameters[0]->update([](TensorView<double> kernel) { kernel[0] += 1e-3; });
    });
  }
  SUBCASE("another gradient every time") {
    int count = 0;
    caught("the second time", dense, vectors, [count](const Call& c) mutable {
      c.rightly(c.dy);
      if (c.dx[0].data()) c.dx[0][0] += 1e-12 * ++count;
    });
  }
}

TEST_CASE("broken convolutions are caught") {
  SUBCASE("the kernel's gradient flipped") {
    caught("training: gradient of kernel", convolution, images, [](const Call& c) {
      c.rightly(c.dy);
      if (!c.trains() || c.pass.asked.accumulate) return;
      const Tensor<double> right = c.gradient(0);
      for (Index r = 0; r < 3; ++r)
        for (Index s = 0; s < 3; ++s)
          for (Index k = 0; k < 6; ++k) c.gradient(0)[(r * 3 + s) * 6 + k] = right[((2 - r) * 3 + 2 - s) * 6 + k];
    });
  }
  SUBCASE("dx one column to the right") {
    caught("training: gradient of input 0", convolution, images, [](const Call& c) {
      c.rightly(c.dy);
      if (c.dx[0].data()) std::rotate(c.dx[0].begin(), c.dx[0].begin() + 2, c.dx[0].end());
    });
  }
  SUBCASE("dx from a dy that is one place off") {
    caught("training: gradient of input 0", convolution, images, [](const Call& c) {
      Tensor<double> dy = copy(c.dy);
      std::rotate(dy.begin(), dy.begin() + 3, dy.end());
      c.rightly(dy);
    });
  }
  SUBCASE("the border of dx forgotten") {
    caught("training: gradient of input 0", convolution, images, [](const Call& c) {
      c.rightly(c.dy);
      if (c.dx[0].data())
        for (Index n = 0; n < c.dx[0].shape()[0]; ++n) c.dx[0](n, 5, 4, 1) = 0;
    });
  }
  SUBCASE("the last value of dx not written") {
    caught("training: gradient of input 0", convolution, images, [](const Call& c) {
      const double before = c.dx[0].data() ? c.dx[0][c.dx[0].size() - 1] : 0;
      c.rightly(c.dy);
      if (c.dx[0].data()) c.dx[0][c.dx[0].size() - 1] = before;
    });
  }
  SUBCASE("one tap of the kernel's gradient half as large") {
    caught("training: gradient of kernel", convolution, images, [](const Call& c) {
      c.rightly(c.dy);
      if (c.trains() && !c.pass.asked.accumulate) c.gradient(0)[17] *= 0.999;
    });
  }
}

TEST_CASE("broken batch normalisations are caught") {
  BatchNormOptions options;
  const BatchNorm<double> norm(options);
  const std::vector<Shape> maps{{3, 2, 2}};
  const auto normalised = [](const Call& c, Index channel) {
    const double* statistics = c.pass.cache->statistics.data();
    return std::pair(statistics[channel], 1 / std::sqrt(statistics[2 + channel] + 1e-3));
  };
  SUBCASE("gamma's gradient without the normalised input") {
    caught("training: gradient of gamma", norm, maps, [](const Call& c) {
      c.rightly(c.dy);
      if (c.trains(0) && !c.pass.asked.accumulate) c.gradient(0) = c.gradient(1);
    });
  }
  SUBCASE("gamma's gradient from the input that is not centred") {
    caught("training: gradient of gamma", norm, maps, [normalised](const Call& c) {
      c.rightly(c.dy);
      if (!c.trains(0) || !c.pass.training || c.pass.asked.accumulate) return;
      for (Index channel = 0; channel < 2; ++channel) {
        const auto [mean, factor] = normalised(c, channel);
        c.gradient(0)[channel] += mean * factor * c.gradient(1)[channel];
      }
    });
  }
  SUBCASE("dx as if the batch's statistics were constants") {
    caught("training: gradient of input 0", norm, maps, [normalised](const Call& c) {
      c.rightly(c.dy);
      if (!c.dx[0].data() || !c.pass.training || c.pass.cache->statistics.empty()) return;
      for (Index i = 0; i < c.dy.size(); ++i)
        c.dx[0][i] = c.dy[i] * c.parameters[0]->value()[i % 2] * normalised(c, i % 2).second;
    });
  }
  SUBCASE("dx without gamma") {
    caught("inference: gradient of input 0", norm, maps, [](const Call& c) {
      c.rightly(c.dy);
      if (c.dx[0].data())
        for (Index i = 0; i < c.dy.size(); ++i) c.dx[0][i] /= c.parameters[0]->value()[i % 2];
    });
  }
  SUBCASE("dx with the factor of the unbiased variance") {
    caught("training: gradient of input 0", norm, maps, [](const Call& c) {
      c.rightly(c.dy);
      if (c.dx[0].data() && c.pass.training)
        for (double& d : c.dx[0]) d *= 18.0 / 17;
    });
  }
  SUBCASE("a frozen layer treated as in training") {
    caught("layer frozen", norm, maps, [](const Call& c) {
      c.rightly(c.dy);
      if (!c.dx[0].data() || c.trains(0)) return;
      double mean[2] = {0, 0};
      for (Index i = 0; i < c.dx[0].size(); ++i) mean[i % 2] += c.dx[0][i] / 18;
      for (Index i = 0; i < c.dx[0].size(); ++i) c.dx[0][i] -= mean[i % 2];
    });
  }
}

TEST_CASE("broken pooling, dropout and merging layers are caught") {
  SUBCASE("average: the border divided by the whole window") {
    caught("training: gradient of input 0", AveragePool2D<double>(3, {.strides = 2, .padding = 1}), images,
           [](const Call& c) {
             Tensor<double> dy = copy(c.dy);
             for (Index n = 0; n < dy.shape()[0]; ++n)
               for (Index j = 0; j < dy.shape()[2] * 2; ++j) dy[n * dy.shape().sample().size() + j] *= 6.0 / 9;
             c.rightly(dy);
           });
  }
  SUBCASE("global average: not divided") {
    caught("training: gradient of input 0", GlobalAveragePool2D<double>(), images, [](const Call& c) {
      c.rightly(c.dy);
      if (c.dx[0].data()) c.dx[0].array() *= 30.0;
    });
  }
  SUBCASE("maximum: the gradient to the first cell of the window") {
    caught("training: gradient of input 0", MaxPool2D<double>(), images, [](const Call& c) {
      c.rightly(c.dy);
      if (!c.dx[0].data()) return;
      std::fill(c.dx[0].begin(), c.dx[0].end(), 0.0);
      for (Index n = 0; n < c.dy.shape()[0]; ++n)
        for (Index i = 0; i < 3; ++i)
          for (Index j = 0; j < 2; ++j)
            for (Index k = 0; k < 2; ++k) c.dx[0](n, 2 * i, 2 * j, k) = c.dy(n, i, j, k);
    });
  }
  SUBCASE("dropout: the mask forgotten") {
    caught("training: gradient of input 0", Dropout<double>(0.5), vectors, [](const Call& c) {
      if (c.dx[0].data()) c.dx[0].array() = c.dy.array() * (c.pass.training ? 2.0 : 1.0);
    });
  }
  SUBCASE("dropout: the factor forgotten") {
    caught("training: gradient of input 0", Dropout<double>(0.5), vectors, [](const Call& c) {
      c.rightly(c.dy);
      if (c.dx[0].data() && c.pass.training) c.dx[0].array() *= 0.5;
    });
  }
  SUBCASE("softmax: as if its outputs were independent") {
    caught("training: gradient of input 0", ActivationLayer<double>(Activation::softmax), vectors, [](const Call& c) {
      if (c.dx[0].data()) c.dx[0].array() = c.dy.array() * c.y.array() * (1.0 - c.y.array());
    });
  }
  SUBCASE("add: only the first input gets its gradient") {
    caught("training: gradient of input 1", Add<double>(), pair, [](const Call& c) {
      c.rightly(c.dy);
      if (c.dx[1].data()) std::fill(c.dx[1].begin(), c.dx[1].end(), 0.0);
    });
  }
  SUBCASE("multiply: by itself instead of by the other") {
    caught("training: gradient of input 0", Multiply<double>(), pair, [](const Call& c) {
      c.rightly(c.dy);
      if (c.dx[0].data()) c.dx[0].array() = c.dy.array() * c.x[0].array();
    });
  }
  SUBCASE("concatenate: the parts exchanged") {
    caught("training: gradient of input 0", Concatenate<double>(), pair, [](const Call& c) {
      c.rightly(c.dy);
      if (c.dx[0].data() && c.dx[1].data()) std::swap_ranges(c.dx[0].begin(), c.dx[0].end(), c.dx[1].begin());
    });
  }
  SUBCASE("flatten: in another order") {
    caught("training: gradient of input 0", Flatten<double>(), images, [](const Call& c) {
      c.rightly(c.dy);
      if (c.dx[0].data()) std::reverse(c.dx[0].begin(), c.dx[0].end());
    });
  }
  SUBCASE("zero padding: the wrong corner") {
    caught("training: gradient of input 0", ZeroPadding2D<double>({0, 1, 0, 1}), images, [](const Call& c) {
      c.rightly(c.dy);
      if (c.dx[0].data())
        for (Index k = 0; k < 10; ++k) c.dx[0][k] = c.dy[c.dy.shape()[2] * 2 + 2 + k];
    });
  }
  SUBCASE("prelu: alpha's gradient overwritten though it should be added to") {
    caught("does not add to gradients", PReLU<double>(), vectors, [](const Call& c) {
      if (c.trains()) std::fill(c.gradient(0).begin(), c.gradient(0).end(), 0.0);
      c.rightly(c.dy);
    });
  }
}

namespace {

/// relu, with a fault of one's choice.
struct Faulty : Layer<double> {
  enum Fault { none, state, unwritten, beyond, batch, threads, learns, shape, input } fault;
  mutable std::vector<double> remembered;
  Parameter<double> weight;

  explicit Faulty(Fault f) : fault(f) {}
  std::string type() const override { return "Faulty"; }
  Shape output_shape(Shapes inputs) const override {
    if (fault == shape && inputs.empty()) return {1};
    return this->single_input(inputs);
  }
  void build(Shapes, Rng&) override { weight = {"weight", Tensor<double>({1}, 1.0)}; }
  std::vector<Parameter<double>*> parameters() override { return {&weight}; }
  void forward(Inputs<double> x, TensorView<double> y, Pass<double>& pass) const override {
    double factor = weight.value()[0];
    const double before = y[0];
    if (fault == batch && !pass.training) factor += 1e-9 * static_cast<double>(y.shape()[0]);
    if (fault == threads && pass.kernel.threads) factor += 1e-15;
    for (Index i = 0; i < y.size(); ++i) y[i] = factor * (std::max)(x[0][i], 0.0);
    if (fault == unwritten) y[0] = before;
    if (fault == beyond) y.data()[y.size()] = 0;
    if (fault == input) const_cast<double*>(x[0].data())[0] += 1;
    if (fault == state) remembered.assign(x[0].begin(), x[0].end());
  }
  void backward(Inputs<double> x, TensorView<const double>, TensorView<const double> dy, Outputs<double> dx,
                Pass<double>&) override {
    const double* in = fault == state ? remembered.data() : x[0].data();
    for (Index i = 0; i < dy.size(); ++i) {
      if (dx[0].data()) dx[0][i] = in[i] > 0 ? dy[i] * weight.value()[0] : 0;
      if (weight.trains()) weight.gradient[0] += (std::max)(in[i], 0.0) * dy[i];
    }
  }
  void finish_forward(Pass<double>& pass) override {
    if (fault == learns && !pass.training) weight.update([](TensorView<double> w) { w[0] += 1; });
  }
};

void caught(const char* what, Faulty::Fault fault) {
  const LayerReport report = check_layer(Faulty(fault), {{4}});
  INFO(what, "\n", report.to_string());
  CHECK(!report.ok());
  CHECK(report.to_string().find(what) != std::string::npos);
}

/// An inference form that forgets the bias.
struct Biasless : Dense<double> {
  using Dense<double>::Dense;
  std::unique_ptr<InferenceOp<double>> inference_op(Shapes inputs) const override {
    Biasless copy = *this;
    copy.bias().update([](TensorView<double> bias) { std::fill(bias.begin(), bias.end(), 0.0); });
    return copy.Dense<double>::inference_op(inputs);
  }
};

/// The affine form of a batch normalisation that forgets beta.
struct Betaless : BatchNorm<double> {
  using BatchNorm<double>::BatchNorm;
  void channel_affine(std::vector<double>& scale, std::vector<double>& shift) const override {
    BatchNorm<double>::channel_affine(scale, shift);
    for (double& s : shift) s += 0.1;
  }
};

/// A layer that offers what it does not keep.
template <class L>
struct Boaster : L {
  Acceleration<double> offer;
  bool deaf;  ///< heeds nothing that the model asks for

  Boaster(L layer, Acceleration<double> o, bool d = false) : L(std::move(layer)), offer(o), deaf(d) {}
  Acceleration<double> acceleration() const override { return offer; }
  void forward(Inputs<double> x, TensorView<double> y, Pass<double>& pass) const override {
    if (deaf) pass.asked = {};
    L::forward(x, y, pass);
  }
};

}  // namespace

TEST_CASE("what a layer offers for speed and does not keep is caught") {
  const auto caught = [](const char* what, const LayerReport& report) {
    INFO(what, "\n", report.to_string());
    CHECK(report.to_string().find(what) != std::string::npos);
  };
  const Dense<double> dense(3), squashed(3, {.activation = Activation::tanh});
  const Add<double> sum;
  const struct : InferenceForm<double> {
  } nothing;
  const std::vector<Shape> vector{{4}}, pair{{4}, {4}};
  using Role = LayerRole;
  caught("not the activation of the layer's output",
         check_layer(Boaster(dense, {.fuses = {.activation = true}}, true), vector));
  caught("the activation of it is not the layer's output",
         check_layer(Boaster(squashed, {.activation = Activation::tanh, .overwrites_gradients = true}, true), vector));
  caught("gradient of alpha", check_layer(Boaster(PReLU<double>(), {.overwrites_gradients = true}), vector));
  caught("a layer with parameters is more", check_layer(Boaster(dense, {.role = Role::view}), vector));
  caught("one input is what it means, not 2", check_layer(Boaster(sum, {.role = Role::identity_in_inference}), pair));
  caught("a view changes values", check_layer(Boaster(dense, {.role = Role::view}), vector));
  caught("not the identity in inference",
         check_layer(Boaster(ELU<double>(), {.role = Role::identity_in_inference}), vector));
  caught("`activation` is another function",
         check_layer(Boaster(ELU<double>(), {.role = Role::activation, .activation = Activation::tanh}), vector));
  caught(
      "channel_affine needs `inference`",
      check_layer(Boaster(BatchNorm<double>(), {.role = Role::channel_affine, .overwrites_gradients = true}), vector));
  caught("channel_affine() gives 0 scales and 0 shifts for 3 channels",
         check_layer(Boaster(dense, {.role = Role::channel_affine, .inference = &nothing}), vector));
  caught("not the sum of the inputs", check_layer(Boaster(Multiply<double>(), {.role = Role::add}), pair));
  caught("those of all inputs are written over dy", check_layer(Broken<Add<double>>(sum,
                                                                                    [](const Call& c) {
                                                                                      for (const auto& d : c.dx)
                                                                                        if (d.data())
                                                                                          std::fill(d.begin(), d.end(),
                                                                                                    0.0);
                                                                                      for (const auto& d : c.dx)
                                                                                        if (d.data())
                                                                                          d.array() += c.dy.array();
                                                                                    }),
                                                                pair));
}

TEST_CASE("layers that break other parts of the contract are caught") {
  CHECK(check_layer(Faulty(Faulty::none), {{4}}).ok());
  caught("gradient of input 0", Faulty::state);
  caught("leaves values unwritten", Faulty::unwritten);
  caught("writes beyond the output", Faulty::beyond);
  caught("alone gives other bits than in a batch", Faulty::batch);
  caught("forward depends on threads", Faulty::threads);
  caught("finish_forward changes the layer outside training", Faulty::learns);
  caught("no error, a ShapeError was expected", Faulty::shape);
  caught("the input is changed", Faulty::input);

  CHECK(check_layer(Biasless(3), {{4}}).to_string().find("inference_op: other values") != std::string::npos);
  CHECK(check_layer(Betaless(), {{4}}).to_string().find("channel_affine() is another") != std::string::npos);
  CHECK(check_layer(Dense<double>(3), {{4}}, {.refused = {{{4, 4}}}}).to_string().find("a ShapeError was expected") !=
        std::string::npos);
}
