/// Every key and every argument in a Keras configuration is understood, known to mean nothing, or refused by layer,
/// class and key.

#include <cmath>

#include <doctest/doctest.h>

#include <keel/io/keras/file.hpp>

using namespace keel;

namespace keras_keys_test {  // a name of its own: the files of a folder are compiled together

/// A layer with its configuration, "key": value pairs, and more beside it.
std::string layer(const std::string& type, const std::string& config = "", const std::string& more = "") {
  return R"({"class_name":")" + type + R"(","config":{"name":"l")" + (config.empty() ? "" : "," + config) + "}" +
         (more.empty() ? "" : "," + more) + "}";
}
std::string input(const std::string& shape = "[null,4]", const std::string& more = "") {
  return R"({"class_name":"InputLayer","config":{"name":"in","batch_shape":)" + shape + more +
         R"(},"name":"in","inbound_nodes":[]})";
}
std::string sequential(const std::string& layers, const std::string& shape = "[null,4]") {
  return R"({"class_name":"Sequential","config":{"name":"s","layers":[)" + input(shape) + "," + layers + "]}}";
}
/// in -> "l" -> out.
std::string functional(const std::string& type, const std::string& config, const std::string& nodes,
                       const std::string& more = "", const std::string& shape = "[null,4]") {
  return R"({"class_name":"Functional","config":{"name":"f","layers":[)" + input(shape) + "," +
         layer(type, config, R"("name":"l","inbound_nodes":)" + nodes + (more.empty() ? "" : "," + more)) +
         R"(],"input_layers":[["in",0,0]],"output_layers":[["l",0,0]]}})";
}
const std::string tensor3 =
    R"({"class_name":"__keras_tensor__","config":{"shape":[null,4],"dtype":"float32","keras_history":["in",0,0]}})";
/// A node of Keras 3 with these arguments.
std::string node3(const std::string& args, const std::string& keywords = "") {
  return R"([{"args":[)" + args + R"(],"kwargs":{)" + keywords + "}}]";
}
/// A node of Keras 2.
std::string node2(const std::string& keywords = "") { return R"([[["in",0,0,{)" + keywords + "}]]]"; }

KerasModel<float> read(const std::string& text, const std::string& version = "3.8.0") {
  return build_keras_model<float>(parse_json(text, "f"), "f", {.version = version});
}
std::string refusal(const std::string& text, const std::string& version = "3.8.0") {
  try {
    read(text, version);
  } catch (const FormatError& error) {
    return error.what();
  }
  return "";
}
/// Whether all parts stand in the message.
void check_refused(const std::string& text, const std::vector<std::string>& parts,
                   const std::string& version = "3.8.0") {
  const std::string message = refusal(text, version);
  CAPTURE(text);
  CAPTURE(message);
  CHECK_FALSE(message.empty());
  for (const std::string& part : parts) CHECK(message.find(part) != message.npos);
}
std::vector<float> results(const std::string& text, const std::vector<float>& x, const Shape& shape,
                           const std::string& version = "3.8.0") {
  const Model<> model = std::move(read(text, version).model);
  const Tensor<float> y = model.predict(Tensor<float>(shape, std::span<const float>(x)));
  return {y.begin(), y.end()};
}
void check_near(const std::vector<float>& got, const std::vector<float>& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(want[i]).epsilon(1e-6));
}

TEST_CASE("a key that no row names is refused with layer, class and key") {
  const std::pair<const char*, const char*> unknown[] = {
      {"Dense", R"("units":2,"quantization_mode":"int8")"},
      {"Dense", R"("units":2,"lora_rank":4)"},
      {"Dense", R"("units":2,"Units":3)"},
      {"Dropout", R"("rate":0.5,"p":0.5)"},
      {"BatchNormalization", R"("mode":1)"},
      {"Activation", R"("activation":"relu","alpha":0.1)"},
      {"Flatten", R"("order":"C")"},
      {"Softmax", R"("axis":-1,"temperature":2)"},
      {"Add", R"("weights":[1,2])"},
      {"ReLU", R"("max_value":6,"ceil":1)"},
      {"Rescaling", R"("scale":2,"clip":true)"},
      {"RandomFlip", R"("mode":"horizontal","probability":0.1)"},
  };
  for (const auto& [type, config] : unknown) {
    const std::string text(config), key = text.substr(0, text.rfind(':'));
    const std::string name =
        key.substr(key.rfind('"', key.size() - 2) + 1, key.size() - key.rfind('"', key.size() - 2) - 2);
    check_refused(sequential(layer(type, config)),
                  {"layer 'l' (" + std::string(type) + ")", "keys that keel knows of this class", "'" + name + "'"});
  }
  check_refused(sequential(layer("Dense", R"("units":2)", R"("sharding":{})")), {"layer 'l' (Dense)", "'sharding'"});
  check_refused(R"({"class_name":"Sequential","config":{"name":"s","steps":2,"layers":[)" + input() + "]}}",
                {"'steps'"});
}

