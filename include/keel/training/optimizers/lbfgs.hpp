#pragma once
/// L-BFGS.

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include <keel/layers/base/parameter.hpp>
#include <keel/training/memory.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// PyTorch's names and defaults.
struct LbfgsOptions {
  double lr = 1;        ///< length of a step along the direction; of the first, times min(1, 1 / sum |g|); above 0
  Index max_iter = 20;  ///< iterations in a call of step; 1 or more
  Index max_eval = 0;   ///< losses computed in a call of step; 0: max_iter 5 / 4
  double tolerance_grad = 1e-7;    ///< ends where no gradient is larger; 0 or more
  double tolerance_change = 1e-9;  ///< ends where neither a parameter nor the loss changes more; 0 or more
  Index history_size = 100;        ///< pairs (s, y) that are kept; 1 or more
  bool strong_wolfe =
      false;  ///< a line search for the strong Wolfe conditions (c1 = 1e-4, c2 = 0.9) instead of lr alone
};

/// Limited-memory BFGS (Nocedal, "Updating Quasi-Newton Matrices with Limited Storage", 1980), for few parameters and a
/// loss of all data at once: steps along -H g, where H is made of the last pairs s = change of w, y = change of g:
///
///     Lbfgs optimizer({.strong_wolfe = true});
///     optimizer.step(model.parameters(), [&] {                   // the loss, and its gradients
///       const double value = loss.value_and_gradient(model.forward(x, tape), target, dy);
///       model.backward(dy, tape);
///       return value;
///     });
///
/// PyTorch's LBFGS; sums in double. It is no OptimizerSpec, as one call of it computes the loss many times. Throws
/// ConfigError for options outside their range, and for other parameters than those of the calls before.
template <class T = float>
class Lbfgs {
 public:
  using Closure = std::function<double()>;  ///< computes the loss and the gradients

  explicit Lbfgs(LbfgsOptions options = {}) : o_(options) {
    constexpr const char* who = "Lbfgs";
    detail::check_positive(who, "lr", o_.lr);
    detail::check_positive(who, "max_iter", static_cast<double>(o_.max_iter));
    detail::check_positive(who, "max_eval", static_cast<double>(o_.max_eval), true);
    detail::check_positive(who, "tolerance_grad", o_.tolerance_grad, true);
    detail::check_positive(who, "tolerance_change", o_.tolerance_change, true);
    detail::check_positive(who, "history_size", static_cast<double>(o_.history_size));
    if (o_.max_eval == 0) o_.max_eval = o_.max_iter * 5 / 4;
  }
  KEEL_REFUSE_OTHER_OPTIONS(Lbfgs)

  /// Iterations, and losses computed, so far.
  Index iterations() const { return iterations_; }
  Index evaluations() const { return evaluations_; }  ///< Losses computed so far.

  /// Up to max_iter iterations; the loss that it began with.
  double step(std::span<Parameter<T>* const> parameters, const Closure& closure) {
    Point now = evaluate(parameters, closure);
    const double begun = now.loss;
    if (!g_.empty() && g_.size() != now.g.size())
      throw ConfigError("Lbfgs", "the " + std::to_string(g_.size()) + " trained values of the calls before",
                        std::to_string(now.g.size()));
    Index evaluations = 1;
    if (largest(now.g) <= o_.tolerance_grad) return begun;
    for (Index n = 1; n <= o_.max_iter; ++n) {
      const bool first = ++iterations_ == 1;
      turn(first, now.g);
      g_ = now.g;
      const double before = now.loss, slope = dot(now.g, d_);
      t_ = first ? (std::min)(1.0, 1 / sum_of_sizes(now.g)) * o_.lr : o_.lr;
      if (slope > -o_.tolerance_change) break;
      if (o_.strong_wolfe) {
        evaluations += search(parameters, closure, now, slope, o_.max_eval - evaluations);
      } else {
        move(parameters, gather(parameters, false), t_);
        if (n != o_.max_iter) {
          now = evaluate(parameters, closure);
          ++evaluations;
        }
      }
      if (n == o_.max_iter || evaluations >= o_.max_eval || largest(now.g) <= o_.tolerance_grad) break;
      if (largest(d_) * t_ <= o_.tolerance_change || std::abs(now.loss - before) < o_.tolerance_change) break;
    }
    return begun;
  }

