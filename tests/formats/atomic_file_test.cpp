#include <keel/formats/atomic_file.hpp>

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <utime.h>

#include <ctime>

#include "temporary_directory.hpp"

using namespace keel;

namespace {
std::string content(const std::string& path) { return std::string(formats::text_of(read_file(path))); }
std::size_t count(const TemporaryDirectory& directory) {
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory.path())) ++files;
  return files;
}
mode_t mode(const std::string& path) {
  struct stat info {};
  ::stat(path.c_str(), &info);
  return info.st_mode & 07777;
}
}  // namespace

TEST_CASE("a file is made, then replaced whole, and nothing is left beside it") {
  const TemporaryDirectory directory;
  const std::string path = directory / "model";
  write_file(path, std::string_view("first"));
  CHECK(content(path) == "first");
  const ByteSpan parts[] = {formats::bytes_of("sec"), formats::bytes_of(""), formats::bytes_of("ond")};
  write_file(path, parts);
  CHECK(content(path) == "second");
  write_file(path, std::string_view(""));
  CHECK(content(path).empty());
  CHECK(count(directory) == 1);
}

TEST_CASE("a file keeps its permissions, a new one gets the usual ones") {
  const TemporaryDirectory directory;
  const mode_t mask = ::umask(022);
  const std::string path = directory / "model";
  write_file(path, std::string_view("a"));
  CHECK(mode(path) == 0644);
  ::chmod(path.c_str(), 0640);
  write_file(path, std::string_view("b"));
  CHECK(mode(path) == 0640);
  ::umask(mask);
}

TEST_CASE("a symbolic link stays, and its target is replaced") {
  const TemporaryDirectory directory;
  const std::string target = directory.write("target", "old"), link = directory / "link";
  CHECK(::symlink("target", link.c_str()) == 0);
  write_file(link, std::string_view("new"));
  CHECK(content(target) == "new");
  CHECK(std::filesystem::is_symlink(link));
}

TEST_CASE("a write that fails changes nothing and leaves nothing behind") {
  const TemporaryDirectory directory;
  const std::string path = directory.write("model", "old");
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  CHECK_THROWS_WITH_AS(write_file(path, std::string_view(std::string(5000, 'x'))),
                       doctest::Contains("the old file, if any, is unchanged"), FormatError);
  ::setrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, handler);
  CHECK(content(path) == "old");
  CHECK(count(directory) == 1);
}

TEST_CASE("paths that cannot be written are refused") {
  const TemporaryDirectory directory;
  CHECK_THROWS_WITH_AS(write_file(directory / "none/model", std::string_view("x")),
                       doctest::Contains("a directory that exists"), FormatError);
  CHECK_THROWS_WITH_AS(write_file(directory.path() + "/", std::string_view("x")), doctest::Contains("expected"),
                       FormatError);
  CHECK_THROWS_WITH_AS(write_file(directory.path(), std::string_view("x")), doctest::Contains("a regular file"),
                       FormatError);
  CHECK_THROWS_WITH_AS(write_file("/dev/full", std::string_view("x")), doctest::Contains("a regular file"),
                       FormatError);
  CHECK(count(directory) == 0);
}

TEST_CASE("what killed saves left behind is swept after an hour") {
  const TemporaryDirectory directory;
  const std::string stale = directory.write(".model.tmp.1.2", "x"), fresh = directory.write(".model.tmp.3.4", "x"),
                    other = directory.write(".other.tmp.1.2", "x");
  const utimbuf old{std::time(nullptr) - 7200, std::time(nullptr) - 7200};
  ::utime(stale.c_str(), &old);
  ::utime(other.c_str(), &old);
  write_file(directory / "model", std::string_view("x"));
  CHECK_FALSE(std::filesystem::exists(stale));
  CHECK(std::filesystem::exists(fresh));
  CHECK(std::filesystem::exists(other));
}
