#include <keel/formats/bytes.hpp>

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/message.hpp"
#include "temporary_directory.hpp"

using namespace keel;

TEST_CASE("a regular file is read whole") {
  const TemporaryDirectory directory;
  CHECK(formats::text_of(read_file(directory.write("a", "bytes"))) == "bytes");
  CHECK(read_file(directory.write("empty", "")).empty());
  ::symlink((directory / "a").c_str(), (directory / "link").c_str());
  CHECK(formats::text_of(read_file(directory / "link")) == "bytes");
}

TEST_CASE("what is no regular file is refused without waiting") {
  const TemporaryDirectory directory;
  ::mkfifo((directory / "pipe").c_str(), 0600);
  CHECK(contains(message([&] { read_file(directory / "pipe"); }), "a device, pipe or socket"));
  CHECK(contains(message([&] { read_file(directory.path()); }), "a directory"));
  CHECK(contains(message([&] { read_file("/dev/zero"); }), "a device, pipe or socket"));
  CHECK(contains(message([&] { read_file(directory / "none"); }), "No such file"));
  ReadLimits limits;
  limits.file_bytes = 4;
  CHECK(contains(message([&] { read_file(directory.write("a", "bytes"), limits); }), "at most 4 bytes, got 5"));
}

TEST_CASE("a file beside another is a plain name of a file with one name") {
  const TemporaryDirectory directory;
  const std::string model = directory.write("model.json", "{}");
  directory.write("w.bin", "weights");
  CHECK(formats::text_of(read_beside(model, "w.bin")) == "weights");
  for (const char* name : {"", ".", "..", "../w.bin", "/etc/passwd", "a/w.bin", "a\\w.bin", "C:w.bin"})
    CHECK(contains(message([&] { read_beside(model, name); }), "the plain name of a file"));
  CHECK(contains(message([&] { read_beside(model, std::string("w\0", 2)); }), "the plain name of a file"));
  ::symlink("w.bin", (directory / "soft").c_str());
  CHECK(contains(message([&] { read_beside(model, "soft"); }), "a symbolic link"));
  ::mkfifo((directory / "pipe").c_str(), 0600);
  CHECK(contains(message([&] { read_beside(model, "pipe"); }), "a device, pipe or socket"));
  ::mkdir((directory / "folder").c_str(), 0700);
  CHECK(contains(message([&] { read_beside(model, "folder"); }), "a directory"));
  CHECK(::link((directory / "w.bin").c_str(), (directory / "hard").c_str()) == 0);
  CHECK(contains(message([&] { read_beside(model, "hard"); }), "a hard link"));
  CHECK(contains(message([&] { read_beside(model, "none"); }), "No such file"));
}

TEST_CASE("the cursor checks each length first and names the offset") {
  const std::string text = "\1\2\3\4\5\6\7\x08tail";
  formats::ByteReader reader(formats::bytes_of(text), "f");
  CHECK(reader.u8("a") == 1);
  CHECK(reader.u16("a") == 0x0302);
  CHECK(reader.u32("a") == 0x07060504);
  CHECK(reader.position() == 7);
  CHECK(contains(message([&] { reader.u64("a number"); }),
                 "[f, offset 7] expected a number of 8 bytes, got 5 bytes left"));
  CHECK(contains(message([&] { reader.take(~std::uint64_t{0}, "all"); }), "all of 18446744073709551615 bytes"));
  CHECK(reader.position() == 7);
  reader.seek(8, "the tail");
  CHECK(formats::text_of(reader.take(4, "the tail")) == "tail");
  CHECK(reader.remaining() == 0);
  CHECK(contains(message([&] { reader.seek(13, "x"); }), "x inside the file's 12 bytes"));
}

TEST_CASE("a budget counts over the whole file") {
  formats::Budget budget(10);
  budget.charge(6, "f");
  CHECK(contains(message([&] { budget.charge(5, "f"); }), "at most 10 bytes"));
  CHECK_NOTHROW(budget.charge(4, "f"));
  CHECK(contains(message([&] { budget.charge(~std::uint64_t{0}, "f"); }), "after 10"));
}

TEST_CASE("shapes from files are checked before they are used") {
  std::uint64_t bytes = 0;
  const auto shape = [&](std::vector<std::uint64_t> dims) { return formats::checked_shape(dims, 4, bytes, "f"); };
  CHECK(shape({}) == Shape{});
  CHECK(bytes == 4);
  CHECK(shape({2, 3}) == Shape{2, 3});
  CHECK(bytes == 24);
  CHECK(shape({std::uint64_t{1} << 40, 0}) == Shape{Index{1} << 40, 0});
  CHECK(bytes == 0);
  CHECK(shape({std::uint64_t{1} << 40}).size() == Index{1} << 40);
  CHECK(bytes == std::uint64_t{1} << 42);
  CHECK(shape({std::uint64_t{1} << 39, std::uint64_t{1} << 39, 0}).size() == 0);
  for (const std::vector<std::uint64_t>& dims : {std::vector<std::uint64_t>{(std::uint64_t{1} << 40) + 1},
                                                 {std::uint64_t{1} << 20, (1 << 20) + 1},
                                                 {std::uint64_t{1} << 32, std::uint64_t{1} << 32},
                                                 {~std::uint64_t{0}},
                                                 {0, ~std::uint64_t{0}}})
    CHECK(contains(message([&] { shape(dims); }), "at most 2^40 elements"));
  CHECK(contains(message([&] { shape(std::vector<std::uint64_t>(9, 1)); }), "at most 8 axes"));
}

TEST_CASE("text from a file is shown without its control characters") {
  CHECK(formats::shown("plain") == "'plain'");
  CHECK(formats::shown(std::string_view("\x1b[0m\0\xff", 6)) == "'\\x1b[0m\\x00\\xff'");
  CHECK(formats::shown(std::string(100, 'a')) == "'" + std::string(60, 'a') + "...'");
}
