/// check_communicator finds nothing wrong with keel's engines, and what is wrong with others.

#include <doctest/doctest.h>

#include <keel/distributed/threads.hpp>
#include <keel/testing/check_communicator.hpp>

#include "support/message.hpp"

namespace check_communicator_test {

using namespace keel;

/// An engine with one fault.
class Faulty : public Communicator {
 public:
  Faulty(Communicator& right, std::string fault) : right_(right), fault_(std::move(fault)) {}

  Index rank() const override { return has("rank") ? right_.rank() + 1 : right_.rank(); }
  Index size() const override { return right_.size(); }
  void all_reduce(std::span<float> values) override {
    if (has("sums of floats in float")) return add_up(values);
    right_.all_reduce(values);
  }
  void all_reduce(std::span<double> values) override {
    if (has("sums in another order")) return add_up(values);
    right_.all_reduce(values);
    if (has("a last bit") && right_.rank() == 1 && values.size() > 100) values[100] *= 1 + 1e-15;
  }
  void broadcast(std::span<std::byte> bytes, Index root) override { right_.broadcast(bytes, has("root") ? 0 : root); }
  std::vector<std::vector<std::byte>> gather(std::span<const std::byte> bytes) override {
    auto all = right_.gather(bytes);
    if (has("gather in another order")) std::reverse(all.begin(), all.end());
    if (has("gather of equal lengths"))
      for (auto& each : all) each.resize(bytes.size());
    return all;
  }
  void barrier() override {
    if (!has("barrier")) right_.barrier();
  }
  void begin_all_reduce(std::span<float> values) override {
    if (!has("begin")) right_.begin_all_reduce(values);
  }
  void begin_all_reduce(std::span<double> values) override { right_.begin_all_reduce(values); }
  Index progress() override { return has("progress") ? 1 : right_.progress(); }
  void finish() override { right_.finish(); }
  void fail(const std::string& why) noexcept override {
    if (!has("silent")) right_.fail(has("no words") ? "" : why);
  }

 private:
  bool has(const char* fault) const { return fault_ == fault; }
  /// From the last rank to the first, each sum rounded to a V.
  template <class V>
  void add_up(std::span<V> values) {
    const auto all = right_.gather(std::as_bytes(values));
    std::fill(values.begin(), values.end(), V(0));
    for (std::size_t r = all.size(); r-- > 0;)
      for (std::size_t i = 0; i < values.size(); ++i) {
        V value;
        std::memcpy(&value, all[r].data() + i * sizeof(V), sizeof(V));
        values[i] += value;
      }
  }

  Communicator& right_;
  std::string fault_;
};

/// What all ranks found.
std::string findings(Index size, const std::string& fault, Index fails = -1) {
  std::vector<std::string> found(to_size(size));
  message([&] {
    ThreadRanks(size, {.timeout = 2}).run([&](Communicator& right) {
      Faulty ranks(right, fault);
      for (const std::string& finding : check_communicator(ranks, {.fails = fails}).findings)
        nth(found, right.rank()) += finding + "\n";
    });
  });
  std::string all;
  for (const std::string& each : found) all += each;
  return all;
}

TEST_CASE("threads keep the contract of Communicator") {
  for (const Index size : {1, 2, 3, 4, 7}) {
    CAPTURE(size);
    CHECK(findings(size, "none") == "");
  }
  for (const Index fails : {0, 1, 2}) {
    CAPTURE(fails);
    CHECK(findings(3, "none", fails) == "");
  }
}

TEST_CASE("check_communicator says what an engine does wrong") {
  const auto finds = [](const char* fault, const char* finding, Index fails = -1) {
    CAPTURE(fault);
    CHECK(contains(findings(3, fault, fails), finding));
  };
  finds("rank", "is none from 0 to size");
  finds("sums of floats in float", "values of float: not their sums in double in the order of ranks");
  finds("sums in another order", "values of double: not their sums in double in the order of ranks");
  finds("a last bit", "1000 values of double: not their sums");
  finds("root", "broadcast of 1 bytes: not those of rank 1, its root");
  finds("gather in another order", "not what each rank gave, in their order");
  finds("gather of equal lengths", "gather of up to");
  finds("barrier", "s late, and it returned after");
  finds("begin", "no sums of all ranks after finish");
  finds("progress", "are on their way after finish");
  finds("silent", "fail: the first call after it threw no CommunicationError", 1);
  finds("no words", "fail: the first call after it threw no CommunicationError", 1);
}

}  // namespace check_communicator_test
