#pragma once
/// Columns of a table as inputs and targets.

#include <algorithm>
#include <cmath>

#include <keel/formats/csv.hpp>
#include <keel/formats/decimal.hpp>
#include <keel/training/data.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// What is done about a field without a value. refuse: FormatError. drop: its row is left out. mean: a number becomes
/// the mean of its column in the table that the encoder was made of; a category becomes none of them, all zeros.
/// Targets are never filled: their rows are refused, or left out with drop and mean.
enum class Missing { refuse, drop, mean };

/// Which columns of a table are what.
struct TableColumns {
  std::vector<std::string> inputs{};   ///< names of columns; empty: all but the targets
  std::vector<std::string> targets{};  ///< names of columns
  std::vector<std::string>
      categories{};                   ///< columns whose numbers are names of classes; others are where they hold text
  Missing missing = Missing::refuse;  ///< what is done about fields without a value
  std::vector<std::string> missing_values{"", "NA", "NaN", "nan", "null", "?"};  ///< what such fields hold
  bool standardize =
      true;  ///< numbers of inputs become (x - mean) / deviation, by the table that the encoder was made of
};

/// Makes datasets of tables with the same columns: numbers as they are, or standardized; a category as a row of 0 and
/// one 1 among the inputs, as a class number among the targets, its names in alphabetical order. What it knows comes
/// from the table that it is made of, so that training and test data are encoded alike:
///
///     const CsvTable cars = read_csv("cars.csv");
///     const TableEncoder encoder(cars, {.targets = {"mpg"}, .missing = Missing::mean});
///     auto [train, test] = encoder.dataset(cars).shuffled(1).split(0.8);
///
/// Throws ConfigError without targets, FormatError for a column that is not there, a field that is no number, a
/// category that the first table did not have, a missing value that is refused: with file, row and column.
class TableEncoder {
 public:
  /// Learns from the table, which need not be kept.
  TableEncoder(const CsvTable& table, TableColumns columns) : o_(std::move(columns)) {
    if (o_.targets.empty()) throw ConfigError("TableEncoder", "a column as target", "none");
    if (o_.inputs.empty())
      for (const std::string& name : table.names)
        if (std::find(o_.targets.begin(), o_.targets.end(), name) == o_.targets.end()) o_.inputs.push_back(name);
    for (const std::string& name : o_.categories) table.column(name);
    for (const std::string& name : o_.inputs) inputs_.push_back(learn(table, name, o_.standardize));
    for (const std::string& name : o_.targets) targets_.push_back(learn(table, name, false));
  }

  /// A name for each value of an input: "weight", "origin=japan".
  std::vector<std::string> input_names() const {
    std::vector<std::string> names;
    for (const Column& column : inputs_) {
      if (column.classes.empty()) names.push_back(column.name);
      for (const std::string& name : column.classes) names.push_back(column.name + "=" + name);
    }
    return names;
  }
  /// The classes of a column, in the order of their numbers; empty where it holds numbers.
  const std::vector<std::string>& classes(const std::string& name) const {
    for (const auto* columns : {&inputs_, &targets_})
      for (const Column& column : *columns)
        if (column.name == name) return column.classes;
    throw ConfigError("TableEncoder", "a column of the inputs or targets", "\"" + name + "\"");
  }

  /// Inputs of shape (rows, values), targets (rows) or, of several columns, (rows, columns).
  template <class T = float>
  Dataset<T> dataset(const CsvTable& table) const {
    const std::vector<std::size_t> kept = rows(table);
    const Index count = count_of(kept);
    Index width = 0;
    for (const Column& column : inputs_) width += column.width();
    Tensor<T> x({count, width}), y(targets_.size() == 1 ? Shape{count} : Shape{count, count_of(targets_)});
    T *in = x.data(), *out = y.data();
    for (const std::size_t r : kept) {
      for (const Column& column : inputs_) {
        write(table, r, column, in);
        in += column.width();
      }
      for (const Column& column : targets_) *out++ = static_cast<T>(target(table, r, column));
    }
    return {std::move(x), std::move(y)};
  }

 private:
  struct Column {
    std::string name;
    std::vector<std::string> classes;  ///< empty: numbers
    double mean = 0, deviation = 1;
    bool scaled = false;
    Index width() const { return classes.empty() ? 1 : count_of(classes); }
  };

