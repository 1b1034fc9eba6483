#pragma once
/// CIFAR-10's binary version: https://www.cs.toronto.edu/~kriz/cifar.html. A record is a label and a 32 x 32 image
/// as three planes, red, green and blue.

#include <vector>

#include <keel/formats/bytes.hpp>
#include <keel/training/data.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// The records of some batch files, one after the other: images (samples, 32, 32, 3) with values 0 .. 1, labels 0
/// .. 9. Throws FormatError.
template <class T = float>
Dataset<T> read_cifar10(const std::vector<std::string>& paths, const ReadLimits& limits = {}) {
  constexpr std::size_t pixels = std::size_t{32} * 32, record = 1 + 3 * pixels;
  std::vector<Bytes> files;
  std::size_t samples = 0;
  for (const std::string& path : paths) {
    files.push_back(read_file(path, limits));
    if (files.back().empty() || files.back().size() % record != 0)
      throw FormatError(path, "records of 3073 bytes", std::to_string(files.back().size()) + " bytes",
                        "the file is cut short, or not CIFAR-10's binary version");
    samples += files.back().size() / record;
  }

  const auto count = static_cast<Index>(samples);
  Tensor<T> images = Tensor<T>::uninitialized({count, 32, 32, 3}), labels = Tensor<T>::uninitialized({count});
  T *image = images.data(), *label = labels.data();
  for (std::size_t file = 0; file < files.size(); ++file)
    for (std::size_t offset = 0; offset < files[file].size(); offset += record) {
      const std::byte* from = files[file].data() + offset;
      const auto value = std::to_integer<unsigned>(*from++);
      if (value > 9)
        throw FormatError(paths[file] + ", offset " + std::to_string(offset), "a label from 0 to 9",
                          std::to_string(value));
      *label++ = static_cast<T>(value);
      for (std::size_t p = 0; p < pixels; ++p)
        for (std::size_t c = 0; c < 3; ++c)
          *image++ = static_cast<T>(std::to_integer<unsigned>(from[c * pixels + p])) / T(255);
    }
  return {std::move(images), std::move(labels)};
}

}  // namespace KEEL_ABI
}  // namespace keel
