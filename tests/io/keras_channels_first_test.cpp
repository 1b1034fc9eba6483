/// channels_first models, whatever their container, against a small reference that computes in channels-first order: each
/// class is right, or refused by name.

#include <cmath>
#include <functional>

#include <doctest/doctest.h>

#include <keel/io/load.hpp>

#include "temporary_directory.hpp"

using namespace keel;

namespace keras_channels_first_test {  // a name of its own: the files of a folder are compiled together

constexpr Index C = 3, H = 2, W = 4;

/// Values of a map, or in a row, as Keras has them with channels first.
struct Values {
  std::vector<Index> shape;
  std::vector<double> at;
};

double number(Index i) { return std::sin(0.7 * static_cast<double>(i) + 0.3); }
std::vector<double> numbers(Index count, Index from) {
  std::vector<double> all;
  for (Index i = 0; i < count; ++i) all.push_back(number(from + i));
  return all;
}
Values map_of(Index c, Index h, Index w) { return {{c, h, w}, numbers(c * h * w, 0)}; }

/// Along one axis of a map, 0 the channels: f(values of that line).
void along(Values& v, Index axis, const std::function<void(std::vector<double>&)>& f) {
  const Index c = v.shape[0], h = v.shape[1], w = v.shape[2];
  const Index step = axis == 0 ? h * w : axis == 1 ? w : 1, length = v.shape[static_cast<std::size_t>(axis)];
  for (Index start = 0; start < c * h * w; ++start) {
    if (start / step % length != 0) continue;
    std::vector<double> line;
    for (Index i = 0; i < length; ++i) line.push_back(v.at[static_cast<std::size_t>(start + i * step)]);
    f(line);
    for (Index i = 0; i < length; ++i)
      v.at[static_cast<std::size_t>(start + i * step)] = line[static_cast<std::size_t>(i)];
  }
}
void softmax(std::vector<double>& line) {
  double sum = 0;
  for (double& value : line) sum += value = std::exp(value);
  for (double& value : line) value /= sum;
}
/// x kernel, with the rows in the order of the values.
Values dense(const Values& v, Index units) {
  Values out{{units}, std::vector<double>(static_cast<std::size_t>(units), 0)};
  for (std::size_t i = 0; i < v.at.size(); ++i)
    for (Index u = 0; u < units; ++u)
      out.at[static_cast<std::size_t>(u)] += v.at[i] * number(static_cast<Index>(i) * units + u);
  return out;
}

NamedArray array(const Shape& shape, Index from, double shift = 0) {
  Tensor<float> values(shape);
  for (Index i = 0; i < values.size(); ++i) values[i] = static_cast<float>(number(from + i) + shift);
  return to_array("", values);
}

struct LayerWeights {
  std::string layer;
  std::vector<NamedArray> arrays;
};

/// A layer, keys after "name".
std::string layer(const std::string& type, const std::string& name, const std::string& config = "") {
  return R"({"class_name":")" + type + R"(","config":{"name":")" + name + "\"" + (config.empty() ? "" : "," + config) +
         "}}";
}
/// The layer that says that images are channels first, and changes nothing.
const std::string first = layer(
    "MaxPooling2D", "pool", R"("pool_size":[1,1],"strides":[1,1],"padding":"valid","data_format":"channels_first")");

