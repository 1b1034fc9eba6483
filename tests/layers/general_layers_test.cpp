/// The layers that stand for operators of other worlds: functions value by value, sums along axes, values in new
/// places.

#include <keel/layers/constant.hpp>
#include <keel/layers/elementwise.hpp>
#include <keel/layers/gather.hpp>
#include <keel/layers/pad.hpp>
#include <keel/layers/reduce.hpp>
#include <keel/layers/slice.hpp>
#include <keel/layers/matmul.hpp>
#include <keel/layers/tile.hpp>

#include <functional>

#include "layer_testing.hpp"

using namespace keel_test;

namespace {

/// The value of a batch at (n, i, j, ...), aligned at the last axis, extents of 1 counting for all: NumPy's rule, by
/// division.
template <class T>
T broadcast_at(const Tensor<T>& x, const Shape& out, Index at, bool has_batch) {
  std::vector<Index> place(to_size(out.rank()));
  for (Index axis = out.rank() - 1; axis >= 0; --axis) {
    place[to_size(axis)] = at % out[axis];
    at /= out[axis];
  }
  Index from = has_batch ? place[0] : 0;
  for (Index axis = has_batch ? 1 : 0; axis < x.shape().rank(); ++axis) {
    const Index i = place[to_size(out.rank() - x.shape().rank() + axis)];
    from = from * x.shape()[axis] + (x.shape()[axis] == 1 ? 0 : i);
  }
  return x[from];
}

std::vector<double> range(Index count, double from = 0) {
  std::vector<double> values;
  for (Index i = 0; i < count; ++i) values.push_back(from + static_cast<double>(i));
  return values;
}
Tensor<double> counting(const Shape& shape, double from = 0) {
  Tensor<double> x(shape);
  const auto values = range(shape.size(), from);
  std::copy(values.begin(), values.end(), x.begin());
  return x;
}

/// Functions with a formula of their own here, and the inputs that they are defined for: x0 + d * uniform.
struct Formula {
  const char* name;
  std::function<double(double)> f;
};

}  // namespace

TEST_CASE("Elementwise keeps the contract with every function") {
  for (const auto& f : detail::scalar_functions<double>()) {
    CAPTURE(f.name);
    const std::string name(f.name);
    // atanh, asin and acos of numbers drawn from a normal distribution are NaN: below
    if (name == "asin" || name == "acos" || name == "atanh" || name == "acosh" || name == "log" || name == "sqrt" ||
        name == "power")
      continue;
    if (f.arguments == 1)
      check(Elementwise<double>(name), {{3, 2}}, {.refused = {{{3, 2}, {3, 2}}}});
    else if (f.arguments == 2)
      check(Elementwise<double>(name), {{3, 2}, {3, 2}}, {.refused = {{{3, 2}}, {{3, 2}, {3, 3}}, {{3, 2}, {3}}}});
    else
      check(Elementwise<double>(name), {{3, 2}, {2}, {3, 1}}, {.refused = {{{3, 2}, {3, 2}}}});
  }
  check(Elementwise<double>("multiply"), {{2, 3, 4}, {4}});
  check(Elementwise<double>("subtract"), {{1, 3, 1}, {2, 1, 4}});
  check(Elementwise<double>("divide", Tensor<double>({3, 1}, {1, 2, 4}), {.position = 1, .trainable = true}), {{3, 2}});
  check(Elementwise<double>("multiply", counting({2, 1, 3}, 1), {.position = 0, .trainable = true}), {{2, 3}});
  check(Elementwise<double>("where", Tensor<double>({2}, {1, 0}), {.position = 0}), {{3, 2}, {1}});
  check(Elementwise<double>("power", {.scalar = 2}), {{3, 2}});
  check(Elementwise<double>("maximum", {.scalar = 0.1}), {{3, 2}});
}

