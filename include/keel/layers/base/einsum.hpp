#pragma once
/// Equations as of einsum, of an input and a kernel: what their letters say about axes, and the matrix products that
/// they come to.

#include <keel/layers/base/options.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

/// Axes by a letter each, those that "..." stands for by digits.
struct AxisLetters {
  std::array<char, Shape::max_rank> letters{};
  Index count = 0;  ///< how many of them

  const char* begin() const { return letters.data(); }
  const char* end() const { return letters.data() + count; }
  bool has(char letter) const { return view().find(letter) != std::string_view::npos; }
  std::string_view view() const { return {letters.data(), to_size(count)}; }
  void add(char letter) { nth(letters, count++) = letter; }
  void add(const AxisLetters& others) {
    for (const char letter : others) add(letter);
  }
  friend bool operator==(const AxisLetters&, const AxisLetters&) = default;
};

/// An equation "input,kernel->output", of which input and output may begin or end in "...".
struct EinsumEquation {
  /// Where the dots stand.
  enum class Dots { none, first, last };

  std::string text;                   ///< as it was given
  AxisLetters input, kernel, output;  ///< without the dots
  Dots dots = Dots::none;

  /// Throws ConfigError in the name of `who` for what is no such equation. The batch is the first letter of input and
  /// output, or among what dots in front stand for.
  [[gnu::cold]] EinsumEquation(const std::string& who, std::string equation) : text(std::move(equation)) {
    const std::size_t comma = text.find(','), arrow = text.find("->");
    if (comma == text.npos || arrow == text.npos || arrow < comma) refuse(who, "\"input,kernel->output\"");
    const Dots before = parse(who, std::string_view(text).substr(0, comma), input);
    const Dots of_kernel = parse(who, std::string_view(text).substr(comma + 1, arrow - comma - 1), kernel);
    dots = parse(who, std::string_view(text).substr(arrow + 2), output);
    if ((before == Dots::none) != (dots == Dots::none) || of_kernel != Dots::none)
      refuse(who, "\"...\" in input and output");
    if (before != dots) refuse(who, "\"...\" at the same end of input and output");
    check(who);
  }
  /// Whether the batch is among what the dots stand for.
  bool dots_first() const { return dots == Dots::first; }
  [[noreturn, gnu::cold]] void refuse(const std::string& who, const std::string& expected) const {
    throw ConfigError(who, "an equation with " + expected, "\"" + text + "\"");
  }

