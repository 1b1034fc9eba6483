#pragma once
/// What parts of a training run keep from step to step, so that a checkpoint can write it and give it back.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <keel/tensor/tensor.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Named values, written into a checkpoint or read from it. A part names each of its values once, for both ways:
///
///     void remember(Memory& memory) override { memory("best", best_); }
///
/// Throws FormatError where a value is read that the checkpoint does not have, or has of another type.
class Memory {
 public:
  virtual ~Memory() = default;
  /// Whether values are read. They are written otherwise.
  virtual bool reads() const = 0;

  virtual void operator()(const std::string& name, double& value) = 0;
  virtual void operator()(const std::string& name, Index& value) = 0;
  virtual void operator()(const std::string& name, std::string& value) = 0;
  virtual void operator()(const std::string& name, std::vector<double>& value) = 0;
  virtual void operator()(const std::string& name, Tensor<float>& value) = 0;
  virtual void operator()(const std::string& name, Tensor<double>& value) = 0;

  void operator()(const std::string& name, bool& value) {
    Index number = value ? 1 : 0;
    (*this)(name, number);
    value = number != 0;
  }
  void operator()(const std::string& name, std::optional<double>& value) {
    std::vector<double> list;
    if (value) list.push_back(*value);
    (*this)(name, list);
    value.reset();
    if (!list.empty()) value = list[0];
  }
  void operator()(const std::string& name, std::vector<Index>& value) {
    std::vector<double> list(value.begin(), value.end());
    (*this)(name, list);
    value.clear();
    for (const double number : list) value.push_back(static_cast<Index>(number));
  }
  /// Texts without line breaks.
  void operator()(const std::string& name, std::vector<std::string>& value) {
    std::string lines;
    for (const std::string& line : value) lines += line + '\n';
    (*this)(name, lines);
    value.clear();
    for (std::size_t at = 0, end = 0; (end = lines.find('\n', at)) != lines.npos; at = end + 1)
      value.push_back(lines.substr(at, end - at));
  }
  /// Each under a number behind the name, and how many there are.
  template <class T>
  void operator()(const std::string& name, std::vector<Tensor<T>>& value) {
    Index count = count_of(value);
    (*this)(name + "/count", count);
    value.resize(to_size((std::max)(count, Index{0})));
    for (std::size_t i = 0; i < value.size(); ++i) (*this)(name + "/" + std::to_string(i), value[i]);
  }

 protected:
  Memory() = default;
  Memory(const Memory&) = default;
  Memory& operator=(const Memory&) = default;
};

/// Another memory's values under names that begin with a prefix.
class Prefixed : public Memory {
 public:
  /// Of `memory`, which must outlive this.
  Prefixed(Memory& memory, std::string prefix) : memory_(memory), prefix_(std::move(prefix)) {}
  using Memory::operator();
  bool reads() const override { return memory_.reads(); }
  void operator()(const std::string& name, double& value) override { memory_(prefix_ + name, value); }
  void operator()(const std::string& name, Index& value) override { memory_(prefix_ + name, value); }
  void operator()(const std::string& name, std::string& value) override { memory_(prefix_ + name, value); }
  void operator()(const std::string& name, std::vector<double>& value) override { memory_(prefix_ + name, value); }
  void operator()(const std::string& name, Tensor<float>& value) override { memory_(prefix_ + name, value); }
  void operator()(const std::string& name, Tensor<double>& value) override { memory_(prefix_ + name, value); }

 private:
  Memory& memory_;
  std::string prefix_;
};

}  // namespace KEEL_ABI
}  // namespace keel
