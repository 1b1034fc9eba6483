#pragma once

#include <cstdio>

#include <keel/model/summary/data.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// 13108758 as "13,108,758".
inline std::string thousands(Index number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

inline std::string fixed2(double number) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f", number);
  return text;
}

/// Bytes with Keras 3's units, 1024 a step: "50.01 MB", "256.00 B".
inline std::string binary_size(Index bytes) {
  static constexpr const char* units[] = {"B", "KB", "MB", "GB", "TB"};
  double size = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; size >= 1024 && unit < 4; ++unit) size /= 1024;
  return fixed2(size) + " " + units[unit];
}

/// Bytes of the first `width` characters of UTF-8 text.
inline std::size_t prefix_bytes(const std::string& text, std::size_t width) {
  std::size_t at = 0;
  while (at < text.size() && ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80 || width-- > 0)) ++at;
  return at;
}
/// Characters on a terminal of UTF-8 text.
inline std::size_t width_of(const std::string& text) {
  std::size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return width;
}

inline std::string repeat(const std::string& text, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += text;
  return result;
}

inline std::string pad(const std::string& text, std::size_t width, bool right = false) {
  const std::string space(width > width_of(text) ? width - width_of(text) : 0, ' ');
  return right ? space + text : text + space;
}

/// "(None, 64, 64, 32)".
inline std::string keras_shape(const Shape& shape) {
  std::string text = "(None";
  for (const Index dim : shape) text += ", " + std::to_string(dim);
  return text + ")";
}

/// Lines of at most `width` characters, broken at spaces; a longer word is cut, as rich does.
inline std::vector<std::string> wrap(const std::string& text, std::size_t width) {
  std::vector<std::string> lines{""};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = (std::min)(text.find(' ', at), text.size());
    std::string word = text.substr(at, end - at);
    if (!lines.back().empty() && width_of(lines.back()) + 1 + width_of(word) > width) lines.emplace_back();
    for (; width_of(word) > width; word.erase(0, prefix_bytes(word, width))) {
      lines.back() = word.substr(0, prefix_bytes(word, width));
      lines.emplace_back();
    }
    lines.back() += (lines.back().empty() ? "" : " ") + word;
    at = end + 1;
  }
  return lines;
}

inline std::string join(const std::vector<std::string>& parts, const std::string& between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

inline std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    char escape[8];
    if (c == '"' || c == '\\')
      result += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20)
      result.append(escape, static_cast<std::size_t>(std::snprintf(escape, sizeof escape, "\\u%04x", c)));
    else
      result += c;
  }
  return result + "\"";
}

}  // namespace detail

namespace detail {

/// Keras prints a shared layer once, with the connections of all its places.
inline std::vector<std::string> connections(const Summary& summary, const SummaryRow& row) {
  std::vector<std::string> all;
  for (const SummaryRow& other : summary.rows)
    if (other.name == row.name) all.insert(all.end(), other.connected_to.begin(), other.connected_to.end());
  return all;
}

}  // namespace detail

inline std::string Summary::keras() const {
  const std::vector<std::size_t> ends =
      sequential ? std::vector<std::size_t>{29, 55, 65} : std::vector<std::size_t>{32, 53, 65, 98};
  const std::size_t width = ends.back();
  const auto line = [&](const std::vector<std::string>& fields) {
    std::string text;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (i > 0) text = text.substr(0, detail::prefix_bytes(text, ends[i - 1] - 1)) + " ";
      text += fields[i];
      text = detail::pad(text.substr(0, detail::prefix_bytes(text, ends[i])), ends[i]);
    }
    return text + "\n";
  };
  const std::string thin = std::string(width, '_') + "\n", thick = std::string(width, '=') + "\n";
  std::vector<std::string> head = {"Layer (type)", "Output Shape", "Param #"};
  if (!sequential) head.emplace_back("Connected to");
  std::string text = "Model: \"" + model + "\"\n" + thin + line(head) + thick;
  bool first = true;
  for (const SummaryRow& row : rows) {
    if (row.repeated || (row.input && sequential)) continue;
    if (!first) text += thin;
    first = false;
    const std::string shape = detail::keras_shape(row.output);
    std::vector<std::string> fields = {row.name + " (" + row.type + ")", row.input ? "[" + shape + "]" : shape,
                                       std::to_string(row.parameters() + row.buffers)};
    if (sequential) {
      text += line(fields);
      continue;
    }
    const std::vector<std::string> from = detail::connections(*this, row);
    fields.emplace_back(from.empty() ? "" : from[0]);
    text += line(fields);
    for (std::size_t i = 1; i < from.size(); ++i) text += line({"", "", "", from[i]});
  }
  return text + thick + "Total params: " + detail::thousands(keras_total()) +
         "\nTrainable params: " + detail::thousands(trainable) +
         "\nNon-trainable params: " + detail::thousands(keras_non_trainable()) + "\n" + thin;
}

