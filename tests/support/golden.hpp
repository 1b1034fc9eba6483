#pragma once

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <keel/tensor/tensor.hpp>

/// Reads tests/golden/*.safetensors (described in tests/golden/README.md) and compares with them.
namespace golden {

using keel::Index;

/// The settings of one case: `key=value key=value`, lists with commas.
class Settings {
 public:
  explicit Settings(const std::string& line) {
    std::istringstream words(line);
    for (std::string word; words >> word;) values_[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
  }
  bool has(const std::string& key) const { return values_.count(key) != 0; }
  const std::map<std::string, std::string>& all() const { return values_; }
  std::string text(const std::string& key) const {
    const auto found = values_.find(key);
    if (found == values_.end()) throw std::runtime_error("golden file: no setting " + key);
    return found->second;
  }
  double number(const std::string& key) const { return std::stod(text(key)); }
  double number(const std::string& key, double otherwise) const { return has(key) ? number(key) : otherwise; }
  bool flag(const std::string& key, bool otherwise = false) const { return has(key) ? text(key) == "true" : otherwise; }
  std::vector<double> numbers(const std::string& key) const {
    std::vector<double> list;
    std::istringstream items(text(key));
    for (std::string item; std::getline(items, item, ',');) list.push_back(std::stod(item));
    return list;
  }
  std::vector<Index> indices(const std::string& key) const {
    std::vector<Index> list;
    for (const double value : numbers(key)) list.push_back(static_cast<Index>(value));
    return list;
  }

 private:
  std::map<std::string, std::string> values_;
};

/// One golden file. Its header is JSON without escapes and with every key once, as our generators write it.
class File {
 public:
  explicit File(const std::string& name)
      : path_(std::string(KEEL_SOURCE_DIR "/tests/golden/") + name + ".safetensors") {
    std::ifstream stream(path_, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    if (bytes.size() < 8) throw std::runtime_error("cannot read " + path_);
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), 8);  // these tests run on little-endian machines
    header_ = bytes.substr(8, length);
    data_ = bytes.substr(8 + length);
    parse();
  }

  const std::map<std::string, Settings>& cases() const { return cases_; }
  const Settings& settings(const std::string& name) const { return cases_.at(name); }
  bool has(const std::string& name) const { return entries_.count(name) != 0; }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& [name, entry] : entries_) names.push_back(name);
    return names;
  }
  /// A tensor, converted to T.
  template <class T = double>
  keel::Tensor<T> tensor(const std::string& name) const {
    const auto found = entries_.find(name);
    if (found == entries_.end()) throw std::runtime_error(path_ + ": no tensor " + name);
    const Entry& entry = found->second;
    const char* data = data_.data() + entry.begin;
    keel::Tensor<T> tensor{keel::Shape(entry.shape)};
    for (Index i = 0; i < tensor.size(); ++i)
      tensor[i] = entry.dtype == "F64"   ? static_cast<T>(load<double>(data, i))
                  : entry.dtype == "I64" ? static_cast<T>(load<std::int64_t>(data, i))
                                         : static_cast<T>(load<float>(data, i));
    return tensor;
  }

 private:
  struct Entry {
    std::string dtype;
    std::vector<Index> shape;
    std::size_t begin = 0;
  };

  template <class V>
  static V load(const char* data, Index i) {
    V value;
    std::memcpy(&value, data + static_cast<std::size_t>(i) * sizeof(V), sizeof(V));
    return value;
  }
  void expect(char c) {
    while (header_[at_] == ' ') ++at_;
    if (header_[at_] != c) throw std::runtime_error(path_ + ": unexpected header at " + header_.substr(at_, 20));
    ++at_;
  }
  bool next(char c) {
    while (header_[at_] == ' ') ++at_;
    return header_[at_] == c && ++at_ > 0;
  }
  std::string string() {
    expect('"');
    const std::size_t end = header_.find('"', at_);
    const std::string value = header_.substr(at_, end - at_);
    at_ = end + 1;
    return value;
  }
  std::vector<Index> list() {
    std::vector<Index> values;
    expect('[');
    while (!next(']')) {
      std::size_t used = 0;
      values.push_back(std::stoll(header_.substr(at_, 24), &used));
      at_ += used;
      next(',');
    }
    return values;
  }
  void parse() {
    expect('{');
    while (!next('}')) {
      const std::string name = string();
      expect(':');
      expect('{');
      Entry entry;
      while (!next('}')) {
        const std::string key = string();
        expect(':');
        if (name == "__metadata__")
          cases_.emplace(key, Settings(string()));
        else if (key == "dtype")
          entry.dtype = string();
        else if (key == "shape")
          entry.shape = list();
        else
          entry.begin = static_cast<std::size_t>(list().at(0));
        next(',');
      }
      if (name != "__metadata__") entries_.emplace(name, entry);
      next(',');
    }
  }

  std::string path_, header_, data_;
  std::size_t at_ = 0;
  std::map<std::string, Settings> cases_;
  std::map<std::string, Entry> entries_;
};

/// Row i of a tensor, without its first axis.
template <class T>
keel::Tensor<T> row(const keel::Tensor<T>& tensor, Index i) {
  return tensor.rows(i, 1).reshaped(tensor.shape().sample());
}

/// How far a result may be from float64 references, relative to their largest value.
template <class T>
constexpr double tolerance() {
  return sizeof(T) == 4 ? 1e-5 : 1e-10;
}

/// The largest difference, divided by the largest value of the reference, or by `scale` where that is larger (for
/// values that are what remains of larger ones). Infinite where shapes differ or a value is NaN.
template <class T>
double off(const keel::TensorView<const T>& got, const keel::Tensor<double>& want, double scale = 0) {
  if (got.size() != want.size() || got.size() == 0) return HUGE_VAL;
  double largest = scale, difference = 0;
  for (Index i = 0; i < got.size(); ++i) {
    const double d = std::abs(static_cast<double>(got[i]) - want[i]);
    if (!(d < HUGE_VAL)) return HUGE_VAL;
    largest = (std::max)(largest, std::abs(want[i]));
    difference = (std::max)(difference, d);
  }
  return largest > 0 ? difference / largest : difference;
}
template <class T>
double off(const keel::Tensor<T>& got, const keel::Tensor<double>& want, double scale = 0) {
  return off(got.view(), want, scale);
}

}  // namespace golden
