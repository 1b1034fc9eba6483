#pragma once
/// How one parameter is trained beside what the optimizer says: its rate, decay, penalty and constraint.

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <keel/tensor/range.hpp>
#include <keel/tensor/tensor.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A penalty in the loss: l1 sum |w| + l2 sum w^2. Keras's L1, L2 and L1L2; for plain SGD PyTorch's weight_decay is 2
/// l2.
struct Regularizer {
  double l1 = 0;  ///< 0 or more
  double l2 = 0;  ///< 0 or more

  bool empty() const { return l1 == 0 && l2 == 0; }  ///< Whether it penalises nothing.
  friend bool operator==(const Regularizer&, const Regularizer&) = default;
};
inline Regularizer L1(double l1 = 0.01) { return {.l1 = l1, .l2 = 0}; }         ///< Keras's L1 and its default.
inline Regularizer L2(double l2 = 0.01) { return {.l1 = 0, .l2 = l2}; }         ///< Keras's L2 and its default.
inline Regularizer L1L2(double l1, double l2) { return {.l1 = l1, .l2 = l2}; }  ///< Both, without defaults.

/// What a parameter is brought back to after each step. n is the norm of w along `axes`, epsilon 1e-7:
///
/// | kind         | w becomes                                                          |
/// |--------------|--------------------------------------------------------------------|
/// | non_neg      | max(w, 0)                                                          |
/// | max_norm     | w min(n, high) / (n + epsilon)                                     |
/// | unit_norm    | w / (n + epsilon)                                                  |
/// | min_max_norm | w (rate clip(n, low, high) + (1 - rate) n) / (n + epsilon)         |
///
/// Keras's NonNeg, MaxNorm, UnitNorm and MinMaxNorm.
struct Constraint {
  /// The rows of the table; `none` brings back to nothing.
  enum class Kind { none, non_neg, max_norm, unit_norm, min_max_norm };
  Kind kind = Kind::none;              ///< by default none
  double low = 0, high = 2, rate = 1;  ///< of the table: norms of 0 or more, and a part of the way within [0, 1]
  /// Of a Dense's kernel 0: its inputs, for each unit; of a Conv2D's {0, 1, 2}. Negative ones count from the end.
  std::vector<Index> axes{0};

  bool empty() const { return kind == Kind::none; }  ///< Whether it allows everything.
  friend bool operator==(const Constraint&, const Constraint&) = default;
};
inline Constraint NonNeg() { return {.kind = Constraint::Kind::non_neg}; }  ///< No value below 0.
/// Norms of at most `max_value`.
inline Constraint MaxNorm(double max_value = 2, std::vector<Index> axes = {0}) {
  return {.kind = Constraint::Kind::max_norm, .high = max_value, .axes = std::move(axes)};
}
/// Norms of 1.
inline Constraint UnitNorm(std::vector<Index> axes = {0}) {
  return {.kind = Constraint::Kind::unit_norm, .axes = std::move(axes)};
}
/// Norms within [min_value, max_value], brought there the part `rate` of the way.
inline Constraint MinMaxNorm(double min_value, double max_value, double rate = 1, std::vector<Index> axes = {0}) {
  return {.kind = Constraint::Kind::min_max_norm,
          .low = min_value,
          .high = max_value,
          .rate = rate,
          .axes = std::move(axes)};
}

/// All of it, a member of each Parameter.
struct ParameterRule {
  double rate = 1;                       ///< factor of the learning rate; 0 or more
  std::optional<double> weight_decay{};  ///< instead of the optimizer's; 0 or more
  Regularizer regularizer{};             ///< by default none
  Constraint constraint{};               ///< by default none

  friend bool operator==(const ParameterRule&, const ParameterRule&) = default;
  /// Throws ConfigError for a number outside its range.
  void check(const std::string& who) const {
    detail::check_positive(who, "rate", rate, true);
    if (weight_decay) detail::check_positive(who, "weight_decay", *weight_decay, true);
    detail::check_positive(who, "l1", regularizer.l1, true);
    detail::check_positive(who, "l2", regularizer.l2, true);
    detail::check_positive(who, "a constraint's low", constraint.low, true);
    detail::check_positive(who, "a constraint's high", constraint.high, true);
    detail::check_range(who, "a constraint's rate", constraint.rate, 0, 1);
  }
};

namespace detail {

/// For each value, the number of the norm that it belongs to; how many norms there are.
inline Index norm_groups(const Shape& shape, const std::vector<Index>& axes, std::vector<Index>& group) {
  std::vector<bool> summed(to_size(shape.rank()), false);
  for (const Index axis : axes) {
    const Index at = axis < 0 ? axis + shape.rank() : axis;
    if (at < 0 || at >= shape.rank())
      throw ConfigError("constraint", "axes of a parameter of shape " + shape.to_string(), std::to_string(axis));
    summed[to_size(at)] = true;
  }
  std::vector<Index> stride(to_size(shape.rank()), 0);
  Index groups = 1;
  for (Index axis = shape.rank(); axis-- > 0;)
    if (!nth(summed, axis)) {
      nth(stride, axis) = groups;
      groups *= shape[axis];
    }
  group.assign(to_size(shape.size()), 0);
  for (Index i = 0; i < shape.size(); ++i) {
    Index rest = i;
    for (Index axis = shape.rank(); axis-- > 0;) {
      nth(group, i) += rest % shape[axis] * nth(stride, axis);
      rest /= shape[axis];
    }
  }
  return groups;
}

}  // namespace detail

/// Brings w back to what the constraint allows. Norms are summed in double, from first to last. Throws ConfigError for
/// an axis that w does not have.
template <class T>
void constrain(const Constraint& c, TensorView<T> w) {
  if (c.kind == Constraint::Kind::none) return;
  if (c.kind == Constraint::Kind::non_neg) {
    for (T& value : w) value = value < 0 ? T(0) : value;
    return;
  }
  std::vector<Index> group;
  std::vector<double> scale(to_size(detail::norm_groups(w.shape(), c.axes, group)), 0);
  for (Index i = 0; i < w.size(); ++i) nth(scale, nth(group, i)) += double(w[i]) * double(w[i]);
  for (double& s : scale) {
    const double n = std::sqrt(s);
    const bool bounds = c.kind == Constraint::Kind::min_max_norm;
    const double within = (std::min)((std::max)(n, bounds ? c.low : 0.0), c.high);
    const double wanted = c.kind == Constraint::Kind::unit_norm ? 1
                          : bounds                              ? c.rate * within + (1 - c.rate) * n
                                                                : within;
    s = wanted / (n + 1e-7);
  }
  for (Index i = 0; i < w.size(); ++i) w[i] = static_cast<T>(double(w[i]) * nth(scale, nth(group, i)));
}

/// The penalty, and its slopes added to `gradient` where that is not null.
template <class T>
double penalty(const Regularizer& r, const Tensor<T>& w, Tensor<T>* gradient) {
  double l1 = 0, l2 = 0;
  for (Index i = 0; i < w.size(); ++i) {
    const double x = double(w[i]);
    l1 += std::abs(x);
    l2 += x * x;
    if (gradient) (*gradient)[i] += static_cast<T>(r.l1 * double((x > 0) - (x < 0)) + 2 * r.l2 * x);
  }
  return r.l1 * l1 + r.l2 * l2;
}

}  // namespace KEEL_ABI
}  // namespace keel
