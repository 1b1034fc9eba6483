#pragma once
/// Largest values over windows that an output of given extents wants.

#include <keel/layers/base/adaptive_pool.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct AdaptiveMaxPoolOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// The largest value of sequences: AdaptivePool (base/adaptive_pool.hpp). Keras: AdaptiveMaxPooling1D. PyTorch:
/// AdaptiveMaxPool1d.
///
///     AdaptiveMaxPool1D(4)
template <class T = float>
class AdaptiveMaxPool1D : public AdaptivePool<T> {
 public:
  /// `output_size`: places of the output.
  explicit AdaptiveMaxPool1D(Index output_size, AdaptiveMaxPoolOptions options = {})
      : AdaptivePool<T>(AdaptivePooling::largest, 1, "AdaptiveMaxPooling1D", {1, 1, output_size},
                        std::move(options.name)) {}
  static AdaptiveMaxPool1D from_config(const Config& config) {
    return AdaptiveMaxPool1D(AdaptivePool<T>::template size_in<Index>(config), {read_name(config)});
  }

  std::string type() const override { return "AdaptiveMaxPooling1D"; }
};

/// The largest value of images: AdaptivePool (base/adaptive_pool.hpp). Keras: AdaptiveMaxPooling2D. PyTorch:
/// AdaptiveMaxPool2d.
///
///     AdaptiveMaxPool2D({7, 7})
template <class T = float>
class AdaptiveMaxPool2D : public AdaptivePool<T> {
 public:
  /// `output_size`: places of the output along height and width.
  explicit AdaptiveMaxPool2D(Pair output_size, AdaptiveMaxPoolOptions options = {})
      : AdaptivePool<T>(AdaptivePooling::largest, 2, "AdaptiveMaxPooling2D", {1, output_size.height, output_size.width},
                        std::move(options.name)) {}
  static AdaptiveMaxPool2D from_config(const Config& config) {
    return AdaptiveMaxPool2D(AdaptivePool<T>::template size_in<Pair>(config), {read_name(config)});
  }

  std::string type() const override { return "AdaptiveMaxPooling2D"; }
};

/// The largest value of volumes: AdaptivePool (base/adaptive_pool.hpp). Keras: AdaptiveMaxPooling3D. PyTorch:
/// AdaptiveMaxPool3d.
///
///     AdaptiveMaxPool3D({2, 4, 4})
template <class T = float>
class AdaptiveMaxPool3D : public AdaptivePool<T> {
 public:
  /// `output_size`: places of the output along depth, height and width.
  explicit AdaptiveMaxPool3D(Triple output_size, AdaptiveMaxPoolOptions options = {})
      : AdaptivePool<T>(AdaptivePooling::largest, 3, "AdaptiveMaxPooling3D", output_size, std::move(options.name)) {}
  static AdaptiveMaxPool3D from_config(const Config& config) {
    return AdaptiveMaxPool3D(AdaptivePool<T>::template size_in<Triple>(config), {read_name(config)});
  }

  std::string type() const override { return "AdaptiveMaxPooling3D"; }
};
KEEL_REFUSE_OTHERS(AdaptiveMaxPool1D)
KEEL_REFUSE_OTHERS(AdaptiveMaxPool2D)
KEEL_REFUSE_OTHERS(AdaptiveMaxPool3D)

KEEL_INSTANCE(class AdaptiveMaxPool1D<float>)
KEEL_INSTANCE(class AdaptiveMaxPool2D<float>)
KEEL_INSTANCE(class AdaptiveMaxPool3D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
