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
/// As of images: where the sides that are left out differ, everything is computed and the rest cut off.
inline void torch_conv3d_transpose(TorchBuilder& b) {
  const TorchVolume v(b, "kernel_size");
  Padding3D padding = Padding::Mode::valid;
  read_option(b.config(), "padding", padding);
  std::vector<Index> pads, extra, cut;
  for (std::size_t i = 0; i < 3; ++i) {
    const Index axis = static_cast<Index>(i), stride = v.strides[i];
    const Index full = (b.input()[axis] - 1) * stride + (v.size[i] - 1) * v.dilation[i] + 1, out = b.output()[axis];
    Index before = padding.fixed() ? v.sides[2 * i] : 0;
    if (padding.slice.mode == Padding::Mode::same) before = (std::max)(Index{0}, full - out) / 2;
    const Index after = full - before - out, most = (std::max)(stride, v.dilation[i]);
    const bool alike = after <= before && before - after < most;
    if (!alike && -after >= most)
      b.refuse("an output_padding that PyTorch has, less than the stride or the dilation", std::to_string(-after));
    pads.push_back(alike ? before : 0);
    extra.push_back(alike ? before - after : (std::max)(Index{0}, -after));
    // behind, then in front, since the order is turned round
    cut.push_back(alike ? 0 : -(std::max)(Index{0}, after));
    cut.push_back(alike ? 0 : -before);
  }
  const std::vector<Index> none(3, 0), ones(3, 1);
  b.add("ConvTranspose3d", std::to_string(b.channels()) + ", " + std::to_string(b.filters()) + ", " + v.windows() +
                               (pads == none ? "" : ", padding=" + v.python(pads)) +
                               (extra == none ? "" : ", output_padding=" + v.python(extra)) +
                               b.arguments("groups use_bias") +
                               (v.dilation == ones ? "" : ", dilation=" + v.python(v.dilation)));
  b.hold("kernel bias");
  if (std::any_of(cut.begin(), cut.end(), [](Index side) { return side != 0; })) {
    b.mark_asymmetric();
    std::reverse(cut.begin(), cut.end());
    b.add("ConstantPad3d", v.python(cut) + ", 0.0", "_crop");
    b.last().function = true;
  }
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