TEST_CASE("the derivatives of functions that numbers below 0 have no value of") {
  const Tensor<double> x({1, 3}, {0.2, 0.5, 0.9}), one({1, 3}, {1, 1, 1});
  for (const char* name : {"asin", "acos", "atanh", "log", "sqrt"}) {
    CAPTURE(name);
    Bench<Elementwise<double>> bench(Elementwise<double>(name), {{3}});
    const double h = 1e-6;
    Tensor<double> above = x, below = x;
    above.array() += h;
    below.array() -= h;
    const Tensor<double> high = bench.forward(above), low = bench.forward(below);
    bench.forward(x);
    bench.backward(one);
    for (Index i = 0; i < 3; ++i) CHECK(bench.dx[0][i] == doctest::Approx((high[i] - low[i]) / (2 * h)).epsilon(1e-6));
  }
  Bench<Elementwise<double>> cosine(Elementwise<double>("acosh"), {{1}});
  cosine.forward(Tensor<double>({1, 1}, {2}));
  cosine.backward(Tensor<double>({1, 1}, {1}));
  CHECK(cosine.dx[0][0] == doctest::Approx(1 / std::sqrt(3.0)));
  Bench<Elementwise<double>> power(Elementwise<double>("power"), {{1}, {1}});
  CHECK(power.forward({Tensor<double>({1, 1}, {2}), Tensor<double>({1, 1}, {3})})[0] == doctest::Approx(8));
  power.backward(Tensor<double>({1, 1}, {1}));
  CHECK(power.dx[0][0] == doctest::Approx(12));
  CHECK(power.dx[1][0] == doctest::Approx(8 * std::log(2.0)));
}

TEST_CASE("Elementwise computes what the functions say") {
  const Tensor<double> x({1, 5}, {-2.5, -0.5, 0, 0.5, 2.5});
  const auto gives = [&](const Elementwise<double>& layer, const std::vector<double>& expected) {
    CAPTURE(layer.function());
    Bench<Elementwise<double>> bench(layer, {{5}});
    CHECK(difference(bench.forward(x), Tensor<double>({1, 5}, expected)) < 1e-12);
  };
  using E = Elementwise<double>;
  gives(E("abs"), {2.5, 0.5, 0, 0.5, 2.5});
  gives(E("negative"), {2.5, 0.5, 0, -0.5, -2.5});
  gives(E("floor"), {-3, -1, 0, 0, 2});
  gives(E("ceil"), {-2, 0, 0, 1, 3});
  gives(E("round"), {-2, 0, 0, 0, 2});
  gives(E("truncate"), {-2, 0, 0, 0, 2});
  gives(E("sign"), {-1, -1, 0, 1, 1});
  gives(E("not"), {0, 0, 1, 0, 0});
  gives(E("to_bool"), {1, 1, 0, 1, 1});
  gives(E("clip", {.numbers = {-1, 1}}), {-1, -0.5, 0, 0.5, 1});
  gives(E("clip", {.numbers = {2, 1}}), {1, 1, 1, 1, 1});
  gives(E("shrink", {.numbers = {0.5, 1}}), {-1.5, 0, 0, 0, 1.5});
  gives(E("hard_sigmoid"), {0, 0.4, 0.5, 0.6, 1});
  gives(E("thresholded_relu", {.numbers = {0.5}}), {0, 0, 0, 0, 2.5});
  gives(E("celu", {.numbers = {2}}), {2 * std::expm1(-1.25), 2 * std::expm1(-0.25), 0, 0.5, 2.5});
  gives(E("erf"), {std::erf(-2.5), std::erf(-0.5), 0, std::erf(0.5), std::erf(2.5)});
  gives(E("subtract", {.scalar = 1}), {-3.5, -1.5, -1, -0.5, 1.5});
  gives(E("subtract", {.scalar = 1, .position = 0}), {3.5, 1.5, 1, 0.5, -1.5});
  gives(E("modulo", {.scalar = 2}), {1.5, 1.5, 0, 0.5, 0.5});
  gives(E("fmod", {.scalar = 2}), {-0.5, -0.5, 0, 0.5, 0.5});
  gives(E("integer_divide", {.scalar = 2}), {-1, 0, 0, 0, 1});
  gives(E("minimum", {.scalar = 0.25}), {-2.5, -0.5, 0, 0.25, 0.25});
  gives(E("less", {.scalar = 0}), {1, 1, 0, 0, 0});
  gives(E("less_equal", {.scalar = 0}), {1, 1, 1, 0, 0});
  gives(E("greater", {.scalar = 0}), {0, 0, 0, 1, 1});
  gives(E("greater_equal", {.scalar = 0}), {0, 0, 1, 1, 1});
  gives(E("equal", {.scalar = 0}), {0, 0, 1, 0, 0});
  gives(E("and", {.scalar = 3}), {1, 1, 0, 1, 1});
  gives(E("or", {.scalar = 0}), {1, 1, 0, 1, 1});
  gives(E("xor", {.scalar = 1}), {0, 0, 1, 0, 0});
  gives(E("prelu", {.scalar = 0.1}), {-0.25, -0.05, 0, 0.5, 2.5});
  const double infinity = std::numeric_limits<double>::infinity();
  Bench<E> infinite(E("is_inf", {.numbers = {0, 1}}), {{3}});
  CHECK(infinite.forward(Tensor<double>({1, 3}, {-infinity, 0, infinity})) == Tensor<double>({1, 3}, {0, 0, 1}));
  Bench<E> none(E("is_nan"), {{2}});
  CHECK(none.forward(Tensor<double>({1, 2}, {0, std::nan("")})) == Tensor<double>({1, 2}, {0, 1}));
}

