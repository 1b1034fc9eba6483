#pragma once
/// Batch normalisation: options of both worlds, training, inference, and fusion with its neighbours each way. Longer
/// than other layers for these.

#include <keel/kernels/batch_norm.hpp>
#include <keel/layers/base/axis.hpp>
#include <keel/layers/base/communicator.hpp>
#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/output_activation.hpp>
#include <keel/tensor/finite.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Which variance of the batch enters the moving variance: sum of squares / n, or / (n - 1). The batch itself is
/// always normalised with the first.
enum class MovingVariance {
  biased,   ///< Keras 3; tf.keras except on images
  unbiased  ///< PyTorch; tf.keras on images
};

struct BatchNormOptions {
  /// The axis whose extents have statistics and weights of their own, counted with the batch; default -1, the last,
  /// which holds keel's channels. Other axes cost two transpositions.
  Index axis = -1;
  /// Weight of the old value in the moving statistics (Keras's sense; PyTorch's momentum is 1 minus this); default
  /// 0.99.
  double momentum = 0.99;
  /// Added to the variance, in the unit of x^2; default 1e-3.
  double epsilon = 1e-3;
  /// Whether beta is added; default true.
  bool center = true;
  /// Whether gamma is multiplied by; default true.
  bool scale = true;
  /// The first values of beta; default zeros.
  InitializerSpec beta_initializer = Initializer::zeros;
  /// The first values of gamma; default ones.
  InitializerSpec gamma_initializer = Initializer::ones;
  /// The first values of moving_mean; default zeros.
  InitializerSpec moving_mean_initializer = Initializer::zeros;
  /// The first values of moving_variance; default ones.
  InitializerSpec moving_variance_initializer = Initializer::ones;
  /// Which variance enters the moving one; default biased.
  MovingVariance moving_variance = MovingVariance::biased;
  /// Moving statistics are the mean over all batches so far, whatever the momentum (PyTorch's momentum=None); default
  /// false.
  bool cumulative = false;
  /// Whether one value per channel may be normalised in training (Keras: it becomes beta); default true. PyTorch
  /// refuses.
  bool allow_single_value = true;
  /// Whether, where several ranks train together (`FitOptions::communicator`), the statistics are those of all ranks'
  /// samples, as Keras's `synchronized=True` and PyTorch's SyncBatchNorm have it; default false: each rank's own, and
  /// the moving ones the mean of the ranks'.
  bool synchronized = false;
  /// In the model; by default made from the class.
  std::string name = {};

  /// Keras 3's defaults, those of this struct.
  static BatchNormOptions keras() { return {}; }
  /// torch.nn.BatchNorm2d's: momentum 0.1 in its sense, epsilon 1e-5, unbiased, one value per channel refused.
  static BatchNormOptions torch() {
    return {.momentum = 0.9, .epsilon = 1e-5, .moving_variance = MovingVariance::unbiased, .allow_single_value = false};
  }

  template <class F>
  void fields(F&& f) {
    f("axis", axis);
    f("momentum", momentum);
    f("epsilon", epsilon);
    f("center", center);
    f("scale", scale);
    f("beta_initializer", beta_initializer);
    f("gamma_initializer", gamma_initializer);
    f("moving_mean_initializer", moving_mean_initializer);
    f("moving_variance_initializer", moving_variance_initializer);
    bool unbiased = moving_variance == MovingVariance::unbiased;
    f("unbiased", unbiased);
    f("cumulative", cumulative);
    f("allow_single_value", allow_single_value);
    f("synchronized", synchronized);
    moving_variance = unbiased ? MovingVariance::unbiased : MovingVariance::biased;
  }
};

