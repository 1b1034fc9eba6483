#pragma once
/// Bases of layers that do something in training only.

#include <keel/kernels/parallel.hpp>
#include <keel/layers/base/layer.hpp>
#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Base of layers that change their input in training and pass it through in inference, where a model leaves them out.
///
/// Output as input, of any shape unless the class says otherwise. A layer is in training whether it is frozen or not,
/// as Keras's and PyTorch's are. Which random numbers a value meets follows from the seed, the step, the layer and the
/// value's place, not from threads.
template <class T>
class TrainingLayer : public Layer<T> {
 public:
  Shape output_shape(Shapes inputs) const override { return this->single_input(inputs); }
  Acceleration<T> acceleration() const final { return {.role = LayerRole::identity_in_inference}; }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const final {
    if (pass.training)
      train(x[0], y, pass);
    else
      std::copy(x[0].begin(), x[0].end(), y.begin());
  }
  void backward(Inputs<T>, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    if (!dx[0].data()) return;
    if (pass.training)
      train_backward(dy, dx[0], pass);
    else
      std::copy(dy.begin(), dy.end(), dx[0].begin());
  }

 protected:
  using Layer<T>::Layer;

  /// Writes y, and into the cache, if there is one, what train_backward will need.
  virtual void train(const TensorView<const T>& x, const TensorView<T>& y, Pass<T>& pass) const = 0;
  /// The gradient of `train`.
  virtual void train_backward(const TensorView<const T>& dy, const TensorView<T>& dx, Pass<T>& pass) = 0;

  /// body(i, rng) for every i < count, with `words` random numbers for each. Of several ranks each takes those that its
  /// samples have in the batch of all.
  template <class F>
  static void draw(const Pass<T>& pass, Index count, Index words, F&& body) {
    const Index before = pass.samples > 0 ? pass.part.first * (count / pass.samples) : 0;
    parallel_for(pass.kernel.threads, count, 4096, [&](Index begin, Index end) {
      Rng rng = pass.rng;
      rng.seek(pass.rng.position() + static_cast<std::uint64_t>((before + begin) * words));
      for (Index i = begin; i < end; ++i) body(i, rng);
    });
  }
  /// A byte in the cache for each of `count` draws; null without a cache.
  static std::byte* record(Pass<T>& pass, Index count) {
    if (!pass.cache) return nullptr;
    pass.cache->bytes.resize(to_size(count));
    return pass.cache->bytes.data();
  }
  /// The record as an array that Eigen reads: 1 where it was set.
  static auto recorded(const Pass<T>& pass, Index begin, Index count) {
    using Marks = Eigen::Array<unsigned char, Eigen::Dynamic, 1>;
    return Eigen::Map<const Marks>(reinterpret_cast<const unsigned char*>(pass.cache->bytes.data()) + begin, count);
  }
  /// Throws ConfigError unless low <= value <= high.
  void check_range(const char* option, double value, double low, double high) const {
    if (!(value >= low && value <= high))
      throw ConfigError(this->who(), std::string(option) + " in [" + number(low) + ", " + number(high) + "]",
                        std::to_string(value));
  }

 private:
  static std::string number(double value) {
    const auto whole = static_cast<Index>(value);
    return static_cast<double>(whole) == value ? std::to_string(whole) : std::to_string(value);
  }
};

/// Base of layers whose training keel does not have: the identity in inference, refused in training, so that no network
/// trains in silence without what its author asked for. Options are held as they are, to be written again.
template <class T, class Options>
class InferenceOnly : public TrainingLayer<T> {
 public:
  const Options& options() const { return options_; }
  Config config() const override { return with_options({}, options_); }

 protected:
  explicit InferenceOnly(Options options) : TrainingLayer<T>(options.name), options_(std::move(options)) {}

  /// What to do instead, for the error.
  virtual std::string instead() const = 0;
  /// Whether these options do nothing in training either.
  virtual bool idle() const { return false; }

 private:
  void train(const TensorView<const T>& x, const TensorView<T>& y, Pass<T>&) const final {
    if (!idle())
      throw ConfigError(this->who(), "inference, where this layer does nothing", "training, which keel does not have",
                        instead());
    std::copy(x.begin(), x.end(), y.begin());
  }
  void train_backward(const TensorView<const T>& dy, const TensorView<T>& dx, Pass<T>&) final {
    std::copy(dy.begin(), dy.end(), dx.begin());
  }

  Options options_;
};

/// Base of Keras's random changes of images, (batch, h, w, channels), that keel does not make.
template <class T, class Options>
class RandomImageLayer : public InferenceOnly<T, Options> {
 public:
  Shape output_shape(Shapes inputs) const override { return this->single_input(inputs, 3); }

 protected:
  using InferenceOnly<T, Options>::InferenceOnly;

 private:
  std::string instead() const final {
    return "leave the layer out while training, and change the images before: train.map(Augment(...)) or a function of "
           "your own";
  }
};

KEEL_INSTANCE(class TrainingLayer<float>)

}  // namespace KEEL_ABI
}  // namespace keel