TEST_CASE("random shapes broadcast as NumPy's") {
  Rng rng(4);
  for (int round = 0; round < 200; ++round) {
    const Index rank = 1 + static_cast<Index>(rng.next_u64() % 4);
    std::vector<Index> full;
    for (Index i = 0; i < rank; ++i) full.push_back(1 + static_cast<Index>(rng.next_u64() % 4));
    std::vector<Shape> shapes;
    for (int k = 0; k < 2; ++k) {
      std::vector<Index> dims(
          full.end() - (k == 0 ? rank : 1 + static_cast<Index>(rng.next_u64() % static_cast<std::uint64_t>(rank))),
          full.end());
      for (Index& dim : dims)
        if (rng.next_u64() % 3 == 0) dim = 1;
      shapes.emplace_back(dims);
    }
    if (rng.next_u64() % 2 == 1) std::swap(shapes[0], shapes[1]);
    const bool constant = rng.next_u64() % 2 == 0;
    CAPTURE(shapes[0].to_string());
    CAPTURE(shapes[1].to_string());
    const auto layer = [&] {
      return constant ? Elementwise<double>("subtract", counting(shapes[1], 3)) : Elementwise<double>("subtract");
    }();
    Bench<Elementwise<double>> bench(layer, constant ? std::vector<Shape>{shapes[0]} : shapes);
    const Tensor<double> a = bench.normal(shapes[0].with_batch(2)),
                         b = constant ? counting(shapes[1], 3) : bench.normal(shapes[1].with_batch(2));
    const Tensor<double> y = constant ? bench.forward(a) : bench.forward({a, b});
    for (Index i = 0; i < y.size(); ++i)
      CHECK(y[i] == broadcast_at(a, y.shape(), i, true) - broadcast_at(b, y.shape(), i, !constant));
  }
}

TEST_CASE("Elementwise says what is wrong") {
  CHECK_THROWS_WITH_AS(Elementwise("exp", {.scalar = 1}),
                       "[Elementwise] expected no scalar and no constant for exp, got one (it has one argument, the "
                       "input)",
                       ConfigError);
  CHECK_THROWS_WITH_AS(Elementwise("add", {.scalar = 1, .position = 2}),
                       "[Elementwise] expected position of at most 1, got 2", ConfigError);
  CHECK_THROWS_WITH_AS(Elementwise("clip", {.numbers = {1}}), "[Elementwise] expected 2 numbers for clip, got 1",
                       ConfigError);
  CHECK_THROWS_WITH_AS(Elementwise("add", Tensor<float>({2}), {.scalar = 1}),
                       "[Elementwise] expected a scalar or a constant, got both", ConfigError);
  CHECK_THROWS_AS(Elementwise("gamma"), ConfigError);
  const std::vector<Shape> different{{3, 2}, {3}};
  CHECK_THROWS_WITH_AS(Elementwise("add").output_shape(different),
                       "[Elementwise] expected inputs of one shape, or with extents of 1, got (3, 2) and (3)",
                       ShapeError);
}

