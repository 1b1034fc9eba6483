#pragma once
/// Batch normalisation: statistics, forward and backward, with the activation and the residual behind it.

#include <cmath>
#include <functional>
#include <vector>

#include <keel/kernels/activation.hpp>
#include <keel/kernels/reduce.hpp>

namespace keel {
inline namespace KEEL_ABI {

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
  /// Of a batch that several ranks share: its rows, and what makes the sums of g and of g x_hat, `channels` of each,
  /// those of all ranks. dgamma and dbeta stay this rank's.
  Index all_rows = 0;
  std::function<void(double* sums, Index count)> share{};
};

namespace detail {

/// Per-channel values in T, padded: z = (x - high - low) * factor + offset. The mean is split in two so that the
/// difference is right however large the mean is.
template <class T>
struct BatchNormChannels {
  const T *high, *low, *factor, *offset;
};

}  // namespace detail

}  // namespace KEEL_ABI
}  // namespace keel

#define KEEL_SIMD_SOURCE <keel/kernels/simd/batch_norm.inl>
#include <keel/kernels/simd/foreach.inl>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// 1 / sqrt(variance + epsilon); 0 where both are 0, as in PyTorch.
inline double inverse_deviation(double variance, double epsilon) {
  const double square = variance + epsilon;
  return square == 0 ? 0 : 1 / std::sqrt(square);
}

/// Zeroed scratch memory for one value a channel.
template <class T>
T* take_channels(Index channels, const KernelContext& context) {
  T* const values = context.scratch.take<T>(padded(channels));
  std::fill(values, values + padded(channels), T(0));
  return values;
}

template <class T>
BatchNormChannels<T> batch_norm_channels(Index channels, const double* mean, const double* variance,
                                         const BatchNormEpilogue<T>& epilogue, const KernelContext& context) {
  T* const high = take_channels<T>(channels, context);
  T* const low = take_channels<T>(channels, context);
  T* const factor = take_channels<T>(channels, context);
  T* const offset = take_channels<T>(channels, context);
  for (Index c = 0; c < channels; ++c) {
    high[c] = static_cast<T>(mean[c]);
    low[c] = static_cast<T>(mean[c] - static_cast<double>(high[c]));
    factor[c] = static_cast<T>((epilogue.gamma ? static_cast<double>(epilogue.gamma[c]) : 1) *
                               inverse_deviation(variance[c], epilogue.epsilon));
    offset[c] = epilogue.beta ? epilogue.beta[c] : T(0);
  }
  return {high, low, factor, offset};
}

/// Statistics as doubles, padded with zeros.
template <class S>
const double* batch_norm_doubles(Index channels, const S* statistic, const KernelContext& context) {
  double* const values = take_channels<double>(channels, context);
  for (Index c = 0; c < channels; ++c) values[c] = static_cast<double>(statistic[c]);
  return values;
}

/// g = dy * activation'(z + residual) for an activation that is not simple; z and activation(z) are computed
/// again, a few rows at a time.
template <class T>
void batch_norm_general_gradient(Index rows, Index channels, const T* x, const BatchNormChannels<T>& by,
                                 const BatchNormEpilogue<T>& epilogue, const T* dy, T* g,
                                 const KernelContext& context) {
  const Activation kind = epilogue.activation.kind;
  const T alpha = static_cast<T>(epilogue.activation.alpha);
  const Index block = 4096 / (channels + 1) + 1;
  T* const scratch = context.scratch.take<T>(thread_count(context.threads) * 2 * block * channels);
  parallel_for(context.threads, rows, block, [&](Index first, Index last, int thread) {
    T* const z = scratch + thread * 2 * block * channels;
    T* const y = z + block * channels;
    for (Index i = first; i < last; i += block) {
      const Index n = (std::min)(block, last - i), at = i * channels, count = n * channels;
      KEEL_SIMD_CALL(context.simd, batch_norm_apply<T>)
      (n, channels, x + at, by, epilogue.residual ? epilogue.residual + at : nullptr, Activation::linear, T(1), z);
      KEEL_SIMD_CALL(context.simd, activate_values<T>)(kind, alpha, count, z, y);
      KEEL_SIMD_CALL(context.simd, activate_values_backward<T>)(kind, alpha, count, z, y, dy + at, g + at);
    }
  });
}

