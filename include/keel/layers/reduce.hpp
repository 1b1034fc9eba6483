#pragma once
/// Sums, means, maxima and their kin along axes.

#include <cmath>
#include <limits>

#include <keel/kernels/parallel.hpp>
#include <keel/layers/base/broadcast.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ReduceOptions {
  /// The axes along which values become one, counted with the batch, 1 being the first of a sample; negative from the
  /// end. By default all of a sample.
  Axes axes = std::vector<Index>{};
  /// Keep these axes with an extent of 1; default false.
  bool keepdims = false;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("axes", axes);
    f("keepdims", keepdims);
  }
};

/// The values along some axes as one: sum, mean, max, min, prod, l1 (sum of |x|), l2 (root of the sum of squares),
/// sum_square, log_sum, log_sum_exp; or the place of the largest or smallest, arg_max and arg_min of the first such,
/// arg_max_last and arg_min_last of the last, counted from 0 along these axes in memory's order.
///
/// Any shape; output without these axes. Sums are made in double, in memory's order. The gradient of a maximum goes in
/// equal parts to equal values, that of l1 and l2 is 0 at 0, that of places is 0. Throws ConfigError for another function and for the
/// batch's axis, ShapeError for an axis that the input does not have. Keras and PyTorch have functions, but no layer.
///
///     Reduce("mean", {.axes = {1, 2}})      // images to (channels)
template <class T = float>
class Reduce : public Layer<T> {
 public:
  explicit Reduce(const std::string& function, ReduceOptions options = {})
      : Layer<T>(options.name), options_(std::move(options)) {
    std::string names;
    bool known = false;
    for (std::size_t i = 0; i < std::size(functions); ++i) {
      names += (i ? ", " : "") + std::string(functions[i]);
      if (functions[i] != function) continue;
      function_ = static_cast<Function>(i);
      known = true;
    }
    const std::string who = detail::who(this->name(), "Reduce");
    if (!known) throw ConfigError(who, "one of the functions " + names, "\"" + function + "\"");
    for (const Index axis : options_.axes.list)
      if (axis == 0) throw ConfigError(who, "axes of a sample", "0, the batch's");
  }
  static Reduce from_config(const Config& config) {
    return Reduce(config.get<std::string>("function", ""), read_options<ReduceOptions>(config));
  }

