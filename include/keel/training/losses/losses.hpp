#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <keel/tensor/tensor_ref.hpp>
#include <keel/tensor/range.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Losses under Keras's names. With y the model's output, t the target and e = y - t, one position (all values of
/// the last axis) loses
///   mse   mean of e^2                      mae   mean of |e|
///   huber mean of e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2
///   smooth_l1 huber / delta                (PyTorch's SmoothL1Loss, delta being its beta)
///   binary_crossentropy      mean of -[t log y + (1 - t) log(1 - y)]
///   categorical_crossentropy -sum of t log y over the classes of the last axis
///   sparse_categorical_crossentropy  the same with the class's number as target: -log y[t]
/// Sources: keras.io/api/losses, pytorch.org/docs/stable/nn.html#loss-functions.
enum class Loss {
  none,
  mse,
  mae,
  huber,
  smooth_l1,
  binary_crossentropy,
  categorical_crossentropy,
  sparse_categorical_crossentropy
};

inline const char* loss_name(Loss loss) {
  static constexpr const char* names[] = {"none",
                                          "mse",
                                          "mae",
                                          "huber",
                                          "smooth_l1",
                                          "binary_crossentropy",
                                          "categorical_crossentropy",
                                          "sparse_categorical_crossentropy"};
  return names[static_cast<int>(loss)];
}

/// How the positions' losses l with sample weights w become one number.
enum class Reduction {
  /// sum of w l / number of positions: Keras's "sum_over_batch_size".
  mean,
  /// sum of w l / sum of w: Keras's "mean_with_sample_weight". The sparse cross-entropy also counts its labels'
  /// `class_weight` in the divisor, as PyTorch's CrossEntropyLoss(weight) does.
  weighted_mean,
  /// sum of w l: Keras's "sum", which keeps the mean over the last axis of mse, mae, huber and binary.
  sum,
  /// PyTorch's "sum": no mean over the last axis either.
  element_sum
};

/// What binary_crossentropy does about log 0 when it is given probabilities.
enum class LogOfZero {
  /// Keras: y is clipped to [1e-7, 1 - 1e-7]; no gradient where it was.
  clip_probability,
  /// PyTorch's BCELoss: logarithms below -100 count as -100; the gradient is (y - t) / max(y (1 - y), 1e-12).
  clamp_log
};

struct LossOptions {
  /// The model's output goes through sigmoid (binary) or softmax (categorical) inside the loss, in the form that
  /// does not overflow. A model that ends in log_softmax (PyTorch's NLLLoss) wants true as well: values and
  /// gradients of the weights are the same.
  bool from_logits = false;
  /// s: targets become t (1 - s) + s / C, C being the number of classes, 2 for binary. In [0, 1).
  double label_smoothing = 0;
  /// Where huber and smooth_l1 turn from a parabola to a line.
  double delta = 1;
  Reduction reduction = Reduction::mean;
  LogOfZero log_of_zero = LogOfZero::clip_probability;
  /// Weight of the positive class, binary from logits: PyTorch's BCEWithLogitsLoss(pos_weight).
  double pos_weight = 1;
  /// A factor for each class inside a categorical loss, after smoothing: PyTorch's CrossEntropyLoss(weight).
  /// Keras's class_weight weighs whole samples; that one is `FitOptions::class_weight`.
  std::vector<double> class_weight{};
  /// Labels of the sparse loss that count neither in the sum nor in the divisor: Keras's ignore_class, PyTorch's
  /// ignore_index.
  std::optional<Index> ignore_class{};

  /// PyTorch's conventions: logits, means divided by class weights, label -100 ignored by the sparse loss,
  /// BCELoss's logs.
  static LossOptions torch(Loss loss) {
    LossOptions options;
    options.from_logits = loss >= Loss::binary_crossentropy;
    options.reduction = Reduction::weighted_mean;
    options.log_of_zero = LogOfZero::clamp_log;
    if (loss == Loss::sparse_categorical_crossentropy) options.ignore_class = -100;
    return options;
  }
};

/// A loss with its options: `LossSpec loss = Loss::mse;` or `LossSpec loss{Loss::huber, {.delta = 2}};`
///
/// Shapes: y (batch, ..., C). The target has y's shape; for the sparse loss it has none or one in place of C.
/// Trailing axes of 1 may be left out: y (batch, 1) takes a target (batch). Weights, where given: one value a
/// sample or one a position.
///
/// Categorical losses from probabilities follow Keras: p / sum p, clipped to [1e-7, 1 - 1e-7]; the gradient is the
/// exact one of that, 0 where clipped. (Keras on TensorFlow looks through a final softmax and takes its logits:
/// use from_logits.)
///
/// Sums are taken in double, in the order of the samples. Throws ConfigError for options outside their range,
/// ShapeError, and DataError for an empty batch and for labels or probabilities out of range, before anything is
/// written.
class LossSpec {
 public:
  LossSpec() = default;
  LossSpec(Loss kind, LossOptions options = {}) : kind_(kind), options_(std::move(options)) { check(); }

