#include <doctest/doctest.h>

#include <keel/training/losses/losses.hpp>

#include "support/golden.hpp"

namespace {

using namespace keel;
using golden::Settings;

Loss::Kind kind_of(const Settings& s) {
  const std::string name = s.text("loss");
  if (name == "nll") return Loss::sparse_categorical_crossentropy;
  for (int kind = 1; kind <= static_cast<int>(Loss::sparse_categorical_crossentropy); ++kind)
    if (name == loss_name(static_cast<Loss::Kind>(kind))) return static_cast<Loss::Kind>(kind);
  throw std::runtime_error("no loss " + name);
}

LossOptions options_of(const Settings& s) {
  LossOptions options;
  options.from_logits = s.flag("from_logits") || s.text("loss") == "nll";
  options.label_smoothing = s.number("label_smoothing", 0);
  options.delta = s.number("delta", s.number("beta", 1));
  options.pos_weight = s.number("pos_weight", 1);
  if (s.has("ignore_index")) options.ignore_class = static_cast<Index>(s.number("ignore_index"));
  return options;
}

/// `tolerance`: of double; where PyTorch itself is not exact to 1e-10.
template <class T>
void check(const golden::File& file, const std::string& name, const LossSpec& loss, const Tensor<T>& weights,
           double tolerance, bool value_only) {
  CAPTURE(name);
  tolerance = (std::max)(tolerance, golden::tolerance<T>());
  const Tensor<T> y = file.tensor<T>(name + "/prediction"), target = file.tensor<T>(name + "/target");
  const Tensor<double> want = file.tensor(name + "/loss");
  Tensor<T> gradient;
  const double value = loss.value_and_gradient<T>(y, target, gradient, weights);
  CHECK(std::abs(value / want[0] - 1) < tolerance);
  CHECK(loss.value(y, target, weights) == value);
  if (!value_only) CHECK(golden::off(gradient, file.tensor(name + "/gradient")) < tolerance);
}

template <class T>
void replay_torch(const golden::File& file, const std::string& name, const Settings& s) {
  LossOptions options = options_of(s);
  options.log_of_zero = LogOfZero::clamp_log;
  if (s.text("reduction") == "sum")
    options.reduction = Reduction::element_sum;
  else if (s.has("divisor"))
    options.reduction = Reduction::weighted_mean;
  if (file.has(name + "/class_weight"))
    for (const double weight : file.tensor(name + "/class_weight")) options.class_weight.push_back(weight);
  // NLLLoss's gradient belongs to log-probabilities, keel's to the logits behind them; the stored
  // log-probabilities are rounded to float, so that they sum to 1 only to 1e-8. BCELoss's smallest divisor, 1e-12,
  // is a float there.
  const bool nll = s.text("loss") == "nll", rounded = nll || name == "bce_at_0_and_1";
  check<T>(file, name, LossSpec(kind_of(s), options), Tensor<T>(), rounded ? 1e-8 : 0, nll);
}

template <class T>
void replay_keras(const golden::File& file, const std::string& name, const Settings& s) {
  LossOptions options = options_of(s);
  if (s.text("reduction") == "sum") options.reduction = Reduction::sum;
  Tensor<T> weights;
  if (file.has(name + "/sample_weight")) weights = file.tensor<T>(name + "/sample_weight");
  if (file.has(name + "/class_weight")) {  // Keras turns class weights into sample weights
    const Tensor<T> per_class = file.tensor<T>(name + "/class_weight"), target = file.tensor<T>(name + "/target");
    weights = Tensor<T>({target.shape()[0]});
    for (Index i = 0; i < weights.size(); ++i)
      for (Index c = 0; c < per_class.size(); ++c)
        if (target.rank() == 1 ? target[i] == static_cast<T>(c) : target(i, c) == 1) weights[i] = per_class[c];
  }
  check<T>(file, name, LossSpec(kind_of(s), options), weights, 0, false);
}

TEST_CASE("losses and their gradients are PyTorch's") {
  const golden::File file("losses_torch");
  CHECK(file.cases().size() == 34);
  for (const auto& [name, settings] : file.cases()) {
    replay_torch<float>(file, name, settings);
    replay_torch<double>(file, name, settings);
  }
}

TEST_CASE("losses and their gradients are Keras's") {
  const golden::File file("losses_keras");
  CHECK(file.cases().size() == 27);
  for (const auto& [name, settings] : file.cases()) {
    replay_keras<float>(file, name, settings);
    replay_keras<double>(file, name, settings);
  }
}

}  // namespace
