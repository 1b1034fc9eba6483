#pragma once
/// Tensors as text, short as NumPy's.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <type_traits>

#include <keel/tensor/finite.hpp>
#include <keel/tensor/tensor.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// How the values of a tensor are written, by NumPy's rules: as few digits as read back to the same value, eight behind
/// the point at most, in columns; with exponents where the largest is 1e8 or more, the smallest below 1e-4, or their
/// ratio above 1000.
template <class T>
class TensorText {
 public:
  explicit TensorText(const TensorView<const T>& values) : values_(values), summarized_(values.size() > most) {
    double largest = 0, smallest = 0;
    visit([&](T x) {
      if (x == T(0) || !finite(x)) return;
      const double size = std::abs(static_cast<double>(x));
      largest = (std::max)(largest, size);
      smallest = smallest == 0 ? size : (std::min)(smallest, size);
    });
    exponents_ =
        !std::is_integral_v<T> && (largest >= 1e8 || (smallest > 0 && (smallest < 1e-4 || largest / smallest > 1000)));
    std::size_t others = 0;  // nan and the infinities
    visit([&](T x) {
      const std::string text = plain(x);
      if (!finite(x)) {
        others = (std::max)(others, text.size());
        return;
      }
      left_ = (std::max)(left_, (std::min)(text.find('.'), text.size()));
      right_ = (std::max)(right_, fraction(text));
    });
    const std::size_t behind = right_ + (std::is_integral_v<T> ? 0 : 1) + (exponents_ ? 4 : 0);
    if (others > left_ + behind) left_ = others - behind;
  }

  std::string write() const {
    if (values_.rank() == 0) return plain(values_[0]);
    if (values_.size() == 0) return "[] of shape " + values_.shape().to_string();
    std::string text;
    write(0, 0, text);
    return text;
  }

 private:
  /// Values beyond so many are left out: the first and last three of each axis are written then.
  static constexpr Index most = 1000, edge = 3;
  static constexpr std::size_t line = 75;

  static bool finite(T x) {
    if constexpr (std::is_floating_point_v<T>) return is_finite(x);
    return true;
  }
  static std::string chars(T x, std::chars_format form, int digits) {
    char buffer[400];
    const auto end = digits < 0 ? std::to_chars(buffer, buffer + sizeof buffer, x, form)
                                : std::to_chars(buffer, buffer + sizeof buffer, x, form, digits);
    return {buffer, end.ptr};
  }
  /// Digits behind the point.
  static std::size_t fraction(const std::string& text) {
    const std::size_t point = text.find('.'), end = (std::min)(text.find('e'), text.size());
    return point == text.npos ? 0 : end - point - 1;
  }
  std::string plain(T x) const {
    if constexpr (std::is_integral_v<T>)
      return std::to_string(x);
    else
      return real(x);
  }
  std::string real(T x) const {
    if (x != x) return "nan";
    if (!finite(x)) return x > 0 ? "inf" : "-inf";
    const std::chars_format form = exponents_ ? std::chars_format::scientific : std::chars_format::fixed;
    std::string text = chars(x, form, -1);
    if (fraction(text) > 8) {
      text = chars(x, form, 8);
      while (!exponents_ && text.back() == '0') text.pop_back();
    }
    if (text.find('.') == text.npos) text.insert((std::min)(text.find('e'), text.size()), ".");
    return text;
  }
  /// In its column.
  std::string written(T x) const {
    std::string text = plain(x);
    if (!finite(x)) {
      const std::size_t width = left_ + 1 + right_ + (exponents_ ? 4 : 0);
      return std::string(width > text.size() ? width - text.size() : 0, ' ') + text;
    }
    const std::size_t missing = right_ - fraction(text), point = (std::min)(text.find('.'), text.size());
    if (exponents_)
      text.insert(text.find('e'), missing, '0');
    else
      text.append(missing, ' ');
    return std::string(left_ - point, ' ') + text;
  }

  template <class F>
  void visit(F&& f) const {
    if (values_.size() > 0) visit(0, 0, f);
  }
  template <class F>
  void visit(Index axis, Index place, F& f) const {
    if (axis == values_.rank()) return f(values_[place]);
    const Index extent = values_.shape()[axis];
    for (Index i = 0; i < extent; ++i) {
      if (skips(extent, i)) i = extent - edge;
      visit(axis + 1, place * extent + i, f);
    }
  }
  bool skips(Index extent, Index i) const { return summarized_ && extent > 2 * edge && i == edge; }

  void write(Index axis, Index place, std::string& text) const {
    const Index extent = values_.shape()[axis], below = values_.rank() - axis - 1;
    const std::string indent(to_size(axis + 1), ' ');
    text += '[';
    for (Index i = 0; i < extent; ++i) {
      const bool gap = skips(extent, i);
      if (gap) i = extent - edge;
      if (below > 0) {
        // a new line for each row, and an empty one for each axis more
        const std::string between = std::string(to_size(below), '\n') + indent;
        if (i > 0) text += between;
        if (gap) text += "..." + between;
        write(axis + 1, place * extent + i, text);
      } else {
        if (i > 0) text += ' ';
        if (gap) text += "... ";
        const std::string value = written(values_[place * extent + i]);
        const std::size_t begin = text.rfind('\n') + 1;  // 0 on the first line
        if (text.size() - begin + value.size() + to_size(axis + 1) > line) {
          text.back() = '\n';
          text += indent;
        }
        text += value;
      }
    }
    text += ']';
  }

  TensorView<const T> values_;
  bool summarized_, exponents_ = false;
  std::size_t left_ = 0, right_ = 0;
};

}  // namespace detail

/// The values as NumPy prints them: rows in brackets, in columns; of more than 1000 values the ends of each axis alone.
template <class T>
std::string to_string(const TensorView<const T>& values) {
  return detail::TensorText<T>(values).write();
}
/// The same as text.
template <class T>
std::string to_string(const Tensor<T>& values) {
  return to_string<T>(TensorView<const T>(values));
}

/// `std::cout << tensor.shape()` as NumPy and PyTorch write it but for "(3)", for any stream of characters.
template <class Stream>
requires requires(Stream& stream, std::string text) { stream << text; }
Stream& operator<<(Stream& stream, const Shape& shape) {
  stream << shape.to_string();
  return stream;
}

/// `std::cout << tensor`, for any stream of characters.
template <class Stream, class T>
requires std::is_arithmetic_v<T> && requires(Stream& stream, std::string text) { stream << text; }
Stream& operator<<(Stream& stream, const Tensor<T>& values) {
  stream << to_string(values);
  return stream;
}

}  // namespace KEEL_ABI
}  // namespace keel