  Loss kind() const { return kind_; }
  const LossOptions& options() const { return options_; }
  std::string name() const { return loss_name(kind_); }

  /// The loss of a batch: `loss.value(y, target)`. All may also be matrices, maps or expressions of Eigen's.
  template <class Y>
  double value(const Y& y, const std::type_identity_t<TensorRef<typename Y::Scalar>>& target,
               const std::type_identity_t<TensorRef<typename Y::Scalar>>& weights = {}) const {
    using T = typename Y::Scalar;
    return run<T>(TensorRef<T>(y), target, weights, nullptr);
  }
  /// The loss of a batch, and its gradient with respect to y in `dy`, which takes y's shape.
  template <class T>
  double value_and_gradient(const std::type_identity_t<TensorRef<T>>& y,
                            const std::type_identity_t<TensorRef<T>>& target, Tensor<T>& dy,
                            const std::type_identity_t<TensorRef<T>>& weights = {}) const {
    return run<T>(y, target, weights, &dy);
  }

 private:
  bool categorical() const {
    return kind_ == Loss::categorical_crossentropy || kind_ == Loss::sparse_categorical_crossentropy;
  }
  bool sparse() const { return kind_ == Loss::sparse_categorical_crossentropy; }

  void check() const {
    const LossOptions& o = options_;
    const std::string who = name();
    const bool binary = kind_ == Loss::binary_crossentropy;
    detail::check_positive(who, "delta", o.delta);
    detail::check_positive(who, "pos_weight", o.pos_weight);
    if (!(o.label_smoothing >= 0 && o.label_smoothing < 1))
      throw ConfigError(who, "label_smoothing within [0, 1)", detail::text(o.label_smoothing));
    for (const double weight : o.class_weight) detail::check_positive(who, "a class_weight", weight, true);
    const auto only = [&](bool fits, const char* option, const char* losses) {
      if (!fits) throw ConfigError(who, std::string(option) + " only with " + losses, "it set");
    };
    only(binary || categorical() || !(o.from_logits || o.label_smoothing != 0), "from_logits and label_smoothing",
         "cross-entropies");
    only((binary && o.from_logits) || o.pos_weight == 1, "pos_weight", "binary_crossentropy from logits");
    only(categorical() || o.class_weight.empty(), "class_weight", "categorical cross-entropies");
    only(sparse() || !o.ignore_class, "ignore_class", "sparse_categorical_crossentropy");
  }

  template <class T>
  double run(const TensorView<const T>& y, const TensorView<const T>& target, const TensorView<const T>& weights,
             Tensor<T>* dy) const {
    check_shapes(y.shape(), target.shape(), weights.shape());
    const Index columns = y.rank() == 1 ? 1 : y.shape().back(), positions = y.size() / columns;
    const Index per_weight = weights.size() == 0 ? 0 : positions / weights.size();
    const auto weight_of = [&](Index i) { return per_weight == 0 ? 1.0 : double(weights[i / per_weight]); };
    const Index labels = sparse() ? 1 : columns;

    double divisor = 0;
    for (Index i = 0; i < positions; ++i) {
      const double weight = weight_of(i);
      const Index sample = i / (positions / y.shape()[0]);
      if (!is_finite(weight) || weight < 0) fail(sample, "sample weights of 0 or more", weight);
      check_target(sample, columns, y.data() + i * columns, target.data() + i * labels);
      if (sparse() && ignored(target[i])) continue;
      divisor += options_.reduction != Reduction::weighted_mean ? 1
                 : sparse() && !options_.class_weight.empty()
                     ? weight * nth(options_.class_weight, static_cast<Index>(target[i]))
                     : weight;
    }
    if (options_.reduction == Reduction::sum) divisor = 1;
    if (options_.reduction == Reduction::element_sum) divisor = categorical() ? 1 : 1 / static_cast<double>(columns);
    const double scale = divisor == 0 ? 0 : 1 / divisor;  // every label ignored, or every weight 0: no loss

    if (dy) dy->resize(y.shape());
    double sum = 0;
    for (Index i = 0; i < positions; ++i) {
      const T* row = y.data() + i * columns;
      const T* t = target.data() + i * labels;
      T* gradient = dy ? dy->data() + i * columns : nullptr;
      const double weight = weight_of(i);
      if (categorical())
        sum += weight * class_loss(columns, row, t, gradient, weight * scale);
      else
        sum += weight * element_loss(columns, row, t, gradient, weight * scale);
    }
    return sum * scale;
  }

