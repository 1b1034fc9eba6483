#pragma once
/// The metrics that have a shorthand, and MetricSpec and MetricState, which hold any metric.

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <keel/training/metrics/accuracy.hpp>
#include <keel/training/metrics/confusion_matrix.hpp>
#include <keel/training/metrics/errors.hpp>
#include <keel/training/metrics/precision_recall.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// The options of all metrics that have a shorthand; each metric's own say what they mean. Targets are class numbers
/// (no last axis, or one of 1 beside several outputs), one-hot rows, or, beside a single output, 0 and 1; which of them
/// follows from the shapes, as in Keras. Sources: keras.io/api/metrics.
struct MetricOptions {
  Index k = 5;                          ///< of top_k; 1 or more
  double threshold = 0.5;               ///< of accuracies of single outputs, precision and recall; 0 for logits
  std::optional<Index> class_id{};      ///< of precision and recall: this class alone
  std::optional<Index> ignore_class{};  ///< positions with this class number do not count
  std::string name{};  ///< in the history; empty: "accuracy", "top_5_accuracy", "mse", "mae", "precision", "recall"
};

/// The metric of that name in Keras, "accuracy". Throws ConfigError, with the names that there are, for another.
inline Metric::Kind metric_kind(std::string_view name) {
  constexpr std::pair<std::string_view, Metric::Kind> kinds[] = {{"accuracy", Metric::accuracy},
                                                                 {"acc", Metric::accuracy},
                                                                 {"binary_accuracy", Metric::binary_accuracy},
                                                                 {"mse", Metric::mse},
                                                                 {"mae", Metric::mae},
                                                                 {"precision", Metric::precision},
                                                                 {"recall", Metric::recall},
                                                                 {"top_k_accuracy", Metric::top_k}};
  for (const auto& [known, kind] : kinds)
    if (name == known) return kind;
  throw ConfigError("metric", "one of " + detail::join(kinds, ", ", [](const auto& k) { return std::string(k.first); }),
                    "\"" + std::string(name) + "\"", "other metrics are classes, such as AUC()");
}

namespace detail {

/// The metric of that name. (A template, so that keel::compiled has it.)
template <class = void>
std::shared_ptr<Metric> make_metric(Metric::Kind kind, const MetricOptions& o) {
  if (o.k < 1) throw ConfigError("top_k", "k of 1 or more", std::to_string(o.k));
  if (!is_finite(o.threshold)) throw ConfigError("metric", "a finite threshold", text(o.threshold));
  const PrecisionRecallOptions counts{o.threshold, o.class_id, o.ignore_class};
  switch (kind) {
    case Metric::accuracy: return std::make_shared<Accuracy>(AccuracyOptions{o.threshold, o.ignore_class});
    case Metric::binary_accuracy: return std::make_shared<BinaryAccuracy>(BinaryAccuracyOptions{o.threshold});
    case Metric::top_k: return std::make_shared<TopKAccuracy>(TopKAccuracyOptions{o.k, o.ignore_class});
    case Metric::mse: return std::make_shared<MeanSquaredErrorMetric>();
    case Metric::mae: return std::make_shared<MeanAbsoluteErrorMetric>();
    case Metric::precision: return std::make_shared<Precision>(counts);
    case Metric::recall: return std::make_shared<Recall>(counts);
  }
  throw ConfigError("metric", "a metric", "none");
}

KEEL_INSTANCE(std::shared_ptr<Metric> make_metric<void>(Metric::Kind, const MetricOptions&))

}  // namespace detail

namespace detail {

/// A function of outputs and targets.
template <class F>
concept MetricFunction = std::is_invocable_v<const F&, const Metric::Rows&, const Metric::Rows&>;

template <class F>
class FunctionMetric : public Metric {
 public:
  FunctionMetric(std::string name, F f) : name_(std::move(name)), f_(std::move(f)) {}
  std::string name() const override { return name_; }
  void update(const Rows& y, const Rows& t) override {
    const Rows values = f_(y, t).template cast<double>();
    add_each(values);
  }

 private:
  std::string name_;
  F f_;
};

}  // namespace detail

