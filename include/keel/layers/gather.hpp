#pragma once
/// Chosen places along an axis.

#include <keel/layers/base/remap.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct GatherOptions {
  /// Counted with the batch: 1 is the first axis of a sample; negative from the end. Default 1.
  Index axis = 1;
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("axis", axis);
  }
};

/// The places of an axis that `indices` name, in their order, each as often as it is there; negative ones count from
/// the end. A Reshape behind it gives indices of several axes, or of none, their shape.
///
/// Any shape; the axis has as many places as there are indices. Throws ConfigError without indices and for the batch's
/// axis, ShapeError for an axis that the input does not have and an index beyond it. Keras and PyTorch have functions
/// (take, index_select), but no layer.
///
///     Gather({0, 2, -1})      Gather({3}, {.axis = -1})
template <class T = float>
class Gather : public Remap<T> {
 public:
  explicit Gather(std::vector<Index> indices, GatherOptions options = {})
      : Remap<T>(options.name), indices_(std::move(indices)), options_(std::move(options)) {
    const std::string who = detail::who(this->name(), "Gather");
    if (indices_.empty()) throw ConfigError(who, "indices", "none");
    if (options_.axis == 0) throw ConfigError(who, "an axis of a sample", "0, the batch's");
  }
  static Gather from_config(const Config& config) {
    return Gather(config.get<std::vector<Index>>("indices", {}), read_options<GatherOptions>(config));
  }

  std::string type() const override { return "Gather"; }
  Config config() const override { return with_options({{"indices", indices_}}, options_); }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    const Index n = in[this->place(options_.axis, in)];
    for (const Index index : indices_)
      if (index < -n || index >= n)
        throw ShapeError(this->who(), "indices within an extent of " + std::to_string(n), std::to_string(index));
    return this->mapped(in);
  }

 private:
  bool chosen(Index axis, const Shape& in) const { return this->place(options_.axis, in) == axis; }
  Index extent(Index axis, const Shape& in) const override { return chosen(axis, in) ? count_of(indices_) : in[axis]; }
  void sources(Index axis, const Shape& in, std::span<Index> places) const override {
    if (!chosen(axis, in)) return std::iota(places.begin(), places.end(), Index{0});
    std::transform(indices_.begin(), indices_.end(), places.begin(),
                   [&](Index index) { return index < 0 ? index + in[axis] : index; });
  }

  std::vector<Index> indices_;
  GatherOptions options_;
};
KEEL_REFUSE_OTHERS(Gather)

KEEL_INSTANCE(class Gather<float>)

}  // namespace KEEL_ABI
}  // namespace keel
