#pragma once
/// Which classes were taken for which.

#include <algorithm>
#include <string>
#include <vector>

#include <keel/training/metrics/metric.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// How often class `truth` was taken for class `said`: `matrix(truth, said)`.
class ConfusionMatrix {
 public:
  /// Of so many classes. Throws ConfigError for fewer than 2.
  explicit ConfusionMatrix(Index classes) : classes_(classes) {
    if (classes < 2) throw ConfigError(who, "2 classes or more", std::to_string(classes));
    counts_.assign(to_size(classes * classes), 0);
  }

  Index classes() const { return classes_; }  ///< rows, and columns
  /// Positions of class `truth` that were taken for `said`.
  Index operator()(Index truth, Index said) const { return nth(counts_, truth * classes_ + said); }

  /// y (batch, ..., classes), or one probability a position where there are 2 classes; targets as for metrics. Throws
  /// ShapeError where they do not fit, DataError for a target that is no class and for NaN.
  template <class Y>
  void update(const Y& output, const std::type_identity_t<TensorRef<typename Y::Scalar>>& target) {
    using T = typename Y::Scalar;
    const TensorRef<T> y(output);
    const Index columns = y.rank() < 2 ? 1 : y.shape().back();
    if (columns != classes_ && !(columns == 1 && classes_ == 2))
      throw ShapeError(who, std::to_string(classes_) + " outputs", y.shape().to_string());
    Index position = 0;
    detail::for_each_rows<T>(who, y, target, [&](const detail::Rows& rows, const detail::Rows& targets) {
      for (Index i = 0; i < rows.rows(); ++i) add(detail::row(rows, i), detail::row(targets, i), position++);
    });
  }

  /// Of all positions, the part that was right; 0 before the first.
  double accuracy() const {
    Index right = 0, all = 0;
    for (Index i = 0; i < classes_; ++i) right += (*this)(i, i);
    for (const Index count : counts_) all += count;
    return ratio(right, all);
  }
  /// Of all that were taken for this class, the part that was; 0 where none was.
  double precision(Index c) const {
    Index all = 0;
    for (Index i = 0; i < classes_; ++i) all += (*this)(i, c);
    return ratio((*this)(c, c), all);
  }
  /// Of all of this class, the part that was taken for it; 0 where there are none.
  double recall(Index c) const {
    Index all = 0;
    for (Index i = 0; i < classes_; ++i) all += (*this)(c, i);
    return ratio((*this)(c, c), all);
  }
  /// One line a true class, one column a class said.
  std::string to_string() const {
    std::string result;
    for (Index i = 0; i < classes_; ++i) {
      for (Index j = 0; j < classes_; ++j) {
        const std::string count = std::to_string((*this)(i, j));
        result += std::string(count.size() < 7 ? 7 - count.size() : 0, ' ') + count;
      }
      result += '\n';
    }
    return result;
  }
  /// The same with the names of the classes before each line and, each over its column, above. Throws ConfigError
  /// unless there is one for each class.
  std::string to_string(const std::vector<std::string>& labels) const {
    if (count_of(labels) != classes_)
      throw ConfigError(who, std::to_string(classes_) + " labels", std::to_string(labels.size()));
    const auto length = [](const std::string& text) {  // characters of UTF-8
      return static_cast<std::size_t>(
          std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
    };
    const auto padded = [&](const std::string& text, std::size_t width) {
      return std::string(width > length(text) ? width - length(text) : 0, ' ') + text;
    };
    std::size_t first = length("is \\ said");
    std::vector<std::size_t> widths;
    for (Index j = 0; j < classes_; ++j) {
      first = (std::max)(first, length(nth(labels, j)));
      widths.push_back(length(nth(labels, j)));
      for (Index i = 0; i < classes_; ++i)
        widths.back() = (std::max)(widths.back(), std::to_string((*this)(i, j)).size());
    }
    std::string result = padded("is \\ said", first);
    for (Index j = 0; j < classes_; ++j) result += "  " + padded(nth(labels, j), nth(widths, j));
    result += '\n';
    for (Index i = 0; i < classes_; ++i) {
      result += padded(nth(labels, i), first);
      for (Index j = 0; j < classes_; ++j) result += "  " + padded(std::to_string((*this)(i, j)), nth(widths, j));
      result += '\n';
    }
    return result;
  }

 private:
  static constexpr const char* who = "ConfusionMatrix";

  void add(const detail::Row& y, const detail::Row& t, Index position) {
    const Index truth = detail::class_of(who, t, classes_);
    const Index said = y.size() > 1 ? detail::argmax(y) : y[0] != y[0] ? -1 : y[0] > 0.5 ? 1 : 0;
    if (said < 0) throw DataError(who, "numbers", "NaN at position " + std::to_string(position));
    ++nth(counts_, truth * classes_ + said);
  }
  static double ratio(Index part, Index whole) { return whole == 0 ? 0 : double(part) / double(whole); }

  Index classes_;
  std::vector<Index> counts_;
};

}  // namespace KEEL_ABI
}  // namespace keel
