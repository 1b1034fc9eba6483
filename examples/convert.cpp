// A model's file in another format, which the extension of the output names.
//
//   convert INPUT OUTPUT [--like MODEL] [--code FILE.py] [--probe BATCH.npy]
//
// --like: a file with the architecture, for an input of weights only. --code: the architecture as PyTorch code,
// for a .pt. --probe: a small batch; a .safetensors, .keras or .onnx then carries what the model makes of it.

#include <iostream>

#include <keel/io/load.hpp>

#include "arguments.hpp"

using namespace keel;

int main(int argc, char** argv) try {
  if (argc < 3)
    throw ConfigError("command line", "convert INPUT OUTPUT [--like MODEL] [--code FILE.py] [--probe BATCH.npy]",
                      std::to_string(argc - 1) + " words");
  const std::string input = argv[1], output = argv[2];
  const Arguments arguments(argc - 2, argv + 2, {"--like", "--code", "--probe"});
  const std::string like = arguments.text("--like", ""), code = arguments.text("--code", ""),
                    probe = arguments.text("--probe", "");

  Model<> model = load(like.empty() ? input : like);
  if (!like.empty()) {
    std::cout << diagnose(model, input);
    load_weights(model, input);
  }
  if (probe.empty())
    save(model, output);
  else
    save(model, output, make_probe(model, to_tensor<float>(read_npy(probe), probe)));
  if (!code.empty()) write_file(code, std::string_view(torch_code(model)));

  // what was written is read again and compared
  Model<> copy = model.clone();
  const Diagnosis read = diagnose(copy, output);
  std::cout << read;
  load_weights(copy, output);
  for (std::size_t i = 0; i < model.parameters().size(); ++i)
    if (!(copy.parameters()[i]->value() == model.parameters()[i]->value()))
      throw FormatError(output, "the weights that were written", "others");
  std::cout << output << ": read again, every weight is equal\n";
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
