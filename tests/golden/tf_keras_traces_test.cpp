#include <doctest/doctest.h>

#include <keel/formats/deflate.hpp>
#include <keel/layers/layers.hpp>
#include <keel/model/model.hpp>

#include "support/golden.hpp"

// Traces of tf.keras's layers, which lie beside the repository and are not part of it; tests/golden/README.md says
// what is in them. Their incoming gradient is always 2.

namespace {

using namespace keel;

using Arrays = std::vector<std::vector<float>>;

/// Every trace by name, out of the tar.gz; empty where that is missing.
const std::map<std::string, Arrays>& traces() {
  static const std::map<std::string, Arrays> all = [] {
    std::map<std::string, Arrays> result;
    const std::string path = KEEL_SOURCE_DIR "/../shared/fixtures/nntrainer_tf_keras_layer_traces.tar.gz";
    if (!KEEL_HAS_ZLIB || !std::ifstream(path)) return result;
    const Bytes tar = formats::gunzip(read_file(path), path);
    const char* data = reinterpret_cast<const char*>(tar.data());
    for (std::size_t at = 0; at + 512 <= tar.size() && data[at] != 0;) {  // ustar: a block of header, then the file
      std::string name(data + at, strnlen(data + at, 100));
      name = name.substr(name.rfind('/') + 1);
      const std::size_t size = std::stoul(std::string(data + at + 124, 11), nullptr, 8);
      const char* from = data + at + 512;
      Arrays arrays;
      for (const char* end = from + size; from + 4 <= end;) {
        std::int32_t count = 0;
        std::memcpy(&count, from, 4);
        from += 4;
        if (count < 0 || from + 4 * static_cast<std::ptrdiff_t>(count) > end) break;  // the fp16 files: not ours
        arrays.emplace_back(static_cast<std::size_t>(count));
        std::memcpy(arrays.back().data(), from, 4 * arrays.back().size());
        from += 4 * arrays.back().size();
      }
      result[name.substr(0, name.find('.'))] = std::move(arrays);
      at += 512 + (size + 511) / 512 * 512;
    }
    return result;
  }();
  return all;
}

bool missing() {
  if (traces().empty()) MESSAGE("skipped: needs zlib and ../shared/fixtures with the traces of tf.keras");
  return traces().empty();
}

/// Values in rows of (a, b, c, d) put in another order of axes.
template <class T>
Tensor<T> permuted(const std::vector<float>& values, const Shape& shape, const std::array<Index, 4>& order) {
  Tensor<T> result(Shape{shape[order[0]], shape[order[1]], shape[order[2]], shape[order[3]]});
  REQUIRE(static_cast<Index>(values.size()) == shape.size());
  Index from = 0;
  for (Index a = 0; a < shape[0]; ++a)
    for (Index b = 0; b < shape[1]; ++b)
      for (Index c = 0; c < shape[2]; ++c)
        for (Index d = 0; d < shape[3]; ++d) {
          const Index at[] = {a, b, c, d};
          result(at[order[0]], at[order[1]], at[order[2]], at[order[3]]) =
              static_cast<T>(values[static_cast<std::size_t>(from++)]);
        }
  return result;
}
/// (batch, channels, height, width) to keel's order.
template <class T>
Tensor<T> channels_last(const std::vector<float>& values, const Shape& nchw) {
  return permuted<T>(values, nchw, {0, 2, 3, 1});
}
template <class T>
Tensor<T> plain(const std::vector<float>& values, const Shape& shape) {
  Tensor<T> result(shape);
  REQUIRE(static_cast<Index>(values.size()) == shape.size());
  std::copy(values.begin(), values.end(), result.begin());
  return result;
}

constexpr double tolerance = 1e-5;

/// A layer in a model of its own, run forward and backward on the trace's input.
struct Run {
  Model<float> model;
  Tape<float> tape;
  std::vector<Tensor<float>> inputs;
  std::vector<TensorView<const float>> views;

