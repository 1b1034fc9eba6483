/// Models inside models in Keras's files: written as they were read, shared ones too, and read as Keras and
/// TensorFlow.js write them.

#include <cmath>

#include <doctest/doctest.h>

#include <keel/io/load.hpp>

#include "io/scramble.hpp"
#include "temporary_directory.hpp"

using namespace keel;

namespace {

using Names = std::vector<std::string>;

/// "inner" is called on both images and holds a model itself; "head" is a chain.
Model<> siamese() {
  Model<> net({.seed = 3});
  const Node left = net.input({8, 8, 3}, "left"), right = net.input({8, 8, 3}, "right");
  const Node conv = net.add(Conv2D(4, 3, {.padding = Padding(1), .name = "inner/conv"}), left);
  const Node norm = net.add(BatchNorm({.name = "inner/norm"}), conv);
  const Node sum = net.add(Add({.name = "inner/add"}), {conv, norm});
  const Node pool = net.add(GlobalAveragePool2D({.name = "inner/deep/pool"}), sum);
  const Node dense = net.add(Dense(3, {.name = "inner/deep/dense"}), pool);
  // the second call in another order of nodes
  const Node conv2 = net.share(conv, right);
  const Node sum2 = net.share(sum, {conv2, net.share(norm, conv2)});
  const Node dense2 = net.share(dense, net.share(pool, sum2));
  const Node product = net.add(Multiply(), {dense, dense2});
  net.output(net.add(Dense(2, {.name = "head/dense"}), net.add(BatchNorm({.name = "head/norm"}), product)));
  net.output(dense2);
  return net;
}

Model<> chain() {
  Sequential net({6, 6, 2}, {.seed = 4});
  net.add(Conv2D(3, 3, {.name = "features/conv"})).add(ReLU({.name = "features/relu"}));
  net.add(Flatten()).add(Dense(4, {.name = "head/a/dense"})).add(Dense(2, {.name = "head/dense"}));
  return net;
}

/// The same layers by name, with the same values.
bool equal_by_name(const Model<>& a, const Model<>& b) {
  bool same = a.parameters().size() == b.parameters().size();
  for (Index l = 0; same && l < a.layer_count(); ++l) {
    const auto p = a.layer(l).parameters();
    if (p.empty()) continue;
    const auto q = b.layer(a.layer(l).name()).parameters();
    same = p.size() == q.size();
    for (std::size_t i = 0; same && i < p.size(); ++i) same = p[i]->value() == q[i]->value();
  }
  return same;
}

std::vector<Tensor<float>> results(const Model<>& model) {
  std::vector<Tensor<float>> x;
  for (std::size_t i = 0; i < model.inputs().size(); ++i) {
    x.emplace_back(model.input_shape(i).with_batch(2));
    for (Index k = 0; k < x.back().size(); ++k)
      x.back()[k] = std::sin(0.7f * static_cast<float>(k) + static_cast<float>(i));
  }
  std::vector<TensorView<const float>> views(x.begin(), x.end());
  return model.predict(Inputs<float>(views));
}

Json written(const Model<>& model, KerasStyle style = KerasStyle::keras3) {
  return io::KerasWriter<float>(model, style).json();
}
const Json& layers_of(const Json& json) { return json["config"]["layers"]; }
const Json& named(const Json& json, const std::string& name) {
  for (const Json& layer : layers_of(json))
    if (layer["config"]["name"] == name) return layer;
  throw std::logic_error("no layer " + name + " in " + json.dump());
}
Names names_of(const Json& json) {
  Names names;
  for (const Json& layer : layers_of(json)) names.push_back(layer["config"]["name"].get<std::string>());
  return names;
}

Conv2D<float> point(const std::string& name) { return Conv2D<float>(1, 1, {.name = name}); }

}  // namespace

