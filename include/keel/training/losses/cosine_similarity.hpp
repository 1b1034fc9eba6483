#pragma once
/// The cosine between output and target.

#include <keel/training/losses/loss.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// -sum of t y / (|t| |y|) over the last axis: -1 where both point the same way. |x| is sqrt(max(sum x^2, 1e-14)):
/// Keras's
/// CosineSimilarity. PyTorch's CosineEmbeddingLoss with label 1 is 1 more.
class CosineSimilarity : public Loss {
 public:
  explicit CosineSimilarity(ReductionOptions options = {}) : Loss(options.reduction) {}
  KEEL_REFUSE_OTHER_OPTIONS(CosineSimilarity)
  std::string name() const override { return "cosine_similarity"; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    Rows loss(y.rows(), 1);
    if (dy) dy->resize(y.rows(), y.cols());
    for (Index i = 0; i < y.rows(); ++i) {
      const Row a = detail::row(y, i), b = detail::row(t, i);
      const double aa = detail::ordered_sum(a.square()), bb = detail::ordered_sum(b.square());
      const double length = std::sqrt(aa < least ? least : aa), unit = std::sqrt(bb < least ? least : bb);
      const double cosine = detail::ordered_sum(a * b) / length / unit;
      loss(i) = -cosine;
      if (dy) dy->row(i) = (aa < least ? 0.0 : cosine / aa) * a - b / (length * unit);
    }
    return loss;
  }

 private:
  static constexpr double least = 1e-14;  // 1e-7 squared
};

}  // namespace KEEL_ABI
}  // namespace keel
