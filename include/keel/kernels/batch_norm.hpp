#pragma once

#include <cmath>

#include <keel/kernels/activation.hpp>

namespace keel::inline KEEL_ABI {

/// What a batch normalisation does beside the statistics: y = activation(gamma * x_hat + beta + residual) with
/// x_hat = (x - mean) / sqrt(variance + epsilon). Null: gamma 1, beta 0, no residual.
template <class T>
struct BatchNormEpilogue {
  const T* gamma = nullptr;
  const T* beta = nullptr;
  double epsilon = 1e-3;
  const T* residual = nullptr;  ///< laid out as x
  ActivationSpec activation{};  ///< element-wise
};

/// Where a backward pass writes; null: not wanted. dx or d_residual may be dy.
template <class T>
struct BatchNormGradients {
  T* dx = nullptr;
  T* dgamma = nullptr;
  T* dbeta = nullptr;
  T* dresidual = nullptr;
  bool accumulate = false;  ///< add to dgamma and dbeta instead of overwriting them
};

namespace detail {

/// 1 / sqrt(variance + epsilon); 0 where both are 0, as in PyTorch.
inline double inverse_deviation(double variance, double epsilon) {
  const double square = variance + epsilon;
  return square == 0 ? 0 : 1 / std::sqrt(square);
}

}  // namespace detail

/// Mean and biased variance, sum of (x - mean)^2 / rows, of each channel of x (rows, channels), channels last.
/// Accumulated in double in an order that depends on rows and channels only. A constant channel gives exactly
/// that constant and 0. rows must not be 0.
template <class T>
void batch_norm_statistics(Index rows, Index channels, const T* x, double* mean, double* variance,
                           const KernelContext&) {
  const double n = static_cast<double>(rows);
  for (Index c = 0; c < channels; ++c) {
    const double shift = static_cast<double>(x[c]);
    double sum = 0, squares = 0;
    for (Index i = 0; i < rows; ++i) sum += static_cast<double>(x[i * channels + c]) - shift;
    mean[c] = shift + sum / n;
    for (Index i = 0; i < rows; ++i) {
      const double d = static_cast<double>(x[i * channels + c]) - mean[c];
      squares += d * d;
    }
    variance[c] = squares / n;
  }
}

/// moving = momentum * moving + (1 - momentum) * statistic, momentum being the weight of the old value (Keras's
/// sense; PyTorch's is 1 minus it). `bessel` multiplies the variance by n / (n - 1), n = rows: PyTorch, and
/// tf.keras on images; Keras 3 does not. With one row the factor is 1, as in TensorFlow.
/// PyTorch's cumulative average (momentum=None) is momentum = 1 - 1/k at the k-th batch.
template <class T>
void batch_norm_update_moving(Index channels, Index rows, const double* mean, const double* variance, double momentum,
                              bool bessel, T* moving_mean, T* moving_variance) {
  const double factor = bessel && rows > 1 ? static_cast<double>(rows) / static_cast<double>(rows - 1) : 1;
  for (Index c = 0; c < channels; ++c) {
    moving_mean[c] = static_cast<T>(momentum * static_cast<double>(moving_mean[c]) + (1 - momentum) * mean[c]);
    moving_variance[c] = static_cast<T>(momentum * static_cast<double>(moving_variance[c]) +
                                        (1 - momentum) * factor * variance[c]);
  }
}

/// y as BatchNormEpilogue says, with the statistics of the batch (double) or the moving ones (T). y may be x.
template <class T, class Statistic>
void batch_norm_forward(Index rows, Index channels, const T* x, const Statistic* mean, const Statistic* variance,
                        const BatchNormEpilogue<T>& epilogue, T* y, const KernelContext&) {
  for (Index c = 0; c < channels; ++c) {
    const double m = static_cast<double>(mean[c]);
    const T high = static_cast<T>(m), low = static_cast<T>(m - static_cast<double>(high));
    const double gamma = epilogue.gamma ? static_cast<double>(epilogue.gamma[c]) : 1;
    const T factor = static_cast<T>(
        gamma * detail::inverse_deviation(static_cast<double>(variance[c]), epilogue.epsilon));
    for (Index i = c; i < rows * channels; i += channels) {
      const T z = ((x[i] - high) - low) * factor + (epilogue.beta ? epilogue.beta[c] : T(0)) +
                  (epilogue.residual ? epilogue.residual[i] : T(0));
      y[i] = detail::activate(epilogue.activation.kind, static_cast<T>(epilogue.activation.alpha), z);
    }
  }
}

/// Gradients of batch_norm_forward. x, mean, variance and the epilogue are the forward pass's, y its output.
/// With g = dy * activation', n = rows, s = 1 / sqrt(variance + epsilon):
///   dbeta = sum of g, dgamma = sum of g x_hat, dresidual = g,
///   dx = gamma s g                                        when `frozen` (moving statistics),
///   dx = gamma s (g - dbeta / n - x_hat dgamma / n)       when the statistics are the batch's.
template <class T, class Statistic>
void batch_norm_backward(bool frozen, Index rows, Index channels, const T* x, const Statistic* mean,
                         const Statistic* variance, const BatchNormEpilogue<T>& epilogue, const T* y, const T* dy,
                         const BatchNormGradients<T>& out, const KernelContext&) {
  const double n = static_cast<double>(rows);
  for (Index c = 0; c < channels; ++c) {
    const double m = static_cast<double>(mean[c]);
    const double s = detail::inverse_deviation(static_cast<double>(variance[c]), epilogue.epsilon);
    const double gamma = epilogue.gamma ? static_cast<double>(epilogue.gamma[c]) : 1;
    const auto gradient = [&](Index i) {
      const double z = (static_cast<double>(x[i]) - m) * s * gamma +
                       (epilogue.beta ? static_cast<double>(epilogue.beta[c]) : 0) +
                       (epilogue.residual ? static_cast<double>(epilogue.residual[i]) : 0);
      return detail::activate_backward(epilogue.activation.kind, static_cast<T>(epilogue.activation.alpha),
                                       static_cast<T>(z), y[i], dy[i]);
    };
    double sum = 0, dot = 0;
    for (Index i = c; i < rows * channels; i += channels) {
      const double g = static_cast<double>(gradient(i));
      sum += g;
      dot += g * (static_cast<double>(x[i]) - m);
    }
    if (out.dbeta) out.dbeta[c] = static_cast<T>(sum) + (out.accumulate ? out.dbeta[c] : T(0));
    if (out.dgamma) out.dgamma[c] = static_cast<T>(dot * s) + (out.accumulate ? out.dgamma[c] : T(0));
    for (Index i = c; i < rows * channels; i += channels) {
      const T g = gradient(i);
      const double centred = static_cast<double>(g) - sum / n - (static_cast<double>(x[i]) - m) * s * s * dot / n;
      if (out.dresidual) out.dresidual[i] = g;
      if (out.dx) out.dx[i] = static_cast<T>(gamma * s * (frozen ? static_cast<double>(g) : centred));
    }
  }
}

}  // namespace keel::inline KEEL_ABI
