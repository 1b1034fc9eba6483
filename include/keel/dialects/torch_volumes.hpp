#pragma once
/// How classes of keel's that work on volumes become PyTorch's modules.

#include <keel/dialects/torch_options.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace dialects {

/// Windows over volumes: three numbers of an option, and front, back, top, bottom, left, right of the padding.
struct TorchVolume {
  std::vector<Index> size, strides, dilation, sides;

  TorchVolume(const TorchBuilder& b, const char* window) {
    const auto three = [&](const char* name) {
      auto list = b.get<std::vector<Index>>(name, {1});
      return list.size() == 1 ? std::vector<Index>(3, list[0]) : list;
    };
    size = three(window);
    strides = three("strides");
    dilation = three("dilation_rate");
    Padding3D padding = Padding::Mode::valid;
    read_option(b.config(), "padding", padding);
    const Padding& p = padding.slice;
    sides = {padding.front, padding.back, p.top, p.bottom, p.left, p.right};
    if (p.mode != Padding::Mode::same) return;
    for (std::size_t i = 0; i < 3; ++i) {
      const Index axis = static_cast<Index>(i), reach = (size[i] - 1) * dilation[i] + 1;
      const Index missing = (std::max)(Index{0}, (b.output()[axis] - 1) * strides[i] + reach - b.input()[axis]);
      sides[2 * i] = missing / 2;
      sides[2 * i + 1] = missing - missing / 2;
    }
  }
  bool symmetric() const { return sides[0] == sides[1] && sides[2] == sides[3] && sides[4] == sides[5]; }
  bool none() const {
    return std::all_of(sides.begin(), sides.end(), [](Index side) { return side == 0; });
  }
  static std::string python(const std::vector<Index>& list) { return "(" + detail::join(list, ", ") + ")"; }
  /// ", padding=(1, 1, 1)".
  std::string padding() const { return none() ? "" : ", padding=" + python({sides[0], sides[2], sides[4]}); }
  /// "(3, 3, 3), stride=(2, 2, 2)".
  std::string windows() const {
    return python(size) + (strides == std::vector<Index>{1, 1, 1} ? "" : ", stride=" + python(strides));
  }
  /// A module that pads.
  void pad(TorchBuilder& b, const char* value) const {
    b.mark_asymmetric();
    b.add("ConstantPad3d", python({sides[4], sides[5], sides[2], sides[3], sides[0], sides[1]}) + ", " + value,
          "_padding");
    b.last().function = true;
    b.last().output = {b.input()[0] + sides[0] + sides[1], b.input()[1] + sides[2] + sides[3],
                       b.input()[2] + sides[4] + sides[5], b.channels()};
  }
};
inline void torch_conv3d(TorchBuilder& b) {
  const TorchVolume v(b, "kernel_size");
  if (!v.symmetric()) v.pad(b, "0.0");
  b.add("Conv3d", std::to_string(b.channels()) + ", " + std::to_string(b.filters()) + ", " + v.windows() +
                      (v.symmetric() ? v.padding() : "") +
                      (v.dilation == std::vector<Index>{1, 1, 1} ? "" : ", dilation=" + v.python(v.dilation)) +
                      b.arguments("groups use_bias"));
  b.hold("kernel bias");
  b.activation();
}
/// With stride=, which is the window's extents by default; the others need padding of at most half a window.
inline void torch_pool3d(TorchBuilder& b, const char* name, std::string_view options, const char* outside) {
  TorchVolume v(b, "pool_size");
  bool fits = v.symmetric();
  for (std::size_t i = 0; i < 3; ++i) fits = fits && 2 * v.sides[2 * i] <= v.size[i];
  const std::string windows = v.python(v.size) + ", stride=" + v.python(v.strides);
  if (fits) return b.add(name, windows + v.padding() + b.arguments(options));
  if (!outside)
    return b.refuse(
        "padding alike on both sides and at most half the pool",
        Padding3D(v.sides[0], v.sides[1], Padding(v.sides[2], v.sides[3], v.sides[4], v.sides[5])).to_string());
  for (std::size_t i = 0; i < 3; ++i) {
    const Index axis = static_cast<Index>(i);
    v.sides[2 * i + 1] = (std::max)(
        v.sides[2 * i + 1], (b.output()[axis] - 1) * v.strides[i] + v.size[i] - b.input()[axis] - v.sides[2 * i]);
  }
  v.pad(b, outside);
  b.add(name, windows);
}
inline void torch_max_pool3d(TorchBuilder& b) { torch_pool3d(b, "MaxPool3d", "ceil_mode", "float('-inf')"); }
inline void torch_average_pool3d(TorchBuilder& b) {
  torch_pool3d(b, "AvgPool3d", "ceil_mode count_include_pad", nullptr);
}

inline void torch_upsampling3d(TorchBuilder& b) {
  const auto size = b.get<std::vector<Index>>("size", {2, 2, 2});
  b.add("Upsample", "scale_factor=(" + detail::join(size, ", ") + ")");
}

}  // namespace dialects

}  // namespace KEEL_ABI
}  // namespace keel
