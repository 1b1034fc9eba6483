#pragma once
/// The cross-entropy of several classes: targets are rows of probabilities, or class numbers.

#include <memory>
#include <optional>
#include <vector>

#include <keel/training/losses/binary_crossentropy.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Keras's names and defaults, and PyTorch's class weights.
struct CategoricalCrossentropyOptions {
  /// y goes through softmax inside the loss, in the form that does not overflow. A model that ends in log_softmax
  /// (PyTorch's NLLLoss) wants true as well: values and gradients of the weights are the same.
  bool from_logits = false;
  double label_smoothing = 0;  ///< s: targets become t (1 - s) + s / C of C classes; within [0, 1)
  /// A factor for each class, after smoothing: PyTorch's CrossEntropyLoss(weight). Empty: 1.
  std::vector<double> class_weight{};
  /// Of class numbers only: this one counts neither in the sum nor in the divisor. Keras's ignore_class, PyTorch's
  /// ignore_index.
  std::optional<Index> ignore_class{};
  Reduction reduction = Reduction::mean;  ///< how positions become one number
};

/// -sum of t log p over the classes of the last axis, p = y / sum of y, or softmax(y). Keras's CategoricalCrossentropy;
/// PyTorch's CrossEntropyLoss (from logits).
///
/// Probabilities follow Keras: p is clipped to [1e-7, 1 - 1e-7]; the gradient is the exact one of that, 0 where
/// clipped. (Keras on TensorFlow looks through a final softmax and takes its logits: use from_logits.) Throws
/// ConfigError for options outside their range, ShapeError for another number of class weights than classes. exp, log
/// and sums are not Eigen's, for the bits (see training/rows.hpp).
class CategoricalCrossentropy : public Loss {
 public:
  explicit CategoricalCrossentropy(CategoricalCrossentropyOptions options = {})
      : CategoricalCrossentropy(std::move(options), false) {}
  KEEL_REFUSE_OTHER_OPTIONS(CategoricalCrossentropy)

  std::string name() const override { return sparse_ ? "sparse_categorical_crossentropy" : "categorical_crossentropy"; }
  Rows evaluate(const Rows& y, const Rows& target, Rows* dy) const override {
    Rows loss(y.rows(), 1);
    if (dy) dy->resize(y.rows(), y.cols());
    Vector t(y.cols()), slope(y.cols());
    for (Index i = 0; i < y.rows(); ++i) {
      const Row x = detail::row(y, i), label = detail::row(target, i);
      const bool counts = !ignores(label);
      if (counts) weigh(label, t);
      loss(i) = !counts ? 0 : options_.from_logits ? of_logits(x, t, slope) : of_probabilities(x, t, slope);
      for (Index c = 0; dy && c < y.cols(); ++c) (*dy)(i, c) = counts ? slope[c] : 0;
    }
    return loss;
  }

  void check(const Row& y, const Row& t, Index sample) const override {
    if (sparse_ && !ignores(t) && !(t[0] >= 0 && t[0] < static_cast<double>(y.size()) && t[0] == std::floor(t[0])))
      fail(sample, "labels that are whole numbers from 0 to " + std::to_string(y.size() - 1), t[0],
           y.size() == 1 ? "a single output belongs to binary_crossentropy"
                         : "classes are counted from 0, and the last layer has one output for each");
    for (Index c = 0; c < t.size() && !sparse_; ++c)
      if (t[c] < 0) fail(sample, "targets of 0 or more", t[c]);
    for (Index c = 0; c < y.size() && !options_.from_logits; ++c)
      if (y[c] < 0)
        fail(sample, "outputs that are probabilities", y[c], "set from_logits, or end the model in sigmoid or softmax");
  }
  bool sparse() const override { return sparse_; }
  void check_columns(Index columns) const override {
    if (!options_.class_weight.empty() && count_of(options_.class_weight) != columns)
      throw ShapeError(name(), std::to_string(columns) + " class weights",
                       std::to_string(options_.class_weight.size()));
  }
  const char* hint(const Shape& y, const Shape& target) const override {
    if (target.rank() == 1 && y.rank() > 2) return "one label a sample: is a Flatten missing before the last layer?";
    if (sparse_)
      return detail::same_but_trailing_ones(target, y) ? "one-hot targets belong to categorical_crossentropy" : "";
    return target.rank() < y.rank() ? "class numbers belong to sparse_categorical_crossentropy" : "";
  }
  bool ignores(const Row& t) const override {
    return sparse_ && options_.ignore_class && t[0] == static_cast<double>(*options_.ignore_class);
  }
  double share(const Row& t) const override {
    return sparse_ && !options_.class_weight.empty() ? nth(options_.class_weight, static_cast<Index>(t[0])) : 1;
  }
  Ending ending() const override { return options_.from_logits ? Ending::any : Ending::softmax; }
  Ending applies() const override { return options_.from_logits ? Ending::softmax : Ending::any; }
  std::shared_ptr<const Loss> from_logits() const override {
    auto loss = std::make_shared<CategoricalCrossentropy>(*this);
    loss->options_.from_logits = true;
    return loss;
  }

