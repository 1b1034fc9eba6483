#pragma once
/// A summary as Keras 2 (up to 2.6) and Keras 3 print it. Sources: print_summary of Keras's layer_utils.py and
/// summary_utils.py, and rich's table.py, _ratio.py and text.py.

#include <cmath>
#include <map>
#include <set>

#include <keel/model/summary/data.hpp>
#include <keel/model/summary/columns.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// "(None, 64, 64, 32)".
inline std::string keras_shape(const Shape& shape) {
  std::string text = "(None";
  for (const Index dim : shape) text += ", " + std::to_string(dim);
  return text + ")";
}

/// A layer as Keras lists it, with all its places together.
struct KerasRow {
  const SummaryRow* layer;
  std::vector<const Shape*> outputs;     ///< of each place
  std::vector<std::string> connections;  ///< of each place
};

/// The layers in Keras's order; a Sequential does not show its input.
inline std::vector<KerasRow> keras_rows(const Summary& summary) {
  std::vector<KerasRow> rows;
  std::map<std::string, std::size_t> places;  // by name, which is one layer's
  for (const std::size_t r : summary.keras_order) {
    const SummaryRow& row = summary.rows[r];
    if (summary.sequential && row.input) continue;
    places[row.name] = rows.size();
    rows.push_back({&row, {}, {}});
  }
  for (const SummaryRow& row : summary.rows)
    if (const auto place = places.find(row.name); place != places.end()) {
      KerasRow& all = rows[place->second];
      all.outputs.push_back(&row.output);
      all.connections.insert(all.connections.end(), row.connected_to.begin(), row.connected_to.end());
    }
  return rows;
}

/// Whether Keras leaves out the column of connections: one place at each depth, on one other at most, and no layer
/// at two.
inline bool is_keras_chain(const Summary& summary) {
  if (summary.sequential) return true;
  std::set<int> depths;
  return std::all_of(summary.rows.begin(), summary.rows.end(), [&](const SummaryRow& row) {
    return !row.repeated && row.connected_to.size() <= 1 && depths.insert(row.depth).second;
  });
}

/// A line of Keras 2: what comes after a field begins at the column's end; what is longer is cut before it.
inline std::string keras_line(const std::vector<std::string>& fields, const std::vector<std::size_t>& ends) {
  std::string text;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) text = text.substr(0, prefix_of_characters(text, ends[i - 1] - 1)) + " ";
    text += fields[i];
    text.resize(prefix_of_characters(text, ends[i]));
    text.append(ends[i] - characters_of(text), ' ');
  }
  return text + "\n";
}

/// The widths, with a space on both sides, that rich gives to the columns of a table `width` wide: each asks for
/// its width and the spaces; what the columns and the lines between them ask too much is taken from one after the
/// other in equal shares, rounded half to even.
inline std::vector<int> rich_widths(std::vector<int> widths, int width) {
  int left = static_cast<int>(widths.size()), excess = left + 1 - width;
  for (int& column : widths) excess += column += 2;
  for (int& column : widths) {
    const int share = static_cast<int>(std::nearbyint(static_cast<double>(excess) / left--));
    column -= share;
    excess -= share;
  }
  return widths;
}

/// A table as rich draws it, with a line between its rows.
class RichTable {
 public:
  explicit RichTable(std::vector<int> widths) : widths_(std::move(widths)) {}

  std::string head(const std::vector<std::string>& fields) const {
    return rule("┏", "━", "┳", "┓") + lines(fields, "┃", true) + rule("┡", "━", "╇", "┩");
  }
  std::string row(const std::vector<std::string>& fields) const { return lines(fields, "│", false); }
  std::string between_rows() const { return rule("├", "─", "┼", "┤"); }
  std::string end() const { return rule("└", "─", "┴", "┘"); }

 private:
  static constexpr std::size_t counts = 2;  // the column whose text stands at its right

  /// One row, whose shorter fields stand at its bottom or its top.
  std::string lines(const std::vector<std::string>& fields, const std::string& bar, bool bottom) const {
    std::vector<std::vector<std::string>> wrapped;
    std::size_t height = 1;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      wrapped.push_back(wrap(fields[i], inner(i), LongWord::ellipsis));
      height = (std::max)(height, wrapped.back().size());
    }
    for (std::vector<std::string>& field : wrapped)
      field.insert(bottom ? field.begin() : field.end(), height - field.size(), "");
    std::string text;
    for (std::size_t l = 0; l < height; ++l) {
      for (std::size_t i = 0; i < fields.size(); ++i) {
        std::string& line = wrapped[i][l];
        while (i == counts && line.ends_with(' ')) line.pop_back();
        text += bar + " " + pad(line, inner(i), i == counts) + " ";
      }
      text += bar + "\n";
    }
    return text;
  }
  std::string rule(const char* left, const char* dash, const char* middle, const char* right) const {
    std::string text = left;
    for (std::size_t i = 0; i < widths_.size(); ++i)
      text += (i ? middle : "") + repeat(dash, static_cast<std::size_t>(widths_[i]));
    return text + right + "\n";
  }

  std::size_t inner(std::size_t column) const { return static_cast<std::size_t>(widths_[column] - 2); }
  std::vector<int> widths_;
};