 private:
  [[gnu::cold]] Dots parse(const std::string& who, std::string_view side, AxisLetters& letters) const {
    Dots found = Dots::none;
    if (side.starts_with("...")) {
      found = Dots::first;
      side.remove_prefix(3);
    } else if (side.ends_with("...")) {
      found = Dots::last;
      side.remove_suffix(3);
    }
    for (const char letter : side) {
      if (!((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'))) refuse(who, "letters as axes");
      if (letters.has(letter)) refuse(who, "each letter once on a side");
      if (letters.count == Shape::max_rank) refuse(who, "at most 8 letters on a side");
      letters.add(letter);
    }
    return found;
  }
  [[gnu::cold]] void check(const std::string& who) const {
    if (kernel.count == 0 || (!dots_first() && input.count == 0)) refuse(who, "axes on each side");
    if (!dots_first() && (output.count == 0 || output.letters[0] != input.letters[0] || kernel.has(input.letters[0])))
      refuse(who, "the batch as the first letter of input and output, and not of the kernel");
    for (const AxisLetters* const side : {&input, &kernel})
      for (const char letter : *side)
        if (input.has(letter) + kernel.has(letter) + output.has(letter) < 2)
          refuse(who, "no letter of the input or the kernel alone");
    for (const char letter : output)
      if (!input.has(letter) && !kernel.has(letter)) refuse(who, "no letter of the output alone");
  }
};

/// The axes of input, kernel and output, and their extents.
struct EinsumSides {
  AxisLetters input = {}, kernel = {}, output = {};
  std::array<Index, 128> extents{};  ///< by letter

  Index& extent(char letter) { return nth(extents, static_cast<Index>(letter)); }
  Index extent(char letter) const { return nth(extents, static_cast<Index>(letter)); }
  Index product(const AxisLetters& letters) const {
    Index all = 1;
    for (const char letter : letters) all *= extent(letter);
    return all;
  }
  Shape shape(const AxisLetters& letters) const {
    std::array<Index, Shape::max_rank> dims{};
    for (Index i = 0; i < letters.count; ++i) nth(dims, i) = extent(nth(letters.letters, i));
    return Shape(std::span<const Index>(dims.data(), to_size(letters.count)));
  }

  /// The axes of an equation for inputs `x`, with the batch; `output_shape`: extents of the output's letters without the
  /// batch, 0 for those of the input's. Throws ShapeError for an input that does not fit.
  [[gnu::cold]] EinsumSides(const LayerIdentity& layer, const EinsumEquation& e, const std::vector<Index>& output_shape,
                            const Shape& x) {
    const auto wrong = [&](const std::string& expected) {
      throw ShapeError(layer.who(), expected + " for " + e.text, x.sample().to_string());
    };
    const Index more = x.rank() - e.input.count;
    if (e.dots == EinsumEquation::Dots::none ? more != 0 : more < (e.dots_first() ? 1 : 0))
      wrong((e.dots == EinsumEquation::Dots::none ? "an input of " : "an input of at least ") +
            std::to_string(e.input.count - (e.dots_first() ? 0 : 1)) + " axes beside the batch");
    if (e.output.count + more > Shape::max_rank) wrong("an output of at most 7 axes");
    if (!e.dots_first()) add(e);
    for (Index i = 0; i < more; ++i)
      for (AxisLetters* const side : {&input, &output}) side->add(static_cast<char>('0' + i));
    if (e.dots_first()) add(e);
    kernel = e.kernel;
    for (Index i = 0; i < x.rank(); ++i) extent(nth(input.letters, i)) = x[i];
    for (std::size_t i = 0; i < output_shape.size(); ++i) {
      const char letter = e.output.letters[i + (e.dots_first() ? 0 : 1)];
      const Index given = output_shape[i];
      if (input.has(letter) ? given != 0 && given != extent(letter) : given == 0)
        wrong((given == 0 ? std::string("an output_shape with the extent of ")
                          : "an extent of " + std::to_string(given) + " along ") +
              letter);
      if (given != 0) extent(letter) = given;
    }
    for (const AxisLetters* const side : {&input, &kernel})
      if (product(*side) < 1) wrong("at least one value along each axis");
  }

 private:
  void add(const EinsumEquation& e) {
    input.add(e.input);
    output.add(e.output);
  }
};

/// One matrix product, rows by inner by columns, for each place of the letters that all three sides have.
struct EinsumProduct {
  AxisLetters input, kernel, output;  ///< the axes in the order that the products want
  Index shared, rows, inner, columns;

  [[gnu::cold]] explicit EinsumProduct(const EinsumSides& s) {
    AxisLetters all, mine, summed, theirs;
    for (const char letter : s.output) (!s.kernel.has(letter) ? mine : s.input.has(letter) ? all : theirs).add(letter);
    for (const char letter : s.kernel)
      if (!s.output.has(letter)) summed.add(letter);
    input = kernel = output = all;
    input.add(mine);
    input.add(summed);
    kernel.add(summed);
    kernel.add(theirs);
    output.add(mine);
    output.add(theirs);
    shared = s.product(all);
    rows = s.product(mine);
    inner = s.product(summed);
    columns = s.product(theirs);
  }
};

/// to = from with its axes in another order.
template <class T>
void reorder_axes(const AxisLetters& from_axes, const AxisLetters& to_axes, const EinsumSides& sides, const T* from,
                  T* to) {
  std::array<Index, Shape::max_rank> strides{}, at{};
  Index size = 1;
  for (Index i = from_axes.count; i-- > 0;) {
    const char letter = nth(from_axes.letters, i);
    strides[to_axes.view().find(letter)] = size;
    size *= sides.extent(letter);
  }
  for (Index i = 0, place = 0; i < size; ++i) {
    to[i] = from[place];
    for (Index axis = to_axes.count; axis-- > 0;) {  // one place further in `to`
      place += nth(strides, axis);
      if (++nth(at, axis) < sides.extent(nth(to_axes.letters, axis))) break;
      place -= nth(strides, axis) * nth(at, axis);
      nth(at, axis) = 0;
    }
  }
}

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