 protected:
  /// Of one-hot rows, or (sparse) of class numbers.
  CategoricalCrossentropy(CategoricalCrossentropyOptions options, bool sparse)
      : Loss(options.reduction), options_(std::move(options)), sparse_(sparse) {
    detail::check_label_smoothing(name(), options_.label_smoothing);
    for (const double weight : options_.class_weight) detail::check_positive(name(), "a class_weight", weight, true);
    if (options_.ignore_class && !sparse)
      throw ConfigError(name(), "ignore_class only with sparse_categorical_crossentropy", "it set");
  }

 private:
  using Vector = Eigen::ArrayXd;

  /// The smoothed target of each class times its weight.
  void weigh(const Row& label, Vector& t) const {
    const double s = options_.label_smoothing, classes = static_cast<double>(t.size());
    for (Index c = 0; c < t.size(); ++c) {
      const double truth = !sparse_ ? label[c] : c == static_cast<Index>(label[0]) ? 1 : 0;
      t[c] = truth * (1 - s) + s / classes;
      if (!options_.class_weight.empty()) t[c] *= nth(options_.class_weight, c);
    }
  }

  /// sum of t (log sum exp x - x); slope: softmax(x) sum t - t
  static double of_logits(const Row& x, const Vector& t, Vector& slope) {
    double top = x[0], sum = 0, truth = 0, loss = 0;
    for (Index c = 1; c < x.size(); ++c) top = x[c] > top ? x[c] : top;
    for (Index c = 0; c < x.size(); ++c) {
      slope[c] = std::exp(x[c] - top);
      sum += slope[c];
      truth += t[c];
    }
    const double log_sum = std::log(sum);
    for (Index c = 0; c < x.size(); ++c) {
      slope[c] = truth * slope[c] / sum - t[c];
      loss += t[c] == 0 ? 0 : t[c] * (log_sum - (x[c] - top));  // 0 log 0 = 0
    }
    return sum == sum ? loss : sum;
  }
  /// -sum of t log clip(q), q = p / sum p
  static double of_probabilities(const Row& p, const Vector& t, Vector& slope) {
    double total = 0, loss = 0, along = 0;
    for (Index c = 0; c < p.size(); ++c) total += p[c];
    for (Index c = 0; c < p.size(); ++c) {
      const double q = p[c] / total, clipped = detail::clip_probability(q);
      loss += t[c] * std::log(clipped);
      slope[c] = clipped != q && q == q ? 0 : -t[c] / q;
      along += slope[c] * q;
    }
    for (Index c = 0; c < p.size(); ++c) slope[c] = (slope[c] - along) / total;
    return -loss;
  }

  CategoricalCrossentropyOptions options_;
  bool sparse_;
};

/// The same with the class's number as target: -log p[t]. Keras's SparseCategoricalCrossentropy; PyTorch's
/// CrossEntropyLoss from logits, whose label -100 is ignored by default. Throws DataError for a label that is no class.
class SparseCategoricalCrossentropy : public CategoricalCrossentropy {
 public:
  explicit SparseCategoricalCrossentropy(CategoricalCrossentropyOptions options = {})
      : CategoricalCrossentropy(std::move(options), true) {}
  KEEL_REFUSE_OTHER_OPTIONS(SparseCategoricalCrossentropy)
};

}  // namespace KEEL_ABI
}  // namespace keel
