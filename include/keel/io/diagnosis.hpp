#pragma once
/// What a file and a model have in common, as a table: what loading does, and what is printed.

#include <algorithm>
#include <array>

#include <keel/formats/bytes.hpp>
#include <keel/tensor/text.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

/// A name of a file, fit to be printed.
inline std::string printed(std::string_view name) {
  const std::string quoted = formats::shown(name);
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace io

/// A tensor of a file and the parameter that it goes to.
struct Pairing {
  /// What became of it.
  enum class Outcome {
    matched,
    missing,      ///< the model has it, the file does not
    unexpected,   ///< the file has it, the model does not
    wrong_shape,  ///< in another shape
    ambiguous     ///< several tensors of the file may be meant
  };
  Outcome status = Outcome::matched;  ///< see Outcome
  std::string tensor = {};            ///< name in the file; empty if missing
  Shape tensor_shape{};               ///< in the file's order of axes
  std::string parameter = {};         ///< "conv2d/kernel"; empty if unexpected
  Shape parameter_shape{};            ///< in keel's order of axes
  std::string change = {};            ///< what loading does to the values, or what is wrong
};

/// What loads but may not mean the same.
struct Suspicion {
  std::string layer, text;  ///< name of the layer; what may be different
};

/// What a file and a model have in common. Prints as a table.
struct Diagnosis {
  std::string file, format, model;    ///< the path, what kind of file it is, the model's name
  std::vector<Pairing> pairings;      ///< in the file's order, then what is missing
  std::vector<Suspicion> suspicions;  ///< by default none
  std::vector<std::string> notes;     ///< how names were matched, what was left out
  std::vector<std::string> stays;     ///< parameters that `partial` leaves as they are: "dense/kernel"
  bool partial = false;               ///< what fits is loaded, and nothing has to be whole

  /// How many pairings came to that.
  Index count(Pairing::Outcome status) const {
    return std::count_if(pairings.begin(), pairings.end(), [&](const Pairing& p) { return p.status == status; });
  }
  /// Whether `load_weights` would accept the file.
  bool fits() const {
    const Index matched = count(Pairing::Outcome::matched);
    return partial ? matched > 0 || pairings.empty() : matched == count_of(pairings);
  }

  /// With `all` false, tensors that fit are counted only.
  [[gnu::cold]] std::string to_string(bool all = true) const {
    std::string text = file + " (" + format + ") for " + (model.empty() ? "the model" : model) + "\n" + table(all);
    std::vector<std::string> counts;
    for (const auto& [status, word] : words) counts.push_back(word + (" " + std::to_string(count(status))));
    text += detail::join(counts, ", ") + "\n";
    for (const std::string& line : notes) text += "note: " + line + "\n";
    if (!stays.empty()) text += "stays as it was: " + detail::join(stays, ", ") + "\n";
    return text + suspicious();
  }
  /// One line for each kind of doubt, with the layers that it concerns.
  std::string suspicious() const {
    std::string text;
    for (std::size_t i = 0; i < suspicions.size(); ++i) {
      std::string layers;
      bool said = false;
      for (std::size_t j = 0; j < suspicions.size(); ++j)
        if (suspicions[j].text == suspicions[i].text) {
          said = said || j < i;
          layers += (layers.empty() ? "" : ", ") + suspicions[j].layer;
        }
      if (!said) text += "suspicious: " + suspicions[i].text + " (" + layers + ")\n";
    }
    return text;
  }
  /// Writes `to_string()`.
  template <class Stream>
  friend Stream& operator<<(Stream& stream, const Diagnosis& diagnosis) {
    stream << diagnosis.to_string();
    return stream;
  }

 private:
  static constexpr std::pair<Pairing::Outcome, const char*> words[] = {
      {Pairing::Outcome::matched, "matched"},       {Pairing::Outcome::missing, "missing"},
      {Pairing::Outcome::unexpected, "unexpected"}, {Pairing::Outcome::wrong_shape, "wrong shape"},
      {Pairing::Outcome::ambiguous, "ambiguous"},
  };
  using Row = std::array<std::string, 6>;

  static Row row_of(const Pairing& p) {
    Row row{"", "-", "", "-", "", p.change};
    for (const auto& [status, word] : words)
      if (status == p.status) row[0] = word;
    if (!p.tensor.empty()) {
      row[1] = io::printed(p.tensor);
      row[2] = p.tensor_shape.to_string();
    }
    if (!p.parameter.empty()) {
      row[3] = p.parameter;
      row[4] = p.parameter_shape.to_string();
    }
    return row;
  }
  /// The pairings in columns; with `all` false, those that fit are left out. Nothing without a pairing.
  std::string table(bool all) const {
    std::vector<Row> rows{{"", "in the file", "shape", "in the model", "shape", ""}};
    for (const Pairing& p : pairings)
      if (all || p.status != Pairing::Outcome::matched) rows.push_back(row_of(p));
    if (rows.size() == 1) return "";
    std::array<std::size_t, 6> widths{};
    for (const Row& row : rows)
      for (std::size_t c = 0; c < row.size(); ++c) widths[c] = (std::max)(widths[c], row[c].size());
    std::string text;
    for (const Row& row : rows) {
      std::string line;
      for (std::size_t c = 0; c < row.size(); ++c) line += row[c] + std::string(widths[c] - row[c].size() + 2, ' ');
      text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return text;
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