TEST_CASE("an option is taken at the values that keel has, and refused at others") {
  const char* taken[][2] = {
      {"BatchNormalization", R"("renorm":false,"synchronized":true,"virtual_batch_size":null,"fused":true)"},
      {"BatchNormalization", R"("scale":1,"center":0)"},
      {"Dropout", R"("rate":0.5,"noise_shape":null,"seed":7)"},
      {"Dense", R"("units":2,"use_bias":1,"quantization_config":null)"},
      {"Dense", R"("units":[2])"},
      {"ReLU", R"("max_value":null,"negative_slope":0.0,"threshold":0)"},
      {"ReLU", R"("max_value":{"class_name":"__numpy__","config":{"value":6.0,"dtype":"float32"}})"},
      {"PReLU", R"("shared_axes":null)"},
      {"Normalization", R"("axis":[-1],"invert":true)"},
      {"Reshape", R"("target_shape":{"class_name":"__tuple__","items":[2,-1]})"},
  };
  for (const auto& [type, config] : taken) CHECK(refusal(sequential(layer(type, config))) == "");
  const char* refused[][3] = {
      {"BatchNormalization", R"("renorm":true)", "renorm"},
      {"BatchNormalization", R"("synchronized":2)", "synchronized"},
      {"BatchNormalization", R"("virtual_batch_size":8)", "virtual_batch_size"},
      {"BatchNormalization", R"("scale":2)", "scale"},
      {"BatchNormalization", R"("scale":"yes")", "scale"},
      {"Dropout", R"("rate":0.5,"noise_shape":[null,1])", "noise_shape"},
      {"Dense", R"("units":2.5)", "units"},
      {"Dense", R"("units":2,"use_bias":0.5)", "use_bias"},
      {"Normalization", R"("axis":0)", "axis"},
      {"ReLU", R"("max_value":"six")", "max_value"},
      {"Activation", R"("activation":7)", "activation"},
      {"Activation", R"("activation":"threshold")", "threshold"},
      {"Activation", R"("activation":{"class_name":"function","config":"my_own"})", "my_own"},
  };
  for (const auto& [type, config, part] : refused)
    check_refused(sequential(layer(type, config)), {"layer 'l' (" + std::string(type) + ")", part});
  check_refused(sequential(layer("Conv2D", R"("filters":1,"kernel_size":1,"padding":"causal")"), "[null,4,4,1]"),
                {"layer 'l' (Conv2D)", "padding", "causal"});
  check_refused(sequential(layer("DepthwiseConv2D", R"("kernel_size":1,"groups":2)"), "[null,4,4,2]"),
                {"layer 'l' (DepthwiseConv2D)", "groups"});
  check_refused(R"({"class_name":"Sequential","config":{"layers":[)" + input("[null,4]", R"(,"sparse":true)") + "]}}",
                {"'in' (InputLayer)", "sparse"});
}

TEST_CASE("what changes training only loads and is said") {
  const std::string l2 = R"({"class_name":"L2","config":{"l2":0.01}})";
  const std::pair<std::string, const char*> noted[] = {
      {R"("kernel_regularizer":{"class_name":"OrthogonalRegularizer","config":{}})", "kernel_regularizer"},
      {R"("bias_regularizer":{"class_name":"pack>Own","config":{}})", "bias_regularizer"},
      {R"("activity_regularizer":)" + l2, "activity_regularizer"},
      {R"("kernel_constraint":{"class_name":"RadialConstraint","config":{}})", "kernel_constraint"},
      {R"("dtype":{"class_name":"DTypePolicy","config":{"name":"mixed_float16"}})", "dtype"},
  };
  for (const auto& [config, part] : noted) {
    const auto loaded = read(sequential(layer("Dense", R"("units":2,)" + config)));
    REQUIRE(loaded.notes.size() == 1);
    CHECK(loaded.notes[0].find("layer 'l' (Dense): " + std::string(part)) == 0);
  }
  const auto quiet = read(sequential(layer(
      "Dense",
      R"("units":2,"dtype":{"class_name":"DTypePolicy","config":{"name":"float32"}},"trainable":true,)"
      R"("kernel_initializer":{"class_name":"GlorotUniform","config":{"seed":null}},"kernel_regularizer":null)")));
  CHECK(quiet.notes.empty());
  CHECK(read(sequential(layer("BatchNormalization")), "2.9.0").notes.size() == 1);
  CHECK(read(sequential(layer("BatchNormalization")), "3.9.0").notes.empty());
}