inline std::string Summary::keras3(int columns) const {
  const int length = (std::min)(sequential ? 88 : 108, (std::max)(columns - 4, 20));
  const std::vector<double> positions =
      sequential ? std::vector<double>{.45, .8, 1} : std::vector<double>{.3, .56, .74, 1};
  // rich takes one character for each border and shrinks the last columns most
  const std::vector<int> shrink = sequential ? std::vector<int>{1, 2, 1} : std::vector<int>{1, 1, 2, 1};
  std::vector<std::size_t> cells;
  for (std::size_t i = 0, from = 0; i < positions.size(); ++i) {
    const std::size_t to = static_cast<std::size_t>(positions[i] * length);
    cells.push_back(to - from - static_cast<std::size_t>(shrink[i]));
    from = to;
  }
  const auto rule = [&](const char* left, const char* dash, const char* middle, const char* right) {
    std::string text = left;
    for (std::size_t i = 0; i < cells.size(); ++i) text += (i ? middle : "") + detail::repeat(dash, cells[i]);
    return text + right + "\n";
  };
  const auto lines = [&](const std::vector<std::string>& fields, const char* bar) {
    std::vector<std::vector<std::string>> wrapped;
    std::size_t height = 1;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      wrapped.push_back(detail::wrap(fields[i], cells[i] - 2));
      height = (std::max)(height, wrapped.back().size());
    }
    std::string text;
    for (std::size_t l = 0; l < height; ++l) {
      for (std::size_t i = 0; i < fields.size(); ++i)
        text += std::string(bar) + " " + detail::pad(l < wrapped[i].size() ? wrapped[i][l] : "", cells[i] - 2, i == 2) +
                " ";
      text += std::string(bar) + "\n";
    }
    return text;
  };
  std::vector<std::string> head = {"Layer (type)", "Output Shape", "Param #"};
  if (!sequential) head.emplace_back("Connected to");
  std::string text =
      "Model: \"" + model + "\"\n" + rule("┏", "━", "┳", "┓") + lines(head, "┃") + rule("┡", "━", "╇", "┩");
  bool first = true;
  for (const SummaryRow& row : rows) {
    if (row.repeated || (row.input && sequential)) continue;
    if (!first) text += rule("├", "─", "┼", "┤");
    first = false;
    std::vector<std::string> fields = {row.name + " (" + row.type + ")", detail::keras_shape(row.output),
                                       detail::thousands(row.parameters() + row.buffers)};
    if (!sequential) {
      const std::vector<std::string> from = detail::connections(*this, row);
      fields.push_back(from.empty() ? "-" : detail::join(from, ", "));
    }
    text += lines(fields, "│");
  }
  text += rule("└", "─", "┴", "┘");
  const auto total = [&](const char* what, Index values) {
    return " " + std::string(what) + " params: " + detail::thousands(values) + " (" +
           detail::binary_size(values * scalar_bytes) + ")\n";
  };
  text += total("Total", keras_total() + optimizer) + total("Trainable", trainable) +
          total("Non-trainable", keras_non_trainable());
  return optimizer ? text + total("Optimizer", optimizer) : text;
}