TEST_CASE("models inside models come back as they were, from every file of Keras") {
  const TemporaryDirectory directory;
  for (Model<>& model : std::array{siamese(), chain()}) {
    scramble(model);
    const auto y = results(model);
    for (const char* name : {"a.keras", "npz.keras", "a.h5", "model.json"}) {
      CAPTURE(name);
      const std::string path = directory / name;
      if (std::string(name) == "npz.keras")
        save_keras(model, path, {.weights = KerasContainer::npz});
      else
        save(model, path);
      const Model<> loaded = load(path);
      CHECK(equal_by_name(model, loaded));
      CHECK(results(loaded) == y);
      CHECK(loaded.is_sequential() == model.is_sequential());
      for (const KerasStyle style : {KerasStyle::keras3, KerasStyle::keras2, KerasStyle::tfjs})
        CHECK(written(loaded, style) == written(load(path), style));
      const std::string again = directory / (std::string("again_") + name);
      save(loaded, again);
      CHECK(written(load(again)) == written(loaded));
      CHECK(equal_by_name(model, load(again)));
      Model<> other = model.clone();
      for (Parameter<float>* p : other.parameters()) p->set(Tensor<float>(p->shape(), 0.25f));
      load_weights(other, path);
      CHECK(equal_by_name(model, other));
    }
    save(model, directory / "a.weights.h5");
    Model<> other = model.clone();
    for (Parameter<float>* p : other.parameters()) p->set(Tensor<float>(p->shape(), 0.25f));
    load_weights(other, directory / "a.weights.h5");
    CHECK(equal_by_name(model, other));
  }
}

TEST_CASE("a model that is called twice is written once") {
  const Json json = written(siamese());
  CHECK(names_of(json) == Names{"left", "right", "inner", "multiply", "head"});
  const Json& inner = named(json, "inner");
  CHECK(inner["class_name"] == "Functional");
  CHECK(inner["module"] == "keras.src.models.functional");
  CHECK(names_of(inner) == Names{"input_layer", "conv_padding", "conv", "norm", "add", "deep"});
  CHECK(named(inner, "deep")["class_name"] == "Sequential");
  CHECK(names_of(named(inner, "deep")) == Names{"input_layer", "pool", "dense"});
  REQUIRE(inner["inbound_nodes"].size() == 2);
  // the first call of a Functional is number 1
  CHECK(json["config"]["output_layers"].dump() == R"([["head",0,0],["inner",2,0]])");
  CHECK(named(json, "head")["build_config"]["input_shape"].dump() == "[null,3]");
  CHECK(named(json, "multiply")["build_config"]["input_shape"].dump() == "[[null,3],[null,3]]");
  const Json old = written(siamese(), KerasStyle::keras2);
  CHECK(old["config"]["output_layers"].dump() == R"([["head",1,0],["inner",2,0]])");
  CHECK(named(old, "inner")["inbound_nodes"].dump() == R"([[["left",0,0,{}]],[["right",0,0,{}]]])");
  CHECK(named(old, "multiply")["inbound_nodes"].dump() == R"([[["inner",1,0,{}],["inner",2,0,{}]]])");

  const Json nested = written(chain());
  CHECK(nested["class_name"] == "Sequential");
  CHECK(names_of(nested) == Names{"input_layer", "features", "flatten", "head"});
  CHECK(names_of(named(nested, "head")) == Names{"input_layer", "a", "dense"});
}

TEST_CASE("the layers of a model inside are one group of an .h5, those that train first") {
  const TemporaryDirectory directory;
  Model<> model = siamese();
  scramble(model);
  const auto weights = [&](const char* group) {
    save(model, directory / "a.h5");
    return read_hdf5(read_file(directory / "a.h5"), "a.h5")
        .texts("model_weights/" + std::string(group), "weight_names");
  };
  CHECK(weights("inner") == Names{"inner/conv/kernel", "inner/conv/bias", "inner/norm/gamma", "inner/norm/beta",
                                  "inner/deep/dense/kernel", "inner/deep/dense/bias", "inner/norm/moving_mean",
                                  "inner/norm/moving_variance"});
  // a frozen layer's come last; one that only takes no gradients is trainable to Keras
  model.layer("inner/conv").freeze(Freeze::layer);
  model.layer("inner/norm").freeze(Freeze::gradients);
  CHECK(weights("inner") == Names{"inner/norm/gamma", "inner/norm/beta", "inner/deep/dense/kernel",
                                  "inner/deep/dense/bias", "inner/conv/kernel", "inner/conv/bias",
                                  "inner/norm/moving_mean", "inner/norm/moving_variance"});
  const Model<> loaded = load(directory / "a.h5");
  CHECK(equal_by_name(model, loaded));
  CHECK(loaded.layer("inner/conv").frozen() == Freeze::layer);
  CHECK(loaded.layer("inner/norm").frozen() == Freeze::gradients);  // kept beside Keras's configuration

  Sequential counting({3});
  counting.add(Normalization({.name = "inner/scale"})).add(Dense(2, {.name = "inner/dense"}));
  scramble(counting);
  save(counting, directory / "b.h5");
  CHECK(equal_by_name(counting, load(directory / "b.h5")));
  save(counting, directory / "b.keras");
  CHECK(equal_by_name(counting, load(directory / "b.keras")));
}

