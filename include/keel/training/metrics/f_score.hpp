#pragma once
/// F1 and its kin.

#include <optional>
#include <vector>

#include <keel/training/metrics/metric.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Keras's names; average=None of Keras's is no choice.
struct FScoreOptions {
  /// How the classes' scores become one number.
  enum class Average { macro, micro, weighted };
  /// macro: the mean over classes; micro: of the counts of all classes; weighted: the mean by how often a class is
  /// there.
  Average average = Average::macro;
  double beta = 1;  ///< recall counts beta times as much as precision; above 0
  /// An output above it says yes; none: the largest outputs of a position do.
  std::optional<double> threshold{};
};

/// (1 + beta^2) P R / (beta^2 P + R) of precision P = TP / (TP + FP + 1e-7), recall R = TP / (TP + FN + 1e-7), 1e-7
/// being added to the divisor. Keras's FBetaScore and, with beta 1, F1Score; Keras's own default averages nothing,
/// keel's is macro. Targets are 0 and 1, or class numbers. Throws ConfigError unless beta is above 0.
class FBetaScore : public Metric {
 public:
  explicit FBetaScore(FScoreOptions options = {}) : options_(options) {
    detail::check_positive("f_beta", "beta", options.beta);
  }
  KEEL_REFUSE_OTHER_OPTIONS(FBetaScore)
  std::string name() const override { return options_.beta == 1 ? "f1_score" : "f_beta"; }
  void reset() override { counts_.clear(); }
  void update(const Rows& y, const Rows& t) override {
    counts_.resize(to_size(y.cols()));
    for (Index i = 0; i < y.rows(); ++i) {
      const Row outputs = detail::row(y, i), label = detail::row(t, i);
      const bool number = label.size() == 1 && y.cols() > 1;
      const Index truth = number ? class_of(label, y.cols()) : -1;
      const double top = outputs.maxCoeff();
      for (Index c = 0; c < y.cols(); ++c) {
        const double p = outputs[c];
        const bool said = options_.threshold ? p > *options_.threshold : p >= top && std::abs(p) > 1e-9;
        const bool there = number ? truth == c : label[c] > 0.5;
        nth(counts_, c).add(said, there);
      }
    }
  }
  void remember(Memory& memory) override {
    std::vector<double> counts;
    for (const Counts& c : counts_) counts.insert(counts.end(), {c.right, c.said, c.there});
    memory("counts", counts);
    counts_.clear();
    for (std::size_t i = 0; i + 2 < counts.size(); i += 3) counts_.push_back({counts[i], counts[i + 1], counts[i + 2]});
  }
  void merge(Metric& other) override {
    const std::vector<Counts>& more = static_cast<FBetaScore&>(other).counts_;
    if (counts_.empty()) counts_.resize(more.size());
    for (std::size_t c = 0; c < more.size(); ++c) {
      counts_[c].right += more[c].right;
      counts_[c].said += more[c].said;
      counts_[c].there += more[c].there;
    }
  }
  /// NaN before the first batch.
  double result() const override {
    if (counts_.empty()) return std::nan("");
    Counts all;
    double sum = 0, weighted = 0;
    for (const Counts& c : counts_) {
      all.right += c.right;
      all.said += c.said;
      all.there += c.there;
      sum += score(c);
      weighted += score(c) * c.there;
    }
    if (options_.average == FScoreOptions::Average::micro) return score(all);
    if (options_.average == FScoreOptions::Average::weighted) return all.there == 0 ? 0 : weighted / all.there;
    return sum / static_cast<double>(counts_.size());
  }

 private:
  struct Counts {
    double right = 0, said = 0, there = 0;
    void add(bool says, bool is) {
      right += says && is;
      said += says;
      there += is;
    }
  };
  double score(const Counts& c) const {
    const double p = c.right / (c.said + 1e-7), r = c.right / (c.there + 1e-7);
    const double square = options_.beta * options_.beta;
    return (1 + square) * p * r / (square * p + r + 1e-7);
  }

  FScoreOptions options_;
  std::vector<Counts> counts_;  // by class
};

/// FBetaScore with beta 1.
class F1Score : public FBetaScore {
 public:
  explicit F1Score(FScoreOptions options = {}) : FBetaScore(of_one(options)) {}
  KEEL_REFUSE_OTHER_OPTIONS(F1Score)

 private:
  static FScoreOptions of_one(FScoreOptions options) {
    if (options.beta != 1) throw ConfigError("f1_score", "beta 1", detail::text(options.beta), "take FBetaScore");
    return options;
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
