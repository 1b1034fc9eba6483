#include <fstream>
#include <sstream>

#include <doctest/doctest.h>

#include <keel/layers/add.hpp>
#include <keel/layers/average_pool2d.hpp>
#include <keel/layers/batch_norm.hpp>
#include <keel/layers/concatenate.hpp>
#include <keel/layers/conv2d.hpp>
#include <keel/layers/conv2d_transpose.hpp>
#include <keel/layers/dense.hpp>
#include <keel/layers/depthwise_conv2d.hpp>
#include <keel/layers/flatten.hpp>
#include <keel/layers/global_average_pool2d.hpp>
#include <keel/layers/global_max_pool2d.hpp>
#include <keel/layers/max_pool2d.hpp>
#include <keel/layers/multiply.hpp>
#include <keel/layers/prelu.hpp>
#include <keel/layers/relu.hpp>
#include <keel/layers/separable_conv2d.hpp>
#include <keel/layers/softmax.hpp>
#include <keel/model/sequential.hpp>
#include <keel/model/summary/summary.hpp>

using namespace keel;

namespace {

Sequential<float> seed_network() {
  Sequential model({64, 64, 1});
  model.add(Conv2D(32, 3, {.padding = Padding::same, .activation = Activation::relu}));
  model.add(BatchNorm({.momentum = 0.15}));
  model.add(Flatten());
  model.add(Dense(100, {.activation = Activation::relu}));
  model.add(Dense(10, {.activation = Activation::softmax}));
  return model;
}

/// The text of one section of tests/golden/summaries.txt, "## MODEL TOOL".
std::string golden(const std::string& section) {
  std::ifstream file(KEEL_SOURCE_DIR "/tests/golden/summaries.txt");
  std::string text;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## "))
      inside = line == "## " + section;
    else if (inside)
      text += line + "\n";
  }
  return text;
}

Model<float> chain_network() {
  Model net;
  Node x = net.add(Conv2D(32, 3, {.padding = Padding::same, .activation = Activation::relu}), net.input({64, 64, 1}));
  x = net.add(Flatten(), net.add(BatchNorm(), x));
  net.output(net.add(Dense(10), net.add(Dense(100), x)));
  return net;
}

Model<float> residual_network() {
  Model net;
  const Node x = net.input({12, 12, 3});
  const Node shortcut = net.add(Conv2D(8, 1, {.strides = 2, .name = "shortcut"}), x);
  Node y = net.add(Conv2D(8, 3, {.strides = 2, .padding = Padding::same, .use_bias = false}), x);
  y = net.add(ReLU(), net.add(BatchNorm(), y));
  const Node sum = net.add(Add(), {y, shortcut});
  const Node once = net.add(Conv2D(8, 3, {.padding = Padding::same, .name = "twice"}), sum);
  y = net.add(Concatenate(), {net.share(once, once), sum});
  net.output(net.add(Dense(5), net.add(GlobalAveragePool2D(), y)));
  return net;
}

/// Inputs and outputs in an order that is not that of their making, one input that leads nowhere, layers that do, a
/// layer at two sizes.
Model<float> ways_network() {
  Model net({.name = "two [ways] in"});
  const Node images = net.input({8, 8, 3}, "images"), smaller = net.input({4, 4, 3}, "smaller");
  net.input({7}, "nowhere");
  const Node large = net.add(Conv2D(4, 3, {.padding = Padding::same, .name = "shared"}), images);
  const Node small = net.share(large, smaller);
  net.add(BatchNorm({.name = "left_out_norm"}),
          net.add(Conv2D(9, 3, {.padding = Padding::same, .name = "left_out"}), large));
  const Node a = net.add(GlobalMaxPool2D({.name = "pool"}), large),
             b = net.add(GlobalMaxPool2D({.name = "pool_1"}), small);
  const Node first = net.add(Dense(2, {.name = "first"}), a);
  net.output(net.add(Dense(3, {.name = "second"}), net.add(Multiply({.name = "both"}), {a, b})));
  net.output(first);
  net.layer("second").freeze(Freeze::layer);
  return net;
}

