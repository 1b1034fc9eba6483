#pragma once
/// Every sample in another shape.

#include <keel/layers/base/options.hpp>
#include <keel/layers/base/view_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct ReshapeOptions {
  /// In the model; by default made from the class.
  std::string name = {};
};

/// Every sample in another shape of the same size, row-major; one extent may be -1 and is found.
///
/// Any shape; output (batch, target_shape). Throws ConfigError for extents below -1 and for two of -1, ShapeError for
/// an input of another size. Keras: Reshape. PyTorch: Unflatten(1, shape), of channels first.
///
///     Reshape({7, 7, -1})
template <class T = float>
class Reshape : public ViewLayer<T> {
 public:
  explicit Reshape(std::vector<Index> target_shape, ReshapeOptions options = {})
      : ViewLayer<T>(std::move(options.name)), target_(std::move(target_shape)) {
    Index unknown = 0;
    for (const Index dim : target_) {
      check_option(this->who(), "extents", dim, -1);
      unknown += dim == -1;
    }
    if (unknown > 1) throw ConfigError(this->who(), "at most one extent of -1", std::to_string(unknown));
  }
  static Reshape from_config(const Config& config) {
    return Reshape(config.get<std::vector<Index>>("target_shape", {}), {read_name(config)});
  }

  std::string type() const override { return "Reshape"; }
  Config config() const override { return {{"target_shape", target_}}; }

  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    std::vector<Index> dims = target_;
    std::string wanted;
    std::vector<Index> given;
    for (const Index dim : dims) {
      wanted += (wanted.empty() ? "" : ", ") + std::to_string(dim);
      if (dim != -1) given.push_back(dim);
    }
    const Index known = Shape(given).size();
    for (Index& dim : dims)
      if (dim == -1) dim = known > 0 ? in.size() / known : 0;
    const Shape out(dims);
    if (out.size() != in.size())
      throw ShapeError(this->who(), "an input that fills (" + wanted + ")",
                       in.to_string() + ", " + std::to_string(in.size()) + " values");
    return out;
  }

 private:
  std::vector<Index> target_;
};
KEEL_REFUSE_OTHERS(Reshape)

KEEL_INSTANCE(class Reshape<float>)

}  // namespace KEEL_ABI
}  // namespace keel
