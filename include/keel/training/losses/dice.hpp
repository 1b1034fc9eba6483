#pragma once
/// Losses of the overlap of output and target: Dice and Tversky.

#include <keel/training/losses/loss.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Keras's names and defaults.
struct TverskyOptions {
  double alpha = 0.5;  ///< weight of what is said and not there; 0 or more
  double beta = 0.5;   ///< weight of what is there and not said; 0 or more
};

/// 1 - S / (S + alpha sum (1 - t) y + beta sum t (1 - y) + 1e-7), S = sum of t y, over a whole batch: Keras's Tversky
/// with axis=None. Salehi et al., 2017. Samples have no weights of their own. Throws ConfigError for options below 0.
class Tversky : public Loss {
 public:
  explicit Tversky(TverskyOptions options = {}) : options_(options) {
    detail::check_positive("tversky", "alpha", options.alpha, true);
    detail::check_positive("tversky", "beta", options.beta, true);
  }
  KEEL_REFUSE_OTHER_OPTIONS(Tversky)
  std::string name() const override { return "tversky"; }
  bool of_batch() const override { return true; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    const double a = options_.alpha, b = options_.beta;
    const double both = detail::ordered_sum(t * y);
    const double all = both + a * detail::ordered_sum((1 - t) * y) + b * detail::ordered_sum(t * (1 - y)) + 1e-7;
    if (dy) *dy = both / (all * all) * (t + a * (1 - t) - b * t) - t / all;
    return Rows::Constant(1, 1, 1 - both / all);
  }

 private:
  TverskyOptions options_;
};

/// 1 - 2 S / (sum of t + sum of y + 1e-7), S = sum of t y, over a whole batch: Keras's Dice with axis=None. Milletari,
/// Navab and Ahmadi, "V-Net", 2016. Samples have no weights of their own.
class Dice : public Loss {
 public:
  std::string name() const override { return "dice"; }
  bool of_batch() const override { return true; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    const double both = 2 * detail::ordered_sum(t * y);
    const double all = detail::ordered_sum(t) + detail::ordered_sum(y) + 1e-7;
    if (dy) *dy = both / (all * all) - 2 * t / all;
    return Rows::Constant(1, 1, 1 - both / all);
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