TEST_CASE("regularizers and constraints become rules of the parameters") {
  const auto rule = [](const char* type, const std::string& config, Index parameter,
                       const char* input = "[null,4,4,4]") {
    const auto loaded = read(sequential(layer(type, config), input));
    CHECK(loaded.notes.empty());
    return loaded.model.parameters()[static_cast<std::size_t>(parameter)]->rule;
  };
  CHECK(rule("Dense", R"("units":2,"kernel_regularizer":{"class_name":"L2","config":{"l2":0.25}})", 0) ==
        ParameterRule{.regularizer = L2(0.25)});
  CHECK(rule("Dense", R"("units":2,"bias_regularizer":{"class_name":"L1L2","config":{"l1":0.5,"l2":0.25}})", 1) ==
        ParameterRule{.regularizer = L1L2(0.5, 0.25)});
  CHECK(
      rule(
          "Conv2D",
          R"("filters":2,"kernel_size":3,"kernel_constraint":{"class_name":"MaxNorm","config":{"max_value":3,"axis":[0,1,2]}})",
          0) == ParameterRule{.constraint = MaxNorm(3, {0, 1, 2})});
  CHECK(rule("SeparableConv2D",
             R"("filters":2,"kernel_size":3,"pointwise_regularizer":{"class_name":"L1","config":{"l1":0.5}})",
             1) == ParameterRule{.regularizer = L1(0.5)});
  CHECK(rule("BatchNormalization", R"("gamma_constraint":{"class_name":"NonNeg","config":{}})", 0) ==
        ParameterRule{.constraint = NonNeg()});
  check_refused(sequential(layer("Dense", R"("units":2,"kernel_regularizer":{"class_name":"L2","config":{"l2":-1}})")),
                {"kernel_regularizer", "l2 of 0 or more"});
}

TEST_CASE("classes that are not Keras's own, or that keel does not have, are refused by name") {
  for (const char* type :
       {"ReversibleEmbedding", "Lambda", "Hashing", "StackedRNNCells", "Discretization", "TFOpLambda2"})
    check_refused(sequential(layer(type)), {"layer 'l' (" + std::string(type) + ")", "class '" + std::string(type)});
  check_refused(sequential(layer("Dense", R"("units":2)", R"("registered_name":"pack>Dense")")),
                {"class 'pack>Dense'"});
  check_refused(sequential(layer("Dense", R"("units":2)", R"("module":"my.layers")")), {"class 'Dense'"});
  CHECK(refusal(sequential(layer("Dense", R"("units":2)", R"("module":"keras.layers","registered_name":null)"))) == "");
}

TEST_CASE("arguments of calls, of Keras 3 and 2") {
  const std::string bn = "BatchNormalization";
  CHECK(refusal(functional("Dense", R"("units":2)", node3(tensor3, R"("training":true,"mask":null)"))) == "");
  CHECK(refusal(functional("Dense", R"("units":2)", node2(R"("training":true,"mask":null)"), "", "[null,4]"), "2.9") ==
        "");
  for (const char* version : {"3.8.0", "2.15.0", "tfjs-layers 4.22.0"})
    for (const char* type : {"BatchNormalization", "Dropout", "GaussianNoise"}) {
      const std::string config = type == bn                       ? R"("axis":-1)"
                                 : std::string(type) == "Dropout" ? R"("rate":0.5)"
                                                                  : R"("stddev":0.5)";
      const bool third = version[0] == '3';
      check_refused(
          functional(type, config, third ? node3(tensor3, R"("training":true)") : node2(R"("training":true)")),
          {"layer 'l' (" + std::string(type) + ")", "training=True"}, version);
      auto loaded = read(
          functional(type, config, third ? node3(tensor3, R"("training":false)") : node2(R"("training":0)")), version);
      if (type == bn)
        CHECK(loaded.model.layer(0).frozen() == Freeze::statistics);
      else
        CHECK(loaded.model.layer(0).type() == "Identity");
    }
  check_refused(functional("Dense", R"("units":2)", node3(tensor3, R"("mask":)" + tensor3)), {"'l' (Dense)", "'mask'"});
  check_refused(functional("Dense", R"("units":2)", node3(tensor3, R"("initial_state":1)")), {"'initial_state'"});
  check_refused(functional("Dense", R"("units":2)", node3(tensor3 + ",2.0")), {"'l' (Dense)", "calls on tensors"});
  check_refused(functional("Dense", R"("units":2)", node3(tensor3 + R"(,{"class_name":"Thing"})")),
                {"'l' (Dense)", "Thing"});
}

TEST_CASE("training=False of a model reaches the layers inside, and frozen ones are frozen") {
  for (const bool trains : {true, false}) {
    const std::string inner =
        R"({"class_name":"Sequential","config":{"name":"m","layers":[)" + input() + "," +
        layer("BatchNormalization", std::string(R"("trainable":)") + (trains ? "true" : "false")) +
        R"(]},"name":"m","inbound_nodes":)" + node3(tensor3, R"("training":false)") + "}";
    auto loaded = read(R"({"class_name":"Functional","config":{"name":"f","layers":[)" + input() + "," + inner +
                       R"(],"input_layers":[["in",0,0]],"output_layers":[["m",0,0]]}})");
    CHECK(loaded.model.layer("m/l").frozen() == (trains ? Freeze::statistics : Freeze::layer));
  }
  auto frozen = read(R"({"class_name":"Sequential","config":{"name":"s","trainable":false,"layers":[)" + input() + "," +
                     layer("Dense", R"("units":2,"trainable":true)") + "]}}");
  CHECK(frozen.model.layer(0).frozen() == Freeze::layer);
  const std::string other =
      R"([{"args":[)" + tensor3 + R"(],"kwargs":{}},{"args":[)" + tensor3 + R"(],"kwargs":{"training":false}}])";
  check_refused(functional("BatchNormalization", "", other), {"'l' (BatchNormalization)", "calls alike in training"});
}