  bool is_missing(const std::string& field) const {
    return std::find(o_.missing_values.begin(), o_.missing_values.end(), field) != o_.missing_values.end();
  }
  static bool to_number(const std::string& field, double& value) {
    const std::size_t first = field.find_first_not_of(' '), last = field.find_last_not_of(' ');
    if (first == field.npos) return false;
    std::string_view text = std::string_view(field).substr(first, last + 1 - first);
    if (!formats::is_decimal(text)) return false;
    if (text[0] == '+') text.remove_prefix(1);
    return formats::read_double(text, value) == std::errc();
  }
  static std::string place(const CsvTable& table, std::size_t row, const std::string& column) {
    return table.where + ", row " + std::to_string(row + 1) + ", column " + formats::shown(column);
  }

  Column learn(const CsvTable& table, const std::string& name, bool standardize) const {
    const std::size_t c = table.column(name);
    Column column{.name = name, .classes = {}};
    bool text = std::find(o_.categories.begin(), o_.categories.end(), name) != o_.categories.end();
    std::vector<double> numbers;
    for (const auto& row : table.rows) {
      if (is_missing(row[c])) continue;
      double value = 0;
      text = text || !to_number(row[c], value);
      numbers.push_back(value);
      column.classes.push_back(row[c]);
    }
    if (numbers.empty()) throw FormatError(table.where, "values in column " + formats::shown(name), "none");
    if (text) {
      std::sort(column.classes.begin(), column.classes.end());
      column.classes.erase(std::unique(column.classes.begin(), column.classes.end()), column.classes.end());
      return column;
    }
    column.classes.clear();
    double squares = 0;
    for (const double value : numbers) column.mean += value / static_cast<double>(numbers.size());
    for (const double value : numbers) squares += (value - column.mean) * (value - column.mean);
    const double deviation = std::sqrt(squares / static_cast<double>(numbers.size()));
    column.scaled = standardize;
    if (standardize && deviation > 0) column.deviation = deviation;
    return column;
  }

  /// Those that are not left out.
  std::vector<std::size_t> rows(const CsvTable& table) const {
    std::vector<std::size_t> kept;
    for (std::size_t r = 0; r < table.rows.size(); ++r) {
      bool keep = true;
      for (const auto* columns : {&inputs_, &targets_})
        for (const Column& column : *columns) {
          if (!is_missing(table.rows[r][table.column(column.name)])) continue;
          if (o_.missing == Missing::refuse)
            throw FormatError(place(table, r, column.name), "a value", "none",
                              "set .missing to drop the row or take the mean");
          keep = keep && o_.missing == Missing::mean && columns == &inputs_;
        }
      if (keep) kept.push_back(r);
    }
    if (kept.empty()) throw FormatError(table.where, "a row with all values", "none");
    return kept;
  }
  /// The number of a class. Throws FormatError for one that the first table did not have.
  static Index class_of(const CsvTable& table, std::size_t row, const Column& column, const std::string& field) {
    const auto found = std::lower_bound(column.classes.begin(), column.classes.end(), field);
    if (found == column.classes.end() || *found != field)
      throw FormatError(place(table, row, column.name),
                        "one of the " + std::to_string(column.classes.size()) + " classes that the encoder knows",
                        formats::shown(field));
    return found - column.classes.begin();
  }
  static double number(const CsvTable& table, std::size_t row, const Column& column, const std::string& field) {
    double value = 0;
    if (!to_number(field, value)) throw FormatError(place(table, row, column.name), "a number", formats::shown(field));
    return value;
  }
  template <class T>
  void write(const CsvTable& table, std::size_t row, const Column& column, T* out) const {
    const std::string& field = table.rows[row][table.column(column.name)];
    const bool none = is_missing(field);
    if (!column.classes.empty()) {
      if (!none) out[class_of(table, row, column, field)] = T(1);
      return;
    }
    const double value = none ? column.mean : number(table, row, column, field);
    *out = static_cast<T>(column.scaled ? (value - column.mean) / column.deviation : value);
  }
  double target(const CsvTable& table, std::size_t row, const Column& column) const {
    const std::string& field = table.rows[row][table.column(column.name)];
    return column.classes.empty() ? number(table, row, column, field)
                                  : static_cast<double>(class_of(table, row, column, field));
  }

  TableColumns o_;
  std::vector<Column> inputs_, targets_;
};

}  // namespace KEEL_ABI
}  // namespace keel
