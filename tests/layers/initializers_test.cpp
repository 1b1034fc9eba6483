#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/parameter.hpp>

#include <doctest/doctest.h>

using namespace keel;

namespace {

struct Moments {
  double mean = 0, deviation = 0, largest = 0;
};
Moments moments(InitializerSpec spec, Fans fans) {
  Rng rng(1);
  const Tensor<double> values = initial_values<double>({40000}, spec, fans, rng);
  Moments m;
  for (const double v : values) {
    m.mean += v / 40000;
    m.deviation += v * v / 40000;
    m.largest = (std::max)(m.largest, std::abs(v));
  }
  m.deviation = std::sqrt(m.deviation);
  return m;
}
void check_uniform(Initializer kind, Fans fans, double limit) {
  const Moments m = moments(kind, fans);
  CHECK(m.largest <= limit);
  CHECK(m.largest > 0.999 * limit);
  CHECK(m.deviation == doctest::Approx(limit / std::sqrt(3)).epsilon(0.02));
  CHECK(std::abs(m.mean) < 0.02 * limit);
}
void check_truncated(InitializerSpec spec, Fans fans, double deviation, double cut) {
  const Moments m = moments(spec, fans);
  CHECK(m.largest <= cut);
  CHECK(m.largest > 0.98 * cut);
  CHECK(m.deviation == doctest::Approx(deviation).epsilon(0.02));
}

}  // namespace

TEST_CASE("initializers have the limits and deviations of Keras and PyTorch") {
  const Fans fans(30, 70, 25);
  check_uniform(Initializer::glorot_uniform, fans, std::sqrt(6.0 / 100));
  check_uniform(Initializer::he_uniform, fans, std::sqrt(6.0 / 30));
  check_uniform(Initializer::lecun_uniform, fans, std::sqrt(3.0 / 30));
  check_uniform(Initializer::torch_default, fans, 0.2);
  check_uniform(Initializer::random_uniform, fans, 0.05);
  const double correction = 0.87962566103423978;
  for (const auto& [kind, deviation] : {std::pair{Initializer::glorot_normal, std::sqrt(2.0 / 100)},
                                        std::pair{Initializer::he_normal, std::sqrt(2.0 / 30)},
                                        std::pair{Initializer::lecun_normal, std::sqrt(1.0 / 30)}})
    check_truncated(kind, fans, deviation, 2 * deviation / correction);
  check_truncated({Initializer::truncated_normal, 0.1}, fans, 0.1 * correction, 0.2);
  CHECK(moments({Initializer::random_normal, 0.1}, fans).deviation == doctest::Approx(0.1).epsilon(0.02));
  CHECK(moments({Initializer::random_normal, 0.1}, fans).largest > 0.35);
}

TEST_CASE("constant initializers are constant") {
  Rng rng(1);
  CHECK(initial_values<float>({2}, Initializer::zeros, {1, 1}, rng) == Tensor<float>({2}));
  CHECK(initial_values<float>({2}, Initializer::ones, {1, 1}, rng) == Tensor<float>({2}, 1.0f));
  CHECK(initial_values<float>({2}, {Initializer::constant, 0.5}, {1, 1}, rng) == Tensor<float>({2}, 0.5f));
  CHECK(rng.position() == 0);
}

TEST_CASE("float and double start from the same numbers, and a seed gives the same ones again") {
  Rng a(7), b(7), c(8);
  const auto x = initial_values<double>({50}, Initializer::glorot_uniform, {3, 4}, a);
  CHECK(x.cast<float>() == initial_values<float>({50}, Initializer::glorot_uniform, {3, 4}, b));
  CHECK(!(x == initial_values<double>({50}, Initializer::glorot_uniform, {3, 4}, c)));
}

TEST_CASE("initializers survive a Config") {
  for (std::size_t i = 0; i < initializer_names.size(); ++i) {
    const InitializerSpec spec(static_cast<Initializer>(i));
    Config config;
    write_option(config, "kernel_initializer", spec);
    InitializerSpec read(Initializer::ones);
    read_option(config, "kernel_initializer", read);
    CHECK(read == spec);
  }
  Config config;
  write_option(config, "w", InitializerSpec(Initializer::random_normal, 0.3));
  InitializerSpec read(Initializer::zeros);
  read_option(config, "w", read);
  CHECK(read == InitializerSpec(Initializer::random_normal, 0.3));
  CHECK_THROWS_AS(read_option(Config{{"w", std::string("xavier")}}, "w", read), ConfigError);
}

TEST_CASE("without random numbers there is a shape, and memory comes with the values") {
  Rng none = Rng::none();
  const auto blank = [&] { return initial_values<float>({2, 1 << 30}, Initializer::glorot_uniform, {1, 1}, none); };
  CHECK(blank().shape() == Shape{2, 1 << 30});
  CHECK(blank().data() == nullptr);
  Parameter<float> p("p", initial_values<float>({2}, Initializer::ones, {1, 1}, none)), q = p;
  const Tensor<float> values({2}, {3, 4});
  p.set(values);
  CHECK(p.value() == values);
  q.set(Tensor<float>(values));
  CHECK(q.value() == values);
  CHECK(q.version() == 1);
  CHECK_THROWS_AS(q.set(Tensor<float>({3})), ShapeError);
  CHECK(q.value() == values);
}
