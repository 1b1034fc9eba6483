#pragma once
/// How layers that slide a window, pad, cut or enlarge become ONNX's operators. Images of one row are sequences there
/// too.

#include <keel/dialects/onnx_operators.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace dialects {

/// A window along one axis of the input.
struct OnnxWindow {
  Index size, stride, dilation, in, out, before, after;

  Index reach() const { return (size - 1) * dilation + 1; }
  /// Cells behind the input that the last window covers.
  Index covered() const { return (std::max)(Index{0}, (out - 1) * stride + reach() - in - before); }
};

/// The windows of a layer from samples `in` to `out`, one for each axis but the channels; option `size` has their
/// extents.
inline std::vector<OnnxWindow> onnx_windows(const OnnxCall& c, const char* size, const Shape& in, const Shape& out) {
  const Index axes = in.rank() - 1;
  const auto extents = [&](const char* name) {
    const auto list = c.get<std::vector<Index>>(name, {1});
    return list.size() == 1 ? std::vector<Index>(to_size(axes), list[0]) : list;
  };
  const std::vector<Index> sizes = extents(size), strides = extents("strides"), dilations = extents("dilation_rate");
  const bool same = c.is_text("padding", "same");
  std::vector<Index> sides(to_size(2 * axes), 0);
  if (c.is_text("padding", "causal"))
    sides = {(sizes[0] - 1) * dilations[0], 0};
  else if (c.has("padding") && !same && !c.is_text("padding", "valid"))
    sides = c.get<std::vector<Index>>("padding", {});
  if (sides.size() == 1) sides.assign(to_size(2 * axes), sides[0]);
  std::vector<OnnxWindow> windows;
  for (Index i = 0; i < axes; ++i) {
    OnnxWindow w{.size = nth(sizes, i),
                 .stride = nth(strides, i),
                 .dilation = nth(dilations, i),
                 .in = in[i],
                 .out = out[i],
                 .before = nth(sides, 2 * i),
                 .after = nth(sides, 2 * i + 1)};
    if (same) {
      const Index missing = (std::max)(Index{0}, (w.out - 1) * w.stride + w.reach() - w.in);
      w.before = missing / 2;
      w.after = missing - w.before;
    }
    windows.push_back(w);
  }
  return windows;
}
/// Those of its input, whatever its rank.
inline std::vector<OnnxWindow> onnx_windows(const OnnxCall& c, const char* size) {
  return onnx_windows(c, size, c.in(), c.out());
}
/// {of(first axis), of(second axis)}.
template <class F>
std::vector<Index> onnx_each(const std::vector<OnnxWindow>& windows, F&& of) {
  std::vector<Index> list;
  for (const OnnxWindow& w : windows) list.push_back(of(w));
  return list;
}
inline std::vector<Index> onnx_joined(std::vector<Index> a, const std::vector<Index>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
inline OnnxAttributes onnx_window_attributes(const std::vector<OnnxWindow>& windows, bool dilates) {
  OnnxAttributes all{{"kernel_shape", onnx_each(windows, [](const OnnxWindow& w) { return w.size; })},
                     {"strides", onnx_each(windows, [](const OnnxWindow& w) { return w.stride; })}};
  if (dilates) all.push_back({"dilations", onnx_each(windows, [](const OnnxWindow& w) { return w.dilation; })});
  return all;
}
inline OnnxAttribute onnx_pads(const std::vector<OnnxWindow>& windows) {
  return {"pads", onnx_joined(onnx_each(windows, [](const OnnxWindow& w) { return w.before; }),
                              onnx_each(windows, [](const OnnxWindow& w) { return w.after; }))};
}
/// The batch, so many channels, and the windows' places.
inline OnnxDims onnx_places(const std::vector<OnnxWindow>& windows, Index channels) {
  return onnx_joined({-1, channels}, onnx_each(windows, [](const OnnxWindow& w) { return w.out; }));
}

/// The kernel with the filters in front, then the channels: OIHW of HWIO, IOHW of a transposed one's HWOI.
inline int onnx_kernel(OnnxCall& c, const std::string& name) {
  const Index rank = c.shape_of(name).rank();
  std::vector<Index> axes{rank - 1, rank - 2};
  for (Index i = 0; i + 2 < rank; ++i) axes.push_back(i);
  return c.weight(name, std::move(axes));
}
/// (CM)1HW of HWCM.
inline int onnx_depthwise_kernel(OnnxCall& c, const std::string& name) {
  const Shape& shape = c.shape_of(name);
  const Index rank = shape.rank();
  OnnxPiece piece{.parameter = name, .split = {shape.begin(), shape.end()}, .axes = {rank - 2, rank - 1}};
  OnnxDims dims{shape[rank - 2] * shape[rank - 1], 1};
  for (Index i = 0; i + 2 < rank; ++i) {
    piece.axes.push_back(i);
    dims.push_back(shape[i]);
  }
  return c.weight({std::move(piece)}, std::move(dims), "/" + name);
}
inline void onnx_with_bias(OnnxCall& c, std::vector<int>& inputs) {
  if (c.get<bool>("use_bias", true)) inputs.push_back(c.weight("bias"));
}

/// Convolutions of each kind; depthwise ones have a group for each channel.
inline void onnx_conv(OnnxCall& c) {
  const auto windows = onnx_windows(c, "kernel_size");
  const bool depthwise = c.has("depth_multiplier");
  std::vector<int> inputs{c.x(OnnxForm::first),
                          depthwise ? onnx_depthwise_kernel(c, "kernel") : onnx_kernel(c, "kernel")};
  onnx_with_bias(c, inputs);
  OnnxAttributes attributes = onnx_window_attributes(windows, true);
  attributes.push_back(onnx_pads(windows));
  attributes.push_back({"group", depthwise ? c.in().back() : c.get<Index>("groups", 1)});
  const int y = c.node("Conv", std::move(inputs), c.dims(OnnxForm::first), std::move(attributes));
  c.result(OnnxForm::first, onnx_activate(c, y, OnnxForm::first));
}
/// Each channel with kernels of its own, then all together at each place.
inline void onnx_separable_conv(OnnxCall& c) {
  const auto windows = onnx_windows(c, "kernel_size");
  const Index middle = c.in().back() * c.get<Index>("depth_multiplier", 1);
  OnnxAttributes attributes = onnx_window_attributes(windows, true);
  attributes.push_back(onnx_pads(windows));
  attributes.push_back({"group", c.in().back()});
  const int x = c.node("Conv", {c.x(OnnxForm::first), onnx_depthwise_kernel(c, "depthwise_kernel")},
                       onnx_places(windows, middle), std::move(attributes), "/depthwise");
  std::vector<int> inputs{x, onnx_kernel(c, "pointwise_kernel")};
  onnx_with_bias(c, inputs);
  const int y = c.node("Conv", std::move(inputs), c.dims(OnnxForm::first));
  c.result(OnnxForm::first, onnx_activate(c, y, OnnxForm::first));
}
/// out = (in - 1) stride + window + output_padding - what is cut off at both ends.
inline void onnx_conv_transpose(OnnxCall& c) {
  auto windows = onnx_windows(c, "kernel_size");
  const bool same = c.is_text("padding", "same");
  std::vector<Index> extra;
  for (OnnxWindow& w : windows) {
    const Index full = (w.in - 1) * w.stride + w.reach();
    if (same) w.before = (std::max)(Index{0}, full - w.out) / 2;
    w.after = full - w.before - w.out;  // below 0: places that no input reaches
    extra.push_back((std::max)(Index{0}, -w.after));
    w.after = (std::max)(Index{0}, w.after);
  }
  std::vector<int> inputs{c.x(OnnxForm::first), onnx_kernel(c, "kernel")};
  onnx_with_bias(c, inputs);
  OnnxAttributes attributes = onnx_window_attributes(windows, true);
  attributes.push_back(onnx_pads(windows));
  attributes.push_back({"output_padding", extra});
  attributes.push_back({"group", c.get<Index>("groups", 1)});
  const int y = c.node("ConvTranspose", std::move(inputs), c.dims(OnnxForm::first), std::move(attributes));
  c.result(OnnxForm::first, onnx_activate(c, y, OnnxForm::first));
}

/// Step by step: two convolutions, the gates cut out of their sum, and the states.
inline void onnx_conv_lstm(OnnxCall& c) {
  const bool sequences = c.get<bool>("return_sequences", false), back = c.get<bool>("go_backwards", false);
  const Index steps = c.in()[0], filters = c.get<Index>("filters", 1), axes = c.rank() - 2;
  const Shape in = c.in().sample(), out = sequences ? c.out().sample() : c.out();
  const auto windows = onnx_windows(c, "kernel_size", in, out);
  std::vector<OnnxWindow> around = windows;  // of the state, whose extents stay
  for (OnnxWindow& w : around) {
    w.stride = w.dilation = 1;
    w.in = w.out;
    w.before = (w.size - 1) / 2;
    w.after = w.size - 1 - w.before;
  }
  const auto attributes = [](const std::vector<OnnxWindow>& all) {
    OnnxAttributes list = onnx_window_attributes(all, true);
    list.push_back(onnx_pads(all));
    return list;
  };
  std::vector<Index> turned{0, 1, axes + 2};  // (batch, steps, channels, ...)
  for (Index i = 0; i < axes; ++i) turned.push_back(i + 2);
  const int x = c.transpose(c.x(OnnxForm::last), turned, "/channels_first");
  std::vector<int> weights{onnx_kernel(c, "kernel")};
  onnx_with_bias(c, weights);
  const int recurrent = onnx_kernel(c, "recurrent_kernel");
  int h = -1, state = -1;
  std::vector<int> all;
  for (Index s = 0; s < steps; ++s) {
    const Index t = back ? steps - 1 - s : s;
    const std::string at = "/step_" + std::to_string(s);
    const int now = c.squeeze(c.slice(x, {t}, {t + 1}, {1}, at + "/slice"), 1, at + "/x");
    std::vector<int> inputs{now};
    inputs.insert(inputs.end(), weights.begin(), weights.end());
    int z = c.node("Conv", std::move(inputs), onnx_places(windows, 4 * filters), attributes(windows), at + "/input");
    if (h >= 0)
      z = c.binary("Add", z,
                   c.node("Conv", {h, recurrent}, onnx_places(windows, 4 * filters), attributes(around), at + "/state"),
                   at + "/sum");
    const auto gate = [&](Index part, const char* name, const char* activation) {
      const std::string suffix = at + "/" + name;
      const int cut = c.slice(z, {part * filters}, {(part + 1) * filters}, {1}, suffix + "_sum");
      return onnx_activate(c, cut, OnnxForm::first, activation, suffix);
    };
    const int i = gate(0, "i", "recurrent_activation"), f = gate(1, "f", "recurrent_activation"),
              g = gate(2, "g", "activation"), o = gate(3, "o", "recurrent_activation");
    const int kept = state < 0 ? -1 : c.binary("Mul", f, state, at + "/kept");
    const int fresh = c.binary("Mul", i, g, at + "/fresh");
    state = kept < 0 ? fresh : c.binary("Add", kept, fresh, at + "/c");
    h = c.binary("Mul", o, onnx_activate(c, state, OnnxForm::first, "activation", at + "/active"), at + "/h");
    if (sequences) all.push_back(c.unsqueeze(h, 1, at + "/one"));
  }
  if (!sequences) return c.result(OnnxForm::first, h);
  OnnxDims dims = c.dims(all[0]);
  dims[1] = steps;
  std::vector<Index> last{0, 1};
  for (Index i = 0; i < axes; ++i) last.push_back(i + 3);
  last.push_back(2);
  const int joined = c.node("Concat", all, std::move(dims), {{"axis", Index{1}}}, "/steps");
  c.result(OnnxForm::last, c.transpose(joined, last));
}

/// Extents that were rounded up become padding behind: what ONNX's ceil_mode divides by is not the same everywhere.
inline void onnx_max_pool(OnnxCall& c) {
  auto windows = onnx_windows(c, "pool_size");
  for (OnnxWindow& w : windows) w.after = w.covered();
  OnnxAttributes attributes = onnx_window_attributes(windows, false);
  attributes.push_back(onnx_pads(windows));
  c.result(OnnxForm::first, c.node("MaxPool", {c.x(OnnxForm::first)}, c.dims(OnnxForm::first), std::move(attributes)));
}
/// Where the padding counts and windows reach beyond it, the image is padded before, and what is beyond does not count.
inline void onnx_average_pool(OnnxCall& c) {
  auto windows = onnx_windows(c, "pool_size");
  int x = c.x(OnnxForm::first);
  const bool counts = c.get<bool>("count_include_pad", false);
  const bool beyond =
      std::any_of(windows.begin(), windows.end(), [](const OnnxWindow& w) { return w.covered() > w.after; });
  if (counts && beyond) {
    const auto before = onnx_each(windows, [](const OnnxWindow& w) { return w.before; });
    const auto after = onnx_each(windows, [](const OnnxWindow& w) { return w.after; });
    x = c.pad(x, onnx_joined({0, 0}, before), onnx_joined({0, 0}, after), "/padded");
    for (OnnxWindow& w : windows) w.in += w.before + w.after, w.before = 0;
  }
  for (OnnxWindow& w : windows) w.after = w.covered();
  OnnxAttributes attributes = onnx_window_attributes(windows, false);
  attributes.push_back(onnx_pads(windows));
  attributes.push_back({"count_include_pad", Index{counts && !beyond}});
  c.result(OnnxForm::first, c.node("AveragePool", {x}, c.dims(OnnxForm::first), std::move(attributes)));
}

/// Windows side by side, where the output's extents divide the input's.
inline void onnx_adaptive_pool(OnnxCall& c, const char* op) {
  std::vector<Index> sizes;
  for (Index i = 0; i + 1 < c.rank(); ++i) {
    if (c.in()[i] % c.out()[i] != 0)
      c.refuse("extents that output_size divides, for which ONNX has a pool",
               c.in().to_string() + " to " + c.out().to_string(), "resize or crop the input before");
    sizes.push_back(c.in()[i] / c.out()[i]);
  }
  c.result(OnnxForm::first,
           c.node(op, {c.x(OnnxForm::first)}, c.dims(OnnxForm::first), {{"kernel_shape", sizes}, {"strides", sizes}}));
}
inline void onnx_adaptive_average_pool(OnnxCall& c) { onnx_adaptive_pool(c, "AveragePool"); }
inline void onnx_adaptive_max_pool(OnnxCall& c) { onnx_adaptive_pool(c, "MaxPool"); }

/// Over all places of an image or a sequence.
inline void onnx_global_pool(OnnxCall& c, const char* pool, const char* reduction) {
  const OnnxForm form = c.form();
  const bool keep = c.get<bool>("keepdims", false);
  if (form == OnnxForm::last) {
    std::vector<Index> axes;
    for (Index i = 1; i < c.rank(); ++i) axes.push_back(i);
    return c.result(form, c.reduce(reduction, c.x(form), axes, keep));
  }
  OnnxDims dims(to_size(c.rank()) + 1, 1);
  dims[0] = -1;
  dims[1] = c.in().back();
  const int y = c.node(pool, {c.x(form)}, std::move(dims));
  if (keep) return c.result(form, y);
  c.result(OnnxForm::last, c.node("Flatten", {y}, c.dims(OnnxForm::last), {{"axis", Index{1}}}, "/flat"));
}
inline void onnx_global_average_pool(OnnxCall& c) { onnx_global_pool(c, "GlobalAveragePool", "ReduceMean"); }
inline void onnx_global_max_pool(OnnxCall& c) { onnx_global_pool(c, "GlobalMaxPool", "ReduceMax"); }

/// Cells cut off before and after along each axis but the channels.
inline void onnx_cut(OnnxCall& c, const std::vector<Index>& before) {
  const OnnxForm form = c.form();
  std::vector<Index> starts, ends, axes;
  for (Index i = 0; i + 1 < c.rank(); ++i) {
    starts.push_back(nth(before, i));
    ends.push_back(starts.back() + c.out()[i]);
    axes.push_back(c.axis(i, form));
  }
  c.result(form, c.slice(c.x(form), starts, ends, axes));
}
inline void onnx_cropping(OnnxCall& c) {
  const auto sides = c.get<std::vector<Index>>("cropping", {});
  std::vector<Index> before;
  for (std::size_t i = 0; i < sides.size(); i += 2) before.push_back(sides[i]);
  onnx_cut(c, before);
}
inline void onnx_center_crop(OnnxCall& c) { onnx_cut(c, {(c.in()[0] - c.out()[0]) / 2, (c.in()[1] - c.out()[1]) / 2}); }
inline void onnx_zero_padding(OnnxCall& c) {
  const OnnxForm form = c.form();
  const auto sides = c.get<std::vector<Index>>("padding", {});
  std::vector<Index> before(to_size(c.rank()) + 1, 0), after = before;
  for (Index i = 0; i + 1 < c.rank(); ++i) {
    nth(before, c.axis(i, form)) = nth(sides, 2 * i);
    nth(after, c.axis(i, form)) = nth(sides, 2 * i + 1);
  }
  c.result(form, c.pad(c.x(form), before, after));
}
/// To the extents of the output, with the batch and the channels of the input.
inline void onnx_resizing(OnnxCall& c) {
  const bool nearest = c.is_text("interpolation", "nearest");
  const int x = c.x(OnnxForm::first);
  const int kept = c.node("Shape", {x}, {2}, {{"start", Index{0}}, {"end", Index{2}}}, "/kept", OnnxType::int64);
  const int sizes = c.node("Concat", {kept, c.integers({c.out()[0], c.out()[1]}, "/extents")}, {4},
                           {{"axis", Index{0}}}, "/sizes", OnnxType::int64);
  OnnxAttributes attributes{{"mode", std::string(nearest ? "nearest" : "linear")},
                            {"coordinate_transformation_mode", std::string("half_pixel")}};
  if (nearest) attributes.push_back({"nearest_mode", std::string("round_prefer_ceil")});
  c.result(OnnxForm::first, c.node("Resize", {x, -1, -1, sizes}, c.dims(OnnxForm::first), std::move(attributes)));
}
inline void onnx_upsampling(OnnxCall& c) {
  std::vector<double> scales{1, 1};
  for (Index i = 0; i + 1 < c.rank(); ++i) scales.push_back(static_cast<double>(c.out()[i] / c.in()[i]));
  const bool nearest = c.get<std::string>("interpolation", "nearest") == "nearest";
  OnnxAttributes attributes{{"mode", std::string(nearest ? "nearest" : "linear")},
                            {"coordinate_transformation_mode", std::string(nearest ? "asymmetric" : "half_pixel")}};
  if (nearest) attributes.push_back({"nearest_mode", std::string("floor")});
  const Index count = count_of(scales);
  const int factors = c.float32(std::move(scales), {count}, "/scales");
  c.result(OnnxForm::first,
           c.node("Resize", {c.x(OnnxForm::first), -1, factors}, c.dims(OnnxForm::first), std::move(attributes)));
}

}  // namespace dialects

}  // namespace KEEL_ABI
}  // namespace keel
