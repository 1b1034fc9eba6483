#pragma once
/// More transforms of a batch of images: rotation, zoom and translation, with masks; brightness and contrast; cutout;
/// mixup.

#include <array>
#include <cmath>

#include <keel/training/augment.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// From places of the output to places of the input: y' = a y + b x + c, x' = d y + e x + f, in pixels.
using AffineMap = std::array<double, 6>;

/// A place between a pixel and the next one.
struct PixelPlace {
  Index before;
  double part;  ///< of the way to the next; within [0, 1)
};
inline PixelPlace pixel_place(double at, Interpolation interpolation) {
  if (interpolation == Interpolation::nearest) return {static_cast<Index>(std::floor(at + 0.5)), 0};
  const double low = std::floor(at);
  return {static_cast<Index>(low), at - low};
}
/// The value between up to four pixels, which `at(row, column)` gives. What has no weight is not read.
template <class At>
double between_pixels(const At& at, PixelPlace y, PixelPlace x) {
  double value = (1 - y.part) * (1 - x.part) * at(y.before, x.before);
  if (x.part > 0) value += (1 - y.part) * x.part * at(y.before, x.before + 1);
  if (y.part > 0) value += y.part * (1 - x.part) * at(y.before + 1, x.before);
  if (y.part > 0 && x.part > 0) value += y.part * x.part * at(y.before + 1, x.before + 1);
  return value;
}

/// An image whose pixels are those of another at `map`. What lies outside is `fill`; bilinear between pixels, or
/// nearest.
template <class T>
void warp(const T* from, T* to, const Shape& image, const AffineMap& map, Interpolation interpolation, double fill) {
  const Index height = image[0], width = image[1], channels = image[2];
  Index c = 0;
  const auto at = [&](Index y, Index x) {
    const bool inside = y >= 0 && y < height && x >= 0 && x < width;
    return inside ? static_cast<double>(from[(y * width + x) * channels + c]) : fill;
  };
  for (Index h = 0; h < height; ++h)
    for (Index w = 0; w < width; ++w) {
      const PixelPlace y = pixel_place(map[0] * double(h) + map[1] * double(w) + map[2], interpolation);
      const PixelPlace x = pixel_place(map[3] * double(h) + map[4] * double(w) + map[5], interpolation);
      for (c = 0; c < channels; ++c) *to++ = static_cast<T>(between_pixels(at, y, x));
    }
}

}  // namespace detail

struct RandomAffineOptions {
  double rotation = 0;                                    ///< up to so many degrees either way; within [0, 180]
  double zoom = 0;                                        ///< sizes from 1 - zoom to 1 + zoom; within [0, 1)
  double height_translation = 0;                          ///< up to this part of the height either way; 0 or more
  double width_translation = 0;                           ///< up to this part of the width either way; 0 or more
  bool horizontal_flip = false;                           ///< mirror left and right, every second image
  bool vertical_flip = false;                             ///< upside down, every second image
  Interpolation interpolation = Interpolation::bilinear;  ///< of the images; of masks it is always nearest
  double fill = 0;                                        ///< what comes in from outside an image
  bool masks = false;                                     ///< the first targets are images too, and move alike
  double mask_fill = 0;                                   ///< what comes in from outside a mask
  std::uint64_t seed = 0;                                 ///< of what is drawn
};

/// Random rotation, zoom, translation and flips about the centre of the images in a batch's first input, each drawn
/// evenly; masks (samples, height, width) or (samples, height, width, channels) move with them. What happens to an
/// image follows from (seed, epoch, its number in the dataset).
///
///     train.map(RandomAffine({.rotation = 15, .zoom = 0.1, .masks = true}));
///
/// Throws ConfigError for options outside their range, ShapeError where the input is no image or the mask of another
/// size.
class RandomAffine {
 public:
  explicit RandomAffine(RandomAffineOptions options) : o_(options) {
    detail::check_range("RandomAffine", "rotation", o_.rotation, 0, 180);
    if (!(o_.zoom >= 0 && o_.zoom < 1)) throw ConfigError("RandomAffine", "zoom within [0, 1)", detail::text(o_.zoom));
    detail::check_positive("RandomAffine", "height_translation", o_.height_translation, true);
    detail::check_positive("RandomAffine", "width_translation", o_.width_translation, true);
  }
  KEEL_REFUSE_OTHER_OPTIONS(RandomAffine)

