#pragma once
/// What fit prints.

#include <chrono>
#include <cstdio>
#include <string>

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

#include <keel/training/history.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// What `fit` prints: a live bar on a terminal, one line an epoch anywhere else (automatic), or one of them, or
/// nothing.
enum class Verbose { automatic, silent, bar, lines };

/// Prints the course of training in Keras's words to `file`; null: the standard output.
class Progress {
 public:
  Progress(Verbose verbose, std::FILE* file, Index epochs)
      : verbose_(verbose), file_(file ? file : stdout), epochs_(epochs) {
    if (verbose_ == Verbose::automatic) verbose_ = is_terminal(file_) ? Verbose::bar : Verbose::lines;
  }

  void begin_epoch(Index epoch, Index steps) {
    epoch_ = epoch;
    steps_ = steps;
    begin_ = drawn_ = Clock::now();
    if (verbose_ == Verbose::bar) std::fprintf(file_, "Epoch %lld/%lld\n", number(epoch + 1), number(epochs_));
  }
  /// After `done` steps. Draws at most ten times a second; `scores` is called only then.
  template <class F>
  void step(Index done, F&& scores) {
    if (verbose_ != Verbose::bar) return;
    const Clock::time_point now = Clock::now();
    if (seconds(drawn_, now) < 0.1) return;
    drawn_ = now;
    const double each = seconds(begin_, now) / static_cast<double>(done);
    draw(done, steps_ > done ? each * static_cast<double>(steps_ - done) : 0, each, scores());
    std::fflush(file_);
  }
  void end_epoch(Index done, const Scores& scores) {
    if (verbose_ == Verbose::silent) return;
    const double total = seconds(begin_, Clock::now()), each = done > 0 ? total / static_cast<double>(done) : 0;
    if (verbose_ == Verbose::bar) {
      steps_ = done;
      draw(done, total, each, scores);
      std::fputc('\n', file_);
    } else {
      std::fprintf(file_, "Epoch %lld/%lld - %s - %s/step - %s\n", number(epoch_ + 1), number(epochs_),
                   rounded(total, "s").c_str(), duration(each).c_str(), scores.to_string().c_str());
    }
    std::fflush(file_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  static double seconds(Clock::time_point begin, Clock::time_point end) {
    return std::chrono::duration<double>(end - begin).count();
  }
  static long long number(Index i) { return i; }
  static std::string rounded(double value, const char* unit) { return detail::fixed(value, 0) + unit; }
  static std::string duration(double time) {
    return time >= 1 ? rounded(time, "s") : time >= 1e-3 ? rounded(time * 1e3, "ms") : rounded(time * 1e6, "us");
  }
  static bool is_terminal(std::FILE* file) {
#if defined(_WIN32)
    return _isatty(_fileno(file)) != 0;
#else
    return isatty(fileno(file)) != 0;
#endif
  }

  void draw(Index done, double time, double each, const Scores& scores) {
    constexpr Index width = 20;
    std::string bar;
    const Index full = steps_ > 0 ? done * width / steps_ : 0;
    for (Index i = 0; i < width; ++i) bar += i < full ? "━" : "─";
    const std::string of = steps_ > 0 ? "/" + std::to_string(steps_) : std::string();
    std::fprintf(file_, "\r\033[K%lld%s %s %s %s/step - %s", number(done), of.c_str(), bar.c_str(),
                 rounded(time, "s").c_str(), duration(each).c_str(), scores.to_string().c_str());
  }

  Verbose verbose_;
  std::FILE* file_;
  Index epochs_, epoch_ = 0, steps_ = 0;
  Clock::time_point begin_{}, drawn_{};
};

}  // namespace KEEL_ABI
}  // namespace keel
