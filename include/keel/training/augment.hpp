#pragma once
/// Transforms of a batch: augmentation, normalisation, resizing.

#include <cmath>

#include <keel/layers/upsampling2d.hpp>
#include <keel/training/data.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {
inline void check_images(const Shape& shape, const char* who) {
  if (shape.rank() != 4) throw ShapeError(who, "images of shape (samples, height, width, channels)", shape.to_string());
}

/// Random numbers of a sample, that follow from (seed, epoch, its number in the dataset) alone.
template <class T>
Rng sample_rng(const Batch<T>& batch, Index n, std::uint64_t seed, const char* who) {
  if (count_of(batch.indices) != batch.size())
    throw DataError(who, "a batch that says which samples it holds", "none", "fill Batch::indices");
  const auto index = static_cast<std::uint64_t>(nth(batch.indices, n));
  return Rng(seed, Rng::stream_id({static_cast<std::uint64_t>(batch.epoch), index}));
}

}  // namespace detail

struct AugmentOptions {
  bool horizontal_flip = false;  ///< mirror left and right, every second image
  bool vertical_flip = false;    ///< upside down, every second image
  Pair shift = 0;                ///< move by up to so many pixels, each distance equally likely; 0 or more
  double fill = 0;               ///< what moves in
  std::uint64_t seed = 0;        ///< of what is drawn
};

/// Random flips and shifts of the images in a batch's first input. What happens to an image follows from (seed,
/// epoch, its number in the dataset), whatever the batch size and the order.
///
///     train.map(Augment({.horizontal_flip = true, .shift = 4}));
class Augment {
 public:
  explicit Augment(AugmentOptions options) : options_(options) {
    if (options.shift.height < 0 || options.shift.width < 0)
      throw ConfigError("Augment", "shifts of 0 or more", options.shift.to_string());
  }
  KEEL_REFUSE_OTHER_OPTIONS(Augment)

  /// Changes the images of the first input, each sample by its own draw.
  template <class T>
  void operator()(Batch<T>& batch) const {
    Tensor<T>& images = batch.inputs.at(0);
    detail::check_images(images.shape(), "Augment");
    const Shape sample = images.shape().sample();
    Tensor<T> source(sample);
    for (Index n = 0; n < batch.size(); ++n) {
      T* image = images.data() + n * sample.size();
      std::copy_n(image, sample.size(), source.data());
      Rng rng = detail::sample_rng(batch, n, options_.seed, "Augment");
      draw(source, rng, image);
    }
  }

 private:
  template <class T>
  void draw(const Tensor<T>& source, Rng& rng, T* out) const {
    const Index height = source.shape()[0], width = source.shape()[1], channels = source.shape()[2];
    const bool mirror = options_.horizontal_flip && rng.below(2) == 1;
    const bool upside_down = options_.vertical_flip && rng.below(2) == 1;
    const Index down = rng.below(2 * options_.shift.height + 1) - options_.shift.height;
    const Index right = rng.below(2 * options_.shift.width + 1) - options_.shift.width;
    for (Index h = 0; h < height; ++h)
      for (Index w = 0; w < width; ++w, out += channels) {
        const Index y = upside_down ? height - 1 - (h - down) : h - down;
        const Index x = mirror ? width - 1 - (w - right) : w - right;
        if (y < 0 || y >= height || x < 0 || x >= width)
          std::fill_n(out, channels, static_cast<T>(options_.fill));
        else
          std::copy_n(source.data() + (y * width + x) * channels, channels, out);
      }
  }

  AugmentOptions options_;
};

/// y = (x - mean) / deviation for each channel (the last axis) of a batch's first input.
///
///     const auto scale = Normalize::of(train.images());   // from the training data, then for both
///     train.map(scale);
///     test.map(scale);
class Normalize {
 public:
  /// One value for each channel, or one for all.
  Normalize(std::vector<double> mean, std::vector<double> deviation)
      : mean_(std::move(mean)), deviation_(std::move(deviation)) {
    if (mean_.size() != deviation_.size() || mean_.empty())
      throw ConfigError("Normalize", "as many deviations as means",
                        std::to_string(deviation_.size()) + " for " + std::to_string(mean_.size()));
    for (const double value : deviation_)
      if (!(value > 0)) throw ConfigError("Normalize", "deviations above 0", std::to_string(value));
  }
  /// From the channels of `data`, in two passes; the deviation of a constant channel counts as 1.
  template <class T>
  static Normalize of(const Tensor<T>& data) {
    if (data.empty() || data.rank() == 0)
      throw DataError("Normalize", "data to take the mean of", data.shape().to_string());
    const Index channels = data.shape().back(), rows = data.size() / channels;
    const auto average = [&](auto value) {
      std::vector<double> sums(to_size(channels));
      for (Index i = 0; i < data.size(); ++i) {
        const std::size_t c = to_size(i % channels);
        sums[c] += value(static_cast<double>(data[i]), c);
      }
      for (double& sum : sums) sum /= static_cast<double>(rows);
      return sums;
    };
    std::vector<double> mean = average([](double x, std::size_t) { return x; });
    std::vector<double> deviation = average([&](double x, std::size_t c) { return (x - mean[c]) * (x - mean[c]); });
    for (double& value : deviation) value = value > 0 ? std::sqrt(value) : 1;
    return {std::move(mean), std::move(deviation)};
  }

