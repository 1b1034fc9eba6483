#pragma once

#include <keel/io/datasets/cifar10.hpp>
#include <keel/io/datasets/idx.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// The two parts that a dataset comes in.
template <class T>
struct TrainTest {
  Dataset<T> train, test;  ///< its own division
};

/// Well-known datasets, read from files that are already on the machine. Images are (samples, height, width,
/// channels) with values 0 .. 1, labels integers. Throws FormatError, which says what to do, where the data is
/// missing or is not what it should be.
namespace datasets {

/// Where Debian's package dataset-fashion-mnist puts its files.
inline constexpr const char* fashion_mnist_dir = "/usr/share/datasets/fashion-mnist";

}  // namespace datasets

namespace io {

using namespace formats;

/// The first of DIR/NAME and DIR/NAME.gz that can be read.
inline std::string find_data(const std::string& dir, const std::string& name, const char* who, const char* hint) {
  for (const char* suffix : {"", ".gz"}) {
    std::string path = dir + "/" + name + suffix;
    if (::access(path.c_str(), R_OK) == 0) return path;
  }
  throw FormatError(who, name + " or " + name + ".gz in " + dir, "no such file", hint);
}

template <class T>
[[gnu::cold]] Dataset<T> idx_pair(const std::string& dir, const std::string& part, const char* who, const char* hint) {
  const std::string image_path = find_data(dir, part + "-images-idx3-ubyte", who, hint);
  const std::string label_path = find_data(dir, part + "-labels-idx1-ubyte", who, hint);
  Tensor<T> images = read_idx<T>(image_path), labels = read_idx<T>(label_path);
  if (images.rank() != 3 || !(images.shape().sample() == Shape{28, 28}))
    throw FormatError(image_path, "images of shape (28, 28)", images.shape().to_string());
  if (!(labels.shape() == Shape{images.shape()[0]}))
    throw FormatError(label_path, "a label for each of " + std::to_string(images.shape()[0]) + " images",
                      labels.shape().to_string());
  for (const T label : labels)
    if (!(label >= 0 && label <= 9)) throw FormatError(label_path, "labels from 0 to 9", std::to_string(label));
  images.array() /= T(255);
  const Shape with_channel{images.shape()[0], 28, 28, 1};
  return {std::move(images).reshaped(with_channel), std::move(labels)};
}

}  // namespace io

namespace datasets {

/// Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): 60,000 and 10,000 images (28, 28, 1) of clothes in 10 classes.
/// `dir` holds the four idx or idx.gz files.
template <class T = float>
TrainTest<T> fashion_mnist(const std::string& dir = fashion_mnist_dir) {
  constexpr const char* who = "datasets::fashion_mnist";
  constexpr const char* hint =
      "install Debian's package: apt install dataset-fashion-mnist, or pass the folder of the four files that "
      "https://github.com/zalandoresearch/fashion-mnist offers";
  return {io::idx_pair<T>(dir, "train", who, hint), io::idx_pair<T>(dir, "t10k", who, hint)};
}

/// MNIST (LeCun, Cortes and Burges): 60,000 and 10,000 handwritten digits (28, 28, 1).
template <class T = float>
TrainTest<T> mnist(const std::string& dir) {
  constexpr const char* who = "datasets::mnist";
  constexpr const char* hint = "pass the folder that holds MNIST's four idx files";
  return {io::idx_pair<T>(dir, "train", who, hint), io::idx_pair<T>(dir, "t10k", who, hint)};
}

/// CIFAR-10 (Krizhevsky, 2009), the binary version: 50,000 and 10,000 images (32, 32, 3).
template <class T = float>
TrainTest<T> cifar10(const std::string& dir) {
  const auto file = [&](const std::string& name) {
    if (::access((dir + "/" + name).c_str(), R_OK) != 0)
      throw FormatError("datasets::cifar10", name + " in " + dir, "no such file",
                        "unpack cifar-10-binary.tar.gz of https://www.cs.toronto.edu/~kriz/cifar.html there");
    return dir + "/" + name;
  };
  std::vector<std::string> train;
  for (int i = 1; i <= 5; ++i) train.push_back(file("data_batch_" + std::to_string(i) + ".bin"));
  return {read_cifar10<T>(train), read_cifar10<T>({file("test_batch.bin")})};
}

}  // namespace datasets

KEEL_INSTANCE(TrainTest<float> datasets::fashion_mnist<float>(const std::string&))
KEEL_INSTANCE(TrainTest<float> datasets::mnist<float>(const std::string&))
KEEL_INSTANCE(TrainTest<float> datasets::cifar10<float>(const std::string&))

}  // namespace KEEL_ABI
}  // namespace keel