TEST_CASE("operators with numbers, of Keras 3 and 2") {
  const std::vector<float> x{1, 2, 3, 4};
  const std::string module = R"("module":"keras.src.ops.numpy","registered_name":"Op")";
  struct Case {
    const char *type, *args3, *function, *node2;
    std::vector<float> want;
  };
  const Case cases[] = {
      {"Add", "T,2.0", "math.add", R"(["in",0,0,{"y":2.0}])", {3, 4, 5, 6}},
      {"Add", "2,T", "__operators__.add", R"(["_CONSTANT_VALUE",-1,2,{"y":["in",0,0]}])", {3, 4, 5, 6}},
      {"Multiply", "T,2", "math.multiply", R"(["in",0,0,{"y":2,"name":null}])", {2, 4, 6, 8}},
      {"Subtract", "T,1", "math.subtract", R"(["in",0,0,{"y":1}])", {0, 1, 2, 3}},
      {"Subtract", "1,T", "math.subtract", R"(["_CONSTANT_VALUE",-1,1.0,{"y":["in",0,0]}])", {0, -1, -2, -3}},
      {"Divide", "T,2", "math.truediv", R"(["in",0,0,{"y":2}])", {0.5f, 1, 1.5f, 2}},
      {"TrueDivide", "T,4", "math.divide", R"(["in",0,0,{"y":4}])", {0.25f, 0.5f, 0.75f, 1}},
      {"Negative", "T", "math.negative", R"(["in",0,0,{}])", {-1, -2, -3, -4}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.args3);
    std::string args = c.args3;
    args.replace(args.find('T'), 1, tensor3);
    check_near(results(functional(c.type, "", node3(args), module), x, {1, 4}), c.want);
    const std::string config = R"("trainable":true,"dtype":"float32","function":")" + std::string(c.function) + "\"";
    check_near(results(functional("TFOpLambda", config, "[[" + std::string(c.node2) + "]]"), x, {1, 4}, "2.15.0"),
               c.want);
  }
  check_near(results(functional("Divide", "", node3("1," + tensor3), module), x, {1, 4}), {1, 0.5f, 1 / 3.f, 0.25f});
  check_refused(functional("Add", "", node3(tensor3 + ",[[1],[2]]"), module), {"'l' (Add)", "last axis"});
  check_refused(functional("Einsum", "", node3(tensor3 + ",2"), module), {"'l' (Einsum)", "an operator that keel has"});
  // several numbers, in each place that they may take
  const std::string several = "[[1,3,2,5]]", four = R"({"class_name":"__numpy__","config":{"value":[4,3,2,1]}})";
  check_near(results(functional("Maximum", "", node3(tensor3 + "," + several), module), x, {1, 4}), {1, 3, 3, 5});
  check_near(results(functional("Minimum", "", node3(several + "," + tensor3), module), x, {1, 4}), {1, 2, 2, 4});
  check_near(results(functional("Power", "", node3(tensor3 + "," + several), module), x, {1, 4}), {1, 8, 9, 1024});
  check_near(results(functional("Power", "", node3(four + "," + tensor3), module), x, {1, 4}), {4, 9, 8, 1});
  check_near(results(functional("Divide", "", node3(four + "," + tensor3), module), x, {1, 4}),
             {4, 1.5f, 2 / 3.f, 0.25f});
  check_refused(functional("Maximum", "", node3(tensor3 + ",[1,2,3]"), module), {"'l' (Maximum)", "(3)"});
  // by keyword, in any order
  for (const char* keywords : {R"("x1":T,"x2":2)", R"("x2":2,"x1":T)"}) {
    std::string text = keywords;
    text.replace(text.find('T'), 1, tensor3);
    check_near(results(functional("Subtract", "", node3("", text), module), x, {1, 4}), {-1, 0, 1, 2});
    check_near(results(functional("Power", "", node3("", text), module), x, {1, 4}), {1, 4, 9, 16});
  }
  check_near(results(functional("Sqrt", "", node3("", R"("x":)" + tensor3), module), {1, 4, 9, 16}, {1, 4}),
             {1, 2, 3, 4});
  // rounding to whole numbers
  check_near(results(functional("Round", R"("decimals":0)", node3(tensor3), module), {1.4f, 2.5f, 3.5f, -0.6f}, {1, 4}),
             {1, 2, 4, -1});
  check_refused(functional("Round", R"("decimals":1)", node3(tensor3), module), {"'l' (Round)", "'decimals'"});
  check_refused(functional("GetItem", "", node3(tensor3 + ",2"), module), {"class 'GetItem'"});
  check_refused(functional("Add", R"("axis":1)", node3(tensor3 + ",2"), module), {"'l' (Add)", "'axis'"});
  check_refused(functional("TFOpLambda", R"("function":"nn.bias_add")", node2()), {"function 'nn.bias_add'"}, "2.9");
}

