#pragma once
/// check_communicator: holds an engine of ranks, keel's or a user's, to the contract of `Communicator`.

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>

#include <keel/layers/base/communicator.hpp>
#include <keel/tensor/rng.hpp>
#include <keel/tensor/text.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// How check_communicator looks.
struct CommunicatorCheckOptions {
  /// Seconds that each rank in turn comes late to a barrier; the others have to wait for most of them.
  double late = 0.05;
  /// The rank that calls `fail` in the end; -1: none. The communicator is of no more use then.
  Index fails = -1;
};

/// What check_communicator found on this rank: no findings if the engine keeps its contract.
struct CommunicatorReport {
  Index rank = 0;                     ///< this one
  Index size = 0;                     ///< how many there are
  std::vector<std::string> findings;  ///< what was wrong, a line each
  Index checks = 0;                   ///< how many things were looked at

  bool ok() const { return findings.empty(); }  ///< whether the engine keeps its contract
  /// A line of counts, and one for each finding.
  std::string to_string() const {
    std::string lines = "rank " + std::to_string(rank) + " of " + std::to_string(size) + ": " + std::to_string(checks) +
                        " checks, " + std::to_string(findings.size()) + " failed\n";
    for (const std::string& finding : findings) lines += "  " + finding + "\n";
    return lines;
  }
};

namespace detail {

class CommunicatorCheck {
 public:
  CommunicatorCheck(Communicator& ranks, const CommunicatorCheckOptions& options)
      : ranks_(ranks), options_(options), rank_(ranks.rank()), size_(ranks.size()) {
    report_.rank = rank_;
    report_.size = size_;
  }

