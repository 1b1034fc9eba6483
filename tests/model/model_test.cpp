#include <doctest/doctest.h>

#include <keel/layers/activation_layer.hpp>
#include <keel/layers/add.hpp>
#include <keel/layers/batch_norm.hpp>
#include <keel/layers/concatenate.hpp>
#include <keel/layers/conv2d.hpp>
#include <keel/layers/dense.hpp>
#include <keel/layers/dropout.hpp>
#include <keel/layers/flatten.hpp>
#include <keel/layers/max_pool2d.hpp>
#include <keel/layers/relu.hpp>
#include <keel/model/sequential.hpp>
#include <keel/training/losses/losses.hpp>
#include <keel/training/optimizers/optimizers.hpp>

#include <atomic>
#include <cstring>
#include <thread>

#include "support/allocations.hpp"

using namespace keel;

namespace {

Tensor<float> random(const Shape& shape, std::uint64_t seed) {
  Tensor<float> x(shape);
  Rng rng(seed, 0);
  for (float& value : x) value = static_cast<float>(rng.normal());
  return x;
}

bool same_bits(TensorView<const float> a, TensorView<const float> b) {
  return a.shape() == b.shape() &&
         std::memcmp(a.data(), b.data(), sizeof(float) * static_cast<std::size_t>(a.size())) == 0;
}

/// Residual, shared, pooled, dropped out: a bit of everything.
Model<float> network(int threads = 1) {
  Model net({.seed = 3, .threads = threads});
  const Node x = net.input({12, 12, 3});
  Node a = net.add(ReLU(), net.add(BatchNorm(), net.add(Conv2D(8, 3, {.padding = Padding::same}), x)));
  Node b = net.add(BatchNorm(), net.add(Conv2D(8, 3, {.padding = Padding::same}), a));
  b = net.add(ReLU(), net.add(Add(), {b, a}));
  const Node pooled = net.add(MaxPool2D(2), net.add(Concatenate(), {a, b}));
  const Node flat = net.add(Dropout(0.25), net.add(Flatten(), pooled));
  net.output(net.add(Dense(5), net.add(Dense(16, {.activation = Activation::relu}), flat)));
  return net;
}

/// A few steps, so that moving statistics are not those of a new network.
void train(Model<float>& net, int steps, Tape<float>& tape) {
  const LossSpec loss{Loss::sparse_categorical_crossentropy, {.from_logits = true}};
  Optimizer<float> optimizer(Adam({.learning_rate = 1e-3}));
  Tensor<float> dy;
  for (int s = 0; s < steps; ++s) {
    const Tensor<float> x = random(net.input_shape().with_batch(9), 100 + static_cast<std::uint64_t>(s));
    Tensor<float> labels({9});
    for (Index i = 0; i < 9; ++i) labels[i] = static_cast<float>((i + s) % 5);
    loss.value_and_gradient(net.forward(x, tape), labels, dy);
    net.backward(dy, tape);
    optimizer.step(net.parameters(), net.thread_pool());
  }
}

template <class E, class F>
std::string message(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("predict on a batch equals predict on each sample, bit for bit, with any number of threads") {
  Model<float> net = network();
  Tape<float> tape;
  train(net, 3, tape);
  const Tensor<float> x = random({7, 12, 12, 3}, 1);
  const Tensor<float> all = net.predict(x);
  for (const int threads : {1, 2, 3, 8}) {
    net.set_threads(threads);
    CHECK(same_bits(net.predict(x), all));
    for (Index i = 0; i < 7; ++i) CHECK(same_bits(net.predict(x.rows(i, 1)), all.rows(i, 1)));
    CHECK(same_bits(net.predict(x.rows(2, 4)), all.rows(2, 4)));
  }
}

TEST_CASE("the plan agrees with the layers one by one") {
  Model<float> net = network();
  Tape<float> tape;
  train(net, 5, tape);
  const Tensor<float> x = random({4, 12, 12, 3}, 2);
  const Tensor<float> fused = net.predict(x);
  const TensorView<const float> plain = net.forward(x, tape, false);
  for (Index i = 0; i < fused.size(); ++i) CHECK(fused[i] == doctest::Approx(plain[i]).epsilon(1e-5).scale(1));
}

TEST_CASE("predict follows every change of a weight") {
  Model<float> net = network();
  const Tensor<float> x = random({2, 12, 12, 3}, 3);
  const Tensor<float> before = net.predict(x);
  Parameter<float>& bias = *net.parameters().back();
  bias.update([](TensorView<float> b) { b.array() += 1.0f; });
  const Tensor<float> after = net.predict(x);
  for (Index i = 0; i < after.size(); ++i) CHECK(after[i] == doctest::Approx(before[i] + 1.0f));
}

TEST_CASE("predict allocates nothing after warm-up") {
  const Tensor<float> x = random({5, 12, 12, 3}, 4);
  Tensor<float> y({5, 5});
  for (const int threads : {1, 2, 3}) {
    const Model<float> net = network(threads);
    net.predict(x, y);
    net.predict(x, y);
    const long before = allocations.count;
    for (int i = 0; i < 10; ++i) net.predict(x, y);
    CHECK(allocations.count == before);
  }
}

TEST_CASE("predict takes batches of changing sizes in changing memory, and an output that another layer reads") {
  Model<float> net;
  const Node x = net.input({6});
  const Node middle = net.add(Dense(5, {.activation = Activation::relu}), x);
  net.output(middle);
  net.output(net.add(Dense(3), middle));
  net.output(middle);
  const auto run = [&](const Tensor<float>& in) {
    const TensorView<const float> view = in;
    return net.predict(Inputs<float>(&view, 1));
  };
  const Tensor<float> all = random({9, 6}, 1);
  std::vector<Tensor<float>> want = run(all);
  for (int round = 0; round < 2; ++round) {
    for (const Index count : {1, 4, 9, 4, 1, 2})
      for (const Index first : {Index{0}, 9 - count}) {
        const Tensor<float> part(all.rows(first, count));
        const std::vector<Tensor<float>> got = run(part);
        REQUIRE(got.size() == 3);
        for (std::size_t i = 0; i < 3; ++i) CHECK(same_bits(got[i], want[i].rows(first, count)));
      }
    net.parameters().front()->update([](TensorView<float> kernel) { kernel.array() *= -0.5f; });  // another plan
    want = run(all);
  }
  net.output(net.add(Dense(2), middle));
  CHECK(run(all).size() == 4);
}

TEST_CASE("many threads predict with one model") {
  const Model<float> net = network(2);
  const Tensor<float> x = random({6, 12, 12, 3}, 5);
  const Tensor<float> want = net.predict(x);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (Index i = 0; i < 50; ++i) {
        const Index begin = (i + t) % 6, count = 1 + (i * 7 + t) % (6 - begin);
        if (!same_bits(net.predict(x.rows(begin, count)), want.rows(begin, count))) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("training gives the same bits with any number of threads") {
  std::vector<Tensor<float>> reference;
  for (const int threads : {1, 2, 3, 8}) {
    Model<float> net = network(threads);
    Tape<float> tape;
    train(net, 50, tape);
    if (reference.empty())
      for (const auto* parameter : net.parameters()) reference.push_back(parameter->value());
    else
      for (std::size_t i = 0; i < reference.size(); ++i) CHECK(same_bits(net.parameters()[i]->value(), reference[i]));
  }
}

TEST_CASE("a clone has weights of its own, and as many threads") {
  Model<float> net = network();
  net.set_threads(2);
  CHECK(net.clone().thread_pool()->size() == 2);
  net.set_threads(1);
  Tape<float> tape;
  train(net, 2, tape);
  Model<float> copy = net.clone();
  const Tensor<float> x = random({3, 12, 12, 3}, 6);
  const Tensor<float> before = net.predict(x);
  CHECK(same_bits(copy.predict(x), before));
  Tape<float> other;
  train(copy, 2, other);
  CHECK_FALSE(same_bits(copy.predict(x), before));
  CHECK(same_bits(net.predict(x), before));
}

TEST_CASE("a model built anew where another was moved away from") {
  Model<float> net = network();
  const Tensor<float> x = random({2, 12, 12, 3}, 6);
  Tape<float> tape;
  net.forward(x, tape);
  const Tensor<float> y = net.predict(x);
  Model<float> moved = std::move(net);
  CHECK(same_bits(moved.predict(x), y));
  moved.backward(random({2, 5}, 7), tape);  // a tape follows its model
  CHECK_THROWS_AS(net.predict(x), ConfigError);
  net.output(net.add(Dense(2), net.input({3})));
  CHECK(net.predict(random({4, 3}, 1)).shape() == Shape{4, 2});
  std::swap(net, moved);
  CHECK(same_bits(net.predict(x), y));
}

TEST_CASE("gradients add up where asked to") {
  Model<float> net = network();
  Tape<float> tape;
  const Tensor<float> x = random({4, 12, 12, 3}, 7), dy = random({4, 5}, 8);
  net.forward(x, tape, false);
  net.backward(dy, tape);
  std::vector<Tensor<float>> once;
  for (const auto* parameter : net.parameters()) once.push_back(parameter->gradient);
  net.backward(dy, tape, true);
  for (std::size_t i = 0; i < once.size(); ++i)
    for (Index k = 0; k < once[i].size(); k += 11)
      CHECK(net.parameters()[i]->gradient[k] == doctest::Approx(2 * once[i][k]).epsilon(1e-5));
}

TEST_CASE("sums share one gradient, and nobody spoils another's") {
  // Sums of sums, of one node twice, before and after layers that work in place, with and without an activation.
  Model<double> net({.seed = 4});
  const Node x = net.input({3});
  const Node a = net.add(Dense<double>(4), x);
  const Node twice = net.add(Add<double>(), {a, a});
  const Node normal = net.add(BatchNorm<double>(), twice);
  const Node sum = net.add(Add<double>(), {twice, normal, a});
  const Node bent = net.add(ActivationLayer<double>(Activation::tanh), net.add(Add<double>(), {sum, normal}));
  const Node other = net.add(BatchNorm<double>(), bent);
  const Node last = net.add(Add<double>(), {bent, other, sum, a});
  net.output(last);
  net.output(net.add(Add<double>(), {last, bent}));
  Tensor<double> input({5, 3}), dy1({5, 4}), dy2({5, 4});
  Rng rng(5, 0);
  for (auto* tensor : {&input, &dy1, &dy2})
    for (double& value : *tensor) value = rng.normal();
  const Tensor<double> dy1_before = dy1, dy2_before = dy2;

  Tape<double> tape;
  tape.input_gradients = true;
  const auto loss = [&] {
    const TensorView<const double> in[] = {input};
    const auto y = net.forward(in, tape);
    double total = 0;
    for (Index i = 0; i < dy1.size(); ++i) total += dy1[i] * y[0][i] + dy2[i] * y[1][i];
    return total;
  };
  loss();
  const TensorView<const double> dy[] = {dy1, dy2};
  net.backward(dy, tape);
  CHECK(std::equal(dy1.begin(), dy1.end(), dy1_before.begin()));
  CHECK(std::equal(dy2.begin(), dy2.end(), dy2_before.begin()));
  const Tensor<double> dx(tape.input_gradient());
  const auto slope = [&](double& value) {
    const double before = value, h = 1e-5;
    value = before + h;
    const double up = loss();
    value = before - h;
    const double down = loss();
    value = before;
    return (up - down) / (2 * h);
  };
  for (Index i = 0; i < input.size(); ++i) CHECK(dx[i] == doctest::Approx(slope(input[i])).epsilon(1e-6));
  for (auto* parameter : net.parameters())
    for (Index i = 0; parameter->trains() && i < parameter->size(); ++i) {
      const auto at = [&](double shift) {
        parameter->update([&](TensorView<double> value) { value[i] += shift; });
        return loss();
      };
      const double measured = (at(1e-5) - at(-2e-5)) / 2e-5;
      at(1e-5);
      CHECK(std::abs(parameter->gradient[i] - measured) < 1e-6);
    }
}

TEST_CASE("the gradient of an input that passes to an output outlives the caller's dy") {
  Model<float> model;
  const Node in = model.input({3});
  model.output(model.add(ActivationLayer(Activation::linear), in));
  Tape<float> tape;
  tape.input_gradients = true;
  const Tensor<float> x({2, 3}, {1, 2, 3, 4, 5, 6});
  model.forward(x, tape, true);
  {
    Tensor<float> dy({2, 3}, {6, 5, 4, 3, 2, 1});
    model.backward(dy, tape);
    dy.array() = 0;
  }
  const TensorView<const float> dx = tape.input_gradient();
  for (Index i = 0; i < 6; ++i) CHECK(dx[i] == 6 - i);
}

TEST_CASE("an empty batch predicts nothing and trains nothing") {
  Model<float> net = network();
  CHECK(net.predict(Tensor<float>({0, 12, 12, 3})).shape() == Shape{0, 5});
  Tape<float> tape;
  const Tensor<float> none({0, 12, 12, 3});
  CHECK(message<DataError>([&] {
          net.forward(none, tape);
        }) == "[model] expected at least one sample to train on, got an empty batch");
}

TEST_CASE("names are Keras's, and unique") {
  Sequential model({4});
  model.add(Dense(4)).add(BatchNorm()).add(ReLU()).add(Dense(2)).add(Dense(2, {.name = "head"}));
  CHECK(model.layer(0).name() == "dense");
  CHECK(model.layer(1).name() == "batch_normalization");
  CHECK(model.layer(2).name() == "re_lu");
  CHECK(model.layer(3).name() == "dense_1");
  CHECK(model.layer("head").type() == "Dense");
  CHECK(snake_case("GlobalAveragePooling2D") == "global_average_pooling2d");
  CHECK(snake_case("LeakyReLU") == "leaky_re_lu");
  CHECK(snake_case("PReLU") == "p_re_lu");
  CHECK(snake_case("ELU") == "elu");
  CHECK(snake_case("Conv2DTranspose") == "conv2d_transpose");
}

TEST_CASE("wrong use is answered, and changes nothing") {
  Sequential model({8, 8, 1}, {.name = "net"});
  model.add(Conv2D(4, 3));
  const auto says = [&](const std::string& want, auto&& mistake) {
    const Index layers = model.layer_count();
    CHECK(message<Error>(mistake) == want);
    CHECK(model.layer_count() == layers);
  };
  says(
      "[conv2d_1 (Conv2D)] expected an input whose height holds the window of 9, got 6 (padding 0 + 0) (use a "
      "smaller window or more padding; images are (height, width, channels))",
      [&] { model.add(Conv2D(4, 9)); });
  says("[net] expected layer names that differ, got \"conv2d\" twice",
       [&] { model.add(Dense(2, {.name = "conv2d"})); });
  says(
      "[net] expected input input_layer of shape (batch, 8, 8, 1), got (8, 8, 1) (one sample needs a batch axis "
      "of 1 in front)",
      [&] {
        Tape<float> tape;
        const Tensor<float> one({8, 8, 1});
        model.forward(one, tape);
      });
  says(
      "[net] expected input input_layer of shape (batch, 8, 8, 1), got (2, 1, 8, 8) (these seem to be channels "
      "first, (batch, channels, height, width); keel's are (batch, height, width, channels))",
      [&] {
        model.predict(Tensor<float>({2, 1, 8, 8}));
      });
  Tensor<float> y({1, 6, 6, 4});
  says("[net] expected an output of shape (2, 6, 6, 4), got (1, 6, 6, 4)", [&] {
    model.predict(Tensor<float>({2, 8, 8, 1}), y);
  });
  says("[net] expected one of the layers conv2d, got \"dense\"", [&] { model.layer("dense"); });
  says(
      "[model] expected an output, got none (call output(node) after the last layer; a model that was moved from has "
      "none)",
      [&] {
        Model<float> empty;
        empty.input({2});
        empty.predict(Tensor<float>({1, 2}));
      });
  says("[model] expected nodes of this model, got node 7 (make inputs with input() and pass what add() returned)", [&] {
    Model<float> empty;
    empty.output({7});
  });
  says("[model] expected a node made by add() to share the layer of, got node 0", [&] {
    Model<float> net;
    const Node x = net.input({2});
    net.share(x, x);
  });
  says("[dense] expected inputs that fit its weights, such as (2), got (3)", [&] {
    Model<float> net;
    const Node a = net.add(Dense(2), net.input({2}));
    net.share(a, net.input({3}));
  });
  says("[dense] expected 1 inputs, as at its first node, got 2", [&] {
    Model<float> net;
    const Node x = net.input({2}), a = net.add(Dense(2), x);
    net.share(a, {x, x});
  });
  for (const Shape& empty : {Shape{0}, Shape{4, 4, 0}, Shape{0, 3}})
    says("[model] expected an input with extents of 1 or more, got " + empty.to_string(), [&] {
      Model<float> net;
      net.input(empty);
    });
  says("[Model::backward] expected a forward pass of this model on this tape before, got none", [&] {
    Tape<float> tape;
    model.backward(Inputs<float>(), tape);
  });
  const auto changed = [&](auto change) {
    says(
        "[Model::backward] expected a forward pass of this model on this tape before, "
        "got one of another model, or of this one before layers were added",
        [&] {
          Sequential<float> net({4});
          net.add(Dense(4));
          Tape<float> tape;
          const Tensor<float> x({2, 4});
          net.forward(x, tape);
          change(net);
          net.backward(x, tape);
        });
  };
  changed([](Sequential<float>& net) { net.add(Dense(4)); });
  changed([](Sequential<float>& net) {
    Sequential<float> other({4});
    net = std::move(other.add(Dropout(0.5)));
  });
  says("[net] expected one gradient of each output's shape, got (1, 6, 6, 4)", [&] {
    Tape<float> tape;
    const Tensor<float> x({2, 8, 8, 1});
    model.forward(x, tape);
    model.backward(y, tape);
  });
  says("[Tape::input_gradient] expected a backward pass with input_gradients set, got none",
       [&] { Tape<float>().input_gradient(); });
  says("[model] expected one output, got 2 (use predict(span of inputs))", [&] {
    Model<float> net;
    const Node x = net.input({2});
    net.output(x);
    net.output(net.add(ReLU(), x));
    net.predict(Tensor<float>({1, 2}));
  });
  says("[model] expected 2 inputs, got 1", [&] {
    Model<float> net;
    net.output(net.add(Add(), {net.input({2}), net.input({2})}));
    net.predict(Tensor<float>({1, 2}));
  });
  says("[kernel] expected a value of shape (3, 3, 1, 4), got (3, 3)", [&] {
    model.parameters()[0]->set(Tensor<float>({3, 3}));
  });
}