TEST_CASE("weights alone, as older versions of Keras save them") {
  const TemporaryDirectory directory;
  Sequential model({3});
  model.add(Dense(3, {.name = "outer"})).add(Dense(3, {.name = "inner/dense"}));
  scramble(model);
  for (const std::string inside : {"inner/dense", "dense"}) {
    CAPTURE(inside);
    Hdf5Writer file;
    const auto add = [&](const std::string& group, const std::string& layer, const char* name) {
      Names weights;
      for (const Parameter<float>* parameter : std::as_const(model).layer(name).parameters()) {
        weights.push_back(layer + "/" + parameter->name() + ":0");
        file.dataset(group + "/" + weights.back(), to_array("", parameter->value()));
      }
      file.attribute(group, "weight_names", weights);
    };
    file.attribute("", "layer_names", Names{"outer", "inner"});
    add("outer", "outer", "outer");
    add("inner", inside, "inner/dense");
    file.write(directory / "a.h5");
    Model<> other = model.clone();
    for (Parameter<float>* p : other.parameters()) p->set(Tensor<float>(p->shape(), 0.25f));
    const std::string table = diagnose(other, directory / "a.h5").to_string();
    CHECK((table.find("matched by name") != table.npos) == (inside == "inner/dense"));
    load_weights(other, directory / "a.h5");
    CHECK(equal_by_name(model, other));
  }
}

TEST_CASE("what is no model by itself is written flat") {
  const TemporaryDirectory directory;
  Model<> leaves;
  const Node x = leaves.input({4, 4, 1});
  const Node a = leaves.add(point("group/a"), x), between = leaves.add(ReLU({.name = "between"}), a);
  leaves.output(leaves.add(Add({.name = "group/add"}), {a, between}));
  CHECK(names_of(written(leaves)) == Names{"input_layer", "group_a", "between", "group_add"});

  Model<> crossed;  // either can be a model, both cannot
  const Node in = crossed.input({4, 4, 1});
  const Node p = crossed.add(point("p/first"), in), q = crossed.add(point("q/first"), in);
  crossed.output(crossed.add(point("p/second"), q));
  crossed.output(crossed.add(point("q/second"), p));
  const Json json = written(crossed);
  CHECK(names_of(named(json, "p")) == Names{"input_layer", "input_layer_1", "first", "second"});
  CHECK(names_of(json) == Names{"input_layer", "q_first", "p", "q_second"});
  CHECK(named(json, "p")["inbound_nodes"][0]["args"][0].size() == 2);

  Model<> unused;  // nothing comes out
  const Node start = unused.input({4, 4, 1});
  unused.add(point("dead/conv"), start);
  unused.output(unused.add(point("conv"), start));
  CHECK(names_of(written(unused)) == Names{"input_layer", "conv", "dead_conv"});

  Model<> taken;  // a name that a layer has already
  const Node first = taken.input({4, 4, 1}, "group/input");
  taken.output(taken.add(point("group"), taken.add(point("group/conv"), first)));
  CHECK(names_of(written(taken)) == Names{"group_input", "group_1", "group"});
  for (const Model<>* model : {&leaves, &crossed, &unused, &taken}) {
    save(*model, directory / "a.keras");
    CHECK(results(load(directory / "a.keras")) == results(*model));
  }
}