  CommunicatorReport run() {
    expect(size_ > 0 && rank_ >= 0 && rank_ < size_, "rank " + std::to_string(rank_) + " is none from 0 to size");
    expect(ranks_.bucket_bytes() > 0, "bucket_bytes is 0");
    if (!report_.ok()) return std::move(report_);
    try {
      gathers();
      broadcasts();
      sums<float>("float");
      sums<double>("double");
      begun_sums();
      barriers();
      if (options_.fails >= 0) failure();
    } catch (const std::exception& error) {
      expect(false, std::string("a call threw: ") + error.what());
      ranks_.fail(error.what());
    }
    return std::move(report_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr Index counts[] = {0, 1, 7, 1000, 5000, 100'003};

  void expect(bool good, const std::string& finding) {
    ++report_.checks;
    if (!good) report_.findings.push_back(finding);
  }

  /// Bytes that follow from a number.
  static std::vector<std::byte> bytes_of(Index count, Index number) {
    std::vector<std::byte> bytes(to_size(count));
    for (Index i = 0; i < count; ++i) nth(bytes, i) = static_cast<std::byte>((i * 31 + number * 7 + 1) % 251);
    return bytes;
  }
  /// Values of a rank. Their sum depends on the order: every third has parts that nearly cancel out.
  template <class V>
  static std::vector<V> values_of(Index count, Index rank) {
    std::vector<V> values(to_size(count));
    const V large = static_cast<V>(1 / std::numeric_limits<double>::epsilon());
    for (Index i = 0; i < count; ++i) {
      Rng rng(1, static_cast<std::uint64_t>(rank * 1'000'003 + i));
      const auto value = static_cast<V>(rng.uniform() - 0.3);
      nth(values, i) = i % 3 == 1 ? value * (rank % 2 ? -large : large) : value;
    }
    return values;
  }
  template <class V>
  std::vector<V> expected(Index count) const {
    std::vector<std::vector<V>> all;
    for (Index r = 0; r < size_; ++r) all.push_back(values_of<V>(count, r));
    std::vector<const V*> places;
    for (const std::vector<V>& values : all) places.push_back(values.data());
    std::vector<V> sum(to_size(count));
    sum_in_order<V>(places, 0, count, sum.data());
    return sum;
  }

  /// Of different lengths: each rank in turn gives most.
  void gathers() {
    for (Index most = 0; most < size_; ++most)
      for (const Index count : counts) {
        const auto length = [&](Index r) { return r == most ? count : count / 3 * (r % 2); };
        const auto all = ranks_.gather(bytes_of(length(rank_), rank_));
        bool same = count_of(all) == size_;
        for (Index r = 0; r < size_ && same; ++r) same = nth(all, r) == bytes_of(length(r), r);
        expect(same, "gather of up to " + std::to_string(count) + " bytes: not what each rank gave, in their order");
      }
  }
  void broadcasts() {
    for (Index root = 0; root < size_; ++root)
      for (const Index count : counts) {
        std::vector<std::byte> bytes = bytes_of(count, rank_);
        ranks_.broadcast(bytes, root);
        expect(bytes == bytes_of(count, root), "broadcast of " + std::to_string(count) + " bytes: not those of rank " +
                                                   std::to_string(root) + ", its root");
      }
  }
  template <class V>
  void sums(const std::string& type) {
    for (const Index count : counts)
      for (int time = 0; time < 2; ++time) {
        std::vector<V> values = values_of<V>(count, rank_);
        ranks_.all_reduce(std::span<V>(values));
        expect(values == expected<V>(count), "all_reduce of " + std::to_string(count) + " values of " + type +
                                                 ": not their sums in double in the order of ranks");
      }
  }
  /// Many on their way at once, of both types, and one that is waited for.
  void begun_sums() {
    std::vector<std::vector<float>> floats;
    std::vector<std::vector<double>> doubles;
    for (const Index count : counts) {
      floats.push_back(values_of<float>(count, rank_));
      doubles.push_back(values_of<double>(count, rank_));
    }
    for (std::size_t i = 0; i < floats.size(); ++i) {
      ranks_.begin_all_reduce(std::span<float>(floats[i]));
      ranks_.begin_all_reduce(std::span<double>(doubles[i]));
      const Index going = ranks_.progress();
      expect(going >= 0 && going <= static_cast<Index>(2 * i + 2),
             "progress: " + std::to_string(going) + " are on their way of " + std::to_string(2 * i + 2));
    }
    ranks_.finish();
    expect(ranks_.progress() == 0, "progress: reductions are on their way after finish");
    for (std::size_t i = 0; i < floats.size(); ++i) {
      const Index count = count_of(floats[i]);
      expect(floats[i] == expected<float>(count) && doubles[i] == expected<double>(count),
             "begin_all_reduce of " + std::to_string(count) + " values: no sums of all ranks after finish");
    }
    ranks_.finish();  // of nothing
    std::vector<double> one{static_cast<double>(rank_)};
    ranks_.all_reduce(std::span<double>(one));
    expect(one[0] == static_cast<double>(size_ * (size_ - 1) / 2), "all_reduce after finish: another sum");
  }
  void barriers() {
    for (Index late = 0; late < size_; ++late) {
      ranks_.barrier();
      const Clock::time_point start = Clock::now();
      if (late == rank_) std::this_thread::sleep_for(std::chrono::duration<double>(options_.late));
      ranks_.barrier();
      const double waited = std::chrono::duration<double>(Clock::now() - start).count();
      expect(waited > 0.5 * options_.late, "barrier: rank " + std::to_string(late) + " came " + text(options_.late) +
                                               " s late, and it returned after " + text(waited));
    }
  }
  void failure() {
    const std::string why = "a fault of check_communicator";
    if (rank_ == options_.fails) return ranks_.fail(why);
    const std::string name = "rank " + std::to_string(options_.fails);
    for (const char* call : {"the first call after it", "the next call"}) {
      std::string said = "nothing";
      try {
        ranks_.barrier();
      } catch (const CommunicationError& error) {
        said = error.what();
      } catch (const std::exception& error) {
        said = std::string("another kind of error: ") + error.what();
      }
      const bool kind = said.find("another kind") == said.npos;
      expect(kind && said.find(name) != said.npos && said.find(why) != said.npos,
             "fail: " + std::string(call) + " threw no CommunicationError with \"" + name + "\" and its words, but " +
                 said);
    }
  }

  Communicator& ranks_;
  CommunicatorCheckOptions options_;
  Index rank_, size_;
  CommunicatorReport report_;
};

}  // namespace detail

/// Holds an engine to the contract of `Communicator`. Every rank calls it, with the same options, and has a report of its
/// own:
///
///     const CommunicatorReport report = check_communicator(ranks);
///     if (!report.ok()) std::cout << report.to_string();
///
/// A call that throws is a finding, and ends the other ranks by `fail`.
inline CommunicatorReport check_communicator(Communicator& ranks, const CommunicatorCheckOptions& options = {}) {
  return detail::CommunicatorCheck(ranks, options).run();
}

}  // namespace KEEL_ABI
}  // namespace keel