/// Keras 3's columns for a terminal `columns` wide.
inline RichTable keras3_table(const std::vector<double>& positions, int longest, int columns) {
  const int length = (std::min)(longest, columns - 4);
  std::vector<int> widths;
  int from = 0;
  for (const double position : positions) {
    const int to = static_cast<int>(position * length);
    widths.push_back(to - from);
    from = to;
  }
  if (length < 0 || *std::min_element(widths.begin(), widths.end()) < 4)
    throw ConfigError("summary", "a terminal wide enough for columns of 4 characters",
                      std::to_string(columns) + " columns, which Keras refuses too");
  return RichTable(rich_widths(std::move(widths), length));
}

}  // namespace detail

inline std::string Summary::keras() const {
  const bool chain = detail::is_keras_chain(*this);
  const std::vector<std::size_t> ends =
      chain ? std::vector<std::size_t>{29, 55, 65} : std::vector<std::size_t>{32, 53, 65, 98};
  const std::string thin = std::string(ends.back(), '_') + "\n", thick = std::string(ends.back(), '=') + "\n";
  std::vector<std::string> head = {"Layer (type)", "Output Shape", "Param #"};
  if (!chain) head.emplace_back("Connected to");
  std::string text =
      "Model: \"" + (named || sequential ? model : "model") + "\"\n" + thin + detail::keras_line(head, ends) + thick;
  const std::vector<detail::KerasRow> layers = detail::keras_rows(*this);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const SummaryRow& row = *layers[l].layer;
    const std::vector<const Shape*>& shapes = layers[l].outputs;
    const bool one = std::all_of(shapes.begin(), shapes.end(), [&](const Shape* o) { return *o == row.output; });
    const std::string shape = one ? detail::keras_shape(row.output) : "multiple";
    std::vector<std::string> fields = {row.name + " (" + row.type + ")", row.input ? "[" + shape + "]" : shape,
                                       std::to_string(row.parameters() + row.buffers)};
    const std::vector<std::string>& from = layers[l].connections;
    if (!chain) fields.emplace_back(from.empty() ? "" : from[0]);
    text += detail::keras_line(fields, ends);
    for (std::size_t i = 1; !chain && i < from.size(); ++i) text += detail::keras_line({"", "", "", from[i]}, ends);
    text += l + 1 < layers.size() ? thin : thick;
  }
  return text + "Total params: " + detail::thousands(keras_total()) +
         "\nTrainable params: " + detail::thousands(trainable) +
         "\nNon-trainable params: " + detail::thousands(keras_non_trainable()) + "\n" + thin;
}

inline std::string Summary::keras3(int columns) const {
  const bool chain = detail::is_keras_chain(*this);
  const detail::RichTable table =
      chain ? detail::keras3_table({.45, .8, 1}, 88, columns) : detail::keras3_table({.3, .56, .74, 1}, 108, columns);
  std::string text;
  const auto print = [&](const std::string& line) {
    for (const std::string& part : detail::wrap(line, static_cast<std::size_t>(columns), detail::LongWord::fold))
      text += part + "\n";
  };
  print("Model: \"" + model + "\"");
  std::vector<std::string> head = {"Layer (type)", "Output Shape", "Param #"};
  if (!chain) head.emplace_back("Connected to");
  text += table.head(head);
  const std::vector<detail::KerasRow> layers = detail::keras_rows(*this);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const SummaryRow& row = *layers[l].layer;
    std::vector<std::string> fields = {row.name + " (" + row.type + ")", detail::keras_shape(*layers[l].outputs.back()),
                                       detail::thousands(row.parameters() + row.buffers)};
    const std::vector<std::string>& from = layers[l].connections;
    if (!chain) fields.push_back(from.empty() ? "-" : detail::join(from, ", "));
    text += (l ? table.between_rows() : "") + table.row(fields);
  }
  text += table.end();
  const auto total = [&](const std::string& what, Index values) {
    print(" " + what + " params: " + detail::thousands(values) + " (" + detail::binary_size(values * scalar_bytes) +
          ")");
  };
  total("Total", keras_total() + optimizer);
  total("Trainable", trainable);
  total("Non-trainable", keras_non_trainable());
  if (optimizer) total("Optimizer", optimizer);
  return text;
}

}  // namespace KEEL_ABI
}  // namespace keel