TEST_CASE("calls of a model are told apart") {
  const auto calls = [](const Model<>& model) { return named(written(model), "m")["inbound_nodes"].size(); };
  SUBCASE("as many as there can be") {
    Model<> model;
    Node at = model.input({4, 4, 1});
    const Node first = at = model.add(point("m/conv"), at);
    at = model.share(first, at);
    model.output(model.share(first, at));
    CHECK(calls(model) == 3);
  }
  SUBCASE("a layer that is called twice in each of two calls") {
    Model<> model;
    const Node x = model.input({4, 4, 1});
    const Node a = model.add(point("m/a"), x), b = model.add(point("m/b"), model.share(a, a));
    const Node a2 = model.share(a, b);
    model.output(model.share(b, model.share(a, a2)));
    CHECK(calls(model) == 2);
  }
  SUBCASE("calls that differ are one call") {
    Model<> model;
    const Node x = model.input({4, 4, 1});
    const Node a = model.add(point("m/a"), x), b = model.add(point("m/b"), a);
    model.output(b);
    model.output(model.share(a, model.share(b, x)));
    CHECK(calls(model) == 1);
    CHECK(names_of(named(written(model), "m")) == Names{"input_layer", "a", "b"});
  }
  SUBCASE("one input that is two in another call") {
    Model<> model;
    const Node x = model.input({4, 4, 1}, "x"), y = model.input({4, 4, 1}, "y");
    const Node a = model.add(point("m/a"), x), sum = model.add(Add({.name = "m/add"}), {a, x});
    model.output(sum);
    model.output(model.share(sum, {model.share(a, x), y}));
    CHECK(calls(model) == 2);
    const Json json = written(model, KerasStyle::tfjs);
    CHECK(named(json, "m")["inbound_nodes"].dump() == R"([[["x",0,0,{}],["x",0,0,{}]],[["x",0,0,{}],["y",0,0,{}]]])");
  }
  SUBCASE("inputs of two ranks") {
    Model<> model;
    const Node image = model.input({2, 2, 1}, "image"), line = model.input({4}, "line");
    const Node a = model.add(Flatten({.name = "m/a"}), image);
    model.output(a);
    model.output(model.share(a, line));
    CHECK(calls(model) == 1);
  }
  SUBCASE("images of two sizes") {
    Model<> model;
    const Node large = model.input({8, 6, 1}, "large"), small = model.input({4, 6, 1}, "small");
    const Node a = model.add(point("m/a"), large);
    model.output(a);
    model.output(model.share(a, small));
    CHECK(calls(model) == 2);
    CHECK(layers_of(named(written(model), "m"))[0]["config"]["batch_shape"].dump() == "[null,null,6,1]");
    const TemporaryDirectory directory;
    save(model, directory / "a.keras");
    CHECK(results(load(directory / "a.keras")) == results(model));
  }
}

TEST_CASE("layers stand in Keras's order, whatever the order of adding") {
  const TemporaryDirectory directory;
  Model<> model;  // the way that is taken by TensorFlow.js too: interop/tfjs_models.js
  const Node x = model.input({4, 4, 2});
  const Node shortcut = model.add(Conv2D(2, 1, {.name = "shortcut"}), x);
  const Node main = model.add(Conv2D(2, 1, {.name = "second"}), model.add(Conv2D(2, 1, {.name = "first"}), x));
  model.output(model.add(Add({.name = "sum"}), {shortcut, main}));
  scramble(model);
  CHECK(names_of(written(model)) == Names{"input_layer", "first", "shortcut", "second", "sum"});
  save(model, directory / "a.weights.h5");
  const Hdf5File file = read_hdf5(read_file(directory / "a.weights.h5"), "f");
  CHECK(file.text("layers/conv2d/vars", "name") == "first");
  CHECK(file.text("layers/conv2d_1/vars", "name") == "shortcut");
  Model<> other = model.clone();
  for (Parameter<float>* p : other.parameters()) p->set(Tensor<float>(p->shape(), 0.25f));
  load_weights(other, directory / "a.weights.h5");
  CHECK(equal_by_name(model, other));
  for (const char* name : {"a.keras", "a.h5", "model.json"}) {
    save(model, directory / name);
    CHECK(equal_by_name(model, load(directory / name)));
  }
}

TEST_CASE("names that two models inside share") {
  const TemporaryDirectory directory;
  Sequential model({3});
  model.add(Dense(3, {.name = "a/dense"})).add(Dense(3, {.name = "b/dense"})).add(Dense(3, {.name = "b/c/dense"}));
  model.add(Dense(3, {.name = "dense"}));
  scramble(model);
  // TensorFlow.js has one space of names for all weights
  const Json json = written(model, KerasStyle::tfjs);
  CHECK(names_of(named(json, "a"))[1] == "a/dense");
  CHECK(names_of(json)[3] == "dense");
  CHECK(names_of(named(written(model, KerasStyle::keras2), "a"))[1] == "dense");
  for (const char* name : {"a.keras", "a.h5", "model.json"}) {
    CAPTURE(name);
    save(model, directory / name);
    CHECK(equal_by_name(model, load(directory / name)));
  }
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "m" + std::to_string(i) + "/";
  Sequential tower({3});
  tower.add(Dense(3, {.name = deep + "dense"}));
  for (const char* name : {"a.keras", "a.h5", "model.json"}) {
    CAPTURE(name);
    save(tower, directory / name);
    CHECK(results(load(directory / name)) == results(tower));
  }
}

