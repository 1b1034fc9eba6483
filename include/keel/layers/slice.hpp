#pragma once
/// A part of a sample along axes.

#include <keel/layers/base/remap.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct SliceOptions {
  /// The axes that `starts` and `ends` are for, counted with the batch; by default 1, 2, ...
  std::vector<Index> axes = {};
  /// From one place to the next, negative backwards; by default 1.
  std::vector<Index> steps = {};
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("axes", axes);
    f("steps", steps);
  }
};

/// The places start, start + step, ... before end along some axes, as Python's x[start:end:step]: negative starts and
/// ends count from the end, those beyond it are brought to it. Several of them split a tensor.
///
/// Any shape with these axes; other axes stay. Throws ConfigError for lists of different lengths, a step of 0 and the
/// batch's axis, ShapeError for an axis that the input does not have and where nothing is left.
/// Keras and PyTorch have no such layer.
///
///     Slice({0, 0}, {4, -1})      Slice({-1}, {-100}, {.axes = {1}, .steps = {-1}})      // the last: backwards
template <class T = float>
class Slice : public Remap<T> {
 public:
  Slice(std::vector<Index> starts, std::vector<Index> ends, SliceOptions options = {})
      : Remap<T>(options.name), starts_(std::move(starts)), ends_(std::move(ends)), options_(std::move(options)) {
    const std::string who = detail::who(this->name(), "Slice");
    if (options_.axes.empty())
      for (std::size_t i = 0; i < starts_.size(); ++i) options_.axes.push_back(static_cast<Index>(i) + 1);
    if (options_.steps.empty()) options_.steps.assign(starts_.size(), 1);
    if (starts_.empty() || ends_.size() != starts_.size() || options_.axes.size() != starts_.size() ||
        options_.steps.size() != starts_.size())
      throw ConfigError(who, "starts, ends, axes and steps of one count",
                        std::to_string(starts_.size()) + ", " + std::to_string(ends_.size()) + ", " +
                            std::to_string(options_.axes.size()) + " and " + std::to_string(options_.steps.size()));
    for (std::size_t i = 0; i < starts_.size(); ++i) {
      if (options_.steps[i] == 0) throw ConfigError(who, "steps other than 0", "0");
      if (options_.axes[i] == 0) throw ConfigError(who, "axes of a sample", "0, the batch's");
    }
  }
  static Slice from_config(const Config& config) {
    return Slice(config.get<std::vector<Index>>("starts", {}), config.get<std::vector<Index>>("ends", {}),
                 read_options<SliceOptions>(config));
  }

  std::string type() const override { return "Slice"; }
  Config config() const override { return with_options({{"starts", starts_}, {"ends", ends_}}, options_); }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    for (const Index axis : options_.axes) this->place(axis, in);
    const Shape out = this->mapped(in);
    if (out.size() == 0) throw ShapeError(this->who(), "an input of which something is left", in.to_string());
    return out;
  }

 private:
  struct Range {
    Index start, step, count;
  };
  Range range(Index axis, const Shape& in) const {
    const Index n = in[axis];
    for (std::size_t i = 0; i < starts_.size(); ++i) {
      if (this->place(options_.axes[i], in) != axis) continue;
      const Index step = options_.steps[i], low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
      const auto bring = [&](Index at) { return (std::min)((std::max)(at < 0 ? at + n : at, low), high); };
      const Index start = bring(starts_[i]), end = bring(ends_[i]);
      const Index room = step > 0 ? end - start : start - end;
      const Index most = (std::max)(n, Index{1});  // a longer step leaves one place too
      const Index stride = step > 0 ? (std::min)(step, most) : -(std::max)(step, -most);
      return {start, step > 0 ? stride : -stride, room <= 0 ? 0 : (room - 1) / stride + 1};
    }
    return {0, 1, n};
  }
  Index extent(Index axis, const Shape& in) const override { return range(axis, in).count; }
  void sources(Index axis, const Shape& in, std::span<Index> places) const override {
    const Range r = range(axis, in);
    for (Index i = 0; i < count_of(places); ++i) nth(places, i) = r.start + i * r.step;
  }

  std::vector<Index> starts_, ends_;
  SliceOptions options_;
};
KEEL_REFUSE_OTHERS(Slice)

KEEL_INSTANCE(class Slice<float>)

}  // namespace KEEL_ABI
}  // namespace keel
