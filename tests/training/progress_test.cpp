// What fit prints: in a pseudo-terminal of several widths, in a file, under NO_COLOR.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include <keel/training/fit.hpp>

#include "small_problem.hpp"

using namespace keel;
using namespace small_problem;

namespace progress_test {  // a name of its own: the files of a folder are compiled together

namespace {

/// A terminal of so many columns: what is written to `file` is what it shows.
class Terminal {
 public:
  explicit Terminal(unsigned short columns) : columns_(columns), master_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    REQUIRE(master_ >= 0);
    REQUIRE(::grantpt(master_) == 0);
    REQUIRE(::unlockpt(master_) == 0);
    struct winsize size {};
    size.ws_row = 24;
    size.ws_col = columns;
    REQUIRE(::ioctl(master_, TIOCSWINSZ, &size) == 0);
    file = std::fopen(::ptsname(master_), "w");
    REQUIRE(file != nullptr);
    reader_ = std::thread([this] {
      char bytes[4096];
      for (ssize_t n; (n = ::read(master_, bytes, sizeof bytes)) > 0;)
        written.append(bytes, static_cast<std::size_t>(n));
    });
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    if (reader_.joinable()) close();
    ::close(master_);
  }
  /// Ends what is written.
  void close() {
    std::fclose(file);  // the other side's read then fails
    reader_.join();
  }

  /// The lines that stand on it in the end; `broken` counts those that ran beyond the last column but one.
  std::vector<std::string> lines(int& broken) const {
    std::vector<std::string> all{""};
    std::vector<std::size_t> longest{0};
    for (std::size_t i = 0; i < written.size(); ++i) {
      if (written[i] == '\033') {
        std::size_t end = i + 2;
        while (end < written.size() && !std::isalpha(static_cast<unsigned char>(written[end]))) ++end;
        if (written[end] == 'K') all.back().clear();
        i = end;
      } else if (written[i] == '\n') {
        all.emplace_back();
        longest.push_back(0);
      } else if (written[i] != '\r') {
        all.back() += written[i];
        std::size_t characters = 0;
        for (const char c : all.back()) characters += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
        longest.back() = (std::max)(longest.back(), characters);
      }
    }
    broken = 0;
    for (const std::size_t length : longest) broken += length >= columns_;
    if (all.back().empty()) all.pop_back();
    return all;
  }

  std::FILE* file = nullptr;
  std::string written;

 private:
  std::size_t columns_;
  int master_;
  std::thread reader_;
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE(
    "the bar keeps within terminals of 40 to 200 columns, and shows ETA, rate and every score at an epoch's end") {
  Scores few, many;
  few.set("loss", 0.31);
  for (const char* name :
       {"loss", "accuracy", "mean_absolute_error", "val_loss", "val_accuracy", "val_mean_absolute_error"})
    many.set(name, 0.5);
  for (const unsigned short columns : std::vector<unsigned short>{40, 60, 80, 100, 200})
    for (const Index steps : {Index{0}, Index{5}, Index{123456}})
      for (const Scores& scores : {few, many}) {
        CAPTURE(columns);
        CAPTURE(steps);
        Terminal terminal(columns);
        Progress progress(Verbose::automatic, terminal.file, 12);
        progress.begin_epoch(0, steps);
        ::usleep(110000);
        progress.step(1, 0, [&]() -> const Scores& { return scores; });
        progress.end_epoch(5, 0, scores);
        terminal.close();
        int broken = 0;
        const auto lines = terminal.lines(broken);
        CHECK(broken == 0);
        REQUIRE(lines.size() >= 2);
        CHECK(has(lines[0], "Epoch 1/12"));
        std::string rest;
        for (std::size_t i = 1; i < lines.size(); ++i) rest += lines[i];
        for (const auto& entry : scores.entries())
          CHECK(has(rest, entry.first + ": " + (entry.second == 0.5 ? "0.5000" : "0.3100")));
        CHECK(has(rest, "/step"));
        CHECK(has(terminal.written, "ETA ") == (steps > 1));
      }
}

TEST_CASE("fit draws in a terminal, closes its line where it is interrupted, and has no colour under NO_COLOR") {
  const auto run = [](Terminal& terminal, bool stops) {
    Sequential<float> model = classifier();
    struct Stop {};
    const auto slow = [&](Training<>& r) {
      ::usleep(60000);
      if (stops && r.step == 4) throw Stop{};
    };
    try {
      fit(model, rings(40, 1),
          {.epochs = 1,
           .batch_size = 8,
           .loss = Loss::sparse_categorical_crossentropy,
           .callbacks = {LambdaCallback<>{.on_batch_end = slow}},
           .output = terminal.file});
    } catch (const Stop&) {
    }
    terminal.close();
    int broken = 0;
    const auto lines = terminal.lines(broken);
    CHECK(broken == 0);
    CHECK(lines.size() == 2);
    CHECK(has(lines.back(), stops ? "/5 " : "5/5 "));
    CHECK(has(terminal.written, "━"));
    CHECK(terminal.written.back() == '\n');
  };
  for (const bool stops : {false, true}) {
    ::unsetenv("NO_COLOR");
    Terminal with(80), without(80);
    run(with, stops);
    ::setenv("NO_COLOR", "1", 1);
    run(without, stops);
    ::unsetenv("NO_COLOR");
    CHECK(has(with.written, "\033[3"));
    CHECK(!has(without.written, "\033[3"));
  }
}

TEST_CASE("in a file there is one line an epoch, without colour, also where a bar is asked for") {
  for (const Verbose verbose : {Verbose::automatic, Verbose::bar, Verbose::silent}) {
    std::FILE* file = std::tmpfile();
    Sequential<float> model = classifier();
    fit(model, rings(40, 1),
        {.epochs = 3, .loss = Loss::sparse_categorical_crossentropy, .verbose = verbose, .output = file});
    std::string text(static_cast<std::size_t>(std::ftell(file)), ' ');
    std::rewind(file);
    REQUIRE(std::fread(text.data(), 1, text.size(), file) == text.size());
    std::fclose(file);
    CHECK(!has(text, "\033[3"));
    const auto lines = std::count(text.begin(), text.end(), '\n');
    CHECK(lines == (verbose == Verbose::silent ? 0 : verbose == Verbose::bar ? 6 : 3));
  }
}

}  // namespace progress_test