template <class T>
void batch_norm_forward(Index rows, Index channels, const T* x, const double* mean, const double* variance,
                        const BatchNormEpilogue<T>& epilogue, T* y, const KernelContext& context) {
  const auto by = batch_norm_channels(channels, mean, variance, epilogue, context);
  const Activation kind = epilogue.activation.kind;
  const T alpha = static_cast<T>(epilogue.activation.alpha);
  const bool simple = activation_is_simple(kind);
  parallel_for(context.threads, rows, elementwise_grain / (channels + 1) + 1, [&](Index begin, Index end) {
    const Index at = begin * channels;
    KEEL_SIMD_CALL(context.simd, batch_norm_apply<T>)
    (end - begin, channels, x + at, by, epilogue.residual ? epilogue.residual + at : nullptr,
     simple ? kind : Activation::linear, alpha, y + at);
    if (!simple)
      KEEL_SIMD_CALL(context.simd, activate_values<T>)(kind, alpha, (end - begin) * channels, y + at, y + at);
  });
}

/// What a backward pass takes from each channel: dx = scale (g - first - (x - mean) second).
template <class T>
struct BatchNormTerms {
  T *first, *second;
};

/// dbeta and dgamma from the sums of g and of g (x - mean), and the terms of dx.
template <class T>
void batch_norm_reduce(Index rows, Index channels, const double* sums, const double* dots, const double* variance,
                       double epsilon, const BatchNormGradients<T>& out, const BatchNormTerms<T>& terms) {
  const double n = static_cast<double>(out.share ? out.all_rows : rows);
  std::vector<double> all;  // of several ranks
  if (out.share) {
    all.assign(sums, sums + channels);
    all.insert(all.end(), dots, dots + channels);
    out.share(all.data(), 2 * channels);
  }
  for (Index c = 0; c < channels; ++c) {
    const double s = inverse_deviation(variance[c], epsilon);
    if (out.dbeta) out.dbeta[c] = static_cast<T>(sums[c]) + (out.accumulate ? out.dbeta[c] : T(0));
    if (out.dgamma) out.dgamma[c] = static_cast<T>(dots[c] * s) + (out.accumulate ? out.dgamma[c] : T(0));
    const double sum = out.share ? all[to_size(c)] : sums[c];
    const double dot = (out.share ? all[to_size(channels + c)] : dots[c]) * s;
    terms.first[c] = static_cast<T>(sum / n);
    terms.second[c] = static_cast<T>(dot * s / n);
  }
}

template <class T>
void batch_norm_backward(bool frozen, Index rows, Index channels, const T* x, const double* mean,
                         const double* variance, const BatchNormEpilogue<T>& epilogue, const T* dy,
                         const BatchNormGradients<T>& out, const KernelContext& context) {
  const auto by = batch_norm_channels(channels, mean, variance, epilogue, context);
  Activation kind = epilogue.activation.kind;
  const T alpha = static_cast<T>(epilogue.activation.alpha);
  const T* residual = epilogue.residual;
  T* g = out.dresidual;
  if (!activation_is_simple(kind)) {
    if (g == nullptr) g = out.dx ? out.dx : context.scratch.take<T>(rows * channels);
    batch_norm_general_gradient(rows, channels, x, by, epilogue, dy, g, context);
    dy = g;
    g = nullptr;
    kind = Activation::linear;
  }

  const BatchNormTerms<T> terms{take_channels<T>(channels, context), take_channels<T>(channels, context)};
  if (!frozen || g || out.dgamma || out.dbeta) {
    const Index dots = padded(channels);
    const double* const sums = sum_row_blocks(rows, channels, 2, context, [&](Index begin, Index end, double* block) {
      const Index at = begin * channels;
      KEEL_SIMD_CALL(context.simd, batch_norm_add_gradients<T>)
      (end - begin, channels, x + at, by, residual ? residual + at : nullptr, kind, alpha, dy + at,
       g ? g + at : nullptr, block, block + dots);
    });
    batch_norm_reduce(rows, channels, sums, sums + dots, variance, epilogue.epsilon, out, terms);
    if (g) {
      dy = g;
      kind = Activation::linear;
    }
  }
  if (out.dx == nullptr) return;
  parallel_for(context.threads, rows, elementwise_grain / (channels + 1) + 1, [&](Index begin, Index end) {
    const Index at = begin * channels;
    KEEL_SIMD_CALL(context.simd, batch_norm_apply_gradients<T>)
    (end - begin, channels, x + at, by, residual ? residual + at : nullptr, kind, alpha, dy + at, by.factor,
     terms.first, frozen ? nullptr : terms.second, out.dx + at);
  });
}

}  // namespace detail

