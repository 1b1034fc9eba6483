#include <sstream>

#include <doctest/doctest.h>

#include <keel/layers/add.hpp>
#include <keel/layers/batch_norm.hpp>
#include <keel/layers/conv2d.hpp>
#include <keel/layers/dense.hpp>
#include <keel/layers/flatten.hpp>
#include <keel/layers/global_average_pool2d.hpp>
#include <keel/layers/relu.hpp>
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
  for (int i = 0; i < 60; ++i) name += i % 2 == 0 ? "\u00e9" : "\U0001f600";  // 2 and 4 bytes
  Sequential model({2});
  model.add(Dense(1, {.name = name}));
  model.add(Dense(1, {.name = "\u00e9t\u00e9"}));
  const auto lines_of = [](const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  };
  const auto width = [](const std::string& line) { return detail::width_of(line); };
  const Summary summary = model.summary();
  const std::string keras3 = summary.keras3();
  CHECK(contains(keras3, "│ " + name.substr(0, 92) + " │"));  // 31 characters
  CHECK(contains(keras3, "│ " + name.substr(92) + "   │"));   // and 29
  CHECK(contains(keras3, "│ \u00e9t\u00e9 (Dense)                     │ (None, 1) "));
  for (const std::string& text : {keras3, summary.keras(), summary.to_string()})
    for (const std::string& line : lines_of(text)) {
      bool whole = true;
      for (std::string_view rest = line; !rest.empty();) {
        const auto lead = static_cast<unsigned char>(rest[0]);
        const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        whole = whole && (lead < 0x80 || lead >= 0xC0) && detail::width_of(std::string(rest.substr(0, length))) == 1 &&
                rest.size() >= length;
        rest.remove_prefix((std::min)(length, rest.size()));
      }
      CHECK(whole);
      if (line.starts_with("│")) CHECK(width(line) == 76);
    }
  CHECK(contains(summary.keras(), name.substr(0, 84) + " (None, 1) "));  // 28 characters
  CHECK(contains(summary.keras(), "\u00e9t\u00e9 (Dense)                  (None, 1) "));
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