TEST_CASE("Constant gives each sample the same, and trains") {
  check(Constant<double>(Tensor<double>({2, 2}, {1, 2, 3, 4})), {{3}});
  check(Constant<double>(Tensor<double>({3}, {1, 2, 3}), {.trainable = true}), {{2, 2}});
  Bench<Constant<double>> bench(Constant<double>(Tensor<double>({2}, {1, 2}), {.trainable = true}), {{1}});
  CHECK(bench.forward(Tensor<double>({2, 1}, {7, 8})) == Tensor<double>({2, 2}, {1, 2, 1, 2}));
  bench.backward(Tensor<double>({2, 2}, {1, 10, 100, 1000}));
  CHECK(bench.layer.value().gradient == Tensor<double>({2}, {101, 1010}));
}

TEST_CASE("Reduce keeps the contract") {
  for (const char* name : {"sum", "mean", "max", "min", "prod", "l1", "l2", "sum_square", "log_sum_exp"}) {
    CAPTURE(name);
    check(Reduce<double>(name), {{3, 2}});
    check(Reduce<double>(name, {.axes = {1, 3}, .keepdims = true}), {{2, 3, 2}}, {.refused = {{{2, 3}}}});
    check(Reduce<double>(name, {.axes = -2}), {{3, 2, 2}}, {.refused = {{{2}}}});
  }
}

TEST_CASE("Reduce computes what its functions say") {
  const Tensor<double> x({1, 2, 3}, {1, 2, 3, 4, 5, 6}), dy({1, 3}, {1, 10, 100});
  const auto gives = [&](const char* name, const std::vector<double>& y, const std::vector<double>& dx) {
    CAPTURE(name);
    Bench<Reduce<double>> bench(Reduce<double>(name, {.axes = 1}), {{2, 3}});
    CHECK(difference(bench.forward(x), Tensor<double>({1, 3}, y)) < 1e-12);
    bench.backward(dy);
    CHECK(difference(bench.dx[0], Tensor<double>({1, 2, 3}, dx)) < 1e-10);
  };
  gives("sum", {5, 7, 9}, {1, 10, 100, 1, 10, 100});
  gives("mean", {2.5, 3.5, 4.5}, {0.5, 5, 50, 0.5, 5, 50});
  gives("max", {4, 5, 6}, {0, 0, 0, 1, 10, 100});
  gives("min", {1, 2, 3}, {1, 10, 100, 0, 0, 0});
  gives("prod", {4, 10, 18}, {4, 50, 600, 1, 20, 300});
  gives("l1", {5, 7, 9}, {1, 10, 100, 1, 10, 100});
  gives("sum_square", {17, 29, 45}, {2, 40, 600, 8, 100, 1200});
  gives("log_sum", {std::log(5.0), std::log(7.0), std::log(9.0)}, {0.2, 10 / 7.0, 100 / 9.0, 0.2, 10 / 7.0, 100 / 9.0});
  Bench<Reduce<double>> ties(Reduce<double>("max"), {{3}});
  CHECK(ties.forward(Tensor<double>({1, 3}, {2, 1, 2}))[0] == 2);
  ties.backward(Tensor<double>(Shape{1}, 1.0));
  CHECK(ties.dx[0] == Tensor<double>({1, 3}, {0.5, 0, 0.5}));
  Bench<Reduce<double>> zero(Reduce<double>("prod"), {{3}});
  CHECK(zero.forward(Tensor<double>({1, 3}, {2, 0, 3}))[0] == 0);
  zero.backward(Tensor<double>(Shape{1}, 1.0));
  CHECK(zero.dx[0] == Tensor<double>({1, 3}, {0, 6, 0}));
  Bench<Reduce<float>> large(Reduce("log_sum_exp"), {{2}});  // exp(1000) alone overflows
  CHECK(large.forward(Tensor<float>({1, 2}, {1000, 1000}))[0] == doctest::Approx(1000.6931));
}

