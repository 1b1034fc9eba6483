#pragma once
/// The losses that have a shorthand, and LossSpec, which holds any loss.

#include <type_traits>
#include <utility>

#include <keel/training/losses/categorical_crossentropy.hpp>
#include <keel/training/losses/huber.hpp>
#include <keel/training/losses/mean_absolute_error.hpp>
#include <keel/training/losses/mean_squared_error.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Keras's name of a loss.
inline const char* loss_name(Loss::Kind kind) {
  switch (kind) {
    case Loss::none: return "none";
    case Loss::mse: return "mse";
    case Loss::mae: return "mae";
    case Loss::huber: return "huber";
    case Loss::smooth_l1: return "smooth_l1";
    case Loss::binary_crossentropy: return "binary_crossentropy";
    case Loss::categorical_crossentropy: return "categorical_crossentropy";
    case Loss::sparse_categorical_crossentropy: return "sparse_categorical_crossentropy";
  }
  return "none";
}

/// The loss of that name. Throws ConfigError, with the names that there are, for another.
inline Loss::Kind loss_kind(std::string_view name) {
  constexpr Loss::Kind kinds[] = {Loss::mse,
                                  Loss::mae,
                                  Loss::huber,
                                  Loss::smooth_l1,
                                  Loss::binary_crossentropy,
                                  Loss::categorical_crossentropy,
                                  Loss::sparse_categorical_crossentropy};
  for (const Loss::Kind kind : kinds)
    if (name == loss_name(kind)) return kind;
  throw ConfigError("loss", "one of " + detail::join(kinds, ", ", loss_name), "\"" + std::string(name) + "\"",
                    "other losses are classes, such as BinaryFocalCrossentropy()");
}

/// The options of all losses that have a shorthand; each loss's own say what they mean. Throws nothing: LossSpec does.
struct LossOptions {
  bool from_logits = false;                             ///< of cross-entropies: y is logits
  double label_smoothing = 0;                           ///< of cross-entropies; within [0, 1)
  double delta = 1;                                     ///< of huber and smooth_l1; above 0
  Reduction reduction = Reduction::mean;                ///< how positions become one number
  LogOfZero log_of_zero = LogOfZero::clip_probability;  ///< of binary_crossentropy
  PositiveWeight pos_weight = 1;                        ///< of binary_crossentropy from logits; above 0
  /// Of categorical losses. Keras's class_weight weighs whole samples; that one is `FitOptions::class_weight`.
  std::vector<double> class_weight{};
  std::optional<Index> ignore_class{};  ///< of the sparse loss

  /// PyTorch's conventions: logits, means divided by class weights, label -100 ignored by the sparse loss,
  /// BCELoss's logs.
  static LossOptions torch(Loss::Kind loss) {
    LossOptions options;
    options.from_logits = is_crossentropy(loss);
    options.reduction = Reduction::weighted_mean;
    options.log_of_zero = LogOfZero::clamp_log;
    if (loss == Loss::sparse_categorical_crossentropy) options.ignore_class = -100;
    return options;
  }
  /// Whether it is of classes, one-hot or numbers.
  static bool is_categorical(Loss::Kind loss) {
    return loss == Loss::categorical_crossentropy || loss == Loss::sparse_categorical_crossentropy;
  }
  /// Whether it takes logits.
  static bool is_crossentropy(Loss::Kind loss) { return loss == Loss::binary_crossentropy || is_categorical(loss); }
};

namespace detail {

/// Throws ConfigError for an option that belongs to another loss.
inline void check_loss_options(Loss::Kind kind, const LossOptions& o) {
  const std::string who = loss_name(kind);
  check_positive(who, "delta", o.delta);
  o.pos_weight.check(who);
  check_label_smoothing(who, o.label_smoothing);
  for (const double weight : o.class_weight) check_positive(who, "a class_weight", weight, true);
  const auto only = [&](bool fits, const char* option, const char* losses) {
    if (!fits) throw ConfigError(who, std::string(option) + " only with " + losses, "it set");
  };
  only(LossOptions::is_crossentropy(kind) || !(o.from_logits || o.label_smoothing != 0),
       "from_logits and label_smoothing", "cross-entropies");
  only((kind == Loss::binary_crossentropy && o.from_logits) || o.pos_weight.is_one(), "pos_weight",
       "binary_crossentropy from logits");
  only(LossOptions::is_categorical(kind) || o.class_weight.empty(), "class_weight", "categorical cross-entropies");
  only(kind == Loss::sparse_categorical_crossentropy || !o.ignore_class, "ignore_class",
       "sparse_categorical_crossentropy");
}

/// The loss of that name; null for none. (A template, so that keel::compiled has it.)
template <class = void>
std::shared_ptr<const Loss> make_loss(Loss::Kind kind, const LossOptions& o) {
  check_loss_options(kind, o);
  const CategoricalCrossentropyOptions categorical{.from_logits = o.from_logits,
                                                   .label_smoothing = o.label_smoothing,
                                                   .class_weight = o.class_weight,
                                                   .ignore_class = o.ignore_class,
                                                   .reduction = o.reduction};
  switch (kind) {
    case Loss::none: return nullptr;
    case Loss::mse: return std::make_shared<MeanSquaredError>(ReductionOptions{o.reduction});
    case Loss::mae: return std::make_shared<MeanAbsoluteError>(ReductionOptions{o.reduction});
    case Loss::huber: return std::make_shared<Huber>(HuberOptions{o.delta, o.reduction});
    case Loss::smooth_l1: return std::make_shared<SmoothL1>(HuberOptions{o.delta, o.reduction});
    case Loss::binary_crossentropy:
      return std::make_shared<BinaryCrossentropy>(BinaryCrossentropyOptions{.from_logits = o.from_logits,
                                                                            .label_smoothing = o.label_smoothing,
                                                                            .log_of_zero = o.log_of_zero,
                                                                            .pos_weight = o.pos_weight,
                                                                            .reduction = o.reduction});
    case Loss::categorical_crossentropy: return std::make_shared<CategoricalCrossentropy>(categorical);
    case Loss::sparse_categorical_crossentropy: return std::make_shared<SparseCategoricalCrossentropy>(categorical);
  }
  return nullptr;
}

KEEL_INSTANCE(std::shared_ptr<const Loss> make_loss<void>(Loss::Kind, const LossOptions&))

}  // namespace detail