  /// What it keeps, for a file of one's own.
  void remember(Memory& memory) {
    memory("iterations", iterations_);
    memory("evaluations", evaluations_);
    memory("step", t_);
    memory("scale", scale_);
    memory("direction", d_);
    memory("gradient", g_);
    Index count = count_of(pairs_);
    memory("count", count);
    pairs_.resize(to_size(count));
    for (Index i = 0; i < count; ++i) {
      memory("s/" + std::to_string(i), nth(pairs_, i).s);
      memory("y/" + std::to_string(i), nth(pairs_, i).y);
      memory("ys/" + std::to_string(i), nth(pairs_, i).ys);
    }
  }

 private:
  using Values = std::vector<double>;
  struct Pair {
    Values s, y;
    double ys = 0;
  };
  struct Point {
    double loss = 0;
    Values g{};
  };
  /// A place along the direction.
  struct Place {
    double t = 0, loss = 0, slope = 0;
    Values g{};
  };

  static double dot(const Values& a, const Values& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  }
  static double largest(const Values& a) {
    double most = 0;
    for (const double x : a) most = (std::max)(most, std::abs(x));
    return most;
  }
  static double sum_of_sizes(const Values& a) {
    double sum = 0;
    for (const double x : a) sum += std::abs(x);
    return sum;
  }
  /// Values or gradients of all that trains, in a row.
  static Values gather(std::span<Parameter<T>* const> parameters, bool gradients) {
    Values all;
    for (const Parameter<T>* p : parameters) {
      if (!p->trains()) continue;
      const Tensor<T>& from = gradients ? p->gradient : p->value();
      if (!(from.shape() == p->shape()))
        throw ConfigError("Lbfgs", "a gradient of shape " + p->shape().to_string() + " for " + p->name(), "none",
                          "call backward in the function that computes the loss");
      all.insert(all.end(), from.begin(), from.end());
    }
    return all;
  }
  Point evaluate(std::span<Parameter<T>* const> parameters, const Closure& closure) {
    ++evaluations_;
    const double loss = closure();
    return {loss, gather(parameters, true)};
  }
  /// The parameters become x + t d.
  void move(std::span<Parameter<T>* const> parameters, const Values& x, double t) const {
    std::size_t i = 0;
    for (Parameter<T>* p : parameters)
      if (p->trains())
        p->update([&](TensorView<T> w) {
          for (T& value : w) {
            value = static_cast<T>(x[i] + t * d_[i]);
            ++i;
          }
        });
  }

  /// The next direction.
  void turn(bool first, const Values& g) {
    if (first) {
      d_ = g;
      for (double& x : d_) x = -x;
      scale_ = 1;
      return;
    }
    Pair pair{d_, g, 0};
    for (std::size_t i = 0; i < g.size(); ++i) {
      pair.s[i] *= t_;
      pair.y[i] -= g_[i];
    }
    pair.ys = dot(pair.y, pair.s);
    if (pair.ys > 1e-10) {
      scale_ = pair.ys / dot(pair.y, pair.y);
      if (count_of(pairs_) == o_.history_size) pairs_.erase(pairs_.begin());
      pairs_.push_back(std::move(pair));
    }
    d_ = g;
    for (double& x : d_) x = -x;
    Values alpha(pairs_.size());
    for (std::size_t k = pairs_.size(); k-- > 0;) {
      alpha[k] = dot(pairs_[k].s, d_) / pairs_[k].ys;
      for (std::size_t i = 0; i < d_.size(); ++i) d_[i] -= alpha[k] * pairs_[k].y[i];
    }
    for (double& x : d_) x *= scale_;
    for (std::size_t k = 0; k < pairs_.size(); ++k) {
      const double beta = dot(pairs_[k].y, d_) / pairs_[k].ys;
      for (std::size_t i = 0; i < d_.size(); ++i) d_[i] += (alpha[k] - beta) * pairs_[k].s[i];
    }
  }

