#include <keel/io/datasets/idx.hpp>

#include <doctest/doctest.h>

#include <string>

#include "support/message.hpp"
#include "temporary_directory.hpp"

using namespace keel;
using namespace std::string_literals;

namespace {
template <class T = float>
Tensor<T> parse(const std::string& bytes, const ReadLimits& limits = {}) {
  return parse_idx<T>(formats::bytes_of(bytes), "test.idx", limits);
}
std::string failure(const std::string& bytes, const ReadLimits& limits = {}) {
  try {
    parse(bytes, limits);
  } catch (const FormatError& error) {
    return error.what();
  }
  return "accepted";
}

const std::string bytes_2x3 = "\0\0\x08\2\0\0\0\2\0\0\0\3\1\2\3\4\5\xff"s;

/// A gzip file whose deflate blocks are stored, so that it needs no compressor.
std::string gzip(const std::string& content, unsigned char flags = 0, const std::string& extra = "") {
  std::string file = "\x1f\x8b\x08"s;
  file += static_cast<char>(flags);
  file += "\0\0\0\0\0\3"s + extra + "\1"s;
  formats::append_little(file, content.size(), 2);
  formats::append_little(file, ~content.size(), 2);
  file += content;
  formats::append_little(file, formats::crc32_of(formats::bytes_of(content)), 4);
  formats::append_little(file, content.size(), 4);
  return file;
}
}  // namespace

TEST_CASE("idx holds an array of bytes") {
  CHECK(parse(bytes_2x3) == Tensor<float>({2, 3}, {1, 2, 3, 4, 5, 255}));
  CHECK(parse<double>("\0\0\x08\1\0\0\0\1\x80"s) == Tensor<double>({1}, {128}));
  CHECK(parse("\0\0\x08\1\0\0\0\0"s).shape() == Shape{0});
  CHECK(parse("\0\0\x08\0\7"s) == Tensor<float>(Shape{}, 7.0f));
}

TEST_CASE("idx holds every type, high byte first") {
  CHECK(parse("\0\0\x09\1\0\0\0\2\xff\x7f"s) == Tensor<float>({2}, {-1, 127}));
  CHECK(parse("\0\0\x0b\1\0\0\0\2\x01\x02\xff\xfe"s) == Tensor<float>({2}, {258, -2}));
  CHECK(parse("\0\0\x0c\1\0\0\0\2\0\1\0\2\xff\xff\xff\xfd"s) == Tensor<float>({2}, {65538, -3}));
  CHECK(parse("\0\0\x0d\1\0\0\0\1\x3f\xc0\0\0"s)[0] == 1.5f);
  CHECK(parse<double>("\0\0\x0e\1\0\0\0\1\xbf\xf8\0\0\0\0\0\0"s)[0] == -1.5);
}

TEST_CASE("A gzipped idx is the same array") {
  CHECK(parse(gzip(bytes_2x3)) == parse(bytes_2x3));
  CHECK(parse(gzip(bytes_2x3, 8, "name\0"s)) == parse(bytes_2x3));
  CHECK(parse(gzip(bytes_2x3, 4 | 16 | 2, "\2\0ab"s + "comment\0"s + "\1\2"s)) == parse(bytes_2x3));
  const TemporaryDirectory dir;
  CHECK(read_idx(dir.write("a.idx", bytes_2x3)) == parse(bytes_2x3));
  CHECK(read_idx(dir.write("a.idx.gz", gzip(bytes_2x3))) == parse(bytes_2x3));
  CHECK_THROWS_AS(read_idx(dir / "none"), FormatError);
}

TEST_CASE("What is no idx file is refused with what it looks like") {
  CHECK(contains(failure("PK\3\4 and more"), "got a zip archive"));
  CHECK(contains(failure("<!DOCTYPE html>"), "got a web page ("));
  CHECK(contains(failure("\0\0\x0a\1\0\0\0\1\1"s), "a type code of 8, 9 or 11 to 14"));
  CHECK(contains(failure("\0\0\x0f\1\0\0\0\1\1"s), "a type code of 8, 9 or 11 to 14"));
  CHECK(contains(failure("\0\0\xff\1\0\0\0\1\1"s), "a type code of 8, 9 or 11 to 14"));
}

TEST_CASE("Every cut and every extra byte is refused") {
  for (const std::string& file : {bytes_2x3, gzip(bytes_2x3)}) {
    for (std::size_t size = 0; size < file.size(); ++size) CHECK(failure(file.substr(0, size)) != "accepted");
    CHECK(failure(file + "x") != "accepted");
  }
  CHECK(contains(failure(bytes_2x3 + "xy"), "expected the end of the file after shape (2, 3), got 2 more bytes"));
  CHECK(contains(failure(bytes_2x3.substr(0, 15)), "expected values of 6 bytes, got 3 bytes left"));
}

TEST_CASE("Every damaged bit of a gzip file's content, checksum or size is refused") {
  const std::string file = gzip(bytes_2x3);
  for (std::size_t at = 11; at < file.size(); ++at)  // before it: the header, and padding that deflate skips
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(damaged[at] ^ 1 << bit);
      CHECK(failure(damaged) != "accepted");
    }
}

TEST_CASE("Sizes that lie are refused before memory is taken") {
  CHECK(contains(failure("\0\0\x08\2\xff\xff\xff\xff\xff\xff\xff\xff"s), "a shape of at most 2^40 elements"));
  CHECK(contains(failure("\0\0\x08\1\xff\xff\xff\xff"s), "expected values of 4294967295 bytes"));
  CHECK(contains(failure("\0\0\x08\x09"s + std::string(36, '\1')), "a shape of at most 8 axes"));
  std::string bomb = gzip(bytes_2x3);
  bomb.replace(bomb.size() - 4, 4, "\xff\xff\xff\xff");
  CHECK(contains(failure(bomb), "bytes of memory"));
  ReadLimits tight;
  tight.tensor_bytes = 4;
  tight.file_bytes = 10;
  const TemporaryDirectory dir;
  CHECK_THROWS_AS(read_idx(dir.write("a", bytes_2x3), tight), FormatError);
}
