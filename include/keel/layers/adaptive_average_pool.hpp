#pragma once
/// Means over windows that an output of given extents wants.

#include <keel/layers/base/adaptive_pool.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct AdaptiveAveragePoolOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// The mean of sequences: AdaptivePool (base/adaptive_pool.hpp). Keras: AdaptiveAveragePooling1D. PyTorch:
/// AdaptiveAvgPool1d.
///
///     AdaptiveAveragePool1D(4)
template <class T = float>
class AdaptiveAveragePool1D : public AdaptivePool<T> {
 public:
  /// `output_size`: places of the output.
  explicit AdaptiveAveragePool1D(Index output_size, AdaptiveAveragePoolOptions options = {})
      : AdaptivePool<T>(AdaptivePooling::mean, 1, "AdaptiveAveragePooling1D", {1, 1, output_size},
                        std::move(options.name)) {}
  static AdaptiveAveragePool1D from_config(const Config& config) {
    return AdaptiveAveragePool1D(AdaptivePool<T>::template size_in<Index>(config), {read_name(config)});
  }

  std::string type() const override { return "AdaptiveAveragePooling1D"; }
};

/// The mean of images: AdaptivePool (base/adaptive_pool.hpp). Keras: AdaptiveAveragePooling2D. PyTorch:
/// AdaptiveAvgPool2d.
///
///     AdaptiveAveragePool2D({7, 7})
template <class T = float>
class AdaptiveAveragePool2D : public AdaptivePool<T> {
 public:
  /// `output_size`: places of the output along height and width.
  explicit AdaptiveAveragePool2D(Pair output_size, AdaptiveAveragePoolOptions options = {})
      : AdaptivePool<T>(AdaptivePooling::mean, 2, "AdaptiveAveragePooling2D",
                        {1, output_size.height, output_size.width}, std::move(options.name)) {}
  static AdaptiveAveragePool2D from_config(const Config& config) {
    return AdaptiveAveragePool2D(AdaptivePool<T>::template size_in<Pair>(config), {read_name(config)});
  }

  std::string type() const override { return "AdaptiveAveragePooling2D"; }
};

/// The mean of volumes: AdaptivePool (base/adaptive_pool.hpp). Keras: AdaptiveAveragePooling3D. PyTorch:
/// AdaptiveAvgPool3d.
///
///     AdaptiveAveragePool3D({2, 4, 4})
template <class T = float>
class AdaptiveAveragePool3D : public AdaptivePool<T> {
 public:
  /// `output_size`: places of the output along depth, height and width.
  explicit AdaptiveAveragePool3D(Triple output_size, AdaptiveAveragePoolOptions options = {})
      : AdaptivePool<T>(AdaptivePooling::mean, 3, "AdaptiveAveragePooling3D", output_size, std::move(options.name)) {}
  static AdaptiveAveragePool3D from_config(const Config& config) {
    return AdaptiveAveragePool3D(AdaptivePool<T>::template size_in<Triple>(config), {read_name(config)});
  }

  std::string type() const override { return "AdaptiveAveragePooling3D"; }
};
KEEL_REFUSE_OTHERS(AdaptiveAveragePool1D)
KEEL_REFUSE_OTHERS(AdaptiveAveragePool2D)
KEEL_REFUSE_OTHERS(AdaptiveAveragePool3D)

KEEL_INSTANCE(class AdaptiveAveragePool1D<float>)
KEEL_INSTANCE(class AdaptiveAveragePool2D<float>)
KEEL_INSTANCE(class AdaptiveAveragePool3D<float>)

}  // namespace KEEL_ABI
}  // namespace keel
