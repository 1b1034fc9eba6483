#pragma once
/// Tables of text: CSV as RFC 4180 has it.

#include <string>
#include <vector>

#include <keel/formats/bytes.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct CsvOptions {
  char separator = ',';  ///< between the fields of a line
  bool header = true;    ///< whether the first line names the columns; else they are "0", "1", ...
};

/// A table as its file has it, every field as text.
struct CsvTable {
  std::string where;                           ///< the file, for errors
  std::vector<std::string> names;              ///< of the columns
  std::vector<std::vector<std::string>> rows;  ///< each with a field for every column

  Index size() const { return static_cast<Index>(rows.size()); }  ///< Number of rows, the header not counted.
  /// Throws FormatError, with the names that there are, for another.
  std::size_t column(const std::string& name) const {
    std::string known;
    for (std::size_t c = 0; c < names.size(); ++c) {
      if (names[c] == name) return c;
      known += (c ? ", " : "") + names[c];
    }
    throw FormatError(where, "one of the columns " + known, formats::shown(name));
  }
};

namespace formats {

/// Fields in quotes may hold separators, line breaks and, doubled, quotes. Lines end in LF or CRLF; empty ones are
/// left out.
class CsvReader {
 public:
  CsvReader(std::string_view text, std::string where, const CsvOptions& options)
      : text_(text), where_(std::move(where)), separator_(options.separator) {
    if (separator_ == '"' || separator_ == '\n' || separator_ == '\r')
      throw ConfigError("read_csv", "a separator such as ',' or ';'", "a quote or line break");
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }
  /// The fields of the next line; whether there was one.
  bool next(std::vector<std::string>& fields) {
    do {
      if (at_ >= text_.size()) return false;
      fields.assign(1, "");
      begun_ = ++line_;
      while (field(fields.back())) fields.emplace_back();
    } while (fields.size() == 1 && fields[0].empty());
    return true;
  }
  /// Of the line that was read last, from 1.
  std::string place() const { return where_ + ", line " + std::to_string(begun_); }

 private:
  /// Whether another field follows on this line.
  bool field(std::string& out) {
    const bool in_quotes = at_ < text_.size() && text_[at_] == '"';
    if (in_quotes) quoted(out);
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == separator_) {
        ++at_;
        return true;
      }
      if (c == '\n') {
        ++at_;
        return false;
      }
      if (c == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') continue;
      if (in_quotes) throw FormatError(place(), "a separator behind a quoted field", shown(text_.substr(at_, 8)));
      out += c;
    }
    return false;
  }
  void quoted(std::string& out) {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        out += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        out += text_[at_++];
      } else {
        ++at_;
        return;
      }
    }
    throw FormatError(place(), "an end of the quoted field", "the file's");
  }

  std::string_view text_;
  std::string where_;
  char separator_;
  std::size_t at_ = 0, line_ = 0, begun_ = 0;
};

}  // namespace formats

/// The table in a text. Throws FormatError for a line with more or fewer fields than columns, two columns of one name,
/// a quote that does not end; with file and line.
inline CsvTable parse_csv(std::string_view text, const std::string& where, const CsvOptions& options = {}) {
  CsvTable table{where, {}, {}};
  formats::CsvReader reader(text, where, options);
  std::vector<std::string> fields;
  while (reader.next(fields)) {
    if (table.names.empty()) {
      table.names = fields;
      for (std::size_t c = 0; c < fields.size(); ++c) {
        if (!options.header) table.names[c] = std::to_string(c);
        for (std::size_t other = 0; other < c; ++other)
          if (table.names[other] == table.names[c])
            throw FormatError(reader.place(), "columns of different names", formats::shown(table.names[c]) + " twice");
      }
      if (options.header) continue;
    }
    if (fields.size() != table.names.size())
      throw FormatError(reader.place(), std::to_string(table.names.size()) + " fields", std::to_string(fields.size()));
    table.rows.push_back(std::move(fields));
  }
  if (table.names.empty()) throw FormatError(where, "a table", "an empty file");
  return table;
}
/// The table in a file.
inline CsvTable read_csv(const std::string& path, const CsvOptions& options = {}) {
  const Bytes bytes = read_file(path);
  return parse_csv(formats::text_of(bytes), path, options);
}

}  // namespace KEEL_ABI
}  // namespace keel
