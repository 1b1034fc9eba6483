#pragma once
/// The binary cross-entropy, of probabilities and of logits.

#include <initializer_list>
#include <memory>
#include <vector>

#include <keel/training/losses/loss.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// What binary_crossentropy does about log 0 when it is given probabilities.
enum class LogOfZero {
  /// Keras: y is clipped to [1e-7, 1 - 1e-7]; no gradient where it was.
  clip_probability,
  /// PyTorch's BCELoss: logarithms below -100 count as -100; the gradient is (y - t) / max(y (1 - y), 1e-12).
  clamp_log
};

namespace detail {

/// A probability within [1e-7, 1 - 1e-7], Keras's epsilon; NaN stays.
inline double clip_probability(double p) { return p < 1e-7 ? 1e-7 : p > 1 - 1e-7 ? 1 - 1e-7 : p; }

inline void check_label_smoothing(const std::string& who, double s) {
  if (!(s >= 0 && s < 1)) throw ConfigError(who, "label_smoothing within [0, 1)", text(s));
}

}  // namespace detail

/// How much the positive class weighs: one number, or one for each of the last axis's values.
struct PositiveWeight {
  PositiveWeight(double weight = 1) : values{weight} {}  ///< The same for all values of the last axis.
  PositiveWeight(std::vector<double> weights) : values(std::move(weights)) {}  ///< One for each.
  PositiveWeight(std::initializer_list<double> weights) : values(weights) {}   ///< One for each.
  bool is_one() const { return values.size() == 1 && values[0] == 1; }         ///< Whether it changes nothing.
  /// Throws ConfigError for none, or one that is not above 0.
  void check(const std::string& who) const {
    if (values.empty()) throw ConfigError(who, "a pos_weight", "none");
    for (const double weight : values) detail::check_positive(who, "pos_weight", weight);
  }
  std::vector<double> values;  ///< one, or as many as the last axis has
};

/// Keras's names and defaults, and two of PyTorch's options.
struct BinaryCrossentropyOptions {
  bool from_logits = false;    ///< y goes through sigmoid inside the loss, in the form that does not overflow
  double label_smoothing = 0;  ///< s: targets become t (1 - s) + s / 2; within [0, 1)
  LogOfZero log_of_zero = LogOfZero::clip_probability;  ///< of probabilities: Keras's way or PyTorch's
  PositiveWeight pos_weight = 1;                        ///< p, from logits only; one or one a class; above 0
  Reduction reduction = Reduction::mean;                ///< how positions become one number
};

/// -[t log p + (1 - t) log(1 - p)], p = y or sigmoid(y), for targets within [0, 1]. Keras's BinaryCrossentropy;
/// PyTorch's BCELoss and BCEWithLogitsLoss(pos_weight). Throws ConfigError for options outside their range.
class BinaryCrossentropy : public Loss {
 public:
  explicit BinaryCrossentropy(const BinaryCrossentropyOptions& options = {})
      : Loss(options.reduction), options_(options) {
    options.pos_weight.check(name());
    detail::check_label_smoothing(name(), options.label_smoothing);
    if (!options.pos_weight.is_one() && !options.from_logits)
      throw ConfigError(name(), "pos_weight only with binary_crossentropy from logits", "it set");
  }
  KEEL_REFUSE_OTHER_OPTIONS(BinaryCrossentropy)

  std::string name() const override { return "binary_crossentropy"; }
  Rows evaluate(const Rows& y, const Rows& target, Rows* dy) const override {
    const std::vector<double>& weights = options_.pos_weight.values;
    return detail::each_value(y, target, dy, [&](double value, double label, double* slope, Index column) {
      const double s = options_.label_smoothing, t = label * (1 - s) + s / 2;
      if (options_.from_logits) return of_logit(value, t, nth(weights, weights.size() == 1 ? 0 : column), slope);
      return options_.log_of_zero == LogOfZero::clamp_log ? clamped(value, t, slope) : clipped(value, t, slope);
    });
  }

  void check(const Row& y, const Row& t, Index sample) const override {
    for (Index c = 0; c < t.size(); ++c)
      if (t[c] < 0 || t[c] > 1) fail(sample, "targets within [0, 1]", t[c]);
    for (Index c = 0; c < y.size() && !options_.from_logits; ++c)
      if (y[c] < 0 || y[c] > 1 + 1e-4)
        fail(sample, "outputs that are probabilities", y[c], "set from_logits, or end the model in sigmoid or softmax");
  }
  void check_columns(Index columns) const override {
    const Index weights = count_of(options_.pos_weight.values);
    if (weights > 1 && weights != columns)
      throw ShapeError(name(), std::to_string(weights) + " outputs, one for each pos_weight", std::to_string(columns));
  }
  Ending ending() const override {
    const bool keras = !options_.from_logits && options_.log_of_zero == LogOfZero::clip_probability;
    return keras ? Ending::sigmoid : Ending::any;
  }
  Ending applies() const override { return options_.from_logits ? Ending::sigmoid : Ending::any; }
  const char* hint(const Shape& y, const Shape& target) const override {
    return target.rank() < y.rank() && y.back() > 1
               ? "class numbers belong to sparse_categorical_crossentropy, or end the model in one output"
               : "";
  }
  std::shared_ptr<const Loss> from_logits() const override {
    BinaryCrossentropyOptions options = options_;
    options.from_logits = true;
    return std::make_shared<BinaryCrossentropy>(options);
  }

 private:
  /// (1 - t) log(1 + e^x) + pos_weight t log(1 + e^-x), with log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)
  static double of_logit(double x, double t, double pos_weight, double* slope) {
    const double positive = pos_weight * t, tail = std::log1p(std::exp(-std::abs(x)));
    if (slope) *slope = (1 - t) / (1 + std::exp(-x)) - positive / (1 + std::exp(x));
    return (1 - t) * ((x > 0 ? x : 0) + tail) + positive * ((x < 0 ? -x : 0) + tail);
  }
  static double clamped(double p, double t, double* slope) {
    const double log_p = std::log(p), log_q = std::log1p(-p), span = p * (1 - p);
    if (slope) *slope = (p - t) / (span < 1e-12 ? 1e-12 : span);
    return -t * (log_p < -100 ? -100 : log_p) - (1 - t) * (log_q < -100 ? -100 : log_q);
  }
  static double clipped(double p, double t, double* slope) {
    const double c = detail::clip_probability(p);
    if (slope) *slope = c != p && p == p ? 0 : (1 - t) / (1 - p) - t / p;
    return -t * std::log(c) - (1 - t) * std::log1p(-c);
  }

  BinaryCrossentropyOptions options_;
};

}  // namespace KEEL_ABI
}  // namespace keel