TEST_CASE("layers that move values keep the contract") {
  check(Slice<double>({1, -1}, {3, -100}, {.axes = {1, 3}, .steps = {1, -1}}), {{4, 2, 3}}, {.refused = {{{4, 2}}}});
  check(Gather<double>({0, 2, -1, 0}, {.axis = -1}), {{2, 3}}, {.refused = {{{2, 2}}}});
  check(Pad<double>({1, 2, -1, 0}, {.value = 7}), {{2, 3}}, {.refused = {{{2}}, {{2, 1}}}});
  for (const char* mode : {"edge", "reflect", "wrap"}) check(Pad<double>({2, 3, 1, 0}, {.mode = mode}), {{3, 2}});
  check(Tile<double>({2, 1, 3}), {{2, 2, 1}}, {.refused = {{{2, 2}}}});
}

/// A sample's product, entry by entry; `at` is a place of the output's axes.
double product_at(const Tensor<double>& a, const Tensor<double>& b, const MatMulOptions& options,
                  const std::vector<Index>& at) {
  const auto value = [&](const Tensor<double>& x, Index row, Index column) {
    const Shape& shape = x.shape();
    Index place = 0;
    for (Index i = 0; i + 2 < shape.rank(); ++i) {  // the batch first, the others aligned at the last
      const Index axis = i == 0 ? 0 : count_of(at) - shape.rank() + i;
      place = place * shape[i] + (shape[i] == 1 ? 0 : nth(at, axis));
    }
    return x[(place * shape[-2] + row) * shape[-1] + column];
  };
  const Index row = at[at.size() - 2], column = at.back(), depth = a.shape()[options.transpose_a ? -2 : -1];
  double sum = 0;
  for (Index k = 0; k < depth; ++k)
    sum += value(a, options.transpose_a ? k : row, options.transpose_a ? row : k) *
           value(b, options.transpose_b ? column : k, options.transpose_b ? k : column);
  return sum;
}
TEST_CASE("MatMul multiplies the last two axes and broadcasts those before them") {
  const std::vector<std::pair<Shape, Shape>> fronts{{{}, {}},   {{3}, {3}},   {{2, 3}, {1, 3}},
                                                    {{1}, {4}}, {{}, {2, 3}}, {{2, 1}, {3}}};
  for (const auto& fronts_of : fronts)
    for (const int swaps : {0, 1, 2, 3}) {
      const MatMulOptions options{.transpose_a = (swaps & 1) != 0, .transpose_b = (swaps & 2) != 0};
      const auto shape = [](const Shape& front, Index rows, Index columns, bool swapped) {
        std::vector<Index> dims(front.begin(), front.end());
        dims.push_back(swapped ? columns : rows);
        dims.push_back(swapped ? rows : columns);
        return Shape(dims);
      };
      const Shape a = shape(fronts_of.first, 2, 5, options.transpose_a),
                  b = shape(fronts_of.second, 5, 3, options.transpose_b);
      CAPTURE(a.to_string());
      CAPTURE(b.to_string());
      CAPTURE(swaps);
      check(MatMul<double>(options), {a, b});
      Bench<MatMul<double>> bench(MatMul<double>(options), {a, b});
      const Tensor<double> x = bench.normal(a.with_batch(2)), z = bench.normal(b.with_batch(2));
      const Tensor<double>& y = bench.forward({x, z});
      std::vector<Index> at(to_size(y.shape().rank()), 0);
      for (const double each : y) {
        CHECK(each == doctest::Approx(product_at(x, z, options, at)).epsilon(1e-12));
        for (std::size_t i = at.size(); i-- > 0 && ++at[i] == y.shape()[static_cast<Index>(i)];) at[i] = 0;
      }
    }
  const std::vector<Shape> row{{3}, {3}}, three{{2, 2}, {2, 2}, {2, 2}}, inner{{2, 3}, {2, 3}},
      front{{2, 2, 3}, {3, 3, 2}};
  for (const std::vector<Shape>& shapes : {row, three, inner, front})
    CHECK_THROWS_AS(MatMul<double>().output_shape(shapes), ShapeError);
}

