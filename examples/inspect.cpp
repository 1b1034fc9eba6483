// What is in a model's file, of any format: tables as keel, Keras and PyTorch count, each tensor's statistics, and
// what would be doubtful in the other world, and whether the model does what the file's probe says.
//
//   inspect FILE [--like MODEL] [--json]
//
// --like: a file with a model; prints how FILE's weights would go into it. --json: for programs.

#include <cmath>
#include <iostream>

#include <keel/io/load.hpp>
#include <keel/model/summary/summary.hpp>

#include "arguments.hpp"

using namespace keel;

namespace {

struct Statistics {
  double mean = 0, deviation = 0, least = 0, most = 0;
  Index zeros = 0, bad = 0;
};

Statistics statistics(const NamedArray& array) {
  Statistics s;
  double sum = 0, squares = 0;
  Index count = 0;
  s.bad = count_nonfinite(array);
  formats::for_each_value(array, [&](Index, auto value) {
    const auto v = static_cast<double>(value);
    if (!std::isfinite(v)) return;
    s.least = count ? std::min(s.least, v) : v;
    s.most = count ? std::max(s.most, v) : v;
    s.zeros += v == 0;
    sum += v, squares += v * v, ++count;
  });
  if (count) s.mean = sum / static_cast<double>(count);
  if (count) s.deviation = std::sqrt(std::max(0.0, squares / static_cast<double>(count) - s.mean * s.mean));
  return s;
}

Json describe(const NamedArray& array) {
  const Statistics s = statistics(array);
  return {{"name", array.name},
          {"dtype", name_of(array.dtype)},
          {"shape", std::vector<Index>(array.shape.begin(), array.shape.end())},
          {"mean", s.mean},
          {"deviation", s.deviation},
          {"min", s.least},
          {"max", s.most},
          {"zeros", s.zeros},
          {"not_finite", s.bad}};
}

void print(const std::vector<NamedArray>& arrays) {
  std::size_t names = 4, shapes = 5;
  for (const NamedArray& array : arrays) {
    names = std::max(names, array.name.size());
    shapes = std::max(shapes, array.shape.to_string().size());
  }
  const auto cell = [](std::string text, std::size_t width) {
    return text + std::string(width > text.size() ? width - text.size() + 2 : 2, ' ');
  };
  const auto number = [&](double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", value);
    return cell(text, 10);
  };
  std::cout << cell("name", names) << cell("type", 8) << cell("shape", shapes) << cell("mean", 10)
            << cell("deviation", 10) << cell("min", 10) << cell("max", 10) << "\n";
  for (const NamedArray& array : arrays) {
    const Statistics s = statistics(array);
    std::cout << cell(array.name, names) << cell(name_of(array.dtype), 8) << cell(array.shape.to_string(), shapes)
              << number(s.mean) << number(s.deviation) << number(s.least) << number(s.most);
    if (s.bad) std::cout << s.bad << " NaN or infinite";
    if (array.shape.size() > 1 && s.deviation == 0) std::cout << "all equal";
    std::cout << "\n";
  }
}

/// "none", "agrees", or what the model does otherwise than the file's probe says.
std::string proof(const io::OpenedFile<float>& file) try {
  if (file.probe.empty()) return "none";
  replay(*file.model, parse_probe(file.probe, "probe"), "probe");
  return "agrees";
} catch (const FormatError& error) {
  return error.what();
}

/// The tensors of a file that is weights only, whatever its format.
std::vector<NamedArray> tensors(io::OpenedFile<float>& file) {
  if (file.archive) return std::move(file.archive->tensors);
  return to_archive(std::move(*file.hdf5)).tensors;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2 || argv[1][0] == '-')
    throw ConfigError("command line", "inspect FILE [--like MODEL] [--json]", "no file");
  const std::string path = argv[1];
  const Arguments arguments(argc - 1, argv + 1, {"--like"}, {"--json"});
  const bool json = arguments.flag("--json");

  if (const std::string like = arguments.text("--like", ""); !like.empty()) {
    Model<> model = load(like);
    const Diagnosis diagnosis = diagnose(model, path);
    std::cout << diagnosis;
    return diagnosis.fits() ? 0 : 1;
  }

  io::OpenedFile<float> file = io::open_model<float>(path);
  if (!file.model) {
    const std::vector<NamedArray> arrays = tensors(file);
    if (json) {
      Json out = {{"file", path}, {"format", file.format}, {"tensors", Json::array()}};
      for (const NamedArray& array : arrays) out["tensors"].push_back(describe(array));
      std::cout << out.dump(2) << "\n";
      return 0;
    }
    std::cout << path << ": " << file.format << ", weights only\n\n";
    print(arrays);
    return 0;
  }

  const Model<>& model = *file.model;
  const Summary summary = model.summary();
  if (json) {
    Json out = {{"file", path},
                {"format", file.format},
                {"architecture", architecture(model)},
                {"tensors", Json::array()},
                {"keras_parameters", summary.keras_total()},
                {"probe", proof(file)}};
    for (const NamedArray& array : state_of(model)) out["tensors"].push_back(describe(array));
    std::cout << out.dump(2) << "\n";
    return 0;
  }
  std::cout << path << ": " << file.format << "\n\n"
            << summary << "\nKeras says:\n\n"
            << summary.keras3() << "\nPyTorch, through torchsummary, says:\n\n"
            << summary.torchsummary() << "\n";
  print(state_of(model));
  std::cout << "\nprobe: " << proof(file) << "\n";
  Archive state{path, file.format, state_of(model), {}};
  std::vector<Suspicion> suspicions;
  io::suspect_torch(model, suspicions);
  io::suspect_values(state, suspicions);
  const Diagnosis doubts{path, file.format, model.name(), {}, suspicions, {}};
  std::cout << "\nIn PyTorch:\n\n" << torch_code(model) << "\n" << doubts.suspicious();
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