/// Mean and biased variance, sum of (x - mean)^2 / rows, of each channel of x (rows, channels), channels last.
/// One pass in double over the differences to the first row, in an order that depends on rows and channels only.
/// This "shifted data" form loses accuracy only when the first row is many deviations away from the others: at 1e6
/// deviations and 1e5 rows the relative error is 4e-10. A constant channel gives exactly that constant and 0.
/// rows must not be 0.
template <class T>
void batch_norm_statistics(Index rows, Index channels, const T* x, double* mean, double* variance,
                           const KernelContext& context) {
  Scratch::Frame frame(context.scratch);
  double* const shift = detail::take_channels<double>(channels, context);
  for (Index c = 0; c < channels; ++c) shift[c] = static_cast<double>(x[c]);
  const Index squares = detail::padded(channels);
  const double* const sums =
      detail::sum_row_blocks(rows, channels, 2, context, [&](Index begin, Index end, double* block) {
        KEEL_SIMD_CALL(context.simd, batch_norm_add<T>)
        (end - begin, channels, x + begin * channels, shift, block, block + squares);
      });
  const double n = static_cast<double>(rows);
  for (Index c = 0; c < channels; ++c) {
    const double difference = sums[c] / n, square = sums[squares + c] / n - difference * difference;
    mean[c] = shift[c] + difference;
    variance[c] = square < 0 ? 0 : square;
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
    moving_variance[c] =
        static_cast<T>(momentum * static_cast<double>(moving_variance[c]) + (1 - momentum) * factor * variance[c]);
  }
}

/// y as BatchNormEpilogue says, with the statistics of the batch (double) or the moving ones (T). y may be x.
template <class T, class Statistic>
void batch_norm_forward(Index rows, Index channels, const T* x, const Statistic* mean, const Statistic* variance,
                        const BatchNormEpilogue<T>& epilogue, T* y, const KernelContext& context) {
  Scratch::Frame frame(context.scratch);
  const double* const m = detail::batch_norm_doubles(channels, mean, context);
  const double* const v = detail::batch_norm_doubles(channels, variance, context);
  detail::batch_norm_forward(rows, channels, x, m, v, epilogue, y, context);
}

/// Gradients of batch_norm_forward; x, mean, variance and the epilogue are the forward pass's, whose output is not
/// needed. With g = dy * activation', n = rows, s = 1 / sqrt(variance + epsilon):
///   dbeta = sum of g, dgamma = sum of g x_hat, dresidual = g,
///   dx = gamma s g                                        when `frozen` (moving statistics),
///   dx = gamma s (g - dbeta / n - x_hat dgamma / n)       when the statistics are the batch's.
template <class T, class Statistic>
void batch_norm_backward(bool frozen, Index rows, Index channels, const T* x, const Statistic* mean,
                         const Statistic* variance, const BatchNormEpilogue<T>& epilogue, const T* dy,
                         const BatchNormGradients<T>& out, const KernelContext& context) {
  Scratch::Frame frame(context.scratch);
  const double* const m = detail::batch_norm_doubles(channels, mean, context);
  const double* const v = detail::batch_norm_doubles(channels, variance, context);
  detail::batch_norm_backward(frozen, rows, channels, x, m, v, epilogue, dy, out, context);
}

KEEL_INSTANCE(void batch_norm_statistics<float>(Index, Index, const float*, double*, double*, const KernelContext&))
KEEL_INSTANCE(void batch_norm_forward<float, double>(Index, Index, const float*, const double*, const double*,
                                                     const BatchNormEpilogue<float>&, float*, const KernelContext&))
KEEL_INSTANCE(void batch_norm_forward<float, float>(Index, Index, const float*, const float*, const float*,
                                                    const BatchNormEpilogue<float>&, float*, const KernelContext&))
KEEL_INSTANCE(void batch_norm_backward<float, double>(bool, Index, Index, const float*, const double*, const double*,
                                                      const BatchNormEpilogue<float>&, const float*,
                                                      const BatchNormGradients<float>&, const KernelContext&))
KEEL_INSTANCE(void batch_norm_backward<float, float>(bool, Index, Index, const float*, const float*, const float*,
                                                     const BatchNormEpilogue<float>&, const float*,
                                                     const BatchNormGradients<float>&, const KernelContext&))

}  // namespace KEEL_ABI
}  // namespace keel
