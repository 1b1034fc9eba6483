// save PATH SEED: saves a small network whose weights follow from the seed. Says why it could not, and ends with 1.
// save PATH: ends with 0 if the weights of the file can be loaded.

#include <cstdlib>
#include <iostream>
#include <string_view>

#include <keel/io/load.hpp>

int main(int count, char** arguments) {
  using namespace keel;
  if (count < 2) return 2;
  Sequential model({6, 6, 2}, {.seed = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 0});
  model.add(Conv2D(4, 3)).add(BatchNorm()).add(Flatten()).add(Dense(3));
  try {
    if (count > 2)
      save(model, arguments[1]);
    else
      load_weights(model, arguments[1]);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
