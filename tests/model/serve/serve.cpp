// One const model that eight threads ask at the same time, in batches of ten sizes: every answer must be that of one
// thread, bit for bit, and memory must not grow. Arguments: the number of calls in all, and, for a run under
// ThreadSanitizer, whose memory is no measure, a file: the model is saved there meanwhile.

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include <keel/keel.hpp>
#include <keel/io/keel/model_file.hpp>

using namespace keel;

namespace {

/// Resident memory in KiB, as Linux counts it; 0 elsewhere.
long resident() {
  std::ifstream file("/proc/self/statm");
  long pages = 0, in_memory = 0;
  file >> pages >> in_memory;
  return in_memory * 4;
}

}  // namespace

int main(int argc, char** argv) {
  const long calls = argc > 1 ? std::atol(argv[1]) : 1000000;
  Sequential model({12, 12, 1}, {.seed = 1});
  model.add(Conv2D(8, 3, {.activation = Activation::relu})).add(BatchNorm()).add(MaxPool2D(2)).add(Flatten());
  model.add(Dense(16, {.activation = Activation::tanh})).add(Dense(10, {.activation = Activation::softmax}));
  const Model<float>& served = model;

  const std::vector<Index> sizes{1, 2, 3, 4, 5, 7, 8, 11, 16, 24};
  std::vector<Tensor<float>> inputs, answers;
  Rng rng(1);
  for (const Index size : sizes) {
    Tensor<float> x({size, 12, 12, 1});
    for (float& value : x) value = static_cast<float>(rng.normal());
    answers.push_back(served.predict(x));
    inputs.push_back(std::move(x));
  }

  std::atomic<long> next{0}, different{0}, warm{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      Tensor<float> answer;
      for (long call = next++; call < calls; call = next++) {
        const auto i = static_cast<std::size_t>(call) % sizes.size();
        answer.resize(answers[i].shape());
        served.predict(inputs[i], answer);
        const auto bytes = static_cast<std::size_t>(answer.size()) * sizeof(float);
        different += std::memcmp(answer.data(), answers[i].data(), bytes) != 0;
        if (call == calls / 10) warm = resident();
      }
    });
  const bool saving = argc > 2;
  long saved = 0;
  for (; saving && next < calls; ++saved) save_safetensors(served, argv[2]);
  for (std::thread& thread : threads) thread.join();
  if (saving) {
    std::printf("%s %ld calls of predict by 8 threads, %zu batch sizes, saved %ld times meanwhile: %ld differ\n",
                different == 0 ? "ok" : "not ok", calls, sizes.size(), saved, different.load());
    return different == 0 ? 0 : 1;
  }
  const long grown = warm > 0 ? resident() - warm : 0;
  std::printf("%s %ld calls of predict by 8 threads, %zu batch sizes: %ld differ, memory grew by %ld KiB\n",
              different == 0 && grown <= 1024 ? "ok" : "not ok", calls, sizes.size(), different.load(), grown);
  return different == 0 && grown <= 1024 ? 0 : 1;
}