TEST_CASE("operators on two tensors are layers, or refused") {
  const std::vector<float> x{1, 2, 3, 4};
  const std::string module = R"("module":"keras.src.ops.numpy")";
  check_near(results(functional("Add", "", node3(tensor3 + "," + tensor3), module), x, {1, 4}), {2, 4, 6, 8});
  check_near(results(functional("Multiply", "", node3(tensor3 + "," + tensor3), module), x, {1, 4}), {1, 4, 9, 16});
  check_near(results(functional("TFOpLambda", R"("function":"math.multiply")", R"([[["in",0,0,{"y":["in",0,0]}]]])"), x,
                     {1, 4}, "2.12"),
             {1, 4, 9, 16});
  check_near(results(functional("Subtract", "", node3(tensor3 + "," + tensor3), module), x, {1, 4}), {0, 0, 0, 0});
  check_near(results(functional("Divide", "", node3(tensor3 + "," + tensor3), module), x, {1, 4}), {1, 1, 1, 1});
}

TEST_CASE("operators that are functions, sums along axes or activations are keel's general layers") {
  const std::vector<float> x{1, 2, 3, 4};
  struct Case {
    const char *type, *config3, *args3, *module, *function, *node2;
    std::vector<float> want;
  };
  const char *const numpy = R"("module":"keras.src.ops.numpy")", *const nn = R"("module":"keras.src.ops.nn")";
  const Case cases[] = {
      {"Maximum", "", "T,2.5", numpy, "math.maximum", R"(["in",0,0,{"y":2.5}])", {2.5f, 2.5f, 3, 4}},
      {"Minimum", "", "T,T", numpy, "math.minimum", R"(["in",0,0,{"y":["in",0,0]}])", {1, 2, 3, 4}},
      {"Power", "", "T,2", numpy, "math.pow", R"(["in",0,0,{"y":2}])", {1, 4, 9, 16}},
      {"Power", "", "2,T", numpy, "math.pow", R"(["_CONSTANT_VALUE",-1,2,{"y":["in",0,0]}])", {2, 4, 8, 16}},
      {"Sqrt", "", "T", numpy, "math.sqrt", R"(["in",0,0,{}])", {1, std::sqrt(2.f), std::sqrt(3.f), 2}},
      {"Reciprocal", "", "T", numpy, "math.reciprocal", R"(["in",0,0,{}])", {1, 0.5f, 1 / 3.f, 0.25f}},
      {"Clip",
       R"("x_min":1.5,"x_max":3.5)",
       "T",
       numpy,
       "clip_by_value",
       R"(["in",0,0,{"clip_value_min":1.5,"clip_value_max":3.5}])",
       {1.5f, 2, 3, 3.5f}},
      {"Mean",
       R"("axis":[-1],"keepdims":true)",
       "T",
       numpy,
       "math.reduce_mean",
       R"(["in",0,0,{"axis":[-1],"keepdims":true}])",
       {2.5f}},
      {"Sum", R"("axis":1,"keepdims":false)", "T", numpy, "math.reduce_sum", R"(["in",0,0,{"axis":1}])", {10}},
      {"Relu", "", "T", nn, "nn.relu", R"(["in",0,0,{}])", {1, 2, 3, 4}},
      {"Tanh",
       "",
       "T",
       nn,
       "math.tanh",
       R"(["in",0,0,{}])",
       {std::tanh(1.f), std::tanh(2.f), std::tanh(3.f), std::tanh(4.f)}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.type);
    CAPTURE(c.args3);
    std::string args = c.args3;
    for (std::size_t at = 0; (at = args.find('T', at)) != args.npos; at += tensor3.size()) args.replace(at, 1, tensor3);
    check_near(results(functional(c.type, c.config3, node3(args), c.module), x, {1, 4}), c.want);
    if (*c.function == '\0') continue;
    const std::string config = R"("trainable":true,"dtype":"float32","function":")" + std::string(c.function) + "\"";
    check_near(results(functional("TFOpLambda", config, "[[" + std::string(c.node2) + "]]"), x, {1, 4}, "2.15.0"),
               c.want);
  }
  check_refused(functional("Mean", R"("axis":null)", node3(tensor3), numpy), {"'l' (Mean)", "over the batch too"});
  check_refused(functional("Mean", R"("axis":0)", node3(tensor3), numpy), {"'l' (Mean)", "the batch's"});
  check_refused(functional("Relu", R"("slope":1)", node3(tensor3), nn), {"'l' (Relu)", "'slope'"});
  for (const char* bounds : {"", R"("x_min":1)", R"("x_max":1)", R"("x_min":1,"clip_value_max":2)"})
    check_refused(functional("Clip", bounds, node3(tensor3), numpy), {"'l' (Clip)", "both bounds"});
  for (const char* dtype : {R"("int32")", R"("bool")", R"("uint8")"})
    check_refused(functional("Sqrt", R"("dtype":)" + std::string(dtype), node3(tensor3), numpy),
                  {"'l' (Sqrt)", "an operator on real numbers"});
}

