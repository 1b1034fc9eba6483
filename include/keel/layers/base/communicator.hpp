#pragma once
/// What the ranks of a run say to each other: the base of every engine that training on several machines runs on.

#include <cstddef>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <keel/tensor/error.hpp>
#include <keel/tensor/index.hpp>

namespace keel {
inline namespace KEEL_ABI {

template <class T>
class Dataset;
template <class T>
class Shard;

/// A rank that failed, does not answer, or does other than the rest.
class CommunicationError : public Error {
  using Error::Error;
};

/// One reduction of gradients that went on beside the backward pass, in seconds since that pass began.
struct ReductionTrace {
  std::string layers;     ///< whose gradients: "dense_2 .. conv2d_7", in the order in which they were ready
  std::size_t bytes = 0;  ///< of the gradients
  double begun = 0;       ///< when the reduction began
  double done = 0;        ///< when this rank saw it
  double needed = 0;      ///< when the backward pass was over: what was done before was hidden by it
};

/// One of the `size()` ranks of a run: processes of some machines (distributed/mpi.hpp), threads of this one
/// (distributed/threads.hpp), or what a user's own engine offers. Every rank calls the same functions in the same order
/// with values of the same size; each returns on all ranks or throws CommunicationError, which names the rank that
/// failed.
///
/// An engine of one's own implements rank, size, all_reduce, broadcast, gather and fail.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual Index rank() const = 0;  ///< from 0
  virtual Index size() const = 0;  ///< how many there are; 1 or more

  /// Each value becomes the sum of all ranks', added in the order of ranks, in double: the same bits on every rank, and
  /// whenever it is done again.
  virtual void all_reduce(std::span<float> values) = 0;
  virtual void all_reduce(std::span<double> values) = 0;  ///< The same in double.
  /// The bytes become those of rank `root`.
  virtual void broadcast(std::span<std::byte> bytes, Index root) = 0;
  /// What each rank gave, of any length, in the order of ranks, on every rank.
  virtual std::vector<std::vector<std::byte>> gather(std::span<const std::byte> bytes) = 0;
  /// Returns once every rank has called it.
  virtual void barrier() { gather({}); }
  /// Tells the other ranks that this one ends: what they wait in, or call next, throws CommunicationError with its
  /// number and `why`. Does not throw.
  virtual void fail(const std::string& why) noexcept = 0;

  /// An all_reduce that may go on while this rank computes. The values must stay where they are until `finish`.
  virtual void begin_all_reduce(std::span<float> values) { all_reduce(values); }
  virtual void begin_all_reduce(std::span<double> values) { all_reduce(values); }  ///< The same in double.
  /// Moves on what has begun, without waiting; how many reductions are still on their way.
  virtual Index progress() { return 0; }
  /// Waits for all that has begun.
  virtual void finish() {}
  /// Bytes of gradients that are reduced together: fewer begin sooner, more take fewer messages.
  virtual std::size_t bucket_bytes() const { return std::size_t{1} << 20; }

  /// This rank's part of a dataset that every rank holds whole (training/shard.hpp).
  template <class T>
  Shard<T> shard(const Dataset<T>& data);
  template <class T>
  void shard(const Dataset<T>&&) = delete;  // it must outlive the shard

  /// Called for each reduction of gradients, once it is done.
  std::function<void(const ReductionTrace&)> on_reduction{};

 protected:
  Communicator() = default;
  Communicator(const Communicator&) = default;
  Communicator& operator=(const Communicator&) = default;
};

namespace detail {

/// What each rank gave, all of one length. Throws CommunicationError where another rank gave more or fewer.
inline std::vector<std::vector<double>> gather_doubles(Communicator& ranks, std::span<const double> mine) {
  std::vector<std::vector<double>> all;
  for (const std::vector<std::byte>& bytes : ranks.gather(std::as_bytes(mine))) {
    if (bytes.size() != mine.size_bytes())
      throw CommunicationError("rank " + std::to_string(ranks.rank()),
                               std::to_string(mine.size_bytes()) + " bytes from each rank",
                               std::to_string(bytes.size()) + " from rank " + std::to_string(all.size()),
                               "all ranks must run the same layers, losses and metrics");
    all.emplace_back(mine.size());
    std::memcpy(all.back().data(), bytes.data(), bytes.size());
  }
  return all;
}

/// Part `part` of `parts` of a count: where it begins. They differ by one at most.
inline Index part_begin(Index count, Index part, Index parts) {
  return count / parts * part + count % parts * part / parts;
}

/// values[i] = the sum of all ranks' value i, added in the order of ranks in double.
template <class V>
void sum_in_order(std::span<const V* const> ranks, Index begin, Index end, V* to) {
  constexpr Index block = 256;  // of sums at once, whose loops become vectors
  Index first = begin;
  for (; first + block <= end; first += block) {
    double sums[block] = {};
    for (const V* values : ranks)
      for (Index i = 0; i < block; ++i) sums[i] += static_cast<double>(values[first + i]);
    for (Index i = 0; i < block; ++i) to[first + i] = static_cast<V>(sums[i]);
  }
  for (; first < end; ++first) {
    double sum = 0;
    for (const V* values : ranks) sum += static_cast<double>(values[first]);
    to[first] = static_cast<V>(sum);
  }
}

/// "1, 3"
inline std::string listed(const std::vector<Index>& ranks) {
  std::string text;
  for (const Index rank : ranks) text += (text.empty() ? "" : ", ") + std::to_string(rank);
  return text;
}

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