  std::string type() const override { return "Reduce"; }
  Config config() const override {
    return with_options({{"function", std::string(functions[static_cast<std::size_t>(function_)])}}, options_);
  }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    const auto reduced = marks(in);
    std::vector<Index> dims;
    for (Index i = 0; i < in.rank(); ++i)
      if (!nth(reduced, i))
        dims.push_back(in[i]);
      else if (options_.keepdims)
        dims.push_back(1);
    return Shape(dims);
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const Way way(*this, x[0].shape());
    Scratch::Frame frame(pass.kernel.scratch);
    double* const sums = pass.kernel.scratch.template take<double>(y.size());
    double* const most = pass.kernel.scratch.template take<double>(y.size());
    std::fill(most, most + y.size(), 0.0);
    std::fill(sums, sums + y.size(), start());
    parallel_for(pass.kernel.threads, x[0].shape()[0], 1 + 16384 / (std::max)(way.sample, Index{1}),
                 [&](Index begin, Index end) {
                   if (function_ == Function::log_sum_exp) {
                     const Index per = y.size() / x[0].shape()[0];
                     std::fill(most + begin * per, most + end * per, -std::numeric_limits<double>::infinity());
                     way.for_each(begin, end, [&](Index at, Index to) {
                       most[to] = (std::max)(most[to], static_cast<double>(x[0][at]));
                     });
                     for (Index i = begin * per; i < end * per; ++i)
                       if (std::isinf(most[i])) most[i] = 0;
                   }
                   if (is_place()) return places(x[0], way, begin, end, y.size() / x[0].shape()[0], sums, most);
                   way.for_each(begin, end, [&](Index at, Index to) {
                     sums[to] = step(sums[to], static_cast<double>(x[0][at]), most[to]);
                   });
                 });
    for (Index i = 0; i < y.size(); ++i) y[i] = static_cast<T>(finish(sums[i], most[i], way.count));
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    if (!dx[0].data()) return;
    const Way way(*this, x[0].shape());
    Scratch::Frame frame(pass.kernel.scratch);
    // of max and min the number of equal values; of prod the product of what is not 0, and the number of zeros
    double* const help = pass.kernel.scratch.template take<double>(y.size());
    double* const zeros = pass.kernel.scratch.template take<double>(y.size());
    std::fill(help, help + y.size(), function_ == Function::prod ? 1.0 : 0.0);
    std::fill(zeros, zeros + y.size(), 0.0);
    const Index batch = x[0].shape()[0];
    if (function_ == Function::largest || function_ == Function::smallest)
      way.for_each(0, batch, [&](Index at, Index to) { help[to] += x[0][at] == y[to] ? 1 : 0; });
    if (function_ == Function::prod)
      way.for_each(0, batch, [&](Index at, Index to) {
        if (x[0][at] == 0)
          zeros[to] += 1;
        else
          help[to] *= static_cast<double>(x[0][at]);
      });
    way.for_each(0, batch, [&](Index at, Index to) {
      dx[0][at] =
          static_cast<T>(static_cast<double>(dy[to]) * slope(static_cast<double>(x[0][at]), static_cast<double>(y[to]),
                                                             help[to], zeros[to], way.count));
    });
  }

 private:
  static constexpr std::string_view functions[] = {"sum",     "mean",    "max",          "min",         "prod",
                                                   "l1",      "l2",      "sum_square",   "log_sum",     "log_sum_exp",
                                                   "arg_max", "arg_min", "arg_max_last", "arg_min_last"};
  enum class Function {
    sum,
    mean,
    largest,
    smallest,
    prod,
    l1,
    l2,
    sum_square,
    log_sum,
    log_sum_exp,
    arg_max,
    arg_min,
    arg_max_last,
    arg_min_last
  };

  bool is_place() const { return functions[static_cast<std::size_t>(function_)].starts_with("arg_"); }

  /// Which axes of a sample go.
  std::vector<bool> marks(const Shape& in) const {
    std::vector<bool> reduced(to_size(in.rank()), options_.axes.list.empty());
    for (const Index axis : options_.axes.list) {
      const Index at = sample_axis(axis, in.rank());
      if (at < 0 || at >= in.rank())
        throw ShapeError(this->who(), "an input with axis " + std::to_string(axis), in.to_string());
      reduced[to_size(at)] = true;
    }
    return reduced;
  }

  /// From each value of a batch to the place of its sum.
  struct Way {
    Index sample, count = 1;
    Broadcast broadcast;

    Way(const Reduce& layer, const Shape& batch) : sample(batch.sample().size()), broadcast(batch, {}) {
      const auto reduced = layer.marks(batch.sample());
      std::vector<Index> dims(batch.begin(), batch.end());
      for (std::size_t i = 0; i < reduced.size(); ++i)
        if (reduced[i]) {
          count *= dims[i + 1];
          dims[i + 1] = 1;
        }
      const Shape out(dims);
      broadcast = Broadcast(batch, {&out, 1});
    }
    /// body(place in x, place in y) for the samples [begin, end).
    template <class F>
    void for_each(Index begin, Index end, F&& body) const {
      broadcast.for_each(begin * sample, end * sample, [&](Index at, Index n, const Broadcast::Places& places) {
        for (Index i = 0; i < n; ++i) body(at + i, places[0] + i * broadcast.step(0));
      });
    }
  };

  /// found: places of the largest or smallest values so far, which `best` has; `per` of them a sample. No number is the
  /// largest and the smallest.
  void places(const TensorView<const T>& x, const Way& way, Index begin, Index end, Index per, double* found,
              double* best) const {
    const bool last = function_ == Function::arg_max_last || function_ == Function::arg_min_last;
    const double sign = function_ == Function::arg_min || function_ == Function::arg_min_last ? -1 : 1;
    std::vector<Index> seen(to_size((end - begin) * per), 0);
    way.for_each(begin, end, [&](Index at, Index to) {
      const double value = sign * static_cast<double>(x[at]);
      const Index n = nth(seen, to - begin * per)++;
      const bool better =
          std::isnan(value) ? last || !std::isnan(best[to]) : value > best[to] || (last && value == best[to]);
      if (n > 0 && !better) return;
      best[to] = value;
      found[to] = static_cast<double>(n);
    });
  }
  double start() const {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    return function_ == Function::prod       ? 1
           : function_ == Function::largest  ? -infinity
           : function_ == Function::smallest ? infinity
                                             : 0;
  }
  double step(double sum, double x, double most) const {
    switch (function_) {
      case Function::largest: return x > sum || std::isnan(x) ? x : sum;
      case Function::smallest: return x < sum || std::isnan(x) ? x : sum;
      case Function::prod: return sum * x;
      case Function::l1: return sum + std::abs(x);
      case Function::l2:
      case Function::sum_square: return sum + x * x;
      case Function::log_sum_exp: return sum + std::exp(x - most);
      case Function::sum:
      default: return sum + x;
    }
    return sum;
  }
  double finish(double sum, double most, Index count) const {
    switch (function_) {
      case Function::mean: return sum / static_cast<double>(count);
      case Function::l2: return std::sqrt(sum);
      case Function::log_sum:
      case Function::log_sum_exp: return most + std::log(sum);
      default: return sum;
    }
  }
  double slope(double x, double y, double help, double zeros, Index count) const {
    switch (function_) {
      case Function::sum: return 1;
      case Function::mean: return 1 / static_cast<double>(count);
      case Function::largest:
      case Function::smallest: return x == y ? 1 / help : 0;
      case Function::prod: return zeros == 0 ? help / x : zeros == 1 && x == 0 ? help : 0;
      case Function::l1: return x > 0 ? 1 : x < 0 ? -1 : 0;
      case Function::l2: return y > 0 ? x / y : 0;
      case Function::sum_square: return 2 * x;
      case Function::log_sum: return std::exp(-y);
      case Function::log_sum_exp: return std::exp(x - y);
      default: return 0;
    }
  }

  ReduceOptions options_;
  Function function_ = Function::sum;
};
KEEL_REFUSE_OTHERS(Reduce)

KEEL_INSTANCE(class Reduce<float>)

}  // namespace KEEL_ABI
}  // namespace keel
