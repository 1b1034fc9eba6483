#pragma once
/// The area under a curve of thresholds.

#include <vector>

#include <keel/training/metrics/metric.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Keras's curve and num_thresholds.
struct AucOptions {
  /// roc: true positive rate over false positive rate; pr: precision over recall.
  enum class Curve { roc, pr };
  Curve curve = Curve::roc;  ///< by default the ROC curve
  Index thresholds = 200;    ///< evenly from 0 to 1, as the sum is approximate; 2 or more
};

/// Keras's AUC: every value of y, a probability, counts as positive at each threshold below it. The ROC curve's area is
/// that of trapezoids; the PR curve is interpolated as Davis and Goadrich (2006) do. The exact area differs by up to
/// about 1 / thresholds. NaN before the first batch. Throws ConfigError for fewer than 2 thresholds, ShapeError for
/// class numbers as targets, DataError for outputs outside [0, 1].
class AUC : public Metric {
 public:
  explicit AUC(AucOptions options = {}) : options_(options) {
    if (options.thresholds < 2) throw ConfigError("auc", "2 thresholds or more", std::to_string(options.thresholds));
    AUC::reset();
  }
  KEEL_REFUSE_OTHER_OPTIONS(AUC)
  std::string name() const override { return "auc"; }
  void reset() override {
    positives_.assign(to_size(options_.thresholds), 0);
    negatives_ = positives_;
    updated_ = false;
  }
  /// Counts values by the number of the highest threshold that they are above.
  void update(const Rows& y, const Rows& t) override {
    check_values(y, t);
    updated_ = true;
    for (Index i = 0; i < y.size(); ++i) {
      const double p = y.data()[i];
      if (!(p >= 0 && p <= 1)) throw DataError(name(), "outputs that are probabilities", detail::text(p));
      const double place = std::ceil(p * static_cast<double>(options_.thresholds - 1)) - 1;
      const Index bucket = place < 0 ? 0 : static_cast<Index>(place);
      nth(t.data()[i] != 0 ? positives_ : negatives_, bucket) += 1;
    }
  }
  void remember(Memory& memory) override {
    memory("positives", positives_);
    memory("negatives", negatives_);
    memory("updated", updated_);
  }
  void merge(Metric& other) override {
    const AUC& more = static_cast<AUC&>(other);
    for (std::size_t i = 0; i < positives_.size(); ++i) {
      positives_[i] += more.positives_[i];
      negatives_[i] += more.negatives_[i];
    }
    updated_ = updated_ || more.updated_;
  }
  double result() const override {
    if (!updated_) return std::nan("");
    return options_.curve == AucOptions::Curve::roc ? roc() : pr();
  }

 private:
  /// How many values are above threshold i, for each i.
  static std::vector<double> above(std::vector<double> buckets) {
    for (std::size_t i = buckets.size(); i-- > 1;) buckets[i - 1] += buckets[i];
    return buckets;
  }
  static double ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }

  double roc() const {
    const std::vector<double> tp = above(positives_), fp = above(negatives_);
    double area = 0;
    for (std::size_t i = 0; i + 1 < tp.size(); ++i)
      area += (ratio(fp[i], fp[0]) - ratio(fp[i + 1], fp[0])) * (ratio(tp[i], tp[0]) + ratio(tp[i + 1], tp[0])) / 2;
    return area;
  }
  double pr() const {
    const std::vector<double> tp = above(positives_), fp = above(negatives_);
    double area = 0;
    for (std::size_t i = 0; i + 1 < tp.size(); ++i) {
      const double p = tp[i] + fp[i], next_p = tp[i + 1] + fp[i + 1], gained = tp[i] - tp[i + 1];
      const double slope = ratio(gained, (std::max)(p - next_p, 0.0)), intercept = tp[i + 1] - slope * next_p;
      const double relative = p > 0 && next_p > 0 ? p / next_p : 1;
      area += ratio(slope * (gained + intercept * std::log(relative)), (std::max)(tp[0], 0.0));
    }
    return area;
  }

  AucOptions options_;
  std::vector<double> positives_, negatives_;  // by bucket
  bool updated_ = false;
};

}  // namespace KEEL_ABI
}  // namespace keel
