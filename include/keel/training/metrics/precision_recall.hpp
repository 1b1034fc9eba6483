#pragma once
/// Precision and recall.

#include <keel/training/metrics/metric.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Keras's thresholds and class_id.
struct PrecisionRecallOptions {
  double threshold = 0.5;               ///< an output above it says yes; 0 where the model gives logits
  std::optional<Index> class_id{};      ///< this class alone; none: every class of every position
  std::optional<Index> ignore_class{};  ///< positions with this class number do not count
};

/// Counts, over all batches: a value is said to be positive where y > threshold, and is where t > 0.5 or its class is
/// the target's number. NaN before the first batch, then 0 where nothing was counted.
class PrecisionRecall : public Metric {
 public:
  std::optional<double> threshold(Index) const override { return options_.threshold; }
  void update(const Rows& y, const Rows& t) override {
    updated_ = true;
    for (Index i = 0; i < y.rows(); ++i) {
      const Row outputs = detail::row(y, i), label = detail::row(t, i);
      const bool number = label.size() == 1 && y.cols() > 1;
      if (number && options_.ignore_class && label[0] == static_cast<double>(*options_.ignore_class)) continue;
      const Index truth = number ? class_of(label, y.cols()) : -1;
      for (Index c = 0; c < y.cols(); ++c) {
        if (options_.class_id && *options_.class_id != c) continue;
        const bool there = number ? truth == c : label[c] > 0.5, said = outputs[c] > options_.threshold;
        add(there && said, of_said_ ? said : there);
      }
    }
  }
  double result() const override { return count() == 0 && updated_ ? 0 : Metric::result(); }
  void reset() override {
    Metric::reset();
    updated_ = false;
  }
  void remember(Memory& memory) override {
    Metric::remember(memory);
    memory("updated", updated_);
  }

  void merge(Metric& other) override {
    const PrecisionRecall& more = static_cast<PrecisionRecall&>(other);
    add(more.sum(), more.count());
    updated_ = updated_ || more.updated_;
  }

 protected:
  /// Of what was said to be positive (precision), or of what is (recall).
  PrecisionRecall(PrecisionRecallOptions options, bool of_said) : options_(options), of_said_(of_said) {
    if (!is_finite(options.threshold))
      throw ConfigError("metric", "a finite threshold", detail::text(options.threshold));
  }

 private:
  PrecisionRecallOptions options_;
  bool of_said_, updated_ = false;
};

/// true positives / positives said. Keras's Precision. Throws ConfigError for a threshold that is not finite.
class Precision : public PrecisionRecall {
 public:
  explicit Precision(PrecisionRecallOptions options = {}) : PrecisionRecall(options, true) {}
  KEEL_REFUSE_OTHER_OPTIONS(Precision)
  std::string name() const override { return "precision"; }
};

/// true positives / positives there. Keras's Recall. Throws ConfigError for a threshold that is not finite.
class Recall : public PrecisionRecall {
 public:
  explicit Recall(PrecisionRecallOptions options = {}) : PrecisionRecall(options, false) {}
  KEEL_REFUSE_OTHER_OPTIONS(Recall)
  std::string name() const override { return "recall"; }
};

}  // namespace KEEL_ABI
}  // namespace keel
