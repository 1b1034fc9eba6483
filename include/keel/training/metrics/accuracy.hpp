#pragma once
/// Accuracies: of classes, of yes-or-no outputs, of the k largest outputs.

#include <keel/training/metrics/metric.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Keras's name and default.
struct BinaryAccuracyOptions {
  double threshold = 0.5;  ///< an output above it says yes; 0 where the model gives logits
};

/// Part of the values with (y > threshold) == target, for yes-or-no outputs. Keras's BinaryAccuracy. A NaN is never
/// right. Throws ConfigError for a threshold that is not finite, ShapeError for class numbers as targets.
class BinaryAccuracy : public Metric {
 public:
  explicit BinaryAccuracy(BinaryAccuracyOptions options = {}) : threshold_(options.threshold) {
    if (!is_finite(threshold_)) throw ConfigError("metric", "a finite threshold", detail::text(threshold_));
  }
  KEEL_REFUSE_OTHER_OPTIONS(BinaryAccuracy)
  std::string name() const override { return "binary_accuracy"; }
  std::optional<double> threshold(Index) const override { return threshold_; }
  void update(const Rows& y, const Rows& t) override {
    check_values(y, t);
    Index right = 0;
    for (Index i = 0; i < y.size(); ++i) {
      const double value = y.data()[i], truth = t.data()[i];
      right += value == value && (value > threshold_ ? 1.0 : 0.0) == truth;
    }
    add(right, y.size());
  }

 private:
  double threshold_;
};

/// What Keras's several accuracies have.
struct AccuracyOptions {
  double threshold = 0.5;               ///< of a single output; see BinaryAccuracyOptions
  std::optional<Index> ignore_class{};  ///< positions with this class number do not count
};

/// Part of the positions whose largest output, the first of equal ones, is the target's class (a number or a one-hot
/// row); of a single output BinaryAccuracy. Keras's "accuracy", which chooses by the shapes too. A NaN is never right.
class Accuracy : public BinaryAccuracy {
 public:
  explicit Accuracy(AccuracyOptions options = {})
      : BinaryAccuracy({options.threshold}), ignore_class_(options.ignore_class) {}
  KEEL_REFUSE_OTHER_OPTIONS(Accuracy)
  std::string name() const override { return "accuracy"; }
  std::optional<double> threshold(Index values) const override {
    return values == 1 ? BinaryAccuracy::threshold(1) : std::nullopt;
  }
  void update(const Rows& y, const Rows& t) override {
    if (y.cols() == 1) return BinaryAccuracy::update(y, t);
    for (Index i = 0; i < y.rows(); ++i) {
      const Row label = detail::row(t, i);
      if (label.size() == 1 && ignore_class_ && label[0] == static_cast<double>(*ignore_class_)) continue;
      add(detail::argmax(detail::row(y, i)) == class_of(label, y.cols()), 1);
    }
  }

 private:
  std::optional<Index> ignore_class_;
};

/// Keras's name and default.
struct TopKAccuracyOptions {
  Index k = 5;                          ///< how many of the largest outputs; 1 or more
  std::optional<Index> ignore_class{};  ///< positions with this class number do not count
};

/// Part of the positions whose target class is among the k largest outputs, all that equal the k-th counting as such.
/// Keras's TopKCategoricalAccuracy and SparseTopKCategoricalAccuracy. A NaN is never right. Throws ConfigError for k <
/// 1.
class TopKAccuracy : public Metric {
 public:
  explicit TopKAccuracy(TopKAccuracyOptions options = {}) : options_(options) {
    if (options.k < 1) throw ConfigError("top_k", "k of 1 or more", std::to_string(options.k));
  }
  KEEL_REFUSE_OTHER_OPTIONS(TopKAccuracy)
  std::string name() const override { return "top_" + std::to_string(options_.k) + "_accuracy"; }
  void update(const Rows& y, const Rows& t) override {
    for (Index i = 0; i < y.rows(); ++i) {
      const Row outputs = detail::row(y, i), label = detail::row(t, i);
      if (label.size() == 1 && y.cols() > 1 && options_.ignore_class &&
          label[0] == static_cast<double>(*options_.ignore_class))
        continue;
      const double truth = outputs[class_of(label, y.cols())];
      Index above = 0;
      bool numbers = true;
      for (Index c = 0; c < outputs.size(); ++c) {
        numbers = numbers && outputs[c] == outputs[c];
        above += outputs[c] > truth;
      }
      add(numbers && above < options_.k, 1);
    }
  }

 private:
  TopKAccuracyOptions options_;
};

}  // namespace KEEL_ABI
}  // namespace keel
