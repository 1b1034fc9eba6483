#pragma once
/// What fit prints.

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#if defined(_WIN32)
#include <io.h>
#else
#include <sys/ioctl.h>
#include <unistd.h>
#endif

#include <keel/training/history.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// What `fit` prints: a live bar on a terminal, one line an epoch anywhere else (automatic), or one of them, or
/// nothing.
enum class Verbose { automatic, silent, bar, lines };

/// Prints the course of training in Keras's words to `file`; null: the standard output. The bar keeps within the
/// terminal's width: it grows shorter, and shows the scores that fit; an epoch's last line goes on below where it is
/// too long. Colour is for terminals alone, unless NO_COLOR is set.
class Progress {
 public:
  Progress(Verbose verbose, std::FILE* file, Index epochs)
      : verbose_(verbose), file_(file ? file : stdout), epochs_(epochs) {
    const bool terminal = is_terminal(file_);
    if (verbose_ == Verbose::automatic) verbose_ = terminal ? Verbose::bar : Verbose::lines;
    const char* const no_color = std::getenv("NO_COLOR");
    colored_ = terminal && !(no_color && *no_color);
  }

  void begin_epoch(Index epoch, Index steps) {
    epoch_ = epoch;
    steps_ = steps;
    begin_ = drawn_ = Clock::now();
    if (verbose_ == Verbose::bar) std::fprintf(file_, "Epoch %lld/%lld\n", number(epoch + 1), number(epochs_));
  }
  /// After `done` steps of this call, and `before` of the epoch before it. Draws at most ten times a second; `scores`
  /// is called only then.
  template <class F>
  void step(Index done, Index before, F&& scores) {
    if (verbose_ != Verbose::bar) return;
    const Clock::time_point now = Clock::now();
    if (seconds(drawn_, now) < 0.1) return;
    drawn_ = now;
    const double each = seconds(begin_, now) / static_cast<double>(done);
    const Index all = before + done;
    draw(all, steps_ > all ? "ETA " + span_of(each * static_cast<double>(steps_ - all)) + " " : "", each, scores(),
         false);
  }
  void end_epoch(Index done, Index before, const Scores& scores) {
    if (verbose_ == Verbose::silent) return;
    const double total = seconds(begin_, Clock::now()), each = done > 0 ? total / static_cast<double>(done) : 0;
    if (verbose_ == Verbose::bar) {
      steps_ = before + done;
      draw(steps_, span_of(total) + " ", each, scores, true);
      close();
    } else {
      std::fprintf(file_, "Epoch %lld/%lld - %s - %s/step - %s\n", number(epoch_ + 1), number(epochs_),
                   rounded(total, "s").c_str(), duration(each).c_str(), scores.to_string().c_str());
      std::fflush(file_);
    }
  }
  /// Ends a line that stands open, where training ends inside an epoch.
  void close() {
    if (!open_) return;
    std::fputc('\n', file_);
    std::fflush(file_);
    open_ = false;
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
  /// "12s", "3:05", "1:03:05".
  static std::string span_of(double time) {
    const long long all = std::llround(time);
    if (all < 60) return std::to_string(all) + "s";
    const auto two = [](long long part) { return (part < 10 ? ":0" : ":") + std::to_string(part); };
    if (all < 3600) return std::to_string(all / 60) + two(all % 60);
    return std::to_string(all / 3600) + two(all / 60 % 60) + two(all % 60);
  }
  static bool is_terminal(std::FILE* file) {
#if defined(_WIN32)
    return _isatty(_fileno(file)) != 0;
#else
    return isatty(fileno(file)) != 0;
#endif
  }
  /// Characters that a line may have: the last column stays free, as some terminals break the line there.
  std::size_t columns() const {
#if !defined(_WIN32)
    struct winsize size {};
    if (ioctl(fileno(file_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col - std::size_t{1};
#endif
    return 79;
  }

  /// "12/938 ━━━━───── ETA 3s 2ms/step - loss: 0.3105 - accuracy: 0.8867"
  void draw(Index done, const std::string& time, double each, const Scores& scores, bool last) {
    const std::size_t width = columns();
    const std::string count = std::to_string(done) + (steps_ > 0 ? "/" + std::to_string(steps_) : "");
    std::string rate = time + duration(each) + "/step";
    if (count.size() + 1 + rate.size() > width) rate.clear();
    std::size_t room = width - (std::min)(width, count.size() + 1 + rate.size());  // of the bar and the scores
    const std::size_t scored = scores.entries().empty() ? 0 : scores.to_string().size() + 3;
    std::size_t bar = 0;
    if (steps_ > 0 && room > 5) bar = room < scored + 6 ? 5 : (std::min)(room - scored - 1, std::size_t{20});
    if (bar > 0) room -= bar + 1;
    std::string line = "\r\033[K" + count + " ";
    if (bar > 0) line += drawn_bar(done, bar) + " ";
    line += rate;
    for (const auto& [name, value] : scores.entries()) {
      Scores one;
      one.set(name, value);
      const std::string text = " - " + one.to_string();
      if (text.size() <= room) {
        line += text;
        room -= text.size();
      } else if (last) {  // goes on below
        line += "\n   " + one.to_string();
        room = width - (std::min)(width, 3 + one.to_string().size());
      } else {
        break;
      }
    }
    std::fputs(line.c_str(), file_);
    std::fflush(file_);
    open_ = true;
  }
  std::string drawn_bar(Index done, std::size_t width) const {
    const auto full = static_cast<std::size_t>(done * static_cast<Index>(width) / steps_);
    std::string bar = colored_ ? "\033[32m" : "";
    for (std::size_t i = 0; i < width; ++i) {
      if (i == full && colored_) bar += "\033[37m";
      bar += i < full ? "━" : "─";
    }
    return bar + (colored_ ? "\033[0m" : "");
  }

  Verbose verbose_;
  std::FILE* file_;
  Index epochs_, epoch_ = 0, steps_ = 0;
  Clock::time_point begin_{}, drawn_{};
  bool open_ = false, colored_ = false;
};

}  // namespace KEEL_ABI
}  // namespace keel