/// The model of these layers from a .h5, and from the same in the other containers.
class Containers {
 public:
  Containers(const std::string& layers, const std::vector<LayerWeights>& weights, const std::string& shape) {
    const std::string text =
        R"({"class_name":"Sequential","config":{"name":"s","layers":[{"class_name":"InputLayer","config":)"
        R"({"name":"in","batch_input_shape":)" +
        shape + "}}," + layers + "]}}";
    Hdf5Writer h5, keras;
    h5.attribute("", "keras_version", "2.15.0");
    h5.attribute("", "model_config", text);
    h5.group("model_weights");
    std::vector<std::string> names;
    Archive archive{"", "tfjs", {}, {}};
    io::KerasCounter counter;
    const Json json = parse_json(text, "test");
    for (const Json& each : json["config"]["layers"]) {
      const std::string name = each["config"]["name"].text();
      const std::string type = each["class_name"].text();
      const std::string vars = "layers/" + counter.next(type) + "/vars", group = "model_weights/" + name;
      if (type == "InputLayer") continue;
      names.push_back(name);
      h5.group(group);
      keras.group(vars);
      for (const LayerWeights& w : weights) {
        if (w.layer != name) continue;
        std::vector<std::string> paths;
        const dialects::KerasRow& row = *dialects::keras_class(type);
        for (std::size_t i = 0; i < w.arrays.size(); ++i) {
          const std::string weight = name + "/" + std::string(row.weights[i].name);
          paths.push_back(weight + ":0");
          h5.dataset(group + "/" + paths.back(), NamedArray(w.arrays[i]));
          keras.dataset(vars + "/" + std::to_string(i), NamedArray(w.arrays[i]));
          archive.tensors.push_back(w.arrays[i]);
          archive.tensors.back().name = weight;
        }
        h5.attribute(group, "weight_names", paths);
      }
    }
    h5.attribute("model_weights", "layer_names", names);
    h5.write(folder_ / "a.h5");
    keras.group("layers");
    ZipWriter zip;
    zip.add_text("metadata.json", R"({"keras_version":"3.8.0"})");
    zip.add_text("config.json", text);
    const Bytes inside = keras.bytes();
    zip.add("model.weights.h5", inside);
    zip.write(folder_ / "a.keras");
    archive.metadata["modelTopology"] = R"({"keras_version":"tfjs-layers 4.22.0","model_config":)" + text + "}";
    write_tfjs(folder_ / "model.json", archive);
  }
  std::vector<std::string> paths() const { return {folder_ / "a.h5", folder_ / "a.keras", folder_ / "model.json"}; }

 private:
  TemporaryDirectory folder_;
};

/// What keel gives for the input map, in the order of channels first.
void check_right(const std::string& layers, const std::vector<LayerWeights>& weights, const Values& want,
                 const Values& in = map_of(C, H, W)) {
  const std::string shape = "[null," + std::to_string(in.shape[0]) + "," + std::to_string(in.shape[1]) + "," +
                            std::to_string(in.shape[2]) + "]";
  const Containers files(layers, weights, shape);
  Tensor<float> x(Shape{1, in.shape[1], in.shape[2], in.shape[0]});
  const Index pixels = in.shape[1] * in.shape[2];
  for (Index c = 0; c < in.shape[0]; ++c)
    for (Index p = 0; p < pixels; ++p)
      x[p * in.shape[0] + c] = static_cast<float>(in.at[static_cast<std::size_t>(c * pixels + p)]);
  for (const std::string& path : files.paths()) {
    CAPTURE(path);
    CAPTURE(layers);
    const Tensor<float> y = load(path).predict(x);
    REQUIRE(y.size() == static_cast<Index>(want.at.size()));
    const bool map = want.shape.size() == 3;
    const Index channels = want.shape[0], places = y.size() / channels;
    double worst = 0;
    for (Index c = 0; c < channels; ++c)
      for (Index p = 0; p < places; ++p)
        worst = (std::max)(worst, std::abs(static_cast<double>(y[map ? p * channels + c : c * places + p]) -
                                           want.at[static_cast<std::size_t>(c * places + p)]));
    CHECK(worst < 1e-5);
  }
}
void check_refused(const std::string& layers, const std::vector<LayerWeights>& weights,
                   const std::vector<std::string>& parts) {
  const Containers files(layers, weights, "[null,3,2,4]");
  for (const std::string& path : files.paths()) {
    CAPTURE(path);
    std::string message;
    try {
      load(path);
    } catch (const FormatError& error) {
      message = error.what();
    }
    CAPTURE(message);
    for (const std::string& part : parts) CHECK(message.find(part) != message.npos);
  }
}

