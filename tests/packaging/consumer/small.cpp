// A program that shows that keel's headers, its components' macros and their libraries arrive.
#include <keel/formats/deflate.hpp>
#include <keel/tensor/tensor.hpp>

int main() {
  const keel::Tensor<float> x(keel::Shape{2, 3}, 0.5f);
  const std::byte nine[] = {std::byte{'1'}, std::byte{'2'}, std::byte{'3'}, std::byte{'4'}, std::byte{'5'},
                            std::byte{'6'}, std::byte{'7'}, std::byte{'8'}, std::byte{'9'}};
  return x.size() == 6 && keel::formats::crc32_of(nine) == 0xcbf43926u ? 0 : 1;
}
