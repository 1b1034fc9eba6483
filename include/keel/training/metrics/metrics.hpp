#pragma once

#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <keel/tensor/tensor_ref.hpp>
#include <keel/tensor/range.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Metrics under Keras's names. Targets are class numbers (no last axis, or one of 1 beside several outputs),
/// one-hot rows, or, beside a single output, 0 and 1; which of them follows from the shapes, as in Keras.
///   accuracy   class numbers or one-hot: part of the positions whose largest output is the target's class;
///              a single output: part of the values with (y > threshold) == target
///   binary_accuracy  part of the values with (y > threshold) == target, for several yes-or-no outputs
///   top_k      part of the positions whose target class is among the k largest outputs, all that equal the k-th
///              counting as such
///   mse, mae   mean of (y - t)^2, |y - t|
///   precision  true positives / positives said     (y > threshold against t > 0.5, every class of every position,
///   recall     true positives / positives there     or one class of them: `class_id`; 0 where there are none)
/// Sources: keras.io/api/metrics. Accuracy takes the first of equal outputs; a NaN is never right.
enum class Metric { accuracy, binary_accuracy, top_k, mse, mae, precision, recall };

struct MetricOptions {
  Index k = 5;             ///< of top_k
  double threshold = 0.5;  ///< of accuracy with one output, precision and recall; 0 where the model gives logits
  std::optional<Index> class_id{};
  std::optional<Index> ignore_class{};  ///< positions with this class number do not count
  std::string name{};  ///< in the history; empty: "accuracy", "top_5_accuracy", "mse", "mae", "precision", "recall"
};

/// A metric with its options: `Metric::accuracy`, `{Metric::top_k, {.k = 3}}`.
struct MetricSpec {
  MetricSpec(Metric metric, MetricOptions o = {}) : kind(metric), options(std::move(o)) {
    if (options.k < 1) throw ConfigError("top_k", "k of 1 or more", std::to_string(options.k));
    if (!is_finite(options.threshold))
      throw ConfigError("metric", "a finite threshold", detail::text(options.threshold));
    static constexpr const char* names[] = {"accuracy", "binary_accuracy", "", "mse", "mae", "precision", "recall"};
    if (!options.name.empty()) return;
    options.name =
        kind == Metric::top_k ? "top_" + std::to_string(options.k) + "_accuracy" : names[static_cast<int>(kind)];
  }
  Metric kind;
  MetricOptions options;
};

namespace detail {

/// What one position's targets are: see Metric.
enum class TargetForm { classes, rows };

inline TargetForm target_form(const std::string& who, const Shape& y, const Shape& target) {
  const Index columns = y.rank() < 2 ? 1 : y.back();
  const Index positions = columns == 0 ? 0 : y.size() / columns;
  if (y.rank() > 0 && y.size() > 0 && target.rank() > 0 && target[0] == y[0]) {
    if (columns > 1 && target.size() == positions) return TargetForm::classes;
    if (target.size() == y.size() && (columns == 1 || target.back() == columns)) return TargetForm::rows;
  }
  throw ShapeError(who, "targets for an output of shape " + y.to_string(), target.to_string());
}

/// The first of the largest values; -1 where one is NaN.
template <class T>
Index argmax(Index columns, const T* values) {
  Index best = 0;
  for (Index c = 0; c < columns; ++c) {
    if (values[c] != values[c]) return -1;
    if (values[c] > values[best]) best = c;
  }
  return best;
}

/// The class of a position. Throws DataError for a target that is none.
template <class T>
Index class_of(const std::string& who, TargetForm form, Index columns, const T* target) {
  const bool rows = form == TargetForm::rows;
  const double label = rows ? static_cast<double>(argmax(columns, target)) : double(*target);
  if (label >= 0 && label < double(columns) && label == std::floor(label)) return static_cast<Index>(label);
  throw DataError(
      who, rows ? "numbers as targets" : "labels that are whole numbers from 0 to " + std::to_string(columns - 1),
      rows ? "NaN" : text(label));
}

}  // namespace detail

/// Collects one metric over batches; counts are exact.
///
///     MetricState accuracy(Metric::accuracy);
///     accuracy.update(y, target);                 // for each batch
///     double part = accuracy.result();
class MetricState {
 public:
  explicit MetricState(MetricSpec spec) : spec_(std::move(spec)) {}

  const MetricSpec& spec() const { return spec_; }
  const std::string& name() const { return spec_.options.name; }
  void reset() { sum_ = count_ = 0; }
  /// NaN before the first batch, 0 for a precision or recall of nothing.
  double result() const {
    const bool ratio = spec_.kind == Metric::precision || spec_.kind == Metric::recall;
    return count_ == 0 ? (ratio && updated_ ? 0 : std::nan("")) : sum_ / count_;
  }

  template <class Y>
  void update(const Y& output, const std::type_identity_t<TensorRef<typename Y::Scalar>>& target) {
    using T = typename Y::Scalar;
    const TensorRef<T> y(output);
    const detail::TargetForm form = detail::target_form(name(), y.shape(), target.shape());
    const Index columns = y.rank() < 2 ? 1 : y.shape().back(), positions = y.size() / columns;
    const Index labels = form == detail::TargetForm::classes ? 1 : columns;
    for (Index i = 0; i < positions; ++i) add<T>(form, columns, y.data() + i * columns, target.data() + i * labels);
    updated_ = true;
  }