TEST_CASE("axes of channels-first maps") {
  Values want = map_of(C, H, W);
  along(want, 0, softmax);
  check_right(first + "," + layer("Softmax", "s", R"("axis":1)"), {}, want);
  want = map_of(C, H, W);
  along(want, 1, softmax);
  check_right(first + "," + layer("Softmax", "s", R"("axis":2)"), {}, want);
  want = map_of(C, H, W);
  along(want, 2, softmax);
  check_right(first + "," + layer("Softmax", "s", R"("axis":-1)"), {}, want);
  check_right(first + "," + layer("Softmax", "s", R"("axis":[3])"), {}, want);
  check_right(first + "," + layer("Activation", "s", R"("activation":"softmax")"), {}, want);
  check_refused(first + "," + layer("Activation", "s", R"("activation":"log_softmax")"), {},
                {"'s' (Activation)", "log_softmax"});
}

TEST_CASE("batch normalisation of channels-first maps") {
  const auto normalised = [](Index channel_axis) {
    Values v = map_of(C, H, W);
    along(v, channel_axis, [&](std::vector<double>& line) {
      for (std::size_t i = 0; i < line.size(); ++i) {
        const Index k = static_cast<Index>(i);
        line[i] =
            number(100 + k) * (line[i] - number(300 + k)) / std::sqrt(number(400 + k) + 2 + 1e-3) + number(200 + k);
      }
    });
    return v;
  };
  const auto weights = [](Index n) {
    return std::vector<LayerWeights>{{"bn", {array({n}, 100), array({n}, 200), array({n}, 300), array({n}, 400, 2)}}};
  };
  check_right(first + "," + layer("BatchNormalization", "bn", R"("axis":1)"), weights(C), normalised(0));
  check_right(first + "," + layer("BatchNormalization", "bn", R"("axis":[1])"), weights(C), normalised(0));
  check_right(first + "," + layer("BatchNormalization", "bn", R"("axis":-3)"), weights(C), normalised(0));
}

TEST_CASE("PReLU of channels-first maps") {
  const auto activated = [](const std::function<Index(Index, Index, Index)>& alpha) {
    Values v = map_of(C, H, W);
    for (Index c = 0; c < C; ++c)
      for (Index i = 0; i < H; ++i)
        for (Index j = 0; j < W; ++j) {
          double& x = v.at[static_cast<std::size_t>((c * H + i) * W + j)];
          if (x < 0) x *= number(50 + alpha(c, i, j));
        }
    return v;
  };
  const auto prelu = [](const std::string& axes) {
    return first + "," + layer("PReLU", "p", R"("shared_axes":)" + axes);
  };
  check_right(prelu("[2,3]"), {{"p", {array({C, 1, 1}, 50)}}}, activated([](Index c, Index, Index) { return c; }));
  check_right(prelu("null"), {{"p", {array({C, H, W}, 50)}}},
              activated([](Index c, Index i, Index j) { return (c * H + i) * W + j; }));
  check_right(prelu("[1]"), {{"p", {array({1, H, W}, 50)}}},
              activated([](Index, Index i, Index j) { return i * W + j; }));
  check_right(prelu("[1,3]"), {{"p", {array({1, H, 1}, 50)}}}, activated([](Index, Index i, Index) { return i; }));
}

