/// Weights of CuDNNLSTM and CuDNNGRU, against what Keras's own conversion gives in NumPy:
///     np.hstack([k.T.reshape(k.shape, order="F") for k in np.hsplit(kernel, gates)]), k.T of the recurrent kernel.

#include <doctest/doctest.h>

#include <keel/io/keras/file.hpp>

using namespace keel;

namespace keras_cudnn_test {

std::string network(const std::string& layer) {
  return R"({"class_name":"Sequential","config":{"name":"s","layers":[{"class_name":"InputLayer","config":{"name":"in",)"
         R"("batch_shape":[null,4,2]}},)" +
         layer + "]}}";
}
/// 0, 1, 2, ...
NamedArray counted(const std::string& name, const Shape& shape) {
  Tensor<float> values(shape);
  for (Index i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return to_array<float>(name, TensorView<const float>(values));
}
/// The network with weights that count; `copies`: how often the three stand there.
KerasModel<float> loaded(const std::string& layer, const Shape& bias, Index gates, int copies = 1) {
  KerasModel<float> model = build_keras_model<float>(parse_json(network(layer), "f"), "f", {.version = "2.2.4"});
  std::deque<NamedArray> arrays;
  io::KerasSources sources{{{"l", {}, true}}, false};
  for (int i = 0; i < copies; ++i)
    for (const auto& [name, shape] : {std::pair<std::string, Shape>("kernel:0", {2, 3 * gates}),
                                      {"recurrent_kernel:0", {3, 3 * gates}},
                                      {"bias:0", bias}}) {
      arrays.push_back(counted(name, shape));
      sources.modules[0].tensors.emplace_back(name, &arrays.back());
    }
  io::read_keras_weights(model, sources, "f");
  return model;
}
/// The first columns of a parameter, one gate's.
std::vector<float> gate(Model<float>& model, std::size_t parameter, Index number) {
  const Tensor<float>& value = model.parameters()[parameter]->value();
  std::vector<float> all;
  for (Index i = 0; i < value.shape()[0]; ++i)
    for (Index j = 0; j < 3; ++j) all.push_back(value[i * value.shape()[1] + 3 * number + j]);
  return all;
}
std::vector<float> values(Model<float>& model, std::size_t parameter) {
  const Tensor<float>& value = model.parameters()[parameter]->value();
  return {value.begin(), value.end()};
}

const std::string lstm = R"({"class_name":"CuDNNLSTM","config":{"name":"l","units":3,"return_sequences":true}})",
                  gru = R"({"class_name":"CuDNNGRU","config":{"name":"l","units":3}})";

}  // namespace keras_cudnn_test

TEST_CASE("CuDNNLSTM is an LSTM whose matrices are turned and whose biases are added") {
  using namespace keras_cudnn_test;
  KerasModel<float> model = loaded(lstm, {24}, 4);
  CHECK(model.model.layer(0).type() == "LSTM");
  CHECK(model.model.output_shape() == Shape{4, 3});
  CHECK(gate(model.model, 0, 0) == std::vector<float>{0, 2, 13, 1, 12, 14});
  CHECK(gate(model.model, 0, 1) == std::vector<float>{3, 5, 16, 4, 15, 17});
  CHECK(gate(model.model, 1, 0) == std::vector<float>{0, 12, 24, 1, 13, 25, 2, 14, 26});
  CHECK(gate(model.model, 1, 3) == std::vector<float>{9, 21, 33, 10, 22, 34, 11, 23, 35});
  CHECK(values(model.model, 2) == std::vector<float>{12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34});
}

TEST_CASE("CuDNNGRU is a GRU with the reset gate behind the product, its bias in two rows") {
  using namespace keras_cudnn_test;
  KerasModel<float> model = loaded(gru, {18}, 3);
  CHECK(model.model.layer(0).type() == "GRU");
  CHECK(model.model.layer(0).config().get<bool>("reset_after", false));
  CHECK(model.model.output_shape() == Shape{3});
  CHECK(gate(model.model, 0, 2) == std::vector<float>{6, 8, 16, 7, 15, 17});
  CHECK(gate(model.model, 1, 1) == std::vector<float>{3, 12, 21, 4, 13, 22, 5, 14, 23});
  CHECK(model.model.parameters()[2]->shape() == Shape{2, 9});
  for (Index i = 0; i < 18; ++i) CHECK(model.model.parameters()[2]->value()[i] == static_cast<float>(i));
}

TEST_CASE("the library's weights are known by their bias, in a plain layer and in both directions") {
  using namespace keras_cudnn_test;
  const std::string plain = R"({"class_name":"LSTM","config":{"name":"l","units":3}})";
  KerasModel<float> turned = loaded(plain, {24}, 4), usual = loaded(plain, {12}, 4);
  CHECK(gate(turned.model, 0, 1) == std::vector<float>{3, 5, 16, 4, 15, 17});
  CHECK(gate(usual.model, 0, 1) == std::vector<float>{3, 4, 5, 15, 16, 17});
  const std::string both =
      R"({"class_name":"Bidirectional","config":{"name":"l","merge_mode":"sum","layer":)" + lstm + "}}";
  KerasModel<float> two = loaded(both, {24}, 4, 2);
  CHECK(two.model.layer(0).type() == "Bidirectional");
  for (const std::size_t first : {0, 3}) CHECK(gate(two.model, first, 1) == std::vector<float>{3, 5, 16, 4, 15, 17});
  CHECK_THROWS_AS(loaded(plain, {23}, 4), FormatError);
  CHECK_THROWS_AS(loaded(lstm, {23}, 4), FormatError);
  const std::string stateful = R"({"class_name":"CuDNNLSTM","config":{"name":"l","units":3,"stateful":true}})";
  CHECK_THROWS_WITH_AS(loaded(stateful, {24}, 4), doctest::Contains("'l' (CuDNNLSTM)"), FormatError);
}