TEST_CASE("Slice takes places as Python does") {
  const Tensor<double> x({1, 6}, {0, 1, 2, 3, 4, 5});
  const auto slice = [&](Index start, Index end, Index step) {
    Bench<Slice<double>> bench(Slice<double>({start}, {end}, {.steps = {step}}), {{6}});
    const Tensor<double>& y = bench.forward(x);
    return std::vector<double>(y.begin(), y.end());
  };
  constexpr Index most = std::numeric_limits<Index>::max(), least = std::numeric_limits<Index>::min();
  using Values = std::vector<double>;
  CHECK(slice(1, 4, 1) == Values{1, 2, 3});
  CHECK(slice(-3, most, 1) == Values{3, 4, 5});
  CHECK(slice(0, most, 4) == Values{0, 4});
  CHECK(slice(0, most, most) == Values{0});
  CHECK(slice(5, least, -2) == Values{5, 3, 1});
  CHECK(slice(most, least, -1) == Values{5, 4, 3, 2, 1, 0});
  CHECK(slice(-1, -4, -1) == Values{5, 4, 3});
  CHECK(slice(4, least, least) == Values{4});
  const std::vector<Shape> six{{6}};
  CHECK_THROWS_WITH_AS(Slice({4}, {2}).output_shape(six),
                       "[Slice] expected an input of which something is left, got (6)", ShapeError);
  CHECK_THROWS_WITH_AS(Slice({0}, {1}, {.axes = {2}}).output_shape(six),
                       "[Slice] expected an input with axis 2, got (6) (axis 0 is the batch, 1 the first axis of a "
                       "sample, -1 the last)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(Slice({0}, {1, 2}),
                       "[Slice] expected starts, ends, axes and steps of one count, got 1, 2, 1 and 1", ConfigError);
}

TEST_CASE("Pad, Gather and Tile put values where they say") {
  const Tensor<double> x({1, 3}, {1, 2, 3});
  const auto pad = [&](std::vector<Index> sides, const char* mode) {
    Bench<Pad<double>> bench(Pad<double>(std::move(sides), {.mode = mode, .value = 9}), {{3}});
    const Tensor<double>& y = bench.forward(x);
    return std::vector<double>(y.begin(), y.end());
  };
  using Values = std::vector<double>;
  CHECK(pad({1, 2}, "constant") == Values{9, 1, 2, 3, 9, 9});
  CHECK(pad({1, 2}, "edge") == Values{1, 1, 2, 3, 3, 3});
  CHECK(pad({2, 2}, "reflect") == Values{3, 2, 1, 2, 3, 2, 1});
  CHECK(pad({4, 0}, "reflect") == Values{1, 2, 3, 2, 1, 2, 3});
  CHECK(pad({2, 4}, "wrap") == Values{2, 3, 1, 2, 3, 1, 2, 3, 1});
  CHECK(pad({-1, 1}, "constant") == Values{2, 3, 9});
  CHECK_THROWS_WITH_AS(Pad({1}), "[Pad] expected two sides for each axis, got 1", ConfigError);
  CHECK_THROWS_WITH_AS(Pad({1, 1}, {.mode = "mirror"}),
                       "[Pad] expected a mode among constant, edge, reflect, wrap, got \"mirror\"", ConfigError);

  Bench<Gather<double>> gather(Gather<double>({2, 0, 2}), {{3}});
  CHECK(gather.forward(x) == Tensor<double>({1, 3}, {3, 1, 3}));
  gather.backward(Tensor<double>({1, 3}, {1, 10, 100}));
  CHECK(gather.dx[0] == Tensor<double>({1, 3}, {10, 0, 101}));
  const std::vector<Shape> three{{3}};
  CHECK_THROWS_WITH_AS(Gather({3}).output_shape(three), "[Gather] expected indices within an extent of 3, got 3",
                       ShapeError);

  Bench<Tile<double>> tile(Tile<double>({2, 3}), {{2, 1}});
  CHECK(tile.forward(Tensor<double>({1, 2, 1}, {1, 2})) ==
        Tensor<double>({1, 4, 3}, {1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2}));
}
