#include <keel/io/datasets/cifar10.hpp>

#include <doctest/doctest.h>

#include <string>

#include "temporary_directory.hpp"

using namespace keel;

namespace {
/// Red is the place's row, green its column, blue 255.
std::string record(int label) {
  std::string bytes(1, static_cast<char>(label));
  for (int plane = 0; plane < 3; ++plane)
    for (int h = 0; h < 32; ++h)
      for (int w = 0; w < 32; ++w) bytes += static_cast<char>(plane == 0 ? h : plane == 1 ? w : 255);
  return bytes;
}
}  // namespace

TEST_CASE("CIFAR-10's planes become channels, its files one dataset") {
  const TemporaryDirectory dir;
  const Dataset<float> data = read_cifar10({dir.write("a.bin", record(3) + record(9)), dir.write("b.bin", record(0))});
  CHECK(data.labels() == Tensor<float>({3}, {3, 9, 0}));
  CHECK(data.images().shape() == Shape{3, 32, 32, 3});
  for (Index n = 0; n < 3; ++n)
    for (Index h = 0; h < 32; ++h)
      for (Index w = 0; w < 32; ++w) {
        REQUIRE(data.images()(n, h, w, 0) == static_cast<float>(h) / 255);
        REQUIRE(data.images()(n, h, w, 1) == static_cast<float>(w) / 255);
        REQUIRE(data.images()(n, h, w, 2) == 1);
      }
}

TEST_CASE("Files that are not CIFAR-10's are refused by name") {
  const TemporaryDirectory dir;
  const std::string cut = dir.write("cut.bin", record(1).substr(0, 3072));
  CHECK_THROWS_WITH_AS(read_cifar10({cut}),
                       ("[" + cut +
                        "] expected records of 3073 bytes, got 3072 bytes (the file is cut short, or not "
                        "CIFAR-10's binary version)")
                           .c_str(),
                       FormatError);
  CHECK_THROWS_AS(read_cifar10({dir.write("empty.bin", "")}), FormatError);
  CHECK_THROWS_AS(read_cifar10({dir / "missing.bin"}), FormatError);
  const std::string wrong = dir.write("label.bin", record(1) + record(10));
  CHECK_THROWS_WITH_AS(read_cifar10({wrong}),
                       ("[" + wrong + ", offset 3073] expected a label from 0 to 9, got 10").c_str(), FormatError);
}