/// Batch normalisation of each channel, the last axis or another, of an input of any rank:
///
///     training:   y = gamma (x - mean) / sqrt(variance + epsilon) + beta
///                 moving = momentum moving + (1 - momentum) statistic       after the forward pass
///     inference:  the same y with the moving mean and variance
///
/// with the mean and the biased variance of the batch.
/// Frozen with `Freeze::layer` it is in inference mode during training too (Keras 2.4 and later); with
/// `Freeze::gradients` it normalises with the batch and goes on updating the moving statistics (PyTorch's
/// requires_grad_(False)).
///
/// Output as input. Parameters, one value a channel: gamma, beta (trainable, as `scale` and `center` say), moving_mean,
/// moving_variance (buffers). Throws ConfigError for numbers out of range, ShapeError for another number of channels,
/// DataError, before anything is changed, if the batch's statistics are not finite.
///
/// Ioffe and Szegedy 2015. Keras: BatchNormalization. PyTorch: BatchNorm1d, 2d, 3d.
///
///     BatchNorm({.momentum = 0.15})      BatchNorm(BatchNormOptions::torch())
template <class T = float>
class BatchNorm : public Layer<T>, public InferenceForm<T> {
 public:
  explicit BatchNorm(BatchNormOptions options = {}) : Layer<T>(options.name), options_(std::move(options)) {
    if (!(options_.momentum >= 0 && options_.momentum <= 1))
      throw ConfigError(this->who(), "a momentum in [0, 1]", std::to_string(options_.momentum),
                        "it is the weight of the old value, 1 minus PyTorch's");
    if (options_.axis == 0) throw ConfigError(this->who(), "an axis other than the batch's", "0");
    if (!(options_.epsilon >= 0) || !is_finite(options_.epsilon))
      throw ConfigError(this->who(), "an epsilon of 0 or more", std::to_string(options_.epsilon));
  }
  static BatchNorm from_config(const Config& config) { return BatchNorm(read_options<BatchNormOptions>(config)); }

  const BatchNormOptions& options() const { return options_; }
  Parameter<T>& gamma() { return gamma_; }
  Parameter<T>& beta() { return beta_; }
  Parameter<T>& moving_mean() { return mean_; }
  Parameter<T>& moving_variance() { return variance_; }