/// What is several modules, a class by an option, or of one weight with a constant beside it.
Model<float> mobile_network() {
  Sequential model({8, 8, 3});
  model.add(SeparableConv2D(12, 3, {.padding = Padding::same, .activation = Activation::relu6}));
  model.add(DepthwiseConv2D(3, {.padding = Padding::same, .depth_multiplier = 2}));
  model.add(ReLU({.max_value = 6}));
  model.add(BatchNorm({.scale = false}));
  model.add(PReLU({.shared_axes = {1, 2}}));
  model.add(Conv2DTranspose(6, 2, {.strides = 2, .activation = Activation::silu}));
  model.add(MaxPool2D(2));
  model.add(ReLU({.negative_slope = 0.1}));
  model.add(AveragePool2D(2));
  model.add(Flatten());
  model.add(Dense(7));
  model.add(BatchNorm({.center = false, .scale = false}));
  model.add(Softmax());
  model.layer("dense").freeze(Freeze::layer);
  return model;
}

Model<float> named_network() {
  std::string name = "a model whose name does not fit into a line of eighty columns, ";
  for (int i = 0; i < 6; ++i) name += "which_rich_breaks_";
  Sequential model({2}, {.name = name});
  model.add(Dense(3, {.name = "features/first_block/a_dense_layer_with_a_name_that_goes_on_and_on"}));
  model.add(
      Dense(4, {.name = "\u5c64 \u5168\u7d50\u5408\u5c64\u306e\u540d\u524d\u306f\u9577\u3044\u3067\u3059\U0001f600"}));
  model.add(Dense(123456, {.name = "\u00e9t\u00e9 [1] in the middle"}));
  return model;
}

