// Tensors as text: what NumPy 2 prints for the same values.
#include <doctest/doctest.h>

#include <limits>
#include <sstream>

#include <keel/tensor/print.hpp>

using namespace keel;

namespace print_test {  // a name of its own: the files of a folder are compiled together

TEST_CASE("a tensor is written as NumPy writes it") {
  CHECK(to_string(Tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6})) == "[[1. 2. 3.]\n [4. 5. 6.]]");
  CHECK(to_string(Tensor<float>({3}, {0.5f, -1.25f, 3})) == "[ 0.5  -1.25  3.  ]");
  CHECK(to_string(Tensor<float>({3}, {0.1f, -1.0f / 3, 1e-6f})) == "[ 1.0000000e-01 -3.3333334e-01  1.0000000e-06]");
  CHECK(to_string(Tensor<double>({2}, {0.1, 1.0 / 3})) == "[0.1        0.33333333]");
  CHECK(to_string(Tensor<float>({3}, {1e10f, 1, 2})) == "[1.e+10 1.e+00 2.e+00]");
  CHECK(to_string(Tensor<float>({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, std::numeric_limits<float>::quiet_NaN()})) ==
        "[[[ 1.  2.]\n  [ 3.  4.]]\n\n [[ 5.  6.]\n  [ 7. nan]]]");
  CHECK(to_string(Tensor<float>({2}, {std::numeric_limits<float>::infinity(), 1})) == "[inf  1.]");
  CHECK(to_string(Tensor<float>(Shape{}, 3.0f)) == "3.");
  CHECK(to_string(Tensor<int>({2, 2}, {1, -20, 300, 4})) == "[[  1 -20]\n [300   4]]");
  CHECK(to_string(Tensor<std::uint8_t>({2}, {0, 255})) == "[  0 255]");
  CHECK(to_string(Tensor<float>()) == "[] of shape (0)");
}

TEST_CASE("of a large tensor the ends are written, and long rows go on below") {
  Tensor<double> large({40, 40});
  for (Index i = 0; i < large.size(); ++i) large[i] = static_cast<double>(i % 400);
  const std::string text = to_string(large);
  CHECK(text.substr(0, 41) == "[[  0.   1.   2. ...  37.  38.  39.]\n [ 4");
  CHECK(std::count(text.begin(), text.end(), '\n') == 6);
  CHECK(text.find("\n ...\n") != text.npos);
  const std::string row = to_string(Tensor<float>({100}, 0.125f));
  std::istringstream lines(row);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) CHECK(line.size() <= 75);
  CHECK(count > 5);
}

TEST_CASE("streams take a tensor") {
  std::ostringstream stream;
  stream << Tensor<float>({2}, {1, 2}) << " and " << Tensor<double>({1}, {0.5}) << ", " << Tensor<Index>({2}, {7, -8});
  CHECK(stream.str() == "[1. 2.] and [0.5], [ 7 -8]");
}

}  // namespace print_test
