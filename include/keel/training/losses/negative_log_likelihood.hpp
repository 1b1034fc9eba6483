#pragma once
/// PyTorch's NLLLoss.

#include <optional>
#include <vector>

#include <keel/training/losses/loss.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// PyTorch's names and defaults.
struct NegativeLogLikelihoodOptions {
  std::vector<double> class_weight{};              ///< a factor for each class; empty: 1
  std::optional<Index> ignore_class = -100;        ///< this label counts nowhere
  Reduction reduction = Reduction::weighted_mean;  ///< by default divided by the labels' weights, as in PyTorch
};

/// -w[t] y[t] for log-probabilities y and class numbers t: PyTorch's NLLLoss, for a model that ends in log_softmax.
/// Throws
/// ConfigError for weights below 0, DataError for a label that is no class.
class NegativeLogLikelihood : public Loss {
 public:
  explicit NegativeLogLikelihood(NegativeLogLikelihoodOptions options = {})
      : Loss(options.reduction), options_(std::move(options)) {
    for (const double weight : options_.class_weight) detail::check_positive(name(), "a class_weight", weight, true);
  }
  KEEL_REFUSE_OTHER_OPTIONS(NegativeLogLikelihood)
  std::string name() const override { return "nll"; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    Rows loss = Rows::Zero(y.rows(), 1);
    if (dy) dy->setZero(y.rows(), y.cols());
    for (Index i = 0; i < y.rows(); ++i) {
      const Row label = detail::row(t, i);
      if (ignores(label)) continue;
      const auto c = static_cast<Eigen::Index>(label[0]);
      loss(i) = -share(label) * y(i, c);
      if (dy) (*dy)(i, c) = -share(label);
    }
    return loss;
  }
  bool sparse() const override { return true; }
  bool ignores(const Row& t) const override {
    return options_.ignore_class && t[0] == static_cast<double>(*options_.ignore_class);
  }
  double share(const Row& t) const override {
    return options_.class_weight.empty() ? 1 : nth(options_.class_weight, static_cast<Index>(t[0]));
  }
  void check(const Row& y, const Row& t, Index sample) const override {
    if (!ignores(t) && !(t[0] >= 0 && t[0] < static_cast<double>(y.size()) && t[0] == std::floor(t[0])))
      fail(sample, "labels that are whole numbers from 0 to " + std::to_string(y.size() - 1), t[0]);
  }
  void check_columns(Index columns) const override {
    if (!options_.class_weight.empty() && count_of(options_.class_weight) != columns)
      throw ShapeError(name(), std::to_string(columns) + " class weights",
                       std::to_string(options_.class_weight.size()));
  }

 private:
  NegativeLogLikelihoodOptions options_;
};

}  // namespace KEEL_ABI
}  // namespace keel