Model<float> empty_model() {
  Model net;
  net.output(net.input({5}));
  return net;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("Keras 2 prints the seed's network so") {
  CHECK(seed_network().summary().keras() ==
        "Model: \"sequential\"\n"
        "_________________________________________________________________\n"
        "Layer (type)                 Output Shape              Param #   \n"
        "=================================================================\n"
        "conv2d (Conv2D)              (None, 64, 64, 32)        320       \n"
        "_________________________________________________________________\n"
        "batch_normalization (BatchNo (None, 64, 64, 32)        128       \n"
        "_________________________________________________________________\n"
        "flatten (Flatten)            (None, 131072)            0         \n"
        "_________________________________________________________________\n"
        "dense (Dense)                (None, 100)               13107300  \n"
        "_________________________________________________________________\n"
        "dense_1 (Dense)              (None, 10)                1010      \n"
        "=================================================================\n"
        "Total params: 13,108,758\n"
        "Trainable params: 13,108,694\n"
        "Non-trainable params: 64\n"
        "_________________________________________________________________\n");
}

TEST_CASE("Keras 3 prints it so") {
  CHECK(seed_network().summary().keras3() ==
        "Model: \"sequential\"\n"
        "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓\n"
        "┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃\n"
        "┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩\n"
        "│ conv2d (Conv2D)                 │ (None, 64, 64, 32)     │           320 │\n"
        "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
        "│ batch_normalization             │ (None, 64, 64, 32)     │           128 │\n"
        "│ (BatchNormalization)            │                        │               │\n"
        "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
        "│ flatten (Flatten)               │ (None, 131072)         │             0 │\n"
        "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
        "│ dense (Dense)                   │ (None, 100)            │    13,107,300 │\n"
        "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
        "│ dense_1 (Dense)                 │ (None, 10)             │         1,010 │\n"
        "└─────────────────────────────────┴────────────────────────┴───────────────┘\n"
        " Total params: 13,108,758 (50.01 MB)\n"
        " Trainable params: 13,108,694 (50.01 MB)\n"
        " Non-trainable params: 64 (256.00 B)\n");
  // with an optimizer's values, the total includes them, as Keras 3 has it
  CHECK(contains(seed_network().summary(26217390).keras3(),
                 " Total params: 39,326,148 (150.02 MB)\n Trainable params: 13,108,694 (50.01 MB)\n"
                 " Non-trainable params: 64 (256.00 B)\n Optimizer params: 26,217,390 (100.01 MB)\n"));
}

TEST_CASE("Keras 2's and Keras 3's tables to the letter") {
  struct Case {
    std::string name;
    Summary summary;
    std::vector<int> columns;
  };
  const std::vector<int> three = {24, 40, 61, 80, 97, 130}, four = {27, 48, 80, 101, 130};
  const Case cases[] = {
      {"seed", seed_network().summary(), three},        {"chain", chain_network().summary(), three},
      {"residual", residual_network().summary(), four}, {"ways", ways_network().summary(), four},
      {"names", named_network().summary(), three},      {"empty_sequential", Sequential({5}).summary(), three},
      {"empty_model", empty_model().summary(), three},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(c.summary.keras() == golden(c.name + " keras"));
    for (const int columns : c.columns)
      CHECK(c.summary.keras3(columns) == golden(c.name + " keras3 " + std::to_string(columns)));
  }
}

TEST_CASE("a terminal too narrow for Keras 3 is refused as Keras refuses it") {
  const Summary three = seed_network().summary(), four = residual_network().summary();
  for (const int columns : {-5, 0, 4, 19}) CHECK_THROWS_AS(three.keras3(columns), ConfigError);
  for (const int columns : {20, 22, 24}) CHECK_THROWS_AS(four.keras3(columns), ConfigError);
  CHECK_NOTHROW(three.keras3(20));
  CHECK_NOTHROW(four.keras3(25));
}

TEST_CASE("a layer that leads to no output counts nowhere, and is named") {
  const Summary summary = ways_network().summary();
  CHECK(summary.unused == std::vector<std::string>{"left_out", "left_out_norm"});
  CHECK(summary.keras_total() == 137);
  CHECK(summary.multiply_adds == 64 * 27 * 4 + 16 * 27 * 4 + 4 * 2 + 4 * 3);
  CHECK(contains(summary.to_string(), "Not counted, because they lead to no output: left_out, left_out_norm\n"));
  Model net;  // without an output every last place counts
  net.add(Dense(2), net.input({3}));
  CHECK(net.summary().trainable == 8);
  CHECK(net.summary().unused.empty());
}

TEST_CASE("torchsummary prints it so") {
  CHECK(seed_network().summary().torchsummary() ==
        "----------------------------------------------------------------\n"
        "        Layer (type)               Output Shape         Param #\n"
        "================================================================\n"
        "            Conv2d-1           [-1, 32, 64, 64]             320\n"
        "              ReLU-2           [-1, 32, 64, 64]               0\n"
        "       BatchNorm2d-3           [-1, 32, 64, 64]              64\n"
        "           Flatten-4               [-1, 131072]               0\n"
        "            Linear-5                  [-1, 100]      13,107,300\n"
        "              ReLU-6                  [-1, 100]               0\n"
        "            Linear-7                   [-1, 10]           1,010\n"
        "           Softmax-8                   [-1, 10]               0\n"
        "================================================================\n"
        "Total params: 13,108,694\n"
        "Trainable params: 13,108,694\n"
        "Non-trainable params: 0\n"
        "----------------------------------------------------------------\n"
        "Input size (MB): 0.02\n"
        "Forward/backward pass size (MB): 4.00\n"
        "Params size (MB): 50.01\n"
        "Estimated Total Size (MB): 54.02\n"
        "----------------------------------------------------------------\n");
}

TEST_CASE("torchinfo prints it so") {
  CHECK(seed_network().summary().torchinfo() ==
        "==========================================================================================\n"
        "Layer (type:depth-idx)                   Output Shape              Param #\n"
        "==========================================================================================\n"
        "Sequential                               [1, 10]                   --\n"
        "├─Conv2d: 1-1                            [1, 32, 64, 64]           320\n"
        "├─ReLU: 1-2                              [1, 32, 64, 64]           --\n"
        "├─BatchNorm2d: 1-3                       [1, 32, 64, 64]           64\n"
        "├─Flatten: 1-4                           [1, 131072]               --\n"
        "├─Linear: 1-5                            [1, 100]                  13,107,300\n"
        "├─ReLU: 1-6                              [1, 100]                  --\n"
        "├─Linear: 1-7                            [1, 10]                   1,010\n"
        "├─Softmax: 1-8                           [1, 10]                   --\n"
        "==========================================================================================\n"
        "Total params: 13,108,694\n"
        "Trainable params: 13,108,694\n"
        "Non-trainable params: 0\n"
        "Total mult-adds (M): 14.42\n"
        "==========================================================================================\n"
        "Input size (MB): 0.02\n"
        "Forward/backward pass size (MB): 2.10\n"
        "Params size (MB): 52.43\n"
        "Estimated Total Size (MB): 54.55\n"
        "==========================================================================================\n");
}

TEST_CASE("PyTorch's tables to the letter") {
  const std::pair<std::string, Summary> cases[] = {{"seed", seed_network().summary()},
                                                   {"residual", residual_network().summary()},
                                                   {"ways", ways_network().summary()},
                                                   {"mobile", mobile_network().summary()},
                                                   {"empty_sequential", Sequential({5}).summary()}};
  for (const auto& [name, summary] : cases) {
    const auto& the_name = name;  // clang before 16 captures no structured binding
    CAPTURE(the_name);
    CHECK(summary.torchsummary() == golden(name + " torchsummary"));
    for (const Index batch : {1, 16})
      CHECK(summary.torchinfo(batch) == golden(name + " torchinfo " + std::to_string(batch)));
  }
}

TEST_CASE("a layer of one's own is a module of its class") {
  struct Gate : Flatten<float> {
    std::string type() const override { return "Gate"; }
  };
  Sequential model({2, 2, 3});
  model.add(Gate());
  CHECK(contains(model.summary().torchsummary(), "              Gate-1                   [-1, 12]               0\n"));
  CHECK(
      contains(model.summary().torchinfo(), "├─Gate: 1-1                              [1, 12]                   --\n"));
}

TEST_CASE("torchinfo's first column grows by five with its names") {
  struct Long : Flatten<float> {
    std::string type() const override { return "ALayerWhoseNameHasFortyCharactersOrMore"; }
  };
  Sequential model({2, 2, 3});
  model.add(Long());
  const std::string text = model.summary().torchinfo();  // 39 characters, ": 1-1" and 6: 50
  CHECK(text.substr(0, text.find('\n')) == std::string(100, '='));
}

TEST_CASE("a frozen BatchNorm moves counts, in each world its own way") {
  for (const Freeze freeze : {Freeze::layer, Freeze::gradients}) {
    Sequential model = seed_network();
    model.layer("batch_normalization").freeze(freeze);
    const Summary summary = model.summary();
    CHECK(summary.keras_total() == 13108758);
    CHECK(summary.trainable == 13108630);
    CHECK(summary.keras_non_trainable() == 128);
    CHECK(summary.torch_total() == 13108694);
    CHECK(summary.frozen == 64);
    CHECK(contains(summary.keras(), "Trainable params: 13,108,630\nNon-trainable params: 128\n"));
    CHECK(contains(summary.torchsummary(), "Trainable params: 13,108,630\nNon-trainable params: 64\n"));
    CHECK(contains(summary.torchinfo(), "├─BatchNorm2d: 1-3                       [1, 32, 64, 64]           (64)\n"));
  }
}

TEST_CASE("keel's own table reconciles the two") {
  std::ostringstream out;
  out << seed_network().summary();
  CHECK(contains(out.str(), "Keras:   13,108,758 parameters = 13,108,694 trainable + 64 non-trainable\n"));
  CHECK(contains(out.str(), "PyTorch: 13,108,694 parameters = 13,108,694 trainable + 0 non-trainable\n"));
  CHECK(contains(out.str(), "The difference, 64, is the buffers of batch_normalization"));
  Sequential plain({4});
  plain.add(Dense(2));
  CHECK(contains(plain.summary().to_string(), "Both count the same"));
}

TEST_CASE("multiply-adds and memory are those of one sample") {
  const Summary summary = seed_network().summary();
  CHECK(summary.multiply_adds == 4096 * 9 * 32 + 131072 + 131072 * 100 + 1000);
  CHECK(summary.activation_bytes == 4 * (3 * 131072 + 110));
  CHECK(summary.parameter_bytes() == 4 * 13108758);
}

TEST_CASE("JSON carries the same numbers") {
  const std::string json = seed_network().summary().json();
  CHECK(contains(json, "\"keras\": {\"total\": 13108758, \"trainable\": 13108694, \"non_trainable\": 64}"));
  CHECK(contains(json, "\"pytorch\": {\"total\": 13108694, \"trainable\": 13108694, \"non_trainable\": 0}"));
  CHECK(contains(json,
                 "{\"name\": \"conv2d\", \"type\": \"Conv2D\", \"output_shape\": [64, 64, 32], \"trainable\": 320"));
  Model named({.name = "a \"b\"\n"});
  named.output(named.input({1}));
  CHECK(contains(named.summary().json(), "\"model\": \"a \\\"b\\\"\\u000a\""));
}

TEST_CASE("names of several bytes a character are cut between characters, and columns stay straight") {
  std::string name;
  for (int i = 0; i < 60; ++i) name += i % 2 == 0 ? "\u00e9" : "\U0001f600";  // 2 and 4 bytes, 1 cell and 2
  Sequential model({2});
  model.add(Dense(1, {.name = name}));
  model.add(Dense(1, {.name = "\u00e9t\u00e9"}));
  const Summary summary = model.summary();
  for (const std::string& text : {summary.keras3(), summary.keras(), summary.to_string()}) {
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
      for (std::string_view rest = line; !rest.empty();) {
        const std::string_view character = detail::first_character(rest);
        const auto lead = static_cast<unsigned char>(rest[0]);
        CHECK(character.size() == (lead < 0x80 ? 1u : lead < 0xE0 ? 2u : lead < 0xF0 ? 3u : 4u));
        rest.remove_prefix(character.size());
      }
      if (line.starts_with("│")) CHECK(detail::cells_of(line) == 76);
    }
  }
  CHECK(contains(summary.keras(), name.substr(0, 84) + " (None, 1) "));  // 28 characters
  CHECK(contains(summary.keras(), "\u00e9t\u00e9 (Dense)                  (None, 1) "));
}