  void check_shapes(const Shape& y, const Shape& target, const Shape& weights) const {
    if (kind_ == Loss::none) throw ConfigError("loss", "a loss, such as Loss::mse", "none");
    if (y.rank() == 0 || y[0] == 0) throw DataError(name(), "a batch of at least one sample", "shape " + y.to_string());
    const Shape expected = sparse() && y.rank() > 1 ? Shape(y.dims().first(to_size(y.rank() - 1))) : y;
    if (!same_but_trailing_ones(target, expected) || y.size() == 0) {
      const char* hint = sparse() && same_but_trailing_ones(target, y)
                             ? "one-hot targets belong to categorical_crossentropy"
                         : kind_ == Loss::categorical_crossentropy && target.rank() < y.rank()
                             ? "class numbers belong to sparse_categorical_crossentropy"
                             : "";
      throw ShapeError(name(), "targets of shape " + expected.to_string() + " for an output " + y.to_string(),
                       target.to_string(), hint);
    }
    if (weights.size() != 0 && weights.size() != y[0] && weights.size() * (y.rank() == 1 ? 1 : y.back()) != y.size())
      throw ShapeError(name(), "one weight a sample, (" + std::to_string(y[0]) + ")", weights.to_string());
    if (categorical() && !options_.class_weight.empty() && count_of(options_.class_weight) != y.back())
      throw ShapeError(name(), std::to_string(y.back()) + " class weights",
                       std::to_string(options_.class_weight.size()));
  }

  static bool same_but_trailing_ones(const Shape& a, const Shape& b) {
    for (Index axis = 0; axis < (std::max)(a.rank(), b.rank()); ++axis)
      if ((axis < a.rank() ? a[axis] : 1) != (axis < b.rank() ? b[axis] : 1)) return false;
    return a.rank() > 0;
  }

  [[noreturn]] void fail(Index sample, const std::string& expected, double got, const char* hint = "") const {
    throw DataError(name(), expected, detail::text(got, 9) + " in sample " + std::to_string(sample), hint);
  }

  template <class T>
  bool ignored(T label) const {
    return options_.ignore_class && static_cast<double>(label) == static_cast<double>(*options_.ignore_class);
  }

  template <class T>
  void check_target(Index sample, Index columns, const T* y, const T* target) const {
    if (sparse()) {
      const auto label = static_cast<double>(*target);
      if (!ignored(*target) && !(label >= 0 && label < static_cast<double>(columns) && label == std::floor(label)))
        fail(sample, "labels that are whole numbers from 0 to " + std::to_string(columns - 1), label,
             columns == 1 ? "a single output belongs to binary_crossentropy" : "");
    } else {
      const double top = kind_ == Loss::binary_crossentropy ? 1 : HUGE_VAL;
      for (Index c = 0; c < columns; ++c)
        if (!is_finite(target[c])) fail(sample, "finite targets", double(target[c]));
      if (kind_ >= Loss::binary_crossentropy)
        for (Index c = 0; c < columns; ++c)
          if (target[c] < 0 || double(target[c]) > top)
            fail(sample, top == 1 ? "targets within [0, 1]" : "targets of 0 or more", double(target[c]));
    }
    if (kind_ < Loss::binary_crossentropy || options_.from_logits) return;
    for (Index c = 0; c < columns; ++c)
      if (y[c] < 0 || (!categorical() && double(y[c]) > 1 + 1e-4))
        fail(sample, "outputs that are probabilities", double(y[c]),
             "set from_logits, or end the model in sigmoid or softmax");
  }

  /// Mean over the row; gradient, where wanted, times `scale`.
  template <class T>
  double element_loss(Index columns, const T* y, const T* target, T* dy, double scale) const {
    double sum = 0;
    for (Index c = 0; c < columns; ++c) {
      double slope = 0;
      sum += element(double(y[c]), double(target[c]), slope);
      if (dy) dy[c] = static_cast<T>(slope * scale / static_cast<double>(columns));
    }
    return sum / static_cast<double>(columns);
  }

