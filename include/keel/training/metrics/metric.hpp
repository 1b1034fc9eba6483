#pragma once
/// What a metric is: the base class of keel's and of a user's.

#include <optional>
#include <string>

#include <keel/tensor/range.hpp>
#include <keel/training/memory.hpp>
#include <keel/training/rows.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// The base of metrics: collects over batches what becomes one number. A user's own:
///
///     struct Within : Metric {  // part of the values that are off by less than a tenth
///       std::string name() const override { return "within"; }
///       void update(const Rows& y, const Rows& t) override { add(((y - t).abs() < 0.1).count(), y.size()); }
///     };
///     fit(model, data, {.loss = Loss::mse, .metrics = {Within()}});
///
/// The shorthands, `Metric::accuracy` and so on, are in metrics.hpp.
class Metric {
 public:
  /// Keras's names for the metrics that a MetricSpec is made of by name.
  enum Kind { accuracy, binary_accuracy, top_k, mse, mae, precision, recall };
  /// (positions, values of the last axis)
  using Rows = detail::Rows;
  using Row = detail::Row;  ///< (values of the last axis): one position

  virtual ~Metric() = default;

  /// In the history.
  virtual std::string name() const = 0;
  /// What a value of an output with so many must be above to say yes; none where nothing is compared.
  virtual std::optional<double> threshold([[maybe_unused]] Index values) const { return std::nullopt; }
  /// Some of a batch's positions, with y the model's output and t the targets: class numbers (one column beside several
  /// of y) or as many values as y has.
  virtual void update(const Rows& y, const Rows& t) = 0;
  /// The mean of what was added: NaN where that is nothing.
  virtual double result() const { return count_ == 0 ? std::nan("") : sum_ / count_; }
  /// Forgets what was added.
  virtual void reset() {
    sum_ = 0;
    count_ = 0;
  }
  /// Names what `update` has collected, for a checkpoint inside an epoch. A metric that keeps more than `add` does
  /// overrides it.
  virtual void remember(Memory& memory) {
    memory("sum", sum_);
    memory("count", count_);
  }
  /// Adds what another metric of this class has collected of other samples: `fit` on several ranks. Where `remember`
  /// names more than `add` collects, it is to be overridden too, with a cast to the class; throws ConfigError
  /// otherwise.
  virtual void merge(Metric& other) {
    struct Names : Memory {
      using Memory::operator();
      bool reads() const override { return false; }
      void operator()(const std::string& name, double&) override { own = own || (name != "sum" && name != "count"); }
      void operator()(const std::string&, Index&) override { own = true; }
      void operator()(const std::string&, std::string&) override { own = true; }
      void operator()(const std::string&, std::vector<double>&) override { own = true; }
      void operator()(const std::string&, Tensor<float>&) override { own = true; }
      void operator()(const std::string&, Tensor<double>&) override { own = true; }
      bool own = false;
    } names;
    remember(names);
    if (names.own) throw ConfigError(name(), "a metric with merge(), on several ranks", "one without");
    add(other.sum_, other.count_);
  }

 protected:
  /// Adds to what `result` divides.
  template <class Sum, class Count>
  void add(Sum sum, Count count) {
    sum_ += static_cast<double>(sum);
    count_ += static_cast<double>(count);
  }
  /// Each of the values, from first to last.
  template <class E>
  void add_each(const Eigen::DenseBase<E>& values) {
    sum_ = detail::ordered_sum(values, sum_);
    count_ += static_cast<double>(values.size());
  }
  double sum() const { return sum_; }      ///< of what was added
  double count() const { return count_; }  ///< of what was added

  /// Throws ShapeError where targets are class numbers.
  void check_values(const Rows& y, const Rows& t) const {
    if (t.cols() != y.cols()) throw ShapeError(name(), "targets of the output's shape", "one value a position");
  }
  /// The class of a position, from its number or as the first of its row's largest. Throws DataError for one that is
  /// none.
  Index class_of(const Row& t, Index classes) const;

 private:
  double sum_ = 0, count_ = 0;  // whole numbers up to 2^53 are exact
};

namespace detail {

/// The first of the largest values; -1 where one is NaN.
inline Index argmax(const Row& values) {
  Index best = 0;
  for (Index c = 0; c < values.size(); ++c) {
    if (values[c] != values[c]) return -1;
    if (values[c] > values[best]) best = c;
  }
  return best;
}

/// A label as a class number. Throws DataError for one that is none.
inline Index class_number(const std::string& who, double label, Index classes) {
  if (label >= 0 && label < static_cast<double>(classes) && label == std::floor(label))
    return static_cast<Index>(label);
  throw DataError(who, "labels that are whole numbers from 0 to " + std::to_string(classes - 1), text(label));
}

/// The class that a position's target says, by number where it is one value beside several outputs, else by its largest
/// value. Throws DataError for a target that is none.
inline Index class_of(const std::string& who, const Row& t, Index classes) {
  if (t.size() != classes) return class_number(who, t[0], classes);
  const Index largest = argmax(t);
  if (largest < 0) throw DataError(who, "numbers as targets", "NaN");
  return largest;
}

/// The columns that targets have beside an output. Throws ShapeError where they do not fit.
inline Index target_columns(const std::string& who, const Shape& y, const Shape& target) {
  const Index columns = y.rank() < 2 ? 1 : y.back();
  const Index positions = columns == 0 ? 0 : y.size() / columns;
  if (y.rank() > 0 && y.size() > 0 && target.rank() > 0 && target[0] == y[0]) {
    if (columns > 1 && target.size() == positions) return 1;
    if (target.size() == y.size() && (columns == 1 || target.back() == columns)) return columns;
  }
  throw ShapeError(who, "targets for an output of shape " + y.to_string(), target.to_string());
}

/// Calls update(rows of y, rows of the target) for some positions at a time.
template <class T, class F>
void for_each_rows(const std::string& who, const TensorView<const T>& y, const TensorView<const T>& target,
                   F&& update) {
  const Index labels = target_columns(who, y.shape(), target.shape());
  const Index columns = y.rank() < 2 ? 1 : y.shape().back(), positions = y.size() / columns;
  Rows rows, targets;
  for (Index first = 0; first < positions; first += rows.rows()) {
    const Index count = (std::min)(rows_at_once(columns), positions - first);
    take_rows(y.data() + first * columns, count, columns, rows);
    take_rows(target.data() + first * labels, count, labels, targets);
    update(rows, targets);
  }
}

template <class T>
void update_metric(Metric& metric, const std::string& name, const TensorView<const T>& y,
                   const TensorView<const T>& target) {
  for_each_rows<T>(name, y, target, [&](const Rows& rows, const Rows& targets) { metric.update(rows, targets); });
}

KEEL_INSTANCE(void update_metric(Metric&, const std::string&, const TensorView<const float>&,
                                 const TensorView<const float>&))

}  // namespace detail

inline Index Metric::class_of(const Row& t, Index classes) const { return detail::class_of(name(), t, classes); }

}  // namespace KEEL_ABI
}  // namespace keel