TEST_CASE("a recurrent layer around a cell is the layer of the cell, a pipeline the layers inside") {
  const std::string shape = "[null,5,4]";
  for (const char* kind : {"SimpleRNN", "GRU", "LSTM"}) {
    CAPTURE(kind);
    const std::string options = std::string(R"("units":3,"activation":"relu","use_bias":false)") +
                                (std::string(kind) == "GRU" ? R"(,"reset_after":true)" : "");
    const auto cell = layer(std::string(kind) + "Cell", options);
    for (const bool sequences : {false, true}) {
      const std::string more = std::string(R"("return_sequences":)") + (sequences ? "true" : "false");
      const auto around = read(sequential(layer("RNN", more + R"(,"go_backwards":true,"cell":)" + cell), shape));
      const auto plain = read(sequential(layer(kind, more + R"(,"go_backwards":true,)" + options), shape));
      CHECK(around.model.layer(0).type() == kind);
      CHECK(around.model.layer(0).name() == "l");
      CHECK(around.model.layer(0).config() == plain.model.layer(0).config());
    }
    check_refused(sequential(cell, shape), {"class '" + std::string(kind) + "Cell'"});
    check_refused(sequential(layer("RNN", R"("cell":[)" + cell + "," + cell + "]"), shape),
                  {"'l' (RNN)", "several cells"});
    check_refused(sequential(layer("RNN", R"("return_state":true,"cell":)" + cell), shape),
                  {"'l' (RNN)", "return_state"});
  }
  check_refused(sequential(layer("RNN", R"("cell":)" + layer("MyCell", R"("units":3)")), shape),
                {"'l' (RNN)", "MyCell", "one cell that keel has a layer for"});
  const std::vector<float> x{1, 2, 3, 4};
  const std::string inside =
      layer("Rescaling", R"("scale":2,"offset":1)") + "," + layer("Activation", R"("activation":"relu")");
  check_near(results(sequential(layer("Pipeline", R"("layers":[)" + inside + "]")), x, {1, 4}), {3, 5, 7, 9});
  check_near(results(functional("Pipeline", R"("layers":[)" + inside + "]", node3(tensor3)), x, {1, 4}), {3, 5, 7, 9});
  check_refused(sequential(layer("Pipeline", R"("layers":[],"deep":1)")), {"'l' (Pipeline)", "'deep'"});
}

TEST_CASE("cells on each other are their layers, one after the other") {
  const std::string shape = "[null,3,2]";
  const auto cell = [](const std::string& type, const std::string& name, const std::string& options) {
    return R"({"class_name":")" + type + R"(","config":{"name":")" + name + R"(",)" + options + "}}";
  };
  const auto stacked = [&](const std::string& cells, const std::string& more) {
    return layer("RNN", more + R"("cell":)" + layer("StackedRNNCells", cells));
  };
  const std::string two =
      R"("cells":[)" + cell("LSTMCell", "a", R"("units":3)") + "," + cell("SimpleRNNCell", "b", R"("units":2)") + "]";
  for (const bool sequences : {false, true}) {
    const std::string more =
        std::string(R"("go_backwards":true,"return_sequences":)") + (sequences ? "true," : "false,");
    KerasModel<float> model = read(sequential(stacked(two, more), shape));
    REQUIRE(model.model.layer_count() == 2);
    CHECK(model.model.layer(0).type() == "LSTM");
    CHECK(model.model.layer(0).name() == "l/a");
    CHECK(model.model.layer(0).config().get<bool>("return_sequences", false));
    CHECK(model.model.layer(0).config().get<bool>("go_backwards", false));
    CHECK(model.model.layer(1).type() == "SimpleRNN");
    CHECK(model.model.layer(1).config().get<bool>("return_sequences", false) == sequences);
    CHECK_FALSE(model.model.layer(1).config().get<bool>("go_backwards", false));

    // the weights of both layouts: places by the cells, or one list
    std::deque<NamedArray> arrays;
    std::vector<io::SourceModule> cells{{"layers/rnn/cell/cells/lstm_cell", {}, true},
                                        {"layers/rnn/cell/cells/simple_rnn_cell", {}, true}};
    io::SourceModule all{"l", {}, true};
    float next = 0;
    for (Parameter<float>* parameter : model.model.parameters()) {
      Tensor<float> values(parameter->shape());
      for (float& value : values) value = 0.01f * (next += 1);
      arrays.push_back(to_array<float>("w", TensorView<const float>(values)));
      io::SourceModule& mine = cells[all.tensors.size() < 3 ? 0 : 1];
      mine.tensors.emplace_back(std::to_string(mine.tensors.size()), &arrays.back());
      all.tensors.emplace_back("w", &arrays.back());
    }
    KerasModel<float> older = read(sequential(stacked(two, more), shape));
    io::read_keras_weights(model, {cells, true}, "f");
    io::read_keras_weights(older, {{all}, false}, "f");
    for (const KerasModel<float>* read : {&model, &older}) {
      next = 0;
      for (const Parameter<float>* parameter : std::as_const(read->model).parameters())
        for (const float value : parameter->value()) CHECK(value == 0.01f * (next += 1));
    }
  }
  check_refused(sequential(stacked(R"("cells":[])", ""), shape), {"'l' (RNN)", "a list of cells"});
  check_refused(sequential(stacked(two + R"(,"reverse_state_order":true)", ""), shape),
                {"'l' (RNN)", "'reverse_state_order'"});
  check_refused(sequential(stacked(two, R"("stateful":true,)"), shape), {"stateful"});
  check_refused(sequential(stacked(R"("cells":[)" + layer("StackedRNNCells", two) + "]", ""), shape),
                {"'l' (RNN)", "one cell that keel has a layer for"});
}

