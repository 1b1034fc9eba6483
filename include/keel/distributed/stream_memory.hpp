#pragma once
/// What parts of a run keep, as bytes that go from one rank to another.

#include <cstring>

#include <keel/layers/base/communicator.hpp>
#include <keel/training/memory.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

/// A Memory in a row of bytes: values are read in the order in which they were written, on a machine of the same kind.
class StreamMemory : public Memory {
 public:
  /// To be written.
  StreamMemory() = default;
  /// To be read.
  explicit StreamMemory(std::span<const std::byte> bytes) : reads_(true), bytes_(bytes.begin(), bytes.end()) {}

  using Memory::operator();
  bool reads() const override { return reads_; }
  void operator()(const std::string&, double& value) override { values(&value, 1); }
  void operator()(const std::string&, Index& value) override { values(&value, 1); }
  void operator()(const std::string&, std::string& value) override {
    value.resize(length(value.size(), 1));
    values(value.data(), value.size());
  }
  void operator()(const std::string&, std::vector<double>& value) override {
    value.resize(length(value.size(), sizeof(double)));
    values(value.data(), value.size());
  }
  void operator()(const std::string&, Tensor<float>& value) override { tensor(value); }
  void operator()(const std::string&, Tensor<double>& value) override { tensor(value); }

  std::vector<std::byte>& bytes() { return bytes_; }
  bool at_end() const { return place_ == bytes_.size(); }

 private:
  [[noreturn]] static void fail() {
    throw CommunicationError("a rank's state", "as many values as this rank has", "others",
                             "all ranks must have the same model, metrics and callbacks");
  }
  template <class V>
  void values(V* value, std::size_t count) {
    if (count == 0) return;
    if (!reads_) {
      const auto* from = reinterpret_cast<const std::byte*>(value);
      bytes_.insert(bytes_.end(), from, from + count * sizeof(V));
      return;
    }
    if ((bytes_.size() - place_) / sizeof(V) < count) fail();
    std::memcpy(value, bytes_.data() + place_, count * sizeof(V));
    place_ += count * sizeof(V);
  }
  std::size_t length(std::size_t count, std::size_t each) {
    auto number = static_cast<std::uint64_t>(count);
    values(&number, 1);
    if (reads_ && number > (bytes_.size() - place_) / each) fail();
    return static_cast<std::size_t>(number);
  }
  template <class T>
  void tensor(Tensor<T>& value) {
    std::vector<Index> dims(value.shape().begin(), value.shape().end());
    dims.resize(length(dims.size(), sizeof(Index)));
    values(dims.data(), dims.size());
    if (reads_) {
      const Shape shape{std::span<const Index>(dims)};
      if (static_cast<std::size_t>(shape.size()) > (bytes_.size() - place_) / sizeof(T)) fail();
      value = Tensor<T>(shape);
    }
    values(value.data(), to_size(value.size()));
  }

  bool reads_ = false;
  std::vector<std::byte> bytes_;
  std::size_t place_ = 0;
};

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