  Run(AnyLayer<float> layer, std::vector<Tensor<float>> x) : inputs(std::move(x)) {
    std::vector<Node> nodes;
    for (const Tensor<float>& input : inputs) {
      nodes.push_back(model.input(input.shape().sample()));
      views.push_back(input.view());
    }
    model.output(model.add(std::move(layer), nodes));
    tape.input_gradients = true;
  }
  TensorView<const float> forward(bool training = true) {
    return model.forward(Inputs<float>(views), tape, training)[0];
  }
  void backward() { model.backward(Tensor<float>(tape.output().shape(), 2.0f), tape); }
  Parameter<float>& parameter(std::size_t i) { return *model.parameters().at(i); }
};

struct Convolution {
  const char* name;
  Index channels, size, filters, kernel, stride, dilation;
  Padding padding;
};
constexpr Convolution convolutions[] = {{"minimum", 1, 4, 3, 2, 1, 1, Padding::valid},
                                        {"same_remain", 1, 4, 2, 3, 1, 1, Padding::same},
                                        {"same_uneven_remain", 3, 4, 2, 3, 2, 1, Padding::same},
                                        {"valid_drop_last", 3, 7, 2, 3, 2, 1, Padding::valid},
                                        {"no_overlap", 2, 5, 3, 2, 3, 1, Padding::valid},
                                        {"1x1_kernel", 2, 5, 3, 1, 2, 1, Padding::valid},
                                        {"dilation", 3, 11, 2, 3, 1, 2, Padding::valid},
                                        {"same_dilation", 3, 11, 2, 3, 1, 2, Padding::same},
                                        {"causal", 1, 4, 3, 2, 1, 1, {0, 0, 1, 0}},
                                        {"causal_dilation", 1, 4, 3, 2, 1, 2, {0, 0, 2, 0}}};

void replay(const std::string& name, const Convolution& c, Index batch, bool two_dimensional) {
  CAPTURE(name);
  const auto& a = traces().at(name);
  REQUIRE(a.size() == 9);
  const auto both = [&](Index n) { return two_dimensional ? Pair(n) : Pair(1, n); };
  const Pair kernel = both(c.kernel);
  const Shape x{batch, c.channels, two_dimensional ? c.size : 1, c.size};
  const Shape oihw{c.filters, c.channels, kernel.height, kernel.width};
  Run run(Conv2D<float>(c.filters, kernel,
                        {.strides = both(c.stride), .padding = c.padding, .dilation_rate = both(c.dilation)}),
          {channels_last<float>(a[2], x)});
  run.parameter(0).set(permuted<float>(a[0], oihw, {2, 3, 1, 0}));
  run.parameter(1).set(plain<float>(a[1], {c.filters}));
  const Shape y = run.model.output_shape();
  const Tensor<double> want = channels_last<double>(a[3], {batch, y[2], y[0], y[1]});
  CHECK(golden::off(run.forward(), want) < tolerance);
  CHECK(golden::off(run.model.predict(run.inputs[0]), want) < tolerance);
  run.backward();
  CHECK(golden::off(run.parameter(0).gradient, permuted<double>(a[4], oihw, {2, 3, 1, 0})) < tolerance);
  CHECK(golden::off(run.parameter(1).gradient, plain<double>(a[5], {c.filters})) < tolerance);
  CHECK(golden::off(run.tape.input_gradient(), channels_last<double>(a[8], x)) < tolerance);
}

TEST_CASE("tf.keras's convolutions, replayed") {
  if (missing()) return;
  for (const Convolution& c : convolutions)
    for (const bool two_dimensional : {true, false}) {
      if (two_dimensional && c.padding.mode == Padding::Mode::fixed) continue;
      for (const Index batch : {1, 3}) {
        const std::string name =
            std::string(two_dimensional ? "conv2d" : "conv1d") + (batch == 1 ? "_sb_" : "_mb_") + c.name;
        replay(name, c, batch, two_dimensional);
      }
    }
}

TEST_CASE("tf.keras's dense layers, replayed") {
  if (missing()) return;
  const auto replay_dense = [](const char* name, Index batch, Index units) {
    CAPTURE(name);
    const auto& a = traces().at(name);
    Run run(Dense<float>(units), {plain<float>(a.at(2), {batch, 10})});
    run.parameter(0).set(plain<float>(a[0], {10, units}));
    run.parameter(1).set(plain<float>(a[1], {units}));
    CHECK(golden::off(run.forward(), plain<double>(a[3], {batch, units})) < tolerance);
    run.backward();
    CHECK(golden::off(run.parameter(0).gradient, plain<double>(a[4], {10, units})) < tolerance);
    CHECK(golden::off(run.parameter(1).gradient, plain<double>(a[5], {units})) < tolerance);
    CHECK(golden::off(run.tape.input_gradient(), plain<double>(a.at(8), {batch, 10})) < tolerance);
  };
  replay_dense("fc_plain", 3, 5);
  replay_dense("fc_single_batch", 1, 4);
}

TEST_CASE("tf.keras's batch normalisation, replayed: five training calls, or inference") {
  if (missing()) return;
  const auto replay_norm = [](const std::string& name, const Shape& nchw) {
    CAPTURE(name);
    const bool training = name.find("training") != std::string::npos;
    const auto& a = traces().at(name);
    REQUIRE(a.size() == 13);
    const Shape channels{nchw[1]};
    Run run(BatchNorm<float>(), {channels_last<float>(a[4], nchw)});
    // keel lists gamma, beta, mean, variance; the trace mean, variance, gamma, beta
    const std::size_t places[] = {2, 3, 0, 1};
    for (std::size_t i = 0; i < 4; ++i) run.parameter(i).set(plain<float>(a[places[i]], channels));
    for (int call = 0; call < 4; ++call) run.forward(training);
    CHECK(golden::off(run.forward(training), channels_last<double>(a[5], nchw)) < tolerance);
    run.backward();
    // in training they are 0 up to rounding: the incoming gradient is constant
    const double sum = 2.0 * static_cast<double>(nchw.size() / nchw[1]);
    CHECK(golden::off(run.parameter(0).gradient, plain<double>(a[6], channels), sum) < tolerance);
    CHECK(golden::off(run.parameter(1).gradient, plain<double>(a[7], channels)) < tolerance);
    CHECK(golden::off(run.tape.input_gradient(), channels_last<double>(a[12], nchw), 2) < tolerance);
    for (std::size_t i = 0; i < 4; ++i)
      CHECK(golden::off(run.parameter(i).value(), plain<double>(a[8 + places[i]], channels)) < tolerance);
  };
  for (const char* mode : {"training", "inference"}) {
    replay_norm(std::string("bn_channels_") + mode, {2, 4, 2, 3});
    replay_norm(std::string("bn_width_") + mode, {2, 10, 1, 1});
  }
}

TEST_CASE("tf.keras's merging, reshaping and enlarging layers, replayed") {
  if (missing()) return;
  const auto replay_merge = [](const char* name, AnyLayer<float> layer, const Shape& first, const Shape& second,
                               const Shape& out) {
    CAPTURE(name);
    const auto& a = traces().at(name);
    REQUIRE(a.size() == 5);
    Run run(std::move(layer), {channels_last<float>(a[0], first), channels_last<float>(a[1], second)});
    CHECK(golden::off(run.forward(), channels_last<double>(a[2], out)) == 0);
    run.backward();
    CHECK(golden::off(run.tape.input_gradient(0), channels_last<double>(a[3], first)) == 0);
    CHECK(golden::off(run.tape.input_gradient(1), channels_last<double>(a[4], second)) == 0);
  };
  replay_merge("added_w32a32", Add<float>(), {2, 3, 3, 3}, {2, 3, 3, 3}, {2, 3, 3, 3});
  replay_merge("added_w32a32_2", Add<float>(), {3, 3, 4, 4}, {3, 3, 4, 4}, {3, 3, 4, 4});
  replay_merge("concat_dim1", Concatenate<float>(), {2, 2, 3, 3}, {2, 3, 3, 3}, {2, 5, 3, 3});
  replay_merge("concat_dim2", Concatenate<float>({.axis = 1}), {2, 3, 2, 3}, {2, 3, 3, 3}, {2, 3, 5, 3});
  replay_merge("concat_dim3", Concatenate<float>({.axis = 2}), {2, 3, 3, 2}, {2, 3, 3, 3}, {2, 3, 3, 5});

  const auto& reshape = traces().at("reshape");
  Run run(Reshape<float>({9, 3}), {plain<float>(reshape.at(0), {2, 27})});
  CHECK(golden::off(run.forward(), plain<double>(reshape.at(1), {2, 9, 3})) == 0);

  const auto replay_enlarging = [](const char* name, Index in, Index size, Interpolation interpolation) {
    CAPTURE(name);
    const auto& a = traces().at(name);
    REQUIRE(a.size() == 3);
    Run enlarge(UpSampling2D<float>(size, {interpolation}), {channels_last<float>(a[0], {1, 1, in, in})});
    CHECK(golden::off(enlarge.forward(), channels_last<double>(a[1], {1, 1, in * size, in * size})) < tolerance);
    enlarge.backward();
    CHECK(golden::off(enlarge.tape.input_gradient(), channels_last<double>(a[2], {1, 1, in, in})) < tolerance);
  };
  replay_enlarging("upsample2d_2x2_nearest", 2, 2, Interpolation::nearest);
  replay_enlarging("upsample2d_3x3_nearest", 3, 3, Interpolation::nearest);
  replay_enlarging("upsample2d_2x2_bilinear", 2, 2, Interpolation::bilinear);
  replay_enlarging("upsample2d_3x3_bilinear", 3, 3, Interpolation::bilinear);
  replay_enlarging("upsample2d_big_bilinear", 10, 4, Interpolation::bilinear);
}

TEST_CASE("tf.keras's dropout, replayed; its mask is its own") {
  if (missing()) return;
  const struct {
    const char* name;
    double rate;
    bool training;
  } cases[] = {
      {"dropout_0_training", 0, true}, {"dropout_100_training", 1, true}, {"dropout_20_inference", 0.2, false}};
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto& a = traces().at(c.name);
    Run run(Dropout<float>(c.rate), {plain<float>(a.at(0), {2, 18})});
    CHECK(golden::off(run.forward(c.training), plain<double>(a.at(1), {2, 18})) == 0);
    run.backward();
    CHECK(golden::off(run.tape.input_gradient(), plain<double>(a.at(2), {2, 18})) == 0);
  }
  // What is kept grows as in the trace, and so does its gradient; what is dropped has none.
  const auto& a = traces().at("dropout_20_training");
  Run run(Dropout<float>(0.2), {plain<float>(a.at(0), {2, 18})});
  const Tensor<float> y(run.forward());
  run.backward();
  int kept = 0;
  for (Index i = 0; i < y.size(); ++i) {
    const float dx = run.tape.input_gradient()[i], theirs = a.at(2)[static_cast<std::size_t>(i)];
    CHECK((dx == 0 || dx == 2.5f));
    CHECK((theirs == 0 || theirs == 2.5f));
    CHECK(y[i] == dx / 2 * run.inputs[0][i]);
    kept += dx != 0;
  }
  CHECK(kept > 18);
  CHECK(kept < 36);
}

}  // namespace