TEST_CASE("a layer around which the weights are normalised in training is that layer") {
  const auto around = [](const std::string& inside, const std::string& more = "") {
    return sequential(layer("SpectralNormalization", more + R"("power_iterations":1,"layer":)" + inside));
  };
  const std::string dense = R"({"class_name":"Dense","config":{"name":"d","units":1}})";
  Tensor<float> kernel({4, 1}, 2), bias({1}, 3), vector({1, 1}, 5);
  const NamedArray k = to_array<float>("k", TensorView<const float>(kernel)),
                   b = to_array<float>("b", TensorView<const float>(bias)),
                   u = to_array<float>("u", TensorView<const float>(vector));
  for (const bool paths : {true, false}) {
    KerasModel<float> model = read(around(dense));
    CHECK(model.model.layer(0).type() == "Dense");
    CHECK(model.model.layer(0).name() == "l");
    REQUIRE(model.notes.size() == 1);
    CHECK(model.notes[0] ==
          "layer 'l' (SpectralNormalization): training does not normalise the weights of the layer inside");
    io::SourceModule source{paths ? "layers/spectral_normalization" : "l", {}, true};
    if (paths)
      source.tensors = {{"0", &k}, {"1", &u}, {"2", &k}, {"3", &b}};  // the wrapper's own, then the layer's
    else
      source.tensors = {{"kernel:0", &k}, {"bias:0", &b}, {"vector_u:0", &u}};
    io::read_keras_weights(model, {{source}, paths}, "f");
    const std::vector<float> x{1, 2, 3, 4};
    CHECK(model.model.predict(Tensor<float>({1, 4}, std::span<const float>(x)))[0] == 23);
  }
  check_refused(around(dense, R"("axis":1,)"), {"'l' (SpectralNormalization)", "'axis'"});
  check_refused(around(R"({"class_name":"Mine","config":{}})"), {"'l' (SpectralNormalization)", "class 'Mine'"});
}

TEST_CASE("glu is a layer behind the one that names it") {
  const std::string glu = R"("activation":"glu")";
  const std::vector<float> x{1, -2, 0, 1};
  const std::vector<float> want{0.5f, -2 / (1 + std::exp(-1.f))};
  check_near(results(sequential(layer("Activation", glu)), x, {1, 4}), want);
  const auto dense = read(sequential(layer("Dense", R"("units":6,)" + glu)));
  REQUIRE(dense.model.layer_count() == 2);
  CHECK(dense.model.layer(1).type() == "GLU");
  CHECK(dense.model.output_shape() == Shape{3});
  check_refused(sequential(layer("Activation", glu)), {"'l' (Activation)", "'glu'"}, "2.15");
}

TEST_CASE("a recurrent layer takes functions by name alone, which it applies in each step") {
  for (const char* key : {"activation", "recurrent_activation"}) {
    const std::string name = R"("units":2,")" + std::string(key) + R"(":)";
    check_refused(sequential(layer("LSTM", name + R"("glu")"), "[null,3,2]"), {"'l' (LSTM)", key, "'glu'"});
    check_refused(sequential(layer("LSTM", name + R"({"class_name":"LeakyReLU","config":{}})"), "[null,3,2]"),
                  {"'l' (LSTM)", key, "a function by name", "LeakyReLU"});
  }
}

