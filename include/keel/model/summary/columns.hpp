#pragma once
/// Text in columns: numbers as tables print them, the cells that a character takes on a terminal, lines cut and
/// broken as the Python library rich does.

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <keel/tensor/index.hpp>
#include <keel/tensor/text.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// 13108758 as "13,108,758".
inline std::string thousands(Index number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

/// Bytes with Keras 3's units, 1024 a step: "50.01 MB", "256.00 B".
inline std::string binary_size(Index bytes) {
  static constexpr const char* units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
  double size = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; size >= 1024 && unit + 1 < std::size(units); ++unit) size /= 1024;
  return fixed(size, 2) + " " + units[unit];
}

inline std::string repeat(const std::string& text, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += text;
  return result;
}

/// The bytes of UTF-8 text that belong to its first character; a byte that begins none stands for itself.
inline std::string_view first_character(std::string_view text) {
  std::size_t end = text.empty() ? 0 : 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  return text.substr(0, end);
}

inline char32_t code_point(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.empty() || byte(0) < 0x80) return character.empty() ? 0 : byte(0);
  char32_t code = byte(0) & (0xFFu >> (character.size() + 1));
  for (std::size_t i = 1; i < character.size() && i < 4; ++i) code = code << 6 | (byte(i) & 0x3Fu);
  return code;
}

/// 2 for a character of double width (East Asian ones, most emoji), 0 for a mark on the character before it or a
/// control character, else 1. From the Unicode Character Database: East_Asian_Width W and F, with what is not
/// assigned between them, and the general category Mn of the European, Hebrew, Arabic and symbol blocks.
inline std::size_t cells_of(char32_t code) {
  struct Range {
    char32_t first, last;
  };
  static constexpr Range wide[] = {
      {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},   {0x23f0, 0x23f0},
      {0x23f3, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x267f, 0x267f},
      {0x2693, 0x2693},   {0x26a1, 0x26a1},   {0x26aa, 0x26ab},   {0x26bd, 0x26be},   {0x26c4, 0x26c5},
      {0x26ce, 0x26ce},   {0x26d4, 0x26d4},   {0x26ea, 0x26ea},   {0x26f2, 0x26f3},   {0x26f5, 0x26f5},
      {0x26fa, 0x26fa},   {0x26fd, 0x26fd},   {0x2705, 0x2705},   {0x270a, 0x270b},   {0x2728, 0x2728},
      {0x274c, 0x274c},   {0x274e, 0x274e},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
      {0x27b0, 0x27b0},   {0x27bf, 0x27bf},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2b55, 0x2b55},
      {0x2e80, 0x3029},   {0x302e, 0x303e},   {0x3041, 0x3096},   {0x309b, 0x3247},   {0x3250, 0x4dbf},
      {0x4e00, 0xa4c6},   {0xa960, 0xa97c},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},
      {0xfe30, 0xfe6b},   {0xff01, 0xff60},   {0xffe0, 0xffe6},   {0x16fe0, 0x16fe3}, {0x16ff0, 0x18d08},
      {0x1b000, 0x1b11e}, {0x1b150, 0x1b2fb}, {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e},
      {0x1f191, 0x1f19a}, {0x1f200, 0x1f320}, {0x1f32d, 0x1f335}, {0x1f337, 0x1f37c}, {0x1f37e, 0x1f393},
      {0x1f3a0, 0x1f3ca}, {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0}, {0x1f3f4, 0x1f3f4}, {0x1f3f8, 0x1f43e},
      {0x1f440, 0x1f440}, {0x1f442, 0x1f4fc}, {0x1f4ff, 0x1f53d}, {0x1f54b, 0x1f54e}, {0x1f550, 0x1f567},
      {0x1f57a, 0x1f57a}, {0x1f595, 0x1f596}, {0x1f5a4, 0x1f5a4}, {0x1f5fb, 0x1f64f}, {0x1f680, 0x1f6c5},
      {0x1f6cc, 0x1f6cc}, {0x1f6d0, 0x1f6d2}, {0x1f6d5, 0x1f6d7}, {0x1f6eb, 0x1f6ec}, {0x1f6f4, 0x1f6fc},
      {0x1f7e0, 0x1f7eb}, {0x1f90c, 0x1f93a}, {0x1f93c, 0x1f945}, {0x1f947, 0x1f978}, {0x1f97a, 0x1f9cb},
      {0x1f9cd, 0x1f9ff}, {0x1fa70, 0x1fa7a}, {0x1fa80, 0x1faa8}, {0x1fab0, 0x1fab6}, {0x1fac0, 0x1fac2},
      {0x1fad0, 0x1fad6}, {0x20000, 0x3fffd},
  };
  static constexpr Range none[] = {
      {0x0, 0x1f},      {0x7f, 0x9f},     {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x5bf, 0x5bf},
      {0x5c1, 0x5c2},   {0x5c4, 0x5c5},   {0x5c7, 0x5c7},   {0x610, 0x61a},   {0x64b, 0x65f},   {0x670, 0x670},
      {0x6d6, 0x6dc},   {0x6df, 0x6e4},   {0x6e7, 0x6e8},   {0x6ea, 0x6ed},   {0x1ab0, 0x1ac0}, {0x1dc0, 0x1df9},
      {0x1dfb, 0x1dff}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x2063}, {0x20d0, 0x20f0}, {0x302a, 0x302d},
      {0x3099, 0x309a}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
  };
  const auto in = [&](const auto& ranges) {
    const auto found = std::lower_bound(std::begin(ranges), std::end(ranges), code,
                                        [](const Range& range, char32_t c) { return range.last < c; });
    return found != std::end(ranges) && found->first <= code;
  };
  return in(wide) ? 2 : in(none) ? 0 : 1;
}

