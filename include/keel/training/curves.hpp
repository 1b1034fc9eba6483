#pragma once
/// Curves of a run as SVG, which stands in a page as it is.

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <keel/training/history.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

/// Text as HTML and XML show it. Bytes that neither may hold become U+FFFD.
inline std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      case '\n':
      case '\t': result += c; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
          result += "\xef\xbf\xbd";
        else
          result += c;
    }
  return result;
}

/// A curve: what is not finite is a gap.
struct Curve {
  std::string name, color;
  std::vector<std::pair<double, double>> points;
};

/// Where a plot's values lie, with a little room, and where they are the same.
inline std::pair<double, double> range_of(const std::vector<double>& values) {
  double low = 0, high = 1;
  bool any = false;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = any ? (std::min)(low, value) : value;
    high = any ? (std::max)(high, value) : value;
    any = true;
  }
  const double room = high > low ? (high - low) * 0.05 : (std::max)(std::abs(high) * 0.05, 1e-9);
  return {low - room, high + room};
}

/// Curves over epochs in one plot of 420 x 260 pixels, with a legend and the values of the axes.
inline std::string svg_plot(const std::string& title, const std::vector<Curve>& curves) {
  constexpr double left = 64, top = 34, width = 340, height = 186;
  std::vector<double> xs, ys;
  for (const Curve& curve : curves)
    for (const auto& point : curve.points) {
      xs.push_back(point.first);
      ys.push_back(point.second);
    }
  const auto [x0, x1] = range_of(xs);
  const auto [y0, y1] = range_of(ys);
  const auto across = [&, a = x0, b = x1](double x) { return left + (x - a) / (b - a) * width; };
  const auto down = [&, a = y0, b = y1](double y) { return top + height - (y - a) / (b - a) * height; };
  const auto label = [](double x, double y, const char* anchor, const std::string& text) {
    return "<text x=\"" + fixed(x, 1) + "\" y=\"" + fixed(y, 1) + "\" text-anchor=\"" + anchor + "\">" + escaped(text) +
           "</text>\n";
  };
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 420 260\" width=\"420\" height=\"260\">\n";
  svg += "<title>" + escaped(title) + "</title>\n";
  for (int i = 0; i <= 4; ++i) {
    const double y = y0 + (y1 - y0) * i / 4;
    svg += "<path class=\"grid\" d=\"M" + fixed(left, 1) + " " + fixed(down(y), 1) + "h" + fixed(width, 1) + "\"/>\n";
    svg += label(left - 6, down(y) + 4, "end", text(y, 4));
  }
  if (!xs.empty()) {
    const auto [first, last] = std::minmax_element(xs.begin(), xs.end());
    svg += label(across(*first), top + height + 16, "middle", text(*first));
    if (*last > *first) svg += label(across(*last), top + height + 16, "middle", text(*last));
  }
  svg += label(left + width / 2, top + height + 32, "middle", "epoch");
  double legend = left;
  for (const Curve& curve : curves) {
    std::string path;
    bool drawn = false;
    for (const auto& [x, y] : curve.points) {
      const bool here = std::isfinite(y);
      if (here) path += (drawn ? "L" : "M") + fixed(across(x), 1) + " " + fixed(down(y), 1);
      drawn = here;
    }
    svg += "<path class=\"curve\" stroke=\"" + curve.color + "\" d=\"" + path + "\"/>\n";
    for (const auto& [x, y] : curve.points)
      if (std::isfinite(y))
        svg += "<circle cx=\"" + fixed(across(x), 1) + "\" cy=\"" + fixed(down(y), 1) + "\" r=\"2.5\" fill=\"" +
               curve.color + "\"><title>" + escaped(curve.name + " " + text(y)) + "</title></circle>\n";
    svg += "<path class=\"curve\" stroke=\"" + curve.color + "\" d=\"M" + fixed(legend, 1) + " 20h16\"/>\n";
    svg += label(legend + 20, 24, "start", curve.name);
    legend += 44 + 7 * static_cast<double>(curve.name.size());
  }
  return svg + "</svg>\n";
}

/// A plot for each score, that of the validation in the same.
inline std::string svg_plots(const History& history) {
  std::vector<std::string> names;
  for (const Scores& epoch : history.scores)
    for (const auto& entry : epoch.entries()) {
      const std::string name = entry.first.starts_with("val_") ? entry.first.substr(4) : entry.first;
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  std::string plots;
  for (const std::string& name : names) {
    std::vector<Curve> curves{{.name = name, .color = "#0b6e99", .points = {}},
                              {.name = "val_" + name, .color = "#c2410c", .points = {}}};
    for (Curve& curve : curves)
      for (std::size_t i = 0; i < history.scores.size(); ++i)
        if (const double* value = history.scores[i].find(curve.name))
          curve.points.emplace_back(static_cast<double>(history.epochs[i] + 1), *value);
    std::erase_if(curves, [](const Curve& curve) { return curve.points.empty(); });
    plots += svg_plot(name, curves);
  }
  return plots;
}

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
