#pragma once
/// Focal cross-entropies, which weigh what is already right less.

#include <memory>

#include <keel/training/losses/categorical_crossentropy.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Keras's names and defaults.
struct BinaryFocalOptions {
  double gamma = 2;  ///< how much less a value counts the more it is right; 0 or more
  /// Weight of positives, of negatives 1 - alpha; none: Keras's apply_class_balancing=False. Within [0, 1].
  std::optional<double> alpha{};
  bool from_logits = false;               ///< y goes through sigmoid inside the loss
  double label_smoothing = 0;             ///< s: targets become t (1 - s) + s / 2; within [0, 1)
  Reduction reduction = Reduction::mean;  ///< how positions become one number
};

/// (1 - p_t)^gamma times the binary cross-entropy, p_t = t p + (1 - t) (1 - p), p clipped to [1e-7, 1 - 1e-7] (no slope
/// where it was). Keras's BinaryFocalCrossentropy; Lin et al., "Focal Loss for Dense Object Detection", 2017. exp, log
/// and pow are the standard library's, for the bits. Throws ConfigError for options outside their range, DataError for
/// targets outside [0, 1] and outputs that are no probabilities.
class BinaryFocalCrossentropy : public Loss {
 public:
  explicit BinaryFocalCrossentropy(BinaryFocalOptions options = {}) : Loss(options.reduction), options_(options) {
    detail::check_positive(name(), "gamma", options.gamma, true);
    if (options.alpha) detail::check_range(name(), "alpha", *options.alpha, 0, 1);
    detail::check_label_smoothing(name(), options.label_smoothing);
  }
  KEEL_REFUSE_OTHER_OPTIONS(BinaryFocalCrossentropy)
  std::string name() const override { return "binary_focal_crossentropy"; }
  Rows evaluate(const Rows& y, const Rows& target, Rows* dy) const override {
    const double s = options_.label_smoothing, gamma = options_.gamma;
    const Rows t = target * (1 - s) + s / 2;
    const Rows raw = options_.from_logits ? Rows(1 / (1 + (-y).unaryExpr(detail::Exp()))) : y;
    const Rows p = raw.unaryExpr(&detail::clip_probability);
    const Rows entropy = -t * p.unaryExpr(detail::Log()) - (1 - t) * (-p).unaryExpr(detail::Log1p());
    const Rows miss = 1 - (t * p + (1 - t) * (1 - p));
    const Rows factor = miss.unaryExpr([gamma](double q) { return std::pow(q, gamma); });
    const Rows weight = options_.alpha ? Rows(t * *options_.alpha + (1 - t) * (1 - *options_.alpha))
                                       : Rows(Rows::Ones(y.rows(), y.cols()));
    if (dy) {
      const Rows by_miss =
          miss.unaryExpr([gamma](double q) { return gamma == 0 ? 0 : gamma * std::pow(q, gamma - 1); });
      const Rows by_p = weight * (by_miss * (1 - 2 * t) * entropy + factor * ((1 - t) / (1 - p) - t / p));
      *dy = (p != raw && raw == raw).select(0.0, by_p);
      if (options_.from_logits) *dy *= raw * (1 - raw);
    }
    return weight * factor * entropy;
  }
  void check(const Row& y, const Row& t, Index sample) const override {
    for (Index c = 0; c < t.size(); ++c)
      if (t[c] < 0 || t[c] > 1) fail(sample, "targets within [0, 1]", t[c]);
    for (Index c = 0; c < y.size() && !options_.from_logits; ++c)
      if (y[c] < 0 || y[c] > 1 + 1e-4)
        fail(sample, "outputs that are probabilities", y[c], "set from_logits, or end the model in sigmoid");
  }

 private:
  BinaryFocalOptions options_;
};

/// Keras's names and defaults.
struct CategoricalFocalOptions {
  double gamma = 2;                       ///< how much less a class counts the more it is right; 0 or more
  std::vector<double> alpha{0.25};        ///< a weight for all classes, or one for each; 0 or more
  double label_smoothing = 0;             ///< s: targets become t (1 - s) + s / C of C classes; within [0, 1)
  Reduction reduction = Reduction::mean;  ///< how positions become one number
};

/// sum of alpha (1 - q)^gamma (-t log q) over the last axis, q = y / sum of y clipped to [1e-7, 1 - 1e-7] (no slope
/// where it was). Keras's CategoricalFocalCrossentropy, of probabilities: end the model in softmax. log and pow are the
/// standard library's, for the bits. Throws ConfigError for options outside their range, DataError for targets and
/// outputs below 0.
class CategoricalFocalCrossentropy : public Loss {
 public:
  explicit CategoricalFocalCrossentropy(CategoricalFocalOptions options = {})
      : Loss(options.reduction), options_(std::move(options)) {
    detail::check_positive(name(), "gamma", options_.gamma, true);
    detail::check_label_smoothing(name(), options_.label_smoothing);
    if (options_.alpha.empty()) throw ConfigError(name(), "alpha for all classes or for each", "none");
    for (const double alpha : options_.alpha) detail::check_positive(name(), "alpha", alpha, true);
  }
  KEEL_REFUSE_OTHER_OPTIONS(CategoricalFocalCrossentropy)
  std::string name() const override { return "categorical_focal_crossentropy"; }
  Rows evaluate(const Rows& y, const Rows& target, Rows* dy) const override {
    Rows loss(y.rows(), 1);
    if (dy) dy->resize(y.rows(), y.cols());
    const double s = options_.label_smoothing, gamma = options_.gamma, classes = static_cast<double>(y.cols());
    for (Index i = 0; i < y.rows(); ++i) {
      const Row p = detail::row(y, i);
      const double total = detail::ordered_sum(p);
      const Eigen::ArrayXd t = detail::row(target, i) * (1 - s) + s / classes, raw = p / total;
      const Eigen::ArrayXd q = raw.unaryExpr(&detail::clip_probability), log_q = q.unaryExpr(detail::Log());
      const Eigen::ArrayXd factor =
          alpha(y.cols()) * (1 - q).unaryExpr([gamma](double m) { return std::pow(m, gamma); });
      loss(i) = -detail::ordered_sum(factor * t * log_q);
      if (!dy) continue;
      const Eigen::ArrayXd less = alpha(y.cols()) * (1 - q).unaryExpr([gamma](double m) {
        return gamma == 0 ? 0 : gamma * std::pow(m, gamma - 1);
      });
      const Eigen::ArrayXd by_q = (q != raw && raw == raw).select(0.0, t * (less * log_q - factor / q));
      dy->row(i) = (by_q - detail::ordered_sum(by_q * raw)) / total;
    }
    return loss;
  }
  void check(const Row& y, const Row& t, Index sample) const override {
    for (Index c = 0; c < t.size(); ++c)
      if (t[c] < 0) fail(sample, "targets of 0 or more", t[c]);
    for (Index c = 0; c < y.size(); ++c)
      if (y[c] < 0) fail(sample, "outputs that are probabilities", y[c], "end the model in softmax");
  }
  void check_columns(Index columns) const override {
    if (options_.alpha.size() != 1 && count_of(options_.alpha) != columns)
      throw ShapeError(name(), std::to_string(columns) + " values of alpha", std::to_string(options_.alpha.size()));
  }

 private:
  Eigen::ArrayXd alpha(Eigen::Index classes) const {
    if (options_.alpha.size() == 1) return Eigen::ArrayXd::Constant(classes, options_.alpha[0]);
    return Row(options_.alpha.data(), classes);
  }

  CategoricalFocalOptions options_;
};

}  // namespace KEEL_ABI
}  // namespace keel
