// Runs a model of any format on a batch.
//
//   predict MODEL INPUT.npy OUTPUT.npy [--layout channels_first] [--threads N]
//
// The input is (batch, height, width, channels), or with channels_first as PyTorch has it.

#include <iostream>

#include <keel/io/load.hpp>

#include "arguments.hpp"

using namespace keel;

int main(int argc, char** argv) try {
  if (argc < 4)
    throw ConfigError("command line", "predict MODEL INPUT.npy OUTPUT.npy [--layout channels_first] [--threads N]",
                      std::to_string(argc - 1) + " words");
  const Arguments arguments(argc - 3, argv + 3, {"--layout", "--threads"});
  const std::string layout = arguments.text("--layout", "channels_last");
  if (layout != "channels_last" && layout != "channels_first")
    throw ConfigError("--layout", "channels_last or channels_first", layout);

  const Model<> model = load(argv[1], {.threads = static_cast<int>(arguments.number("--threads", 0))});
  Tensor<float> x = to_tensor<float>(read_npy(argv[2]), argv[2]);
  if (layout == "channels_first" && x.rank() == 4) x = io::permuted(x, {0, 2, 3, 1});
  if (x.shape() == model.input_shape()) x = std::move(x).reshaped(model.input_shape().with_batch(1));
  Tensor<float> y = model.predict(x);
  if (layout == "channels_first" && y.rank() == 4) y = io::permuted(y, {0, 3, 1, 2});
  write_npy(argv[3], to_array("", y));
  std::cout << argv[1] << ": " << x.shape().to_string() << " to " << y.shape().to_string() << ", in " << argv[3]
            << "\n";
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
