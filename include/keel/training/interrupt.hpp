#pragma once
/// Ctrl-C, noticed between two steps.

#include <atomic>
#include <csignal>

#include <keel/tensor/abi.hpp>

namespace keel {
inline namespace KEEL_ABI {
namespace detail {

/// While it lives, the first Ctrl-C (SIGINT) is only noted; the second ends the program as ever.
class InterruptWatch {
 public:
  explicit InterruptWatch(bool watches) : watches_(watches) {
    if (!watches_) return;
    count() = 0;
    before_ = std::signal(SIGINT, note);
  }
  ~InterruptWatch() {
    if (watches_ && before_ != SIG_ERR) std::signal(SIGINT, before_);
  }
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  bool interrupted() const { return watches_ && count() > 0; }

 private:
  /// A signal's handler is given nothing: what it writes to must be static.
  static std::atomic<int>& count() {
    static std::atomic<int> signals{0};
    return signals;
  }
  static void note(int signal) {
    ++count();
    std::signal(signal, SIG_DFL);
  }

  bool watches_;
  void (*before_)(int) = SIG_DFL;
};

}  // namespace detail
}  // namespace KEEL_ABI
}  // namespace keel
