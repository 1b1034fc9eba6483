#pragma once
/// What a loss is: the base class of keel's and of a user's, and how positions' losses become one number.

#include <memory>
#include <string>

#include <keel/tensor/range.hpp>
#include <keel/training/rows.hpp>

namespace keel {
inline namespace KEEL_ABI {

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

/// What losses without options of their own have.
struct ReductionOptions {
  Reduction reduction = Reduction::mean;  ///< how positions become one number
};

/// The base of losses. With y the model's output and t the target, a class says what each value, or each position (all
/// values of the last axis), loses; this one does the rest: shapes, weights, reduction. A user's own:
///
///     struct Pinball : Loss {
///       std::string name() const override { return "pinball"; }
///       Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
///         const Rows e = t - y;
///         if (dy) *dy = (e > 0).cast<double>() * -1.0 + 0.1;
///         return (e > 0).select(0.9 * e, -0.1 * e);
///       }
///     };
///     fit(model, data, {.loss = Pinball()});
///
/// The shorthands, `Loss::mse` and so on, are in losses.hpp.
class Loss {
 public:
  /// Keras's names for the losses that a LossSpec is made of by name.
  enum Kind {
    none,
    mse,
    mae,
    huber,
    smooth_l1,
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy
  };
  /// (positions, values of the last axis)
  using Rows = detail::Rows;
  using Row = detail::Row;  ///< (values of the last axis): one position
  /// What a model may end in so that this loss can be computed from what comes before it.
  enum class Ending { any, sigmoid, softmax };

  explicit Loss(Reduction reduction = Reduction::mean) : reduction_(reduction) {}  ///< How positions become one number.
  virtual ~Loss() = default;

  /// In messages.
  virtual std::string name() const = 0;
  /// The losses: of each value (as many columns as y), of which a position takes the mean, or of each position (one
  /// column). Where `dy` is not null, it becomes the slopes of these by y, of y's shape. All rows are independent.
  virtual Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const = 0;

  /// Throws DataError where a position's values cannot be used, with its sample's number. Targets are finite already,
  /// unless they are class numbers.
  virtual void check(const Row& /*y*/, const Row& /*t*/, Index /*sample*/) const {}
  /// Whether the loss is one of all values of a batch together: y and t are a single row then, and weights are refused.
  virtual bool of_batch() const { return false; }
  /// Whether targets are class numbers, one a position.
  virtual bool sparse() const { return false; }
  /// Throws ShapeError for an output of which this loss can be none.
  virtual void check_columns(Index /*columns*/) const {}
  /// What to do about targets of the wrong shape.
  virtual const char* hint(const Shape& /*y*/, const Shape& /*target*/) const { return ""; }
  /// Whether a position counts nowhere.
  virtual bool ignores(const Row& /*t*/) const { return false; }
  /// How much a position weighs in Reduction::weighted_mean's divisor.
  virtual double share(const Row& /*t*/) const { return 1; }
  /// The ending that may be left out in training, and the loss that is then used: see FitOptions::through_logits.
  virtual Ending ending() const { return Ending::any; }
  virtual std::shared_ptr<const Loss> from_logits() const { return nullptr; }  ///< Null where nothing may be left out.
  /// What this loss applies to y itself, where y is logits: a model that ends in it as well is refused.
  virtual Ending applies() const { return Ending::any; }

  Reduction reduction() const { return reduction_; }  ///< How positions become one number.

 protected:
  /// Throws DataError about a value of a sample.
  [[noreturn]] void fail(Index sample, const std::string& expected, double got, const char* hint = "") const {
    throw DataError(name(), expected, detail::text(got, 9) + " in sample " + std::to_string(sample), hint);
  }

 private:
  Reduction reduction_;
};

namespace detail {

inline bool same_but_trailing_ones(const Shape& a, const Shape& b) {
  for (Index axis = 0; axis < (std::max)(a.rank(), b.rank()); ++axis)
    if ((axis < a.rank() ? a[axis] : 1) != (axis < b.rank() ? b[axis] : 1)) return false;
  return a.rank() > 0;
}

inline void check_loss_shapes(const Loss& loss, const Shape& y, const Shape& target, const Shape& weights) {
  if (y.rank() == 0 || y[0] == 0)
    throw DataError(loss.name(), "a batch of at least one sample", "shape " + y.to_string());
  const Shape expected = loss.sparse() && y.rank() > 1 ? Shape(y.dims().first(to_size(y.rank() - 1))) : y;
  if (!same_but_trailing_ones(target, expected) || y.size() == 0)
    throw ShapeError(loss.name(), "targets of shape " + expected.to_string() + " for an output " + y.to_string(),
                     target.to_string(), loss.hint(y, target));
  if (weights.size() != 0 && weights.size() != y[0] && weights.size() * (y.rank() == 1 ? 1 : y.back()) != y.size())
    throw ShapeError(loss.name(), "one weight a sample, (" + std::to_string(y[0]) + ")", weights.to_string());
  if (weights.size() != 0 && loss.of_batch())
    throw ConfigError(loss.name(), "no sample weights, as the loss is one of the whole batch", weights.to_string());
  loss.check_columns(y.back());
}

/// A batch as positions, some at a time.
template <class T>
class LossRun {
 public:
  LossRun(const Loss& loss, const TensorView<const T>& y, const TensorView<const T>& target,
          const TensorView<const T>& weights)
      : loss_(loss), y_(y), target_(target), weights_(weights) {
    check_loss_shapes(loss, y.shape(), target.shape(), weights.shape());
    columns_ = loss.of_batch() ? y.size() : y.rank() == 1 ? 1 : y.shape().back();
    labels_ = loss.sparse() ? 1 : columns_;
    positions_ = y.size() / columns_;
    per_weight_ = weights.size() == 0 ? 0 : positions_ / weights.size();
  }

  /// The loss and, where it is not null, its gradient in `dy`. Nothing is written where the data are refused.
  double value(Tensor<T>* dy) {
    const double divisor = check();
    scale_ = divisor == 0 ? 0 : 1 / divisor;  // every label ignored, or every weight 0: no loss
    if (dy) dy->resize(y_.shape());
    double sum = 0;
    for_rows([&](Index first) { add(loss_.evaluate(rows_, targets_, dy ? &slopes_ : nullptr), first, dy, sum); });
    return sum * scale_;
  }

 private:
  double weight(Index position) const {
    return per_weight_ == 0 ? 1.0 : static_cast<double>(weights_[position / per_weight_]);
  }

  template <class F>
  void for_rows(F&& f) {
    for (Index first = 0; first < positions_; first += rows_at_once(columns_)) {
      const Index count = (std::min)(rows_at_once(columns_), positions_ - first);
      take_rows(y_.data() + first * columns_, count, columns_, rows_);
      take_rows(target_.data() + first * labels_, count, labels_, targets_);
      f(first);
    }
  }

  /// What the sum of losses is divided by, after a check of all weights and targets.
  double check() {
    double divisor = 0;
    for_rows([&](Index first) {
      for (Index i = 0; i < rows_.rows(); ++i) divisor += check(first + i, row(rows_, i), row(targets_, i));
    });
    if (loss_.reduction() == Reduction::sum) return 1;
    return loss_.reduction() == Reduction::element_sum ? 1 : divisor;
  }
  double check(Index position, const Row& y, const Row& t) const {
    const Index sample = position * y_.shape()[0] / positions_;
    const double w = weight(position);
    if (!is_finite(w) || w < 0) fail(sample, "sample weights of 0 or more", w);
    if (!loss_.sparse())
      for (Index c = 0; c < t.size(); ++c)
        if (!is_finite(t[c])) fail(sample, "finite targets", t[c]);
    loss_.check(y, t, sample);
    if (loss_.ignores(t)) return 0;
    return loss_.reduction() == Reduction::weighted_mean ? w * loss_.share(t) : 1;
  }
  [[noreturn]] void fail(Index sample, const char* expected, double got) const {
    throw DataError(loss_.name(), expected, text(got, 9) + " in sample " + std::to_string(sample));
  }

  /// Adds the losses of the rows from position `first` on, weighted, to `sum`; their slopes go to `dy`.
  void add(const Loss::Rows& losses, Index first, Tensor<T>* dy, double& sum) {
    const bool each = losses.cols() == columns_;  // a loss for each value
    const auto values = static_cast<double>(each ? columns_ : 1);
    if (losses.rows() != rows_.rows() || (!each && losses.cols() != 1))
      throw ConfigError(loss_.name(), "losses of each value or each position", size_of(losses));
    if (dy && (slopes_.rows() != rows_.rows() || slopes_.cols() != columns_))
      throw ConfigError(loss_.name(), "slopes of the output's shape", size_of(slopes_));
    if (loss_.reduction() == Reduction::element_sum) scale_ = 1 / (1 / values);
    for (Index i = 0; i < losses.rows(); ++i) {
      const double w = weight(first + i);
      sum += w * (ordered_sum(row(losses, i)) / values);
      if (!dy) continue;
      T* const out = dy->data() + (first + i) * columns_;
      for (Index c = 0; c < columns_; ++c) out[c] = static_cast<T>(slopes_(i, c) * (w * scale_) / values);
    }
  }
  static std::string size_of(const Loss::Rows& rows) { return Shape{rows.rows(), rows.cols()}.to_string(); }

  const Loss& loss_;
  TensorView<const T> y_, target_, weights_;
  Index columns_ = 0, labels_ = 0, positions_ = 0, per_weight_ = 0;
  double scale_ = 0;
  Loss::Rows rows_, targets_, slopes_;
};

template <class T>
double evaluate_loss(const Loss& loss, const TensorView<const T>& y, const TensorView<const T>& target,
                     const TensorView<const T>& weights, Tensor<T>* dy) {
  return LossRun<T>(loss, y, target, weights).value(dy);
}

KEEL_INSTANCE(double evaluate_loss(const Loss&, const TensorView<const float>&, const TensorView<const float>&,
                                   const TensorView<const float>&, Tensor<float>*))

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