  std::string type() const override { return "BatchNormalization"; }
  Config config() const override { return with_options({}, options_); }

  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    if (in.rank() < 1) throw ShapeError(this->who(), "an input with channels", "a scalar per sample");
    const Index channels = axis_block(*this, options_.axis, in).extent;
    if (mean_.size() > 0 && channels != mean_.size())
      throw ShapeError(this->who(), std::to_string(mean_.size()) + " channels", in.to_string());
    return in;
  }
  void build(Shapes inputs, Rng& rng) override {
    const Shape channels{axis_block(*this, options_.axis, inputs[0]).extent};
    const auto make = [&](const char* name, const InitializerSpec& spec, ParameterKind kind) {
      return Parameter<T>(name, initial_values<T>(channels, spec, {channels[0], channels[0]}, rng), kind);
    };
    if (options_.scale) gamma_ = make("gamma", options_.gamma_initializer, ParameterKind::trainable);
    if (options_.center) beta_ = make("beta", options_.beta_initializer, ParameterKind::trainable);
    mean_ = make("moving_mean", options_.moving_mean_initializer, ParameterKind::buffer);
    variance_ = make("moving_variance", options_.moving_variance_initializer, ParameterKind::buffer);
  }
  std::vector<Parameter<T>*> parameters() override {
    std::vector<Parameter<T>*> list;
    if (options_.scale) list.push_back(&gamma_);
    if (options_.center) list.push_back(&beta_);
    list.push_back(&mean_);
    list.push_back(&variance_);
    return list;
  }
  /// Batches seen in training, PyTorch's num_batches_tracked.
  std::vector<Counter*> counters() override { return {&batches_}; }
  Index multiply_adds(Shapes inputs) const override { return inputs[0].size(); }
  bool is_synchronized() const override { return options_.synchronized; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    const AxisBlock block = axis_block(*this, options_.axis, y.shape().sample(), y.shape()[0]);
    if (block.last()) return normalise(x, y, pass);
    Scratch::Frame frame(pass.kernel.scratch);
    const TensorView<const T> from = moved(block, x[0], pass);
    const TensorView<T> to(from.shape(), pass.kernel.scratch.template take<T>(y.size()));
    normalise(Inputs<T>(&from, 1), to, pass);
    axis_from_end(block, to.data(), y.data());
  }
  void backward(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    const AxisBlock block = axis_block(*this, options_.axis, y.shape().sample(), y.shape()[0]);
    if (block.last()) return differentiate(x, y, dy, dx, pass);
    Scratch::Frame frame(pass.kernel.scratch);
    const TensorView<const T> from = moved(block, x[0], pass), dto = moved(block, dy, pass);
    const TensorView<T> dfrom(from.shape(), dx[0].data() ? pass.kernel.scratch.template take<T>(dy.size()) : nullptr);
    differentiate(Inputs<T>(&from, 1), dto, dto, Outputs<T>(&dfrom, 1), pass);
    if (dx[0].data()) axis_from_end(block, dfrom.data(), dx[0].data());
  }
  void finish_forward(Pass<T>& pass) override {
    if (!this->trains(pass)) return;
    const Index channels = mean_.size();
    const double* batch = pass.cache->statistics.data();
    const auto rows = static_cast<Index>(batch[2 * channels]);
    ++batches_.value;
    const double momentum = options_.cumulative ? 1 - 1 / static_cast<double>(batches_.value) : options_.momentum;
    mean_.update([&](TensorView<T> mean) {
      variance_.update([&](TensorView<T> variance) {
        batch_norm_update_moving(channels, rows, batch, batch + channels, momentum,
                                 options_.moving_variance == MovingVariance::unbiased, mean.data(), variance.data());
      });
    });
  }

  Acceleration<T> acceleration() const override {
    if (options_.axis != -1) return {.overwrites_gradients = true};
    return {.role = LayerRole::channel_affine,
            .fuses = {.activation = true, .residual = true},
            .overwrites_gradients = true,
            .gradient_in_place = true,
            .inference = this};
  }
  /// scale = gamma / sqrt(moving_variance + epsilon), shift = beta - moving_mean scale.
  void channel_affine(std::vector<T>& scale, std::vector<T>& shift) const override {
    const Index channels = mean_.size();
    scale.resize(static_cast<std::size_t>(channels));
    shift.resize(static_cast<std::size_t>(channels));
    for (Index c = 0; c < channels; ++c) {
      const double gamma = options_.scale ? static_cast<double>(gamma_.value()[c]) : 1;
      const double factor =
          gamma * detail::inverse_deviation(static_cast<double>(variance_.value()[c]), options_.epsilon);
      const double beta = options_.center ? static_cast<double>(beta_.value()[c]) : 0;
      scale[static_cast<std::size_t>(c)] = static_cast<T>(factor);
      shift[static_cast<std::size_t>(c)] = static_cast<T>(beta - static_cast<double>(mean_.value()[c]) * factor);
    }
  }

 private:
  /// A copy whose channels are the last axis, in memory of the caller's frame.
  static TensorView<const T> moved(const AxisBlock& block, const TensorView<const T>& from, Pass<T>& pass) {
    T* const to = pass.kernel.scratch.template take<T>(from.size());
    axis_to_end(block, from.data(), to);
    return {Shape{block.outer * block.inner, block.extent}, to};
  }
  /// forward, with the channels last.
  void normalise(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const {
    const Index channels = mean_.size(), rows = y.size() / channels;
    const T *mean = mean_.value().data(), *variance = variance_.value().data();
    activated_forward(pass.asked.activation, y, pass, [&](T* out, const ActivationSpec& fused) {
      if (this->trains(pass)) {
        const double* batch = statistics(rows, x[0].data(), pass);
        batch_norm_forward(rows, channels, x[0].data(), batch, batch + channels, epilogue(fused, x), out, pass.kernel);
      } else {
        batch_norm_forward(rows, channels, x[0].data(), mean, variance, epilogue(fused, x), out, pass.kernel);
      }
    });
  }
  /// backward, with the channels last.
  void differentiate(Inputs<T> x, TensorView<const T> y, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) {
    const Index channels = mean_.size(), rows = y.size() / channels;
    Scratch::Frame frame(pass.kernel.scratch);
    // Element-wise activations are differentiated inside the kernel.
    const bool fuses = activation_is_elementwise(pass.asked.activation.kind);
    const T* dz = fuses ? dy.data() : activated_backward(pass.asked.activation, y, dy, pass);
    BatchNormGradients<T> out{.dx = dx[0].data(), .accumulate = pass.asked.accumulate};
    const bool in_place = dx.size() > 1 && dx[1].data() == dz && pass.asked.activation.kind == Activation::linear;
    if (dx.size() > 1 && !in_place) out.dresidual = dx[1].data();
    if (options_.scale && gamma_.trains()) out.dgamma = gamma_.gradient.data();
    if (options_.center && beta_.trains()) out.dbeta = beta_.gradient.data();
    if (Communicator* const ranks = others(pass); ranks && this->trains(pass)) {
      out.all_rows = static_cast<Index>(pass.cache->statistics.back());
      out.share = [ranks, counts = pass.part.counts](double* sums, Index count) {
        if (!counts) std::fill_n(sums, count, 0.0);
        ranks->all_reduce(std::span(sums, to_size(count)));
      };
    }
    const auto run = [&](const auto* mean, const auto* variance) {
      batch_norm_backward(!this->trains(pass), rows, channels, x[0].data(), mean, variance,
                          epilogue(fuses ? pass.asked.activation : ActivationSpec(), x), dz, out, pass.kernel);
    };
    if (this->trains(pass))
      run(pass.cache->statistics.data(), pass.cache->statistics.data() + channels);
    else
      run(mean_.value().data(), variance_.value().data());
  }
  /// The ranks to share statistics with, or null.
  Communicator* others(const Pass<T>& pass) const { return options_.synchronized ? pass.part.communicator : nullptr; }
  /// Count n, mean m and sum of squared deviations S of all ranks' rows, in the order of ranks (Chan et al. 1979): of a
  /// and b together with d = m_b - m_a: n = n_a + n_b, m = m_a + d n_b / n, S = S_a + S_b + d^2 n_a n_b / n.
  static void merge_statistics(Communicator& ranks, bool counts, std::vector<double>& values) {
    if (!counts) std::fill(values.begin(), values.end(), 0.0);
    const std::vector<std::vector<double>> all = detail::gather_doubles(ranks, values);
    const std::size_t channels = values.size() / 2;
    std::fill(values.begin(), values.end(), 0.0);  // the variances are sums of squares until the end
    double& n = values.back();
    for (const std::vector<double>& more : all) {
      const double rows = more.back();
      if (rows == 0) continue;
      for (std::size_t c = 0; c < channels; ++c) {
        const double d = more[c] - values[c];
        values[c] += d * rows / (n + rows);
        values[channels + c] += more[channels + c] * rows + d * d * n * rows / (n + rows);
      }
      n += rows;
    }
    for (std::size_t c = 0; c < channels; ++c) values[channels + c] /= n;
  }
  /// Means, variances and the number of rows, kept in the cache.
  const double* statistics(Index rows, const T* x, Pass<T>& pass) const {
    const Index channels = mean_.size();
    if (!pass.cache) throw ConfigError(this->who(), "a cache in training", "none");
    std::vector<double>& values = pass.cache->statistics;
    values.resize(static_cast<std::size_t>(2 * channels + 1));
    batch_norm_statistics(rows, channels, x, values.data(), values.data() + channels, pass.kernel);
    values.back() = static_cast<double>(rows);
    if (Communicator* const ranks = others(pass)) merge_statistics(*ranks, pass.part.counts, values);
    if (values.back() == 1 && !options_.allow_single_value)
      throw DataError(this->who(), "more than one value per channel in training", "1",
                      "use larger batches, drop the last one, or set allow_single_value");
    for (Index c = 0; c < channels; ++c)
      if (!is_finite(static_cast<T>(values[static_cast<std::size_t>(c)])) ||
          !is_finite(static_cast<T>(values[static_cast<std::size_t>(channels + c)])))
        throw DataError(this->who(), "finite statistics of the batch",
                        "NaN or infinity in channel " + std::to_string(c),
                        "look for NaN in the data, or lower the learning rate");
    return values.data();
  }
  BatchNormEpilogue<T> epilogue(const ActivationSpec& activation, Inputs<T> x) const {
    return {.gamma = options_.scale ? gamma_.value().data() : nullptr,
            .beta = options_.center ? beta_.value().data() : nullptr,
            .epsilon = options_.epsilon,
            .residual = x.size() > 1 ? x[1].data() : nullptr,
            .activation = activation};
  }

  BatchNormOptions options_;
  Parameter<T> gamma_, beta_, mean_, variance_;
  Counter batches_{"num_batches_tracked"};
};
KEEL_REFUSE_OTHERS(BatchNorm)

KEEL_INSTANCE(class BatchNorm<float>)

}  // namespace KEEL_ABI
}  // namespace keel