namespace {

const std::string dense = R"({"class_name":"Dense","config":{"name":"dense","units":2},"name":"dense",)"
                          R"("inbound_nodes":[[["in",0,0,{}]]]})";
std::string input(const std::string& name) {
  return R"({"class_name":"InputLayer","config":{"name":")" + name + R"(","batch_shape":[null,2]},"name":")" + name +
         R"(","inbound_nodes":[]})";
}
std::string functional(const std::string& name, const std::string& layers, const std::string& outputs,
                       const std::string& more = "") {
  return R"({"class_name":"Functional","config":{"name":")" + name + R"(","layers":[)" + layers +
         R"(],"input_layers":[["in",0,0]],"output_layers":)" + outputs + "}" + more + "}";
}
Model<> built(const std::string& text) {
  return std::move(build_keras_model<float>(parse_json(text, "f"), "f", {.version = "2.15"}).model);
}

}  // namespace

TEST_CASE("the calls of a model inside count from 1, or from 0") {
  const std::string inner = functional("m", input("in") + "," + dense, R"([["dense",0,0]])",
                                       R"(,"name":"m","inbound_nodes":[[["in",0,0,{}]],[["m",FIRST,0,{}]]])");
  for (const int first : {0, 1}) {
    std::string text = functional("f", input("in") + "," + inner, R"([["m",)" + std::to_string(first + 1) + ",0]]");
    text.replace(text.find("FIRST"), 5, std::to_string(first));
    const Model<> model = built(text);
    CHECK(model.layer_count() == 1);
    CHECK(model.nodes().size() == 3);
    CHECK(model.layer(0).name() == "m/dense");
  }
  std::string text = functional("f", input("in") + "," + inner, R"([["m",3,0]])");
  text.replace(text.find("FIRST"), 5, "1");
  CHECK_THROWS_WITH_AS(built(text), doctest::Contains("an output of layer 'm'"), FormatError);
  text = functional("f", input("in") + "," + inner, R"([["m",4,0]])");
  text.replace(text.find("FIRST"), 5, "2");
  CHECK_THROWS_WITH_AS(built(text), doctest::Contains("layers that wait for each other: m for m"), FormatError);
}

TEST_CASE("a layer that a model inside a Sequential calls twice stays shared") {
  std::string twice = dense;
  twice.insert(twice.rfind("]}"), R"(,[["dense",0,0,{}]])");
  const std::string text = R"({"class_name":"Sequential","config":{"layers":[)" + input("in") + "," +
                           functional("m", input("in") + "," + twice, R"([["dense",1,0]])") + "]}}";
  Model<> model = built(text);
  CHECK_FALSE(model.is_sequential());
  CHECK(model.nodes().size() == 3);
  const TemporaryDirectory directory;
  for (const char* name : {"a.safetensors", "a.keras"}) {
    save(model, directory / name);
    CHECK(results(load(directory / name)) == results(model));
  }
}

TEST_CASE("a small file cannot ask for many calls") {
  std::string model = dense;
  for (int i = 0; i < 12; ++i) {
    std::string calls, outputs;
    for (int c = 0; c < 8; ++c) {
      calls += (c ? "," : "") + std::string(R"([["in",0,0,{}]])");
      outputs += (c ? "," : "") + std::string("[\"") + (i ? "m" : "dense") + "\"," + std::to_string(i ? c : 0) + ",0]";
    }
    model = functional("m", input("in") + "," + model, "[" + outputs + "]",
                       R"(,"name":"m","inbound_nodes":[)" + calls + "]");
  }
  CHECK_THROWS_WITH_AS(built(functional("f", input("in") + "," + model, R"([["m",0,0]])")),
                       doctest::Contains("at most 100000 calls"), FormatError);
}