  /// Changes the first input and, where the options say so, masks beside it, each sample by its own draw.
  template <class T>
  void operator()(Batch<T>& batch) const {
    constexpr const char* who = "RandomAffine";
    Tensor<T>& images = batch.inputs.at(0);
    detail::check_images(images.shape(), who);
    const Shape image = images.shape().sample();
    Shape mask{0, 0, 0};
    if (o_.masks) {
      const Shape& target = batch.targets.at(0).shape();
      const bool fits = (target.rank() == 3 || target.rank() == 4) && target[1] == image[0] && target[2] == image[1];
      if (!fits) throw ShapeError(who, "masks as large as the images, " + image.to_string(), target.to_string());
      mask = {target[1], target[2], target.rank() == 4 ? target[3] : 1};
    }
    Tensor<T> before;
    for (Index n = 0; n < batch.size(); ++n) {
      Rng rng = detail::sample_rng(batch, n, o_.seed, who);
      const detail::AffineMap map = draw(image, rng);
      const auto move = [&](Tensor<T>& all, const Shape& shape, Interpolation interpolation, double fill) {
        T* const at = all.data() + n * shape.size();
        before.resize(shape);
        std::copy_n(at, shape.size(), before.data());
        detail::warp(before.data(), at, shape, map, interpolation, fill);
      };
      move(images, image, o_.interpolation, o_.fill);
      if (o_.masks) move(batch.targets[0], mask, Interpolation::nearest, o_.mask_fill);
    }
  }

 private:
  detail::AffineMap draw(const Shape& image, Rng& rng) const {
    const double angle = rng.uniform(-o_.rotation, o_.rotation) * 0.017453292519943295;
    const double size = rng.uniform(1 - o_.zoom, 1 + o_.zoom);
    const double down = rng.uniform(-o_.height_translation, o_.height_translation) * double(image[0]);
    const double right = rng.uniform(-o_.width_translation, o_.width_translation) * double(image[1]);
    const double flip_x = o_.horizontal_flip && rng.below(2) == 1 ? -1 : 1;
    const double flip_y = o_.vertical_flip && rng.below(2) == 1 ? -1 : 1;
    const double c = std::cos(angle) / size, s = std::sin(angle) / size;
    const double y0 = (double(image[0]) - 1) / 2, x0 = (double(image[1]) - 1) / 2;
    // from the centre, moved back, turned back, flipped
    detail::AffineMap map{flip_y * c, flip_y * s, 0, flip_x * -s, flip_x * c, 0};
    map[2] = y0 - map[0] * (y0 + down) - map[1] * (x0 + right);
    map[5] = x0 - map[3] * (y0 + down) - map[4] * (x0 + right);
    return map;
  }

  RandomAffineOptions o_;
};

struct RandomColorOptions {
  double brightness = 0;  ///< a number from [-brightness, brightness] is added; 0 or more
  double contrast =
      0;  ///< differences from the channel's mean times one from [1 - contrast, 1 + contrast]; within [0, 1]
  double low = 0, high = 1;  ///< values are kept within; low below high
  std::uint64_t seed = 0;    ///< of what is drawn
};

/// Random brightness and contrast of the images in a batch's first input: x = clip((x - mean) c + mean + b), drawn as
/// RandomAffine draws. Throws ConfigError for options outside their range.
class RandomColor {
 public:
  explicit RandomColor(RandomColorOptions options) : o_(options) {
    detail::check_positive("RandomColor", "brightness", o_.brightness, true);
    detail::check_range("RandomColor", "contrast", o_.contrast, 0, 1);
    if (!(o_.low < o_.high)) throw ConfigError("RandomColor", "low below high", detail::text(o_.low));
  }
  KEEL_REFUSE_OTHER_OPTIONS(RandomColor)
  /// Changes the images of the first input, each sample by its own draw.
  template <class T>
  void operator()(Batch<T>& batch) const {
    Tensor<T>& images = batch.inputs.at(0);
    detail::check_images(images.shape(), "RandomColor");
    const Shape image = images.shape().sample();
    const Index channels = image[2], pixels = image[0] * image[1];
    for (Index n = 0; n < batch.size(); ++n) {
      Rng rng = detail::sample_rng(batch, n, o_.seed, "RandomColor");
      const double b = rng.uniform(-o_.brightness, o_.brightness), c = rng.uniform(1 - o_.contrast, 1 + o_.contrast);
      T* const at = images.data() + n * image.size();
      for (Index channel = 0; channel < channels; ++channel) {
        double mean = 0;
        for (Index p = 0; p < pixels; ++p) mean += double(at[p * channels + channel]);
        mean /= double(pixels);
        for (Index p = 0; p < pixels; ++p) {
          T& x = at[p * channels + channel];
          x = static_cast<T>((std::min)((std::max)((double(x) - mean) * c + mean + b, o_.low), o_.high));
        }
      }
    }
  }