  double element(double y, double t, double& slope) const {
    const double e = y - t, size = std::abs(e);
    switch (kind_) {
      case Loss::mse: slope = 2 * e; return e * e;
      case Loss::mae: slope = e == 0 ? 0 : e / size; return size;
      case Loss::huber:
      case Loss::smooth_l1: {
        const double delta = options_.delta, unit = kind_ == Loss::huber ? 1 : delta;
        slope = (size <= delta ? e : delta * (e / size)) / unit;
        return (size <= delta ? e * e / 2 : delta * size - delta * delta / 2) / unit;
      }
      default:
        t = t * (1 - options_.label_smoothing) + options_.label_smoothing / 2;
        return options_.from_logits ? binary_from_logit(y, t, slope) : binary(y, t, slope);
    }
  }

  /// (1 - t) log(1 + e^x) + pos_weight t log(1 + e^-x)
  double binary_from_logit(double x, double t, double& slope) const {
    const double positive = options_.pos_weight * t;
    const double tail = std::log1p(std::exp(-std::abs(x)));
    slope = (1 - t) / (1 + std::exp(-x)) - positive / (1 + std::exp(x));
    return (1 - t) * ((x > 0 ? x : 0) + tail) + positive * ((x < 0 ? -x : 0) + tail);
  }

  double binary(double p, double t, double& slope) const {
    if (options_.log_of_zero == LogOfZero::clamp_log) {
      const double span = p * (1 - p), log_p = std::log(p), log_q = std::log1p(-p);
      slope = (p - t) / (span < 1e-12 ? 1e-12 : span);
      return -t * (log_p < -100 ? -100 : log_p) - (1 - t) * (log_q < -100 ? -100 : log_q);
    }
    const double clipped = clip(p);
    slope = clipped != p && p == p ? 0 : (1 - t) / (1 - p) - t / p;
    return -t * std::log(clipped) - (1 - t) * std::log1p(-clipped);
  }

  static double clip(double p) { return p < 1e-7 ? 1e-7 : p > 1 - 1e-7 ? 1 - 1e-7 : p; }

  /// Class weight times smoothed target of class c.
  template <class T>
  double class_target(Index columns, const T* target, Index c) const {
    const double s = options_.label_smoothing;
    const double hot = sparse() ? (static_cast<Index>(*target) == c ? 1.0 : 0.0) : double(target[c]);
    const double weight = options_.class_weight.empty() ? 1 : nth(options_.class_weight, c);
    return weight * (hot * (1 - s) + s / static_cast<double>(columns));
  }

  template <class T>
  double class_loss(Index columns, const T* y, const T* target, T* dy, double scale) const {
    if (sparse() && ignored(*target)) {
      if (dy) std::fill(dy, dy + columns, T(0));
      return 0;
    }
    return options_.from_logits ? class_from_logits(columns, y, target, dy, scale)
                                : class_from_probabilities(columns, y, target, dy, scale);
  }

  /// sum of t (log sum exp x - x); gradient softmax(x) sum t - t
  template <class T>
  double class_from_logits(Index columns, const T* x, const T* target, T* dy, double scale) const {
    auto top = double(x[0]);
    for (Index c = 1; c < columns; ++c)
      if (!(double(x[c]) <= top)) top = double(x[c]);
    double sum = 0;
    for (Index c = 0; c < columns; ++c) sum += std::exp(double(x[c]) - top);
    const double log_sum = std::log(sum);
    double loss = 0, mass = 0;
    for (Index c = 0; c < columns; ++c) {
      const double t = class_target(columns, target, c);
      if (t == 0) continue;  // 0 log 0 = 0
      loss += t * (log_sum - (double(x[c]) - top));
      mass += t;
    }
    if (dy)
      for (Index c = 0; c < columns; ++c)
        dy[c] = static_cast<T>(scale * (mass * std::exp(double(x[c]) - top) / sum - class_target(columns, target, c)));
    return sum == sum ? loss : sum;
  }

  /// -sum of t log clip(p / sum p)
  template <class T>
  double class_from_probabilities(Index columns, const T* p, const T* target, T* dy, double scale) const {
    double total = 0;
    for (Index c = 0; c < columns; ++c) total += double(p[c]);
    const auto slope = [&](Index c, double q) {
      return clip(q) != q && q == q ? 0 : -class_target(columns, target, c) / q;
    };
    double loss = 0, dot = 0;
    for (Index c = 0; c < columns; ++c) {
      const double q = double(p[c]) / total;
      loss -= class_target(columns, target, c) * std::log(clip(q));
      dot += slope(c, q) * q;
    }
    if (dy)
      for (Index c = 0; c < columns; ++c)
        dy[c] = static_cast<T>(scale * (slope(c, double(p[c]) / total) - dot) / total);
    return loss;
  }

  Loss kind_ = Loss::none;
  LossOptions options_;
};

}  // namespace KEEL_ABI
}  // namespace keel
