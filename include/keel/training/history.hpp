#pragma once
/// What training leaves behind: the scores of each epoch.

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <keel/tensor/range.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Named values in order: what `evaluate` returns and what callbacks see of an epoch.
class Scores {
 public:
  /// In the order in which they were set.
  const std::vector<std::pair<std::string, double>>& entries() const { return entries_; }
  /// The value of that name, or null.
  const double* find(const std::string& name) const {
    for (const auto& entry : entries_)
      if (entry.first == name) return &entry.second;
    return nullptr;
  }
  /// Throws ConfigError, with the names that there are, for another.
  double operator[](const std::string& name) const {
    if (const double* value = find(name)) return *value;
    throw ConfigError("Scores", "one of: " + names(), "'" + name + "'");
  }
  /// "loss, accuracy"
  std::string names() const {
    return detail::join(entries_, ", ", [](const auto& entry) { return entry.first; });
  }
  /// Replaces the value of that name, or adds it behind the others.
  void set(const std::string& name, double value) {
    for (auto& entry : entries_)
      if (entry.first == name) {
        entry.second = value;
        return;
      }
    entries_.emplace_back(name, value);
  }
  void clear() { entries_.clear(); }  ///< Removes all.

  /// "loss: 0.3105 - accuracy: 0.8867", as Keras's progress bar prints them.
  std::string to_string() const {
    return detail::join(entries_, " - ", [](const auto& entry) {
      const double value = entry.second;
      return entry.first + ": " +
             (std::abs(value) > 1e-3 || value == 0 ? detail::fixed(value, 4) : detail::scientific(value, 4));
    });
  }

 private:
  std::vector<std::pair<std::string, double>> entries_;
};

/// What `fit` returns: the scores of every epoch.
struct History {
  std::vector<Index> epochs;   ///< numbers of the epochs, from 0
  std::vector<Scores> scores;  ///< "loss", the metrics, and the same with "val_" before them

  /// The values of one score, an epoch each. Throws ConfigError where an epoch has none of that name.
  std::vector<double> operator[](const std::string& name) const {
    std::vector<double> values;
    for (const Scores& epoch : scores) values.push_back(epoch[name]);
    return values;
  }
  /// One line an epoch, with a header. Values read back to the same bits.
  std::string to_csv() const {
    std::string csv = scores.empty() ? "" : csv_header(scores[0]);
    for (std::size_t i = 0; i < scores.size(); ++i) csv += csv_line(epochs[i], scores[i], scores[0]);
    return csv;
  }
  /// A line an epoch, as Keras's progress bar prints them.
  std::string to_string() const {
    std::string lines;
    for (std::size_t i = 0; i < scores.size(); ++i)
      lines += "Epoch " + std::to_string(epochs[i] + 1) + " - " + scores[i].to_string() + "\n";
    return lines;
  }

  /// The names of these scores behind "epoch".
  static std::string csv_header(const Scores& scores) {
    std::string line = "epoch";
    for (const auto& entry : scores.entries()) line += "," + entry.first;
    return line + "\n";
  }
  /// The columns are those of `header`; one that an epoch does not have stays empty.
  static std::string csv_line(Index epoch, const Scores& scores, const Scores& header) {
    std::string line = std::to_string(epoch);
    for (const auto& entry : header.entries()) {
      const double* value = scores.find(entry.first);
      line += "," + (value ? detail::text(*value, 17) : std::string());
    }
    return line + "\n";
  }
};

}  // namespace KEEL_ABI
}  // namespace keel