TEST_CASE("a flattened channels-first map is followed to the weights that see it") {
  const Values row{{C * H * W}, map_of(C, H, W).at};
  const std::vector<LayerWeights> kernel{{"d", {array({C * H * W, 2}, 0), array({2}, 0)}}};
  const auto with_bias = [](Values v) {
    for (std::size_t u = 0; u < v.at.size(); ++u) v.at[u] += number(static_cast<Index>(u));
    return v;
  };
  const std::string last = layer("Dense", "d", R"("units":2)");
  const Values want = with_bias(dense(row, 2));
  for (const std::string& flatten : std::vector<std::string>{
           layer("Flatten", "f"), layer("Flatten", "f", R"("data_format":"channels_last")"),
           layer("Reshape", "f", R"("target_shape":[-1])"), layer("Reshape", "f", R"("target_shape":[24])"),
           layer("Flatten", "f") + "," + layer("Dropout", "o", R"("rate":0.5)"),
           layer("Flatten", "f") + "," + layer("Flatten", "g"),
           layer("Flatten", "f") + "," + layer("Activation", "a", R"("activation":"linear")"),
           layer("Flatten", "f") + "," + layer("Reshape", "back", R"("target_shape":[3,2,4])") + "," +
               layer("Flatten", "g")})
    check_right(first + "," + flatten + "," + last, kernel, want);
  // the other data_format brings the channels to the end first
  Values turned{{C * H * W}, {}};
  for (Index p = 0; p < H * W; ++p)
    for (Index c = 0; c < C; ++c) turned.at.push_back(row.at[static_cast<std::size_t>(c * H * W + p)]);
  check_right(first + "," + layer("Flatten", "f", R"("data_format":"channels_first")") + "," + last, kernel,
              with_bias(dense(turned, 2)));
  // features with weights of their own in between
  Values normal = row;
  for (std::size_t i = 0; i < normal.at.size(); ++i) {
    const Index k = static_cast<Index>(i);
    normal.at[i] =
        number(100 + k) * (normal.at[i] - number(300 + k)) / std::sqrt(number(400 + k) + 2 + 1e-3) + number(200 + k);
  }
  constexpr Index n = C * H * W;
  std::vector<LayerWeights> both = kernel;
  both.push_back({"bn", {array({n}, 100), array({n}, 200), array({n}, 300), array({n}, 400, 2)}});
  check_right(first + "," + layer("Flatten", "f") + "," + layer("BatchNormalization", "bn", R"("axis":1)") + "," + last,
              both, with_bias(dense(normal, 2)));
  Values bent = row;
  for (std::size_t i = 0; i < bent.at.size(); ++i)
    if (bent.at[i] < 0) bent.at[i] *= number(50 + static_cast<Index>(i));
  both = kernel;
  both.push_back({"p", {array({n}, 50)}});
  check_right(first + "," + layer("Flatten", "f") + "," + layer("PReLU", "p") + "," + last, both,
              with_bias(dense(bent, 2)));
}

TEST_CASE("a Reshape of channels-first maps to the extents that they have") {
  check_right(first + "," + layer("Reshape", "r", R"("target_shape":[3,-1,4])") + "," + first, {}, map_of(C, H, W));
  check_refused(first + "," + layer("Reshape", "r", R"("target_shape":[4,2,3])") + "," + layer("Flatten", "f") + "," +
                    layer("Dense", "d", R"("units":2)"),
                {{"d", {array({24, 2}, 0), array({2}, 0)}}}, {"'r' (Reshape)", "channels-first"});
}

TEST_CASE("what channels-first maps cannot be is refused with layer and class") {
  check_refused(first + "," + layer("Dense", "d", R"("units":2)"), {{"d", {array({4, 2}, 0), array({2}, 0)}}},
                {"'d' (Dense)", "the width"});
  check_refused(first + "," + layer("Flatten", "f"), {}, {"outputs whose values lie as in Keras"});
  check_refused(first + "," + layer("MaxPooling2D", "p", R"("pool_size":1,"data_format":"channels_last")"), {},
                {"'p' (MaxPooling2D)", "one data_format"});
}

TEST_CASE("a Flatten of its own data_format in a channels-last model") {
  // (h, w, c) as (w, c, h)
  const Index h = 2, w = 4, c = 3;
  const Containers files(layer("MaxPooling2D", "pool", R"("pool_size":1,"data_format":"channels_last")") + "," +
                             layer("Flatten", "f", R"("data_format":"channels_first")") + "," +
                             layer("Dense", "d", R"("units":2)"),
                         {{"d", {array({24, 2}, 0), array({2}, 0)}}}, "[null,2,4,3]");
  Tensor<float> x(Shape{1, h, w, c});
  for (Index i = 0; i < x.size(); ++i) x[i] = static_cast<float>(number(i));
  Values row{{24}, {}};
  for (Index j = 0; j < w; ++j)
    for (Index k = 0; k < c; ++k)
      for (Index i = 0; i < h; ++i) row.at.push_back(number((i * w + j) * c + k));
  const Values want = dense(row, 2);
  for (const std::string& path : files.paths()) {
    const Tensor<float> y = load(path).predict(x);
    for (Index u = 0; u < 2; ++u)
      CHECK(y[u] == doctest::Approx(want.at[static_cast<std::size_t>(u)] + number(u)).epsilon(1e-4));
  }
}

}  // namespace keras_channels_first_test