/// How wide a terminal shows UTF-8 text.
inline std::size_t cells_of(std::string_view text) {
  std::size_t cells = 0;
  while (!text.empty()) {
    const std::string_view character = first_character(text);
    cells += cells_of(code_point(character));
    text.remove_prefix(character.size());
  }
  return cells;
}

/// Bytes of the first `count` characters, or of all.
inline std::size_t prefix_of_characters(std::string_view text, std::size_t count) {
  std::size_t bytes = 0;
  while (count-- > 0 && bytes < text.size()) bytes += first_character(text.substr(bytes)).size();
  return bytes;
}

inline std::size_t characters_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// Bytes of as many characters as fit into `cells`.
inline std::size_t prefix_of_cells(std::string_view text, std::size_t cells) {
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const std::string_view character = first_character(text.substr(bytes));
    const std::size_t width = cells_of(code_point(character));
    if (width > cells) break;
    cells -= width;
    bytes += character.size();
  }
  return bytes;
}

/// Text made as wide as `cells` by spaces after it, or before it.
inline std::string pad(const std::string& text, std::size_t cells, bool right = false) {
  const std::size_t width = cells_of(text);
  const std::string space(cells > width ? cells - width : 0, ' ');
  return right ? space + text : text + space;
}

/// What a line does with a word that is longer than it: goes on in the next line, or ends with "…".
enum class LongWord { fold, ellipsis };

/// Where rich breaks a text into lines of so many cells: before a word that no longer fits, and, if long words are
/// folded, inside these. Source: divide_line in rich's _wrap.py.
inline std::vector<std::size_t> line_starts(std::string_view text, std::size_t cells, LongWord longer) {
  std::vector<std::size_t> starts{0};
  std::size_t taken = 0;  // cells of the line so far
  const auto begin = [&](std::size_t at) {
    if (at > 0) starts.push_back(at);
    taken = 0;
  };
  for (std::size_t at = 0, end = 0; at < text.size(); at = end) {
    const std::size_t letters = (std::min)(text.find_first_not_of(' ', at), text.size());
    const std::size_t word_end = (std::min)(text.find(' ', letters), text.size());
    end = (std::min)(text.find_first_not_of(' ', word_end), text.size());
    const std::size_t word = cells_of(text.substr(at, word_end - at)), whole = cells_of(text.substr(at, end - at));
    if (taken + word <= cells) {
      taken += whole;
    } else if (word <= cells || longer == LongWord::ellipsis) {
      begin(at);
      taken = whole;
    } else {
      for (begin(at); cells_of(text.substr(at, end - at)) > cells; begin(at))
        at += (std::max)(prefix_of_cells(text.substr(at, end - at), cells), first_character(text.substr(at)).size());
      taken = cells_of(text.substr(at, end - at));
    }
  }
  return starts;
}

/// One line cut to so many cells.
inline std::string cut_line(std::string line, std::size_t cells) {
  while (characters_of(line) > cells && line.ends_with(' ')) line.pop_back();
  if (cells_of(line) <= cells) return line;
  if (cells == 0) return "";
  line.resize(prefix_of_cells(line, cells - 1));
  return pad(line, cells - 1) + "…";
}

/// The lines into which rich breaks a text: of at most so many cells, broken at spaces.
inline std::vector<std::string> wrap(const std::string& text, std::size_t cells, LongWord longer) {
  std::vector<std::size_t> starts = line_starts(text, cells, longer);
  starts.push_back(text.size());
  std::vector<std::string> lines;
  for (std::size_t i = 0; i + 1 < starts.size(); ++i)
    lines.push_back(cut_line(text.substr(starts[i], starts[i + 1] - starts[i]), cells));
  return lines;
}

}  // namespace detail

}  // namespace KEEL_ABI
}  // namespace keel