namespace detail {

/// A function as Loss::evaluate is.
template <class F>
concept LossFunction = std::is_invocable_r_v<Loss::Rows, const F&, const Loss::Rows&, const Loss::Rows&, Loss::Rows*>;

template <class F>
class FunctionLoss : public Loss {
 public:
  FunctionLoss(F f, std::string name) : f_(std::move(f)), name_(std::move(name)) {}
  std::string name() const override { return name_; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override { return f_(y, t, dy); }

 private:
  F f_;
  std::string name_;
};

}  // namespace detail

/// Any loss: `LossSpec loss = Loss::mse;`, `LossSpec loss{Loss::huber, {.delta = 2}};`, `LossSpec loss = Huber({.delta
/// = 2});` or a class of a user's own.
///
/// Shapes: y (batch, ..., C). The target has y's shape; for a sparse loss it has none or one in place of C. Trailing
/// axes of 1 may be left out: y (batch, 1) takes a target (batch). Weights, where given: one value a sample or one a
/// position. All may also be matrices, maps or expressions of Eigen's.
///
/// Sums are taken in double, in the order of the samples. Throws ConfigError for options outside their range,
/// ShapeError, and DataError for an empty batch and for labels or probabilities out of range, before anything is
/// written.
class LossSpec {
 public:
  LossSpec() = default;
  /// A shorthand: `Loss::mse`, `{Loss::huber, {.delta = 2}}`.
  LossSpec(Loss::Kind kind, const LossOptions& options = {}) : loss_(detail::make_loss(kind, options)) {}
  /// A loss of keel's or one's own: `Huber({.delta = 2})`.
  template <class L>
  requires std::is_base_of_v<Loss, L> LossSpec(L loss) : loss_(std::make_shared<const L>(std::move(loss))) {}
  explicit LossSpec(std::shared_ptr<const Loss> loss) : loss_(std::move(loss)) {}  ///< The same, shared.
  /// By Keras's name: "mse". Throws ConfigError for one that is no shorthand's.
  template <NameText Text>
  LossSpec(const Text& name) : LossSpec(loss_kind(name)) {}
  template <class Why = MisspeltOptionOrWrongTypeOrArgument>
  LossSpec(Loss::Kind, ...) = delete;
  /// A function as `Loss::evaluate` is, and a name for messages:
  /// `.loss = [](const Loss::Rows& y, const Loss::Rows& t, Loss::Rows* dy) -> Loss::Rows { ... }`.
  template <detail::LossFunction F>
  LossSpec(F f, std::string name = "loss")
      : loss_(std::make_shared<const detail::FunctionLoss<F>>(std::move(f), std::move(name))) {}
  /// Refused: what is no loss, such as a function of other arguments.
  template <class NotALoss>
  requires(!NameText<NotALoss> && !std::is_base_of_v<Loss, NotALoss> && !std::is_base_of_v<LossSpec, NotALoss> &&
           !std::is_convertible_v<NotALoss, Loss::Kind> && !detail::LossFunction<NotALoss>) LossSpec(const NotALoss&)
  KEEL_REFUSED(
      "a loss is Loss::mse, \"mse\", Huber({.delta = 2}), a function like Loss::evaluate or of a class derived from "
      "Loss")

  bool empty() const { return !loss_; }  ///< Whether there is none.
  /// Throws ConfigError where there is none.
  const Loss& loss() const {
    if (!loss_) throw ConfigError("loss", "a loss, such as Loss::mse", "none");
    return *loss_;
  }
  std::string name() const { return loss_ ? loss_->name() : "none"; }  ///< In messages; "none" without a loss.

  /// The loss of a batch: `loss.value(y, target)`.
  template <class Y>
  double value(const Y& y, const std::type_identity_t<TensorRef<typename Y::Scalar>>& target,
               const std::type_identity_t<TensorRef<typename Y::Scalar>>& weights = {}) const {
    using T = typename Y::Scalar;
    return detail::evaluate_loss<T>(loss(), TensorRef<T>(y), target, weights, nullptr);
  }
  /// The loss of a batch, and its gradient with respect to y in `dy`, which takes y's shape.
  template <class T>
  double value_and_gradient(const std::type_identity_t<TensorRef<T>>& y,
                            const std::type_identity_t<TensorRef<T>>& target, Tensor<T>& dy,
                            const std::type_identity_t<TensorRef<T>>& weights = {}) const {
    return detail::evaluate_loss<T>(loss(), y, target, weights, &dy);
  }

 private:
  std::shared_ptr<const Loss> loss_;
};

}  // namespace KEEL_ABI
}  // namespace keel