 private:
  RandomColorOptions o_;
};

struct CutoutOptions {
  Pair size = 8;           ///< of a hole, in pixels; 1 or more
  Index holes = 1;         ///< in each image; 0 or more
  double fill = 0;         ///< what is there then
  std::uint64_t seed = 0;  ///< of what is drawn
};

/// Holes in the images of a batch's first input (DeVries and Taylor, "Improved Regularization of Convolutional Neural
/// Networks with Cutout", 2017): their centres lie anywhere in the image, parts may lie outside. Throws ConfigError for
/// options outside their range.
class Cutout {
 public:
  explicit Cutout(CutoutOptions options = {}) : o_(options) {
    if (o_.size.height < 1 || o_.size.width < 1)
      throw ConfigError("Cutout", "a size of 1 or more", o_.size.to_string());
    detail::check_positive("Cutout", "holes", static_cast<double>(o_.holes), true);
  }
  KEEL_REFUSE_OTHER_OPTIONS(Cutout)
  /// Changes the images of the first input, each sample by its own draw.
  template <class T>
  void operator()(Batch<T>& batch) const {
    Tensor<T>& images = batch.inputs.at(0);
    detail::check_images(images.shape(), "Cutout");
    const Shape image = images.shape().sample();
    for (Index n = 0; n < batch.size(); ++n) {
      Rng rng = detail::sample_rng(batch, n, o_.seed, "Cutout");
      for (Index hole = 0; hole < o_.holes; ++hole) {
        const Index top = rng.below(image[0]) - o_.size.height / 2, left = rng.below(image[1]) - o_.size.width / 2;
        for (Index h = (std::max)(top, Index{0}); h < (std::min)(top + o_.size.height, image[0]); ++h)
          for (Index w = (std::max)(left, Index{0}); w < (std::min)(left + o_.size.width, image[1]); ++w)
            std::fill_n(images.data() + ((n * image[0] + h) * image[1] + w) * image[2], image[2],
                        static_cast<T>(o_.fill));
      }
    }
  }

 private:
  CutoutOptions o_;
};

struct MixUpOptions {
  double alpha = 0.2;      ///< of the distribution Beta(alpha, alpha) of the parts; above 0
  std::uint64_t seed = 0;  ///< of what is drawn
};

/// x = l x_i + (1 - l) x_j and t = l t_i + (1 - l) t_j, with l of Beta(alpha, alpha) for each sample and j another of
/// its batch (Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018). Every input and target is mixed;
/// targets are one-hot rows or values, no class numbers: throws ShapeError for targets without an axis beside the
/// samples, ConfigError for alpha. Which samples meet follows from (seed, epoch, the batch's first sample).
class MixUp {
 public:
  explicit MixUp(MixUpOptions options = {}) : o_(options) { detail::check_positive("MixUp", "alpha", o_.alpha); }
  KEEL_REFUSE_OTHER_OPTIONS(MixUp)
  /// Mixes the samples of the batch.
  template <class T>
  void operator()(Batch<T>& batch) const {
    for (const Tensor<T>& target : batch.targets)
      if (target.rank() < 2)
        throw ShapeError("MixUp", "one-hot rows or values as targets", target.shape().to_string(),
                         "class numbers cannot be mixed: make rows of them, for categorical_crossentropy");
    if (batch.size() == 0) return;
    Rng rng = detail::sample_rng(batch, 0, o_.seed, "MixUp");
    const std::vector<Index> other = rng.permutation(batch.size());
    std::vector<double> part;
    for (Index n = 0; n < batch.size(); ++n) part.push_back(beta(rng));
    for (auto* tensors : {&batch.inputs, &batch.targets})
      for (Tensor<T>& tensor : *tensors) {
        const Tensor<T> before = tensor;
        const Index size = tensor.size() / batch.size();
        for (Index n = 0; n < batch.size(); ++n)
          for (Index i = 0; i < size; ++i)
            tensor[n * size + i] = static_cast<T>(nth(part, n) * double(before[n * size + i]) +
                                                  (1 - nth(part, n)) * double(before[nth(other, n) * size + i]));
      }
  }

 private:
  /// Jöhnk's method.
  double beta(Rng& rng) const {
    for (;;) {
      const double x = std::pow(rng.uniform(0, 1), 1 / o_.alpha), y = std::pow(rng.uniform(0, 1), 1 / o_.alpha);
      if (x + y > 0 && x + y <= 1) return x / (x + y);
    }
  }

  MixUpOptions o_;
};

}  // namespace KEEL_ABI
}  // namespace keel
