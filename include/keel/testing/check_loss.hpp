#pragma once
/// check_loss: holds a loss, keel's or a user's, to what fit expects of it.

#include <cmath>
#include <string>
#include <vector>

#include <keel/tensor/rng.hpp>
#include <keel/training/losses/losses.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct LossCheckOptions {
  double tolerance = 1e-6;  ///< largest error of the gradient, relative to its largest value
  double step = 1e-5;       ///< central differences move a value x by step * max(1, |x|)
  /// Whether a batch's loss is the mean of its samples' losses; false where the loss is one of a whole batch or is
  /// divided by weights.
  bool mean_of_samples = true;
};

/// What check_loss found: no findings if the loss keeps its contract.
struct LossReport {
  std::string loss;                   ///< its name
  std::vector<std::string> findings;  ///< what was wrong, a line each
  double max_error = 0;               ///< of the gradient, relative
  Index checks = 0;                   ///< how much was looked at

  bool ok() const { return findings.empty(); }  ///< Whether nothing was found.
  /// A line of counts, then a line for each finding.
  std::string to_string() const {
    std::string lines = loss + ": " + std::to_string(checks) + " checks, " + std::to_string(findings.size()) +
                        " failed, largest error of the gradient " + detail::text(max_error) + "\n";
    for (const std::string& finding : findings) lines += "  " + finding + "\n";
    return lines;
  }
};

namespace detail {

class LossCheck {
 public:
  LossCheck(const LossSpec& loss, const Tensor<double>& y, const Tensor<double>& target,
            const LossCheckOptions& options)
      : loss_(loss), y_(y), target_(target), options_(options) {
    report_.loss = loss.name();
  }

  LossReport run() {
    const Index samples = y_.shape()[0];
    Tensor<double> weights({samples});
    for (Index i = 0; i < samples; ++i) weights[i] = 0.5 + static_cast<double>(i % 3);
    gradient("gradient", {});
    gradient("gradient with weights", weights);
    const double whole = loss_.value(y_, target_);
    Tensor<float> slopes;
    const double narrow = loss_.value_and_gradient(y_.cast<float>(), target_.cast<float>(), slopes);
    expect(std::abs(narrow - whole) <= 1e-4 * (1 + std::abs(whole)),
           "in float " + text(narrow) + ", in double " + text(whole));
    if (options_.mean_of_samples) samples_alone(whole);
    Tensor<double> broken = y_;
    broken[0] = std::nan("");
    expect(std::isnan(loss_.value(broken, target_)), "NaN in the output gives a loss that is a number");
    return std::move(report_);
  }

 private:
  void expect(bool good, const std::string& finding) {
    ++report_.checks;
    if (!good) report_.findings.push_back(finding);
  }

  /// (l(y + h) - l(y - h)) / 2h against the slope, value by value.
  void gradient(const std::string& what, const Tensor<double>& weights) {
    Tensor<double> dy, y = y_;
    const double value = loss_.value_and_gradient(y_, target_, dy, weights);
    expect(value == loss_.value(y_, target_, weights), what + ": the value is another without it");
    expect(is_finite(value), what + ": the loss is not finite");
    double error = 0, largest = 0;
    for (Index i = 0; i < y.size(); ++i) {
      const double middle = y[i], h = options_.step * (std::max)(1.0, std::abs(middle));
      y[i] = middle + h;
      const double above = loss_.value(y, target_, weights);
      y[i] = middle - h;
      const double below = loss_.value(y, target_, weights);
      y[i] = middle;
      error = (std::max)(error, std::abs((above - below) / (2 * h) - dy[i]));
      largest = (std::max)(largest, std::abs(dy[i]));
    }
    const double relative = largest > 0 ? error / largest : error;
    report_.max_error = (std::max)(report_.max_error, relative);
    expect(largest > 0, what + ": zero everywhere");
    expect(relative <= options_.tolerance, what + ": off by " + text(relative) + " of its largest value");
  }

  void samples_alone(double whole) {
    double sum = 0;
    for (Index i = 0; i < y_.shape()[0]; ++i) sum += loss_.value(y_.rows(i, 1), target_.rows(i, 1));
    const double mean = sum / static_cast<double>(y_.shape()[0]);
    expect(std::abs(mean - whole) <= 1e-9 * (1 + std::abs(whole)),
           "a batch's loss is " + text(whole, 12) + ", the mean of its samples' " + text(mean, 12));
  }

  const LossSpec& loss_;
  const Tensor<double>&y_, &target_;
  LossCheckOptions options_;
  LossReport report_;
};

}  // namespace detail

/// Holds a loss to its contract on an output y and a target: its gradient is that of central differences, with weights
/// too, its values are the same in float, a batch's loss is the mean of its samples', NaN is not lost:
/// `CHECK(check_loss(Pinball(), y, target).ok())`. Keep y away from where the loss has a corner. Throws what the loss
/// throws for these values.
inline LossReport check_loss(const LossSpec& loss, const Tensor<double>& y, const Tensor<double>& target,
                             const LossCheckOptions& options = {}) {
  return detail::LossCheck(loss, y, target, options).run();
}

}  // namespace KEEL_ABI
}  // namespace keel