inline std::string Summary::to_string() const {
  using detail::pad;
  using detail::thousands;
  std::size_t widths[] = {5, 12};
  for (const SummaryRow& row : rows) {
    widths[0] = (std::max)(widths[0], detail::width_of(row.name) + row.type.size() + 3);
    widths[1] = (std::max)(widths[1], row.output.to_string().size());
  }
  const auto line = [&](const std::string& name, const std::string& shape, const std::string& train,
                        const std::string& freeze, const std::string& buffer, const std::string& work) {
    return pad(name, widths[0]) + "  " + pad(shape, widths[1]) + pad(train, 13, true) + pad(freeze, 9, true) +
           pad(buffer, 9, true) + pad(work, 16, true) + "\n";
  };
  const std::string rule = detail::repeat("─", widths[0] + widths[1] + 49) + "\n";
  std::string text =
      model + "\n" + rule + line("Layer", "Output shape", "Trainable", "Frozen", "Buffers", "Multiply-adds") + rule;
  std::vector<std::string> holders;
  for (const SummaryRow& row : rows) {
    const std::string name = row.name + " (" + row.type + ")";
    if (row.input)
      text += line(name, row.output.to_string(), "", "", "", "");
    else if (row.repeated)
      text += line(name, row.output.to_string(), "again", "", "", thousands(row.multiply_adds));
    else
      text += line(name, row.output.to_string(), thousands(row.trainable), thousands(row.frozen),
                   thousands(row.buffers), thousands(row.multiply_adds));
    if (row.buffers && !row.repeated) holders.push_back(row.name);
  }
  text +=
      rule + line("Total", "", thousands(trainable), thousands(frozen), thousands(buffers), thousands(multiply_adds));
  text += "\nMemory: parameters " + detail::binary_size(parameter_bytes()) + ", activations of one sample " +
          detail::binary_size(activation_bytes);
  if (optimizer)
    text += ", optimizer " + detail::binary_size(optimizer * scalar_bytes) + " (" + thousands(optimizer) + " values)";
  const auto world = [&](const char* who, Index total, Index rest) {
    return pad(who, 9) + thousands(total) + " parameters = " + thousands(trainable) + " trainable + " +
           thousands(rest) + " non-trainable\n";
  };
  text += "\n\n" + world("Keras:", keras_total(), keras_non_trainable()) + world("PyTorch:", torch_total(), frozen);
  if (buffers == 0) return text + "Both count the same: no layer holds buffers.\n";
  if (holders.size() > 3) holders = {holders[0], holders[1], std::to_string(holders.size() - 2) + " more layers"};
  return text + "The difference, " + thousands(buffers) + ", is the buffers of " + detail::join(holders, ", ") +
         ": running statistics, which every training batch\nupdates and no gradient does. Keras counts them as "
         "non-trainable "
         "weights; PyTorch leaves them out of the count.\nBoth save them with the model, and so does keel.\n";
}

inline std::string Summary::json() const {
  using detail::quoted;
  const auto number = [](const char* key, Index value) { return quoted(key) + ": " + std::to_string(value); };
  std::string text =
      "{" + quoted("model") + ": " + quoted(model) + ", " + number("trainable", trainable) + ", " +
      number("frozen", frozen) + ", " + number("buffers", buffers) + ", " + number("optimizer", optimizer) + ", " +
      number("multiply_adds", multiply_adds) + ", " + number("parameter_bytes", parameter_bytes()) + ", " +
      number("activation_bytes", activation_bytes) + ", " + quoted("keras") + ": {" + number("total", keras_total()) +
      ", " + number("trainable", trainable) + ", " + number("non_trainable", keras_non_trainable()) + "}, " +
      quoted("pytorch") + ": {" + number("total", torch_total()) + ", " + number("trainable", trainable) + ", " +
      number("non_trainable", frozen) + "}, " + quoted("layers") + ": [";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const SummaryRow& row = rows[i];
    std::vector<std::string> dims, from;
    for (const Index dim : row.output) dims.push_back(std::to_string(dim));
    for (const std::string& name : row.connected_to) from.push_back(quoted(name));
    text += std::string(i ? ", " : "") + "{" + quoted("name") + ": " + quoted(row.name) + ", " + quoted("type") + ": " +
            quoted(row.type) + ", " + quoted("output_shape") + ": [" + detail::join(dims, ", ") + "], " +
            number("trainable", row.trainable) + ", " + number("frozen", row.frozen) + ", " +
            number("buffers", row.buffers) + ", " + number("multiply_adds", row.multiply_adds) + ", " +
            quoted("repeated") + ": " + (row.repeated ? "true" : "false") + ", " + quoted("inputs") + ": [" +
            detail::join(from, ", ") + "]}";
  }
  return text + "]}";
}

}  // namespace KEEL_ABI
}  // namespace keel
