#pragma once
/// keel's own table, which reconciles the counts of Keras and PyTorch, and the same as JSON.

#include <cstdio>

#include <keel/model/summary/data.hpp>
#include <keel/model/summary/columns.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

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

[[gnu::cold]] inline std::string Summary::to_string() const {
  using detail::pad;
  using detail::thousands;
  std::size_t widths[] = {5, 12};
  for (const SummaryRow& row : rows) {
    widths[0] = (std::max)(widths[0], detail::cells_of(row.name) + row.type.size() + 3);
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
  text += "\n";
  if (!unused.empty()) text += "Not counted, because they lead to no output: " + detail::join(unused, ", ") + "\n";
  text += "\n" + world("Keras:", keras_total(), keras_non_trainable()) + world("PyTorch:", torch_total(), frozen);
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
