#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <keel/formats/protobuf.hpp>

#if KEEL_HAS_PROTOBUF
#include <protozero/pbf_writer.hpp>

using namespace keel;
using namespace keel::formats;

namespace {

/// All that a reader can ask of a field, by name.
enum class Ask { integer, number, bytes, text, message, integers, numbers, doubles, skip };

void ask(ProtobufMessage& message, Ask what) {
  std::vector<std::int64_t> integers;
  std::vector<float> numbers;
  std::vector<double> doubles;
  switch (what) {
    case Ask::integer: message.integer("it"); break;
    case Ask::number: message.number("it"); break;
    case Ask::bytes: message.bytes("it"); break;
    case Ask::text: message.text("it"); break;
    case Ask::message: message.message("it"); break;
    case Ask::integers: message.integers(integers, "it"); break;
    case Ask::numbers: message.numbers(numbers, "it"); break;
    case Ask::doubles: message.doubles(doubles, "it"); break;
    case Ask::skip: message.skip(); break;
  }
}

}  // namespace

TEST_CASE("protobuf: every kind of field, packed and one by one") {
  std::string data;
  {
    protozero::pbf_writer out(data);
    out.add_int64(1, -5);
    out.add_float(2, 0.5f);
    out.add_string(3, "text");
    {
      protozero::pbf_writer inner(out, 4);
      inner.add_int64(9, 7);
    }
    out.add_int64(5, 1);
    const std::vector<std::int64_t> more{2, -3};
    out.add_packed_int64(5, more.begin(), more.end());
    out.add_float(6, 1.5f);
    const std::vector<float> floats{2.5f, -1};
    out.add_packed_float(6, floats.begin(), floats.end());
    out.add_double(7, 0.25);
    const std::vector<double> doubles{4, 8};
    out.add_packed_double(7, doubles.begin(), doubles.end());
    out.add_fixed64(100, 1);
  }
  ProtobufFile file{.bytes = bytes_of(data), .where = "f"};
  ProtobufMessage message(file);
  std::vector<std::int64_t> integers;
  std::vector<float> numbers;
  std::vector<double> doubles;
  int skipped = 0;
  while (message.next()) switch (message.field()) {
      case 1: CHECK(message.integer("one") == -5); break;
      case 2: CHECK(message.number("two") == 0.5f); break;
      case 3: CHECK(message.text("three") == "text"); break;
      case 4: {
        ProtobufMessage inner = message.message("four");
        CHECK(inner.next());
        CHECK(inner.where() == "f, offset 24");
        CHECK(inner.integer("nine") == 7);
        CHECK_FALSE(inner.next());
        break;
      }
      case 5: message.integers(integers, "five"); break;
      case 6: message.numbers(numbers, "six"); break;
      case 7: message.doubles(doubles, "seven"); break;
      default: message.skip(); ++skipped;
    }
  CHECK(integers == std::vector<std::int64_t>{1, 2, -3});
  CHECK(numbers == std::vector<float>{1.5f, 2.5f, -1});
  CHECK(doubles == std::vector<double>{0.25, 4, 8});
  CHECK(skipped == 1);
}

TEST_CASE("protobuf: a field of another wire type is refused, whatever is asked of it") {
  const auto allowed = [](int wire, Ask what) {
    switch (what) {
      case Ask::integer: return wire == 0;
      case Ask::number: return wire == 5;
      case Ask::bytes:
      case Ask::text:
      case Ask::message: return wire == 2;
      case Ask::integers: return wire == 0 || wire == 2;
      case Ask::numbers: return wire == 5 || wire == 2;
      case Ask::doubles: return wire == 1 || wire == 2;
      case Ask::skip: return true;
    }
    return false;
  };
  for (const int wire : {0, 1, 2, 5})
    for (const Ask what : {Ask::integer, Ask::number, Ask::bytes, Ask::text, Ask::message, Ask::integers, Ask::numbers,
                           Ask::doubles, Ask::skip}) {
      CAPTURE(wire);
      CAPTURE(static_cast<int>(what));
      // field 1; a length of 8 that fits, or as many bytes as the number needs
      const std::string data =
          std::string(1, static_cast<char>(8 | wire)) + (wire == 0   ? std::string("\1")
                                                         : wire == 2 ? "\10" + std::string(8, '\1')
                                                                     : std::string(wire == 1 ? 8 : 4, '\1'));
      ProtobufFile file{.bytes = bytes_of(data), .where = "f"};
      ProtobufMessage message(file);
      REQUIRE(message.next());
      if (allowed(wire, what))
        CHECK_NOTHROW(ask(message, what));
      else
        CHECK_THROWS_AS(ask(message, what), FormatError);
    }
}

TEST_CASE("protobuf: damage is refused with the file and the offset") {
  const auto walk = [](const std::string& data) {
    ProtobufFile file{.bytes = bytes_of(data), .where = "f"};
    ProtobufMessage message(file);
    while (message.next()) message.skip();
  };
  CHECK_NOTHROW(walk(""));
  const std::string good("\x08\x01\x12\x02xy", 6);
  CHECK_NOTHROW(walk(good));
  for (const std::string& bad : {std::string("\x08\x01\x12\x03xy", 6), good + "\x08", good + "\x12", good + "\x0b\x0c",
                                 good + std::string(1, '\0'), good + "\x0d\x01\x01", good + "\x09\x01",
                                 good + "\x08" + std::string(11, '\xff'), good + "\x0e",
                                 // a length of 2^32 + 1, which 32 bits would hold as 1
                                 good + "\x12\x81\x80\x80\x80\x10x"}) {
    CAPTURE(bad);
    try {
      walk(bad);
      FAIL("was read");
    } catch (const FormatError& error) {
      CHECK(error.where() == (bad.starts_with(good) ? "f, offset 6" : "f, offset 2"));
    }
  }
  for (std::size_t length = 1; length < good.size(); ++length)
    if (length != 2) CHECK_THROWS_AS(walk(good.substr(0, length)), FormatError);
}

TEST_CASE("protobuf: depth and memory are bounded") {
  std::string data;
  for (int i = 0; i < 70; ++i) {
    std::string outer;
    protozero::pbf_writer(outer).add_message(1, data);
    data = outer;
  }
  ProtobufFile file{.bytes = bytes_of(data), .where = "f"};
  const auto dive = [](ProtobufMessage message, const auto& self) -> int {
    return message.next() ? 1 + self(message.message("one"), self) : 0;
  };
  CHECK_THROWS_AS(dive(ProtobufMessage(file), dive), FormatError);
  file.limits.depth = 100;
  CHECK(dive(ProtobufMessage(file), dive) == 70);

  std::string many;
  protozero::pbf_writer(many).add_bytes(1, std::string(1000, '\1'));
  ProtobufFile narrow{.bytes = bytes_of(many), .where = "f", .limits = {}, .budget = Budget(7000)};
  ProtobufMessage message(narrow);
  REQUIRE(message.next());
  std::vector<std::int64_t> integers;
  CHECK_THROWS_AS(message.integers(integers, "one"), FormatError);
  CHECK(integers.size() <= 875);
}

#endif
