#pragma once
/// The Poisson loss.

#include <keel/training/losses/loss.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// PyTorch's names; the defaults give Keras's loss.
struct PoissonOptions {
  bool log_input = false;                 ///< y is the logarithm of the rate: PyTorch's PoissonNLLLoss() by default
  double epsilon = 1e-7;                  ///< added inside the logarithm; PyTorch: 1e-8; 0 or more
  Reduction reduction = Reduction::mean;  ///< how positions become one number
};

/// y - t log(y + epsilon): Keras's Poisson, PyTorch's PoissonNLLLoss(log_input=False); of logarithms e^y - t y. Without
/// Stirling's term (PyTorch's `full`). exp and log are the standard library's, for the bits. Throws ConfigError for an
/// epsilon below 0.
class Poisson : public Loss {
 public:
  explicit Poisson(PoissonOptions options = {}) : Loss(options.reduction), options_(options) {
    detail::check_positive(name(), "epsilon", options.epsilon, true);
  }
  KEEL_REFUSE_OTHER_OPTIONS(Poisson)
  std::string name() const override { return "poisson"; }
  Rows evaluate(const Rows& y, const Rows& t, Rows* dy) const override {
    if (options_.log_input) {
      const Rows rate = y.unaryExpr(detail::Exp());
      if (dy) *dy = rate - t;
      return rate - t * y;
    }
    const Rows rate = y + options_.epsilon;
    if (dy) *dy = 1 - t / rate;
    return y - t * rate.unaryExpr(detail::Log());
  }

 private:
  PoissonOptions options_;
};

}  // namespace KEEL_ABI
}  // namespace keel
