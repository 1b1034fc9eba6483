#pragma once
/// Metrics of regressions: relative error, share of the variance that is explained, cosine.

#include <vector>

#include <keel/training/metrics/metric.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Mean of 100 |y - t| / max(|t|, 1e-7). Keras's MeanAbsolutePercentageError. Throws ShapeError for class numbers as
/// targets.
class MeanAbsolutePercentageErrorMetric : public Metric {
 public:
  std::string name() const override { return "mape"; }
  void update(const Rows& y, const Rows& t) override {
    check_values(y, t);
    add_each(100 * (y - t).abs() / (t.abs() < 1e-7).select(1e-7, t.abs()));
  }
};

/// Mean over positions of the cosine of y and t. Keras's CosineSimilarity metric, |x| being sqrt(max(sum x^2, 1e-14)).
/// Throws ShapeError for class numbers as targets.
class CosineSimilarityMetric : public Metric {
 public:
  std::string name() const override { return "cosine_similarity"; }
  void update(const Rows& y, const Rows& t) override {
    check_values(y, t);
    for (Index i = 0; i < y.rows(); ++i) {
      const Row a = detail::row(y, i), b = detail::row(t, i);
      add(detail::ordered_sum(a * b) / length(a) / length(b), 1);
    }
  }

 private:
  static double length(const Row& x) {
    const double square = detail::ordered_sum(x.square());
    return std::sqrt(square < 1e-14 ? 1e-14 : square);
  }
};

/// 1 - sum (t - y)^2 / sum (t - mean t)^2 of each output, and the mean of these. Keras's R2Score, where infinite values
/// (constant targets) count 0. NaN before the first batch. Throws ShapeError for class numbers as targets. Targets are
/// taken relative to the first of them, so that a large mean costs no digits.
class R2Score : public Metric {
 public:
  std::string name() const override { return "r2_score"; }
  void reset() override { outputs_.clear(); }
  void update(const Rows& y, const Rows& t) override {
    check_values(y, t);
    const bool begins = outputs_.empty();
    outputs_.resize(to_size(y.cols()));
    for (Index i = 0; i < y.rows(); ++i)
      for (Index c = 0; c < y.cols(); ++c) {
        Sums& s = nth(outputs_, c);
        if (begins && i == 0) s.origin = t(i, c);
        const double off = t(i, c) - s.origin, e = t(i, c) - y(i, c);
        s.sum += off;
        s.squares += off * off;
        s.errors += e * e;
        ++s.count;
      }
  }
  void remember(Memory& memory) override {
    std::vector<double> sums;
    for (const Sums& s : outputs_) sums.insert(sums.end(), {s.origin, s.sum, s.squares, s.errors, s.count});
    memory("sums", sums);
    outputs_.clear();
    for (std::size_t i = 0; i + 4 < sums.size(); i += 5)
      outputs_.push_back(
          {.origin = sums[i], .sum = sums[i + 1], .squares = sums[i + 2], .errors = sums[i + 3], .count = sums[i + 4]});
  }
  void merge(Metric& other) override {
    for (std::size_t c = 0; c < static_cast<R2Score&>(other).outputs_.size(); ++c) {
      if (outputs_.size() <= c) outputs_.push_back({.origin = static_cast<R2Score&>(other).outputs_[c].origin});
      const Sums& more = static_cast<R2Score&>(other).outputs_[c];
      Sums& s = outputs_[c];
      const double moved = more.origin - s.origin;  // t - origin = (t - more.origin) + moved
      s.squares += more.squares + 2 * moved * more.sum + more.count * moved * moved;
      s.sum += more.sum + more.count * moved;
      s.errors += more.errors;
      s.count += more.count;
    }
  }
  double result() const override {
    if (outputs_.empty()) return std::nan("");
    double sum = 0;
    for (const Sums& s : outputs_) {
      const double score = 1 - s.errors / (s.squares - s.sum * s.sum / s.count);
      sum += std::isinf(score) ? 0 : score;
    }
    return sum / static_cast<double>(outputs_.size());
  }

 private:
  struct Sums {
    double origin = 0, sum = 0, squares = 0, errors = 0, count = 0;
  };
  std::vector<Sums> outputs_;
};

}  // namespace KEEL_ABI
}  // namespace keel
