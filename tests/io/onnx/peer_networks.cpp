/// bench/'s five networks as PyTorch exported them to ONNX: `peer_networks DIRECTORY`, with NAME.onnx, NAME.x.npy and
/// NAME.y.npy, PyTorch's output in evaluation mode, for each (peer_networks.sh makes them). Prints the largest deviation and
/// the median time of inference beside that of the network built by hand; ends with 1 if a deviation is above 1e-4.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <vector>

#include <keel/formats/npy.hpp>
#include <keel/io/load.hpp>

#include "../../../bench/networks.hpp"

using namespace keel;

namespace {

/// (n, c, h, w) to (n, h, w, c).
Tensor<float> last(const Tensor<float>& x) {
  const Shape& s = x.shape();
  Tensor<float> turned = Tensor<float>::uninitialized({s[0], s[2], s[3], s[1]});
  for (Index n = 0; n < s[0]; ++n)
    for (Index c = 0; c < s[1]; ++c)
      for (Index p = 0; p < s[2] * s[3]; ++p)
        turned[(n * s[2] * s[3] + p) * s[1] + c] = x[(n * s[1] + c) * s[2] * s[3] + p];
  return turned;
}
/// Milliseconds of one inference.
double once(const Model<float>& model, const Tensor<float>& x) {
  const auto begin = std::chrono::steady_clock::now();
  model.predict(x);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}
double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::puts("peer_networks DIRECTORY");
    return 2;
  }
  bool right = true;
  for (const char* name : {"seed", "mnist", "resnet20", "mbv1", "resnet18"}) {
    const std::string base = std::string(arguments[1]) + "/" + name;
    const Model<float> read = load<float>(base + ".onnx"), built = networks::make<float>(name, 1);
    const auto array = [&](const char* kind) { return to_tensor<float>(read_npy(base + kind)); };
    const Tensor<float> x = last(array(".x.npy")), y = array(".y.npy"), got = read.predict(x);
    double worst = y.size() == got.size() ? 0 : 1, largest = 0;
    for (Index i = 0; i < y.size(); ++i) largest = (std::max)(largest, std::abs(static_cast<double>(y[i])));
    for (Index i = 0; i < y.size() && i < got.size(); ++i)
      worst = (std::max)(worst, std::abs(static_cast<double>(y[i]) - static_cast<double>(got[i])) / largest);
    right = right && worst <= 1e-4;
    std::vector<double> of_read, of_built;
    for (int i = 0; i < 3; ++i) {
      once(read, x);
      once(built, x);
    }
    const auto begin = std::chrono::steady_clock::now();
    do {  // in turns, so that both meet the same machine
      of_read.push_back(once(read, x));
      of_built.push_back(once(built, x));
    } while (std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
    std::printf("%-9s deviation %.1e   read from ONNX %8.3f ms   built by hand %8.3f ms   ratio %.3f\n", name, worst,
                median(of_read), median(of_built), median(of_read) / median(of_built));
  }
  return right ? 0 : 1;
}
