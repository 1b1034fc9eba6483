// What loading costs, of files of 500 MB:
//   loading make FILE      writes a network's weights in the format that the name says
//   loading FILE           prints seconds of a copy of the file's bytes into memory, seconds of loading, the ratio of the
//                          two, and the peak of memory while it loads, in times of the weights
// One process a file, as the peak is the process's.

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>

#include <keel/io/load.hpp>

using namespace keel;

namespace {

/// 128 million parameters, nearly all behind a Flatten, where PyTorch has another order of axes and of features.
Model<> network(std::uint64_t seed) {
  Sequential model({16, 16, 64}, {.name = "large", .seed = seed});
  model.add(Conv2D(128, 3, {.padding = Padding::same, .activation = Activation::relu})).add(Flatten());
  model.add(Dense(3800, {.use_bias = false})).add(BatchNorm()).add(Dense(1000));
  return model;
}

double peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;
}
template <class F>
double seconds_of(F&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}
double bytes_of_weights(const Model<>& model) {
  double bytes = 0;
  for (Index l = 0; l < model.layer_count(); ++l)
    for (const auto* parameter : model.layer(l).parameters())
      bytes += static_cast<double>(parameter->size()) * sizeof(float);
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "make") == 0) {
    save(network(1), argv[2]);
    return 0;
  }
  if (argc != 2) {
    std::fprintf(stderr, "usage: loading [make] FILE\n");
    return 2;
  }
  const std::string path = argv[1];
  std::optional<Model<>> model;
  const bool weights_only = path.ends_with(".weights.h5") || path.ends_with(".pt") || path.ends_with(".npz");
  if (weights_only) model = network(2);
  const double before = peak_bytes();
  const double loading = seconds_of([&] {
    if (weights_only)
      load_weights(*model, path);
    else
      model = load(path, {.probe = ProbeCheck::skip});
  });
  const double peak = (peak_bytes() - before) / bytes_of_weights(*model);
  model.reset();
  const double copy = seconds_of([&] { read_file(path); });
  std::printf("copy %.2f s, loading %.2f s, ratio %.2f, peak %.3f\n", copy, loading, copy / loading, peak);
}