  /// The minimum of the cubic through two places and their slopes, within [low, high].
  static double cubic(const Place& a, const Place& b, double low, double high) {
    const double d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t), square = d1 * d1 - a.slope * b.slope;
    if (!(square >= 0)) return (low + high) / 2;
    const double d2 = std::sqrt(square);
    const double at = a.t <= b.t ? b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
                                 : a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2));
    return (std::min)((std::max)(at, low), high);
  }

  /// Where to look next between two places: the cubic's minimum, but not close to one of them twice in a row.
  static double between(const std::array<Place, 2>& ends, bool& stalled) {
    const double left = (std::min)(ends[0].t, ends[1].t), right = (std::max)(ends[0].t, ends[1].t);
    const double edge = 0.1 * (right - left), t = cubic(ends[0], ends[1], left, right);
    const bool close = (std::min)(right - t, t - left) < edge;
    const bool leave = close && (stalled || t >= right || t <= left);
    stalled = close && !leave;
    if (!leave) return t;
    return std::abs(t - right) < std::abs(t - left) ? right - edge : left + edge;
  }

  /// Moves to a place along the direction where the strong Wolfe conditions hold (Nocedal and Wright, "Numerical
  /// Optimization", algorithms 3.5 and 3.6, with cubic interpolation), or to the best of those that were tried: `most`
  /// beside the first, as in PyTorch 2.14 (1.13: 25). How many losses were computed.
  Index search(std::span<Parameter<T>* const> parameters, const Closure& closure, Point& now, double slope,
               Index most) {
    constexpr double c1 = 1e-4, c2 = 0.9;
    const Values x = gather(parameters, false);
    Index count = 0, n = 0;
    const auto at = [&](double t) {
      move(parameters, x, t);
      Point point = evaluate(parameters, closure);
      ++count;
      const double along = dot(point.g, d_);
      return Place{t, point.loss, along, std::move(point.g)};
    };
    const auto rises = [&](const Place& p) { return p.loss > now.loss + c1 * p.t * slope; };
    const auto flat = [&](const Place& p) { return std::abs(p.slope) <= -c2 * slope; };
    Place before{0, now.loss, slope, now.g}, here = at(t_);
    bool done = false, bracketed = false;
    std::array<Place, 2> ends;
    for (; n < most; ++n) {
      done = !rises(here) && !(n > 1 && here.loss >= before.loss) && flat(here);
      bracketed = done || rises(here) || (n > 1 && here.loss >= before.loss) || here.slope >= 0;
      if (bracketed) break;
      const double t = cubic(before, here, here.t + 0.01 * (here.t - before.t), here.t * 10);
      before = std::move(here);
      here = at(t);
    }
    ends =
        bracketed ? std::array<Place, 2>{before, here} : std::array<Place, 2>{Place{0, now.loss, slope, now.g}, here};
    std::size_t low = done || ends[1].loss < ends[0].loss ? 1 : 0;
    bool stalled = false;
    while (!done && n < most && std::abs(ends[1].t - ends[0].t) * largest(d_) >= o_.tolerance_change) {
      here = at(between(ends, stalled));
      ++n;
      if (rises(here) || here.loss >= ends[low].loss) {
        ends[1 - low] = std::move(here);
        low = ends[0].loss <= ends[1].loss ? 0 : 1;
      } else {
        done = flat(here);
        if (!done && here.slope * (ends[1 - low].t - ends[low].t) >= 0) ends[1 - low] = ends[low];
        ends[low] = std::move(here);
      }
    }
    t_ = ends[low].t;
    move(parameters, x, t_);
    now = {ends[low].loss, ends[low].g};
    return count;
  }

  LbfgsOptions o_;
  std::vector<Pair> pairs_;
  Values d_, g_;
  double t_ = 0, scale_ = 1;
  Index iterations_ = 0, evaluations_ = 0;
};
Lbfgs()->Lbfgs<float>;

}  // namespace KEEL_ABI
}  // namespace keel