  const std::vector<double>& mean() const { return mean_; }            ///< of each channel
  const std::vector<double>& deviation() const { return deviation_; }  ///< of each channel

  /// Normalises the first input.
  template <class T>
  void operator()(Batch<T>& batch) const {
    Tensor<T>& data = batch.inputs.at(0);
    const std::size_t values = mean_.size();
    if (values != 1 && (data.rank() == 0 || data.shape().back() != count_of(mean_)))
      throw ShapeError("Normalize", std::to_string(values) + " channels", data.shape().to_string());
    for (Index i = 0; i < data.size(); ++i) {
      const std::size_t c = to_size(i) % values;
      data[i] = static_cast<T>((static_cast<double>(data[i]) - mean_[c]) / deviation_[c]);
    }
  }

 private:
  std::vector<double> mean_, deviation_;
};

/// Images (samples, height, width, channels) in another size: out(i) = in((i + 1/2) * in_size / out_size - 1/2),
/// the centres of pixels as in TensorFlow's tf.image.resize and PyTorch's interpolate(align_corners=False),
/// without antialiasing. Nearest takes the pixel in which the centre lies (PyTorch's "nearest-exact").
template <class T>
Tensor<T> resize(const Tensor<T>& images, Pair size, Interpolation interpolation = Interpolation::bilinear) {
  detail::check_images(images.shape(), "resize");
  const Index height = images.shape()[1], width = images.shape()[2], channels = images.shape()[3];
  if (size.height < 1 || size.width < 1 || height < 1 || width < 1)
    throw ShapeError("resize", "sizes of 1 or more", images.shape().to_string() + " to " + size.to_string());

  struct Source {
    Index low, high;
    T share;  // of `high`
  };
  const auto sources = [&](Index in, Index out) {
    std::vector<Source> list;
    for (Index i = 0; i < out; ++i) {
      const double centre = (static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(out);
      const double place = (std::max)(centre - 0.5, 0.0);
      const auto low = static_cast<Index>(interpolation == Interpolation::nearest ? centre : place);
      const double share = interpolation == Interpolation::nearest ? 0 : place - static_cast<double>(low);
      list.push_back({low, (std::min)(low + 1, in - 1), static_cast<T>(share)});
    }
    return list;
  };
  const std::vector<Source> rows = sources(height, size.height), columns = sources(width, size.width);
  Tensor<T> result = Tensor<T>::uninitialized({images.shape()[0], size.height, size.width, channels});
  T* out = result.data();
  for (Index n = 0; n < images.shape()[0]; ++n) {
    const T* image = images.data() + n * height * width * channels;
    for (const Source& y : rows)
      for (const Source& x : columns)
        for (Index c = 0; c < channels; ++c) {
          const auto at = [&](Index h, Index w) { return image[(h * width + w) * channels + c]; };
          const T top = at(y.low, x.low) + (at(y.low, x.high) - at(y.low, x.low)) * x.share;
          const T bottom = at(y.high, x.low) + (at(y.high, x.high) - at(y.high, x.low)) * x.share;
          *out++ = top + (bottom - top) * y.share;
        }
  }
  return result;
}

/// `resize` for a batch's first input, so that a large dataset is enlarged batch by batch:
///
///     train.map(Resize({64, 64}));
class Resize {
 public:
  /// To that many pixels.
  explicit Resize(Pair size, Interpolation interpolation = Interpolation::bilinear)
      : size_(size), interpolation_(interpolation) {}
  /// Resizes the images of the first input.
  template <class T>
  void operator()(Batch<T>& batch) const {
    batch.inputs.at(0) = resize(batch.inputs.at(0), size_, interpolation_);
  }

 private:
  Pair size_;
  Interpolation interpolation_;
};

KEEL_INSTANCE(Tensor<float> resize(const Tensor<float>&, Pair, Interpolation))

}  // namespace KEEL_ABI
}  // namespace keel