/// Any metric, with its name: `Metric::accuracy`, `{Metric::top_k, {.k = 3}}`, `TopKAccuracy({.k = 3})` or a class of a
/// user's own. Throws ConfigError for options outside their range.
class MetricSpec {
 public:
  /// Whether it is made of such a value.
  template <class X>
  static constexpr bool accepts = NameText<X> || std::is_base_of_v<Metric, X> || std::is_base_of_v<MetricSpec, X> ||
                                  std::is_convertible_v<X, Metric::Kind> || detail::MetricFunction<X>;

  /// A shorthand: `Metric::accuracy`, `{Metric::top_k, {.k = 3}}`.
  MetricSpec(Metric::Kind kind, const MetricOptions& options = {})
      : make_([kind, options] { return detail::make_metric(kind, options); }),
        name_(options.name.empty() ? make_()->name() : options.name) {}
  /// A metric of keel's or one's own: `TopKAccuracy({.k = 3})`.
  template <class M>
  requires std::is_base_of_v<Metric, M> MetricSpec(M metric)
      : make_([metric] { return std::make_shared<M>(metric); }), name_(metric.name()) {}

  /// By Keras's name: "accuracy". Throws ConfigError for one that is no shorthand's.
  template <NameText Text>
  MetricSpec(const Text& name) : MetricSpec(metric_kind(name)) {}
  template <class Why = MisspeltOptionOrWrongTypeOrArgument>
  MetricSpec(Metric::Kind, ...) = delete;
  /// The mean of a function's values: `{"within", [](const Metric::Rows& y, const Metric::Rows& t) { return
  /// (y - t).abs() < 0.1; }}`, an array of Eigen's with any number of values a position.
  template <detail::MetricFunction F>
  MetricSpec(std::string name, F f)
      : make_([name, f] { return std::make_shared<detail::FunctionMetric<F>>(name, f); }), name_(name) {}
  template <detail::MetricFunction F>
  MetricSpec(F f) : MetricSpec("metric", std::move(f)) {}  ///< The same, called "metric".
  /// Refused: what is no metric, such as a function of other arguments.
  template <class NotAMetric>
  requires(!accepts<NotAMetric>) MetricSpec(const NotAMetric&)
  KEEL_REFUSED(
      "a metric is Metric::mae, \"mae\", AUC(), a function of outputs and targets or of a class derived from Metric")

  const std::string& name() const { return name_; }  ///< In the history.
  /// The same metric under another name.
  MetricSpec named(std::string name) const {
    MetricSpec spec = *this;
    spec.name_ = std::move(name);
    return spec;
  }
  /// A metric that has seen nothing yet.
  std::shared_ptr<Metric> make() const { return make_(); }

 private:
  std::function<std::shared_ptr<Metric>()> make_;
  std::string name_;
};

/// Collects one metric over batches; counts are exact.
///
///     MetricState accuracy(Metric::accuracy);
///     accuracy.update(y, target);                 // for each batch
///     double part = accuracy.result();
class MetricState {
 public:
  explicit MetricState(const MetricSpec& spec) : metric_(spec.make()), name_(spec.name()) {}  ///< Nothing seen yet.

  const std::string& name() const { return name_; }  ///< In the history.
  void reset() { metric_->reset(); }                 ///< Forgets what was collected.
  /// Names what has been collected: see Metric::remember.
  void remember(Memory& memory) { metric_->remember(memory); }
  /// Adds what another state of the same metric has collected.
  void merge(MetricState& other) { metric_->merge(*other.metric_); }
  /// NaN before the first batch; see each metric for what is counted over nothing.
  double result() const { return metric_->result(); }
  /// Targets as MetricOptions says; all may be matrices, maps or expressions of Eigen's. Throws ShapeError where they
  /// do not fit, DataError for a label that is no class.
  template <class Y>
  void update(const Y& y, const std::type_identity_t<TensorRef<typename Y::Scalar>>& target) {
    using T = typename Y::Scalar;
    detail::update_metric<T>(*metric_, name_, TensorRef<T>(y), target);
  }

 private:
  std::shared_ptr<Metric> metric_;
  std::string name_;
};

}  // namespace KEEL_ABI
}  // namespace keel
