#include <keel/io/datasets/datasets.hpp>

#include <doctest/doctest.h>

#include <string>

#include "support/message.hpp"
#include "temporary_directory.hpp"

using namespace keel;
using namespace std::string_literals;

namespace {
std::string images(int count, int size = 28) {
  std::string file = "\0\0\x08\3\0\0\0"s + static_cast<char>(count) + "\0\0\0"s + static_cast<char>(size) + "\0\0\0"s +
                     static_cast<char>(size);
  for (int i = 0; i < count * size * size; ++i) file += static_cast<char>(i % 256);
  return file;
}
std::string labels(int count, int first = 0) {
  std::string file = "\0\0\x08\1\0\0\0"s + static_cast<char>(count);
  for (int i = 0; i < count; ++i) file += static_cast<char>(first + i);
  return file;
}
void write_part(const TemporaryDirectory& dir, const std::string& part, const std::string& x, const std::string& y) {
  dir.write(part + "-images-idx3-ubyte", x);
  dir.write(part + "-labels-idx1-ubyte", y);
}
std::string failure(const TemporaryDirectory& dir) {
  try {
    datasets::fashion_mnist(dir.path());
  } catch (const FormatError& error) {
    return error.what();
  }
  return "accepted";
}
}  // namespace

TEST_CASE("Images are 0 .. 1 with a channel, labels integers") {
  const TemporaryDirectory dir;
  write_part(dir, "train", images(3), labels(3));
  write_part(dir, "t10k", images(2), labels(2, 8));
  const auto [train, test] = datasets::fashion_mnist(dir.path());
  CHECK(train.images().shape() == Shape{3, 28, 28, 1});
  CHECK(test.images().shape() == Shape{2, 28, 28, 1});
  CHECK(train.images()[255] == 1);
  CHECK(train.images()[51] == 51.0f / 255);
  CHECK(test.labels() == Tensor<float>({2}, {8, 9}));
  CHECK(datasets::mnist<double>(dir.path()).train.images()[51] == 51.0 / 255);
}

TEST_CASE("Missing data is answered with what to do") {
  const TemporaryDirectory dir;
  CHECK(contains(failure(dir),
                 "[datasets::fashion_mnist] expected train-images-idx3-ubyte or "
                 "train-images-idx3-ubyte.gz in " +
                     dir.path()));
  CHECK(contains(failure(dir), "apt install dataset-fashion-mnist"));
  CHECK_THROWS_WITH_AS(datasets::cifar10(dir.path()),
                       ("[datasets::cifar10] expected data_batch_1.bin in " + dir.path() +
                        ", got no such file (unpack cifar-10-binary.tar.gz of "
                        "https://www.cs.toronto.edu/~kriz/cifar.html there)")
                           .c_str(),
                       FormatError);
}

TEST_CASE("Files that do not belong together are refused") {
  const TemporaryDirectory dir;
  write_part(dir, "train", images(3), labels(3));
  write_part(dir, "t10k", images(2), labels(3));
  CHECK(contains(failure(dir), "t10k-labels-idx1-ubyte] expected a label for each of 2 images, got (3)"));
  write_part(dir, "t10k", images(2), labels(2, 9));
  CHECK(contains(failure(dir), "expected labels from 0 to 9, got 10"));
  write_part(dir, "t10k", images(2, 20), labels(2));
  CHECK(contains(failure(dir), "expected images of shape (28, 28), got (2, 20, 20)"));
  write_part(dir, "t10k", labels(2), labels(2));
  CHECK(contains(failure(dir), "expected images of shape (28, 28), got (2)"));
}

TEST_CASE("The real Fashion-MNIST, where it is installed") {
  if (::access(datasets::fashion_mnist_dir, R_OK) != 0) {
    MESSAGE("dataset-fashion-mnist is not installed");
    return;
  }
  const auto [train, test] = datasets::fashion_mnist();
  CHECK(train.images().shape() == Shape{60000, 28, 28, 1});
  CHECK(test.size() == 10000);
  for (const auto* part : {&train, &test}) {
    Index counts[10] = {};
    for (const float label : part->labels()) ++counts[static_cast<int>(label)];
    for (const Index count : counts) CHECK(count == part->size() / 10);
  }
  CHECK(train.labels()[0] == 9);  // an ankle boot
  double sum = 0;
  for (const float pixel : train.images()) sum += static_cast<double>(pixel);
  CHECK(sum / static_cast<double>(train.images().size()) == doctest::Approx(0.2860).epsilon(1e-3));
}
