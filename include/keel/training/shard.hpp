#pragma once
/// A rank's part of a dataset that every rank holds whole.

#include <keel/layers/base/communicator.hpp>
#include <keel/training/data.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// A dataset of all ranks, in the same order on each. `fit` trains on it in batches of ranks * batch_size samples,
/// whose order follows from (seed, epoch) and of which each rank takes its part in a row: the batches that one process
/// with ranks * batch_size samples takes. Evaluated and predicted, each rank takes as many samples in a row.
///
///     fit(model, mpi.shard(train), {.validation = mpi.shard(test), .communicator = &mpi, ...});
template <class T>
class Shard {
 public:
  /// Of a dataset that every rank has; both must outlive this.
  Shard(const Dataset<T>& data, Communicator& ranks) : data_(&data), ranks_(&ranks) {}

  /// The dataset of all ranks, which must outlive this.
  const Dataset<T>& whole() const { return *data_; }
  Communicator& ranks() const { return *ranks_; }  ///< Who shares it.
  /// The first sample of this rank, and the one behind its last, where the dataset is taken in order.
  Index begin() const { return detail::part_begin(data_->size(), ranks_->rank(), ranks_->size()); }
  /// Behind the last sample of this rank.
  Index end() const { return detail::part_begin(data_->size(), ranks_->rank() + 1, ranks_->size()); }
  /// A copy of these.
  Dataset<T> own() const { return data_->skip(begin()).take(end() - begin()); }
  operator Dataset<T>() const { return own(); }  ///< as `own()`

 private:
  const Dataset<T>* data_;
  Communicator* ranks_;
};

template <class T>
Shard<T> Communicator::shard(const Dataset<T>& data) {
  return {data, *this};
}

}  // namespace KEEL_ABI
}  // namespace keel