TEST_CASE("an activation that is a layer stands behind the layer that names it") {
  const auto activated = [](const std::string& type, const std::string& config) {
    return R"("activation":{"module":"keras.layers","class_name":")" + type + R"(","config":{"name":"a")" +
           (config.empty() ? "" : "," + config) + R"(},"registered_name":null})";
  };
  const std::vector<float> x{-2, -0.5f, 1, 5};
  struct Case {
    const char *type, *config;
    std::vector<float> want;
  };
  const float low = std::exp(-2.f) - 1, high = std::exp(-0.5f) - 1;
  const Case cases[] = {
      {"ReLU", R"("max_value":3)", {0, 0, 1, 3}},
      {"ReLU", R"("max_value":3,"negative_slope":0.5,"threshold":1)", {-1.5f, -0.75f, 0, 3}},
      {"ReLU", "", {0, 0, 1, 5}},
      {"LeakyReLU", R"("negative_slope":0.1)", {-0.2f, -0.05f, 1, 5}},
      {"LeakyReLU", R"("alpha":0.25)", {-0.5f, -0.125f, 1, 5}},
      {"ELU", R"("alpha":2)", {2 * low, 2 * high, 1, 5}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.type);
    check_near(results(sequential(layer("Activation", activated(c.type, c.config))), x, {1, 4}), c.want);
  }
  check_refused(sequential(layer("Activation", activated("PReLU", ""))), {"'l' (Activation)", "without weights"});
  check_refused(sequential(layer("Activation", activated("Mine", ""))), {"class 'Mine'"});
  check_refused(sequential(layer("Activation", activated("ReLU", R"("slope":1)"))), {"(ReLU)", "'slope'"});
  check_near(
      results(sequential(layer("Activation", R"("activation":{"class_name":"function","config":"relu"})")), x, {1, 4}),
      {0, 0, 1, 5});
  check_refused(sequential(layer("Activation", R"("activation":"hard_swish")")), {"hard_swish", "Keras 2"}, "2.15");
  const std::string hard = sequential(layer("Activation", R"("activation":"hard_sigmoid")"));  // a function in each
  CHECK(read(hard, "2.15").model.layer(0).config().get<std::string>("activation", "") == "hard_sigmoid_keras2");
  CHECK(read(hard, "3.9.0").model.layer(0).config().get<std::string>("activation", "") == "hard_sigmoid");
}

TEST_CASE("inputs and outputs in a dict are taken in the order of its keys") {
  const std::string layers = input() + "," +
                             layer("Dense", R"("units":3)", R"("name":"d","inbound_nodes":)" + node3(tensor3)) + "," +
                             layer("Dense", R"("units":2)", R"("name":"e","inbound_nodes":)" + node3(tensor3));
  const auto model = read(R"({"class_name":"Functional","config":{"name":"f","layers":[)" + layers +
                          R"(],"input_layers":{"in":["in",0,0]},"output_layers":{"z":["d",0,0],"a":["e",0,0]}}})");
  CHECK(model.model.output_shape(0) == Shape{2});
  CHECK(model.model.output_shape(1) == Shape{3});
}

TEST_CASE("what the layer inside a TimeDistributed says counts as that of any layer") {
  const auto inside = [](const std::string& type, const std::string& config, const std::string& more = "") {
    return layer("TimeDistributed", R"("layer":)" + layer(type, config, more));
  };
  for (const char* version : {"3.8.0", "2.12.0"}) {
    const std::pair<const char*, const char*> of_maps[] = {{"Conv2D", R"("filters":2,"kernel_size":1)"},
                                                           {"MaxPooling2D", R"("pool_size":2)"},
                                                           {"GlobalAveragePooling2D", R"("keepdims":false)"},
                                                           {"Resizing", R"("height":2,"width":2)"},
                                                           {"ZeroPadding2D", R"("padding":1)"},
                                                           {"Flatten", ""}};
    for (const auto& [type, config] : of_maps) {
      const std::string options = std::string(config) + (*config ? "," : "") + R"("data_format":)";
      CHECK(refusal(sequential(inside(type, options + R"("channels_last")"), "[null,3,4,4,2]"), version) == "");
      check_refused(sequential(inside(type, options + R"("channels_first")"), "[null,3,2,4,4]"),
                    {"layer 'l' (TimeDistributed): layer (" + std::string(type) + ")", "channels_last"}, version);
    }
    check_refused(
        sequential(inside("Dense", R"("units":2)", R"("module":"mine","registered_name":"mine>Dense")"), "[null,3,4]"),
        {"layer 'l' (TimeDistributed): layer", "class 'Dense'"}, version);
    for (const auto& [type, config] :
         {std::pair("Masking", R"("mask_value":0)"), {"Embedding", R"("input_dim":3,"output_dim":2,"mask_zero":true)"}})
      check_refused(sequential(inside(type, config), "[null,3,4]"),
                    {"layer 'l' (TimeDistributed): layer (" + std::string(type) + ")", "makes no mask"}, version);
    CHECK(refusal(sequential(inside("Embedding", R"("input_dim":3,"output_dim":2,"mask_zero":false)"), "[null,3,4]"),
                  version) == "");
    check_refused(sequential(inside("Dense", R"("units":2)", R"("sharding":{})"), "[null,3,4]"),
                  {"layer 'l' (TimeDistributed): layer", "'sharding'"}, version);
    for (const bool trains : {true, false}) {
      const std::string trainable = std::string(R"(,"trainable":)") + (trains ? "true" : "false");
      const KerasModel<float> loaded =
          read(sequential(inside("Dense", R"("units":2)" + trainable), "[null,3,4]"), version);
      CHECK((loaded.model.layer(0).frozen() == Freeze::layer) != trains);
    }
  }
}

}  // namespace keras_keys_test
