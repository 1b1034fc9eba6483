#pragma once
/// The ranks that train a model together, as fit sees them.

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include <keel/layers/base/communicator.hpp>
#include <keel/model/model.hpp>
#include <keel/training/callbacks.hpp>
#include <keel/training/data.hpp>
#include <keel/training/losses/losses.hpp>
#include <keel/training/metrics/metrics.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

/// What this rank found in its part of a batch, which becomes what all ranks found.
template <class T>
struct BatchResult {
  Inputs<T> y;
  const Batch<T>& batch;
  const Tensor<T>& weights;
  const std::vector<LossSpec>& specs;
  std::vector<double>& losses;  ///< of each output
  double& samples;
  std::vector<Tensor<T>>* dy;       ///< scaled by this rank's part of what the losses are divided by; null: none
  std::vector<MetricState>& parts;  ///< the metrics of this batch alone, added to `metrics`
  std::vector<MetricState>& metrics;
};

/// What the ranks of a run do at its points: in distributed/fit.hpp, so that only a program that has ranks compiles it.
template <class T>
class Together {
 public:
  virtual ~Together() = default;
  virtual Index rank() const = 0;
  virtual Index size() const = 0;

  /// Before the first step: throws ConfigError where the ranks' runs or data differ. `steps` becomes the most of any
  /// rank.
  virtual void check(const Training<T>& run, const std::string& data, Index& steps) = 0;
  /// Every rank's model, optimizer and position become those of rank 0.
  virtual void share(Training<T>& run) = 0;
  /// What the callbacks keep becomes that of rank 0, where that one goes on with a checkpoint.
  virtual void share_callbacks(Training<T>& run, bool resumed) = 0;
  /// Whether it is true on any rank.
  virtual bool any(bool here) = 0;
  /// All ranks stop, or are interrupted, where one is.
  virtual void agree(Training<T>& run) = 0;

  /// Before a forward pass. `batch` becomes one that only takes part where this rank has no samples.
  virtual void begin_step(Model<T>& model, Batch<T>& batch, bool has_samples, Tape<T>& tape) = 0;
  /// Between forward and backward.
  virtual void merge(BatchResult<T> result) = 0;
  /// Behind backward: the sums of all ranks' gradients, and the means of what layers have changed by themselves.
  virtual void end_backward(Model<T>& model) = 0;
  /// Where gradients go on gathering, they do on rank 0.
  virtual void keep_gathering(Model<T>& model) = 0;
  /// Sums over samples, and metrics, of an evaluation; `parts` is memory for each rank's in turn.
  virtual void merge_scores(std::vector<double>& sums, double& samples, std::vector<MetricState>& parts,
                            std::vector<MetricState>& metrics) = 0;
  /// This rank ends.
  virtual void fail(const std::string& why) noexcept = 0;
};

/// Makes it: in distributed/fit.hpp.
template <class T>
class RankedRun;

}  // namespace detail

/// The ranks of a run: `.communicator = &mpi`; by default this one alone.
template <class T = float>
class Ranks {
 public:
  Ranks() = default;
  Ranks(std::nullptr_t) {}
  template <class C>
  requires std::is_base_of_v<Communicator, C> Ranks(C* communicator) : communicator_(communicator) {
    static_assert(
        requires { sizeof(detail::RankedRun<T>); }, "#include <keel/distributed/fit.hpp> for .communicator");
    make_ = [](Communicator& ranks) -> std::unique_ptr<detail::Together<T>> {
      return std::make_unique<detail::RankedRun<T>>(ranks);
    };
  }
  /// The same.
  template <class C>
  requires std::is_base_of_v<Communicator, C> Ranks(C& communicator) : Ranks(&communicator) {}
  /// Refused: what is no communicator.
  template <class NotACommunicator>
  requires(!std::is_convertible_v<NotACommunicator, Communicator*> &&
           !std::is_base_of_v<Communicator, NotACommunicator> && !std::is_base_of_v<Ranks, NotACommunicator>)
      Ranks(const NotACommunicator&)
  KEEL_REFUSED("ranks are a Communicator, such as Mpi, or its address")
  Communicator* get() const { return communicator_; }
  /// Null for a rank that is alone.
  std::unique_ptr<detail::Together<T>> make() const {
    return communicator_ && communicator_->size() > 1 ? make_(*communicator_) : nullptr;
  }

 private:
  Communicator* communicator_ = nullptr;
  std::unique_ptr<detail::Together<T>> (*make_)(Communicator&) = nullptr;
};

}  // namespace KEEL_ABI
}  // namespace keel