 private:
  template <class T>
  void add(detail::TargetForm form, Index columns, const T* y, const T* target) {
    const MetricOptions& o = spec_.options;
    const bool classes = form == detail::TargetForm::classes;
    if (classes && o.ignore_class && double(*target) == double(*o.ignore_class)) return;
    if (spec_.kind == Metric::binary_accuracy || (spec_.kind == Metric::accuracy && columns == 1)) {
      if (classes) throw ShapeError(name(), "targets of the output's shape", "one value a position");
      for (Index c = 0; c < columns; ++c)
        sum_ += y[c] == y[c] && (double(y[c]) > o.threshold ? 1.0 : 0.0) == double(target[c]) ? 1 : 0;
      count_ += double(columns);
    } else if (spec_.kind == Metric::accuracy || spec_.kind == Metric::top_k) {
      ++count_;
      const Index truth = detail::class_of(name(), form, columns, target);
      sum_ += spec_.kind == Metric::accuracy ? detail::argmax(columns, y) == truth : among_top(columns, y, truth);
    } else if (spec_.kind == Metric::mse || spec_.kind == Metric::mae) {
      if (classes) throw ShapeError(name(), "targets of the output's shape", "one value a position");
      for (Index c = 0; c < columns; ++c) {
        const double e = double(y[c]) - double(target[c]);
        sum_ += spec_.kind == Metric::mse ? e * e : std::abs(e);
      }
      count_ += double(columns);
    } else {
      const Index truth = classes ? detail::class_of(name(), form, columns, target) : -1;
      for (Index c = 0; c < columns; ++c) {
        if (o.class_id && *o.class_id != c) continue;
        const bool there = truth >= 0 ? truth == c : double(target[c]) > 0.5, said = double(y[c]) > o.threshold;
        count_ += (spec_.kind == Metric::precision ? said : there) ? 1 : 0;
        sum_ += there && said ? 1 : 0;
      }
    }
  }

  template <class T>
  bool among_top(Index columns, const T* y, Index truth) const {
    Index above = 0;
    for (Index c = 0; c < columns; ++c) {
      if (y[c] != y[c]) return false;
      if (y[c] > y[truth]) ++above;
    }
    return above < spec_.options.k;
  }

  MetricSpec spec_;
  double sum_ = 0, count_ = 0;  // whole numbers up to 2^53 are exact
  bool updated_ = false;
};

/// How often class `truth` was taken for class `said`: `matrix(truth, said)`.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(Index classes) : classes_(classes) {
    if (classes < 2) throw ConfigError("ConfusionMatrix", "2 classes or more", std::to_string(classes));
    counts_.assign(to_size(classes * classes), 0);
  }

  Index classes() const { return classes_; }
  Index operator()(Index truth, Index said) const { return nth(counts_, truth * classes_ + said); }

  /// y (batch, ..., classes), or one probability a position where there are 2 classes; targets as for Metric.
  template <class Y>
  void update(const Y& output, const std::type_identity_t<TensorRef<typename Y::Scalar>>& target) {
    const TensorRef<typename Y::Scalar> y(output);
    const detail::TargetForm form = detail::target_form("ConfusionMatrix", y.shape(), target.shape());
    const Index columns = y.rank() < 2 ? 1 : y.shape().back(), positions = y.size() / columns;
    if (columns != classes_ && !(columns == 1 && classes_ == 2))
      throw ShapeError("ConfusionMatrix", std::to_string(classes_) + " outputs", y.shape().to_string());
    for (Index i = 0; i < positions; ++i) {
      const auto* row = y.data() + i * columns;
      const auto* t = target.data() + i * (form == detail::TargetForm::classes ? 1 : columns);
      const Index truth = columns > 1 ? detail::class_of("ConfusionMatrix", form, columns, t)
                                      : detail::class_of("ConfusionMatrix", detail::TargetForm::classes, 2, t);
      const Index said = columns > 1 ? detail::argmax(columns, row) : *row != *row ? -1 : double(*row) > 0.5 ? 1 : 0;
      if (truth < 0 || said < 0) throw DataError("ConfusionMatrix", "numbers", "NaN at position " + std::to_string(i));
      ++nth(counts_, truth * classes_ + said);
    }
  }

  double accuracy() const {
    Index right = 0, all = 0;
    for (Index i = 0; i < classes_; ++i) right += (*this)(i, i);
    for (const Index count : counts_) all += count;
    return ratio(right, all);
  }
  /// Of all that were taken for this class, the part that was; 0 where none was.
  double precision(Index c) const {
    Index all = 0;
    for (Index i = 0; i < classes_; ++i) all += (*this)(i, c);
    return ratio((*this)(c, c), all);
  }
  /// Of all of this class, the part that was taken for it; 0 where there are none.
  double recall(Index c) const {
    Index all = 0;
    for (Index i = 0; i < classes_; ++i) all += (*this)(c, i);
    return ratio((*this)(c, c), all);
  }
  /// One line a true class, one column a class said.
  std::string to_string() const {
    std::string result;
    for (Index i = 0; i < classes_; ++i) {
      for (Index j = 0; j < classes_; ++j) {
        const std::string count = std::to_string((*this)(i, j));
        result += std::string(count.size() < 7 ? 7 - count.size() : 0, ' ') + count;
      }
      result += '\n';
    }
    return result;
  }

 private:
  static double ratio(Index part, Index whole) { return whole == 0 ? 0 : double(part) / double(whole); }

  Index classes_;
  std::vector<Index> counts_;
};

}  // namespace KEEL_ABI
}  // namespace keel