TEST_CASE("a character's width on a terminal") {
  CHECK(detail::cells_of("") == 0);
  CHECK(detail::cells_of("a\u00e9") == 2);
  CHECK(detail::cells_of("e\u0301") == 1);             // a combining accent
  CHECK(detail::cells_of("\u5c64\uac00\uff21") == 6);  // Han, Hangul, a full-width letter
  CHECK(detail::cells_of("\U0001f600") == 2);
  CHECK(detail::cells_of("\u2026\u2500") == 2);
  CHECK(detail::cells_of("\xff\x80") == 1);  // no UTF-8
}

TEST_CASE("graphs: shared layers count once and say where they stand") {
  Model net;
  const Node x = net.input({8, 8, 4});
  const Node a = net.add(Conv2D(4, 3, {.padding = Padding::same}), x);
  const Node b = net.share(a, a);
  net.output(net.add(GlobalAveragePool2D(), net.add(ReLU(), net.add(Add(), {b, x}))));
  const Summary summary = net.summary();
  CHECK(summary.trainable == 148);
  CHECK(summary.model == "functional");
  CHECK(
      contains(summary.keras(),
               "conv2d (Conv2D)                 (None, 8, 8, 4)      148         input_layer[0][0]                \n"
               "                                                                 conv2d[0][0]                     \n"));
  CHECK(
      contains(summary.keras(),
               "add (Add)                       (None, 8, 8, 4)      0           conv2d[1][0]                     \n"
               "                                                                 input_layer[0][0]                \n"));
  CHECK(contains(summary.keras3(), "│ input_layer         │ (None, 8, 8, 4)   │          0 │ -                 │\n"));
  CHECK(contains(summary.torchinfo(), "(recursive)"));
  CHECK(contains(summary.torchsummary(), "Total params: 296\n"));  // the tool counts each call
}
