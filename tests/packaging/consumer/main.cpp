// A program of two translation units that both use all of keel.
#include <keel/keel.hpp>

keel::Sequential<float> make_model();

int main() {
  const keel::Sequential<float> model = make_model();
  const keel::Tensor<float> y = model.predict(keel::Tensor<float>(keel::Shape{2, 8, 8, 1}, 0.5f));
  double sum = 0;
  for (const float value : y) sum += static_cast<double>(value);
  return y.shape() == keel::Shape{2, 3} && sum > 1.999 && sum < 2.001 ? 0 : 1;
}
