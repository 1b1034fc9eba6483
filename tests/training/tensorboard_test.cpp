// Logs for TensorBoard, read back byte by byte by a reader that shares nothing with the writer.

#include <bit>
#include <filesystem>

#include <doctest/doctest.h>

#include <keel/formats/protobuf.hpp>

#if KEEL_HAS_PROTOBUF
#include <keel/layers/conv2d.hpp>
#include <keel/layers/dense.hpp>
#include <keel/layers/flatten.hpp>
#include <keel/model/sequential.hpp>
#include <keel/training/fit.hpp>
#include <keel/training/tensorboard.hpp>

#include "temporary_directory.hpp"

using namespace keel;

namespace {

/// CRC-32C bit by bit, as RFC 3720 has it.
std::uint32_t slow_crc32c(const std::string& bytes) {
  std::uint32_t crc = ~0u;
  for (const char byte : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const bool low = ((crc ^ (static_cast<unsigned char>(byte) >> bit)) & 1) != 0;
      crc = (crc >> 1) ^ (low ? 0x82f63b78u : 0u);
    }
  return ~crc;
}
std::uint32_t slow_mask(std::uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8u; }

std::uint64_t little(const std::string& bytes, std::size_t at, int size) {
  std::uint64_t value = 0;
  for (int i = size - 1; i >= 0; --i) value = value * 256 + static_cast<unsigned char>(bytes.at(at + std::size_t(i)));
  return value;
}

/// The contents of a file's records, checked.
std::vector<std::string> records(const std::string& path) {
  const Bytes raw = read_file(path);
  const std::string file(formats::text_of(raw));
  std::vector<std::string> contents;
  for (std::size_t at = 0; at < file.size();) {
    const std::uint64_t size = little(file, at, 8);
    REQUIRE(little(file, at + 8, 4) == slow_mask(slow_crc32c(file.substr(at, 8))));
    REQUIRE(at + 16 + size <= file.size());
    contents.push_back(file.substr(at + 12, size));
    REQUIRE(little(file, at + 12 + size, 4) == slow_mask(slow_crc32c(contents.back())));
    at += 16 + size;
  }
  return contents;
}

/// A message as its fields in order: numbers as bits, others as bytes.
struct Field {
  std::uint64_t number, bits;
  std::string bytes;
};
std::vector<Field> fields(const std::string& message) {
  std::vector<Field> all;
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(message.at(at++));
      value |= std::uint64_t(byte & 127u) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.size()) {
    const std::uint64_t key = varint();
    Field field{key >> 3, 0, ""};
    if ((key & 7) == 0) {
      field.bits = varint();
    } else if ((key & 7) == 2) {
      const std::uint64_t size = varint();
      REQUIRE(at + size <= message.size());
      field.bytes = message.substr(at, size);
      at += size;
    } else {
      const int size = (key & 7) == 1 ? 8 : 4;
      REQUIRE(((key & 7) == 1 || (key & 7) == 5));
      field.bits = little(message, at, size);
      at += std::size_t(size);
    }
    all.push_back(field);
  }
  return all;
}
const Field& field(const std::vector<Field>& all, std::uint64_t number) {
  for (const Field& one : all)
    if (one.number == number) return one;
  FAIL("no field " << number);
  return all.front();
}
double real(const Field& f) { return std::bit_cast<double>(f.bits); }
std::vector<double> reals(const std::string& packed) {
  std::vector<double> values;
  for (std::size_t at = 0; at < packed.size(); at += 8) values.push_back(std::bit_cast<double>(little(packed, at, 8)));
  return values;
}

/// The values of the summaries in a file, by tag and step.
struct Value {
  std::string tag;
  std::uint64_t step;
  std::vector<Field> content;
};
std::vector<Value> values(const std::string& path) {
  std::vector<Value> found;
  for (const std::string& record : records(path)) {
    const std::vector<Field> event = fields(record);
    std::uint64_t step = 0;
    for (const Field& f : event)
      if (f.number == 2) step = f.bits;
    for (const Field& f : event) {
      if (f.number != 5) continue;
      const std::vector<Field> summary = fields(f.bytes);
      for (const Field& v : summary) found.push_back({field(fields(v.bytes), 1).bytes, step, fields(v.bytes)});
    }
  }
  return found;
}
const Value& value(const std::vector<Value>& all, const std::string& tag, std::uint64_t step) {
  for (const Value& one : all)
    if (one.tag == tag && one.step == step) return one;
  FAIL("no " << tag << " at step " << step);
  return all.front();
}
float scalar(const std::vector<Value>& all, const std::string& tag, std::uint64_t step) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(field(value(all, tag, step).content, 2).bits));
}
std::string only_file(const std::string& folder) {
  std::string found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    CHECK(found.empty());
    found = entry.path().string();
  }
  return found;
}

}  // namespace

TEST_CASE("records are framed as TensorFlow frames them") {
  CHECK(formats::crc32c("123456789") == 0xe3069283u);
  CHECK(formats::crc32c(std::string(32, '\0')) == 0x8a9136aau);  // RFC 3720, B.4
  CHECK(formats::crc32c(std::string(32, '\xff')) == 0x62a8ab43u);
  std::string record;
  formats::append_record(record, std::string(24, 'x'));
  CHECK(record.size() == 24 + 16);
  // how every log of TensorFlow's begins: 24 bytes
  CHECK(record.substr(0, 12) == std::string("\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22", 12));
  CHECK(slow_crc32c("123456789") == 0xe3069283u);
}

TEST_CASE("a log has the values that it was given") {
  const TemporaryDirectory directory;
  const std::string folder = directory / "deep/er";
  TensorBoardLog log(folder);
  log.scalar("a/b", 0, 0.5);
  log.scalar("a/b", 70000, -1.25);
  log.histogram("h", 3, Tensor<float>({6}, {0, 1, 30, 15, 30, std::nanf("")}));
  log.histogram("same", 3, Tensor<double>({2}, 7.0));
  log.histogram("wide", 3, Tensor<double>({2}, {-1e308, 1e308}));
  log.histogram("narrow", 3, Tensor<double>({2}, {0, 1e-323}));
  log.image("i", 1, Tensor<float>({1, 2, 3}, {0, 0.5, 1, 2, -1, 1}));
  CHECK_THROWS_AS(log.image("i", 1, Tensor<float>({2, 2})), ShapeError);

  CHECK(only_file(folder) == log.path());
  CHECK(log.path().find("/events.out.tfevents.") != std::string::npos);
  const std::vector<Field> first = fields(records(log.path()).at(0));
  CHECK(field(first, 3).bytes == "brain.Event:2");
  CHECK(real(field(first, 1)) > 1.6e9);
  CHECK(TensorBoardLog(folder).path() != log.path());

  const std::vector<Value> all = values(log.path());
  REQUIRE(all.size() == 7);
  CHECK(scalar(all, "a/b", 0) == 0.5f);
  CHECK(scalar(all, "a/b", 70000) == -1.25f);
  const std::vector<Field> h = fields(field(value(all, "h", 3).content, 5).bytes);
  CHECK(real(field(h, 1)) == 0);
  CHECK(real(field(h, 2)) == 30);
  CHECK(real(field(h, 3)) == 5);
  CHECK(real(field(h, 4)) == 76);
  CHECK(real(field(h, 5)) == 1 + 225 + 900 + 900);
  const std::vector<double> limits = reals(field(h, 6).bytes), counts = reals(field(h, 7).bytes);
  REQUIRE(limits.size() == 30);
  REQUIRE(counts.size() == 30);
  CHECK(limits[0] == 1);
  CHECK(limits[29] == 30);
  CHECK(counts[0] == 1);
  CHECK(counts[1] == 1);
  CHECK(counts[15] == 1);
  CHECK(counts[29] == 2);
  const std::vector<Field> same = fields(field(value(all, "same", 3).content, 5).bytes);
  CHECK(reals(field(same, 7).bytes)[0] == 2);
  // a range that is no double, and one whose thirtieth is none
  const std::vector<double> wide = reals(field(fields(field(value(all, "wide", 3).content, 5).bytes), 7).bytes);
  CHECK(wide[0] == 1);
  CHECK(wide[29] == 1);
  CHECK(reals(field(fields(field(value(all, "narrow", 3).content, 5).bytes), 7).bytes)[0] == 2);
  const std::vector<Field> image = fields(field(value(all, "i", 1).content, 4).bytes);
  CHECK(field(image, 1).bits == 1);
  CHECK(field(image, 2).bits == 2);
  CHECK(field(image, 3).bits == 3);
  CHECK(field(image, 4).bytes == formats::png(std::vector<std::uint8_t>{0, 128, 255, 255, 0, 255}, 1, 2, 3));
}

TEST_CASE("the callback logs scores, histograms, pictures and the graph of a run") {
  const TemporaryDirectory directory;
  Sequential<float> model({4, 4, 1}, {.seed = 1});
  model.add(Conv2D(2, 3)).add(Flatten()).add(Dense(3, {.activation = Activation::softmax}));
  Tensor<float> x({12, 4, 4, 1}), y({12});
  for (Index i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7) / 7;
  for (Index i = 0; i < 12; ++i) y[i] = static_cast<float>(i % 3);
  const Dataset<float> data(x, y);
  const auto run = [&](const std::string& folder, TensorBoardOptions options) {
    return fit(model, data,
               {.epochs = 3,
                .batch_size = 4,
                .loss = "sparse_categorical_crossentropy",
                .metrics = {"accuracy"},
                .validation = data,
                .callbacks = {TensorBoard(directory / folder, options)},
                .verbose = Verbose::silent});
  };
  const History history = run("logs", {.batches = 2, .histogram_freq = 2, .write_images = true});
  const std::string train = only_file(directory / "logs/train");
  const std::vector<Value> all = values(train), held_out = values(only_file(directory / "logs/validation"));
  for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
    const auto of = [&](const char* name) { return static_cast<float>(history[name][epoch]); };
    CHECK(scalar(all, "epoch_loss", epoch) == of("loss"));
    CHECK(scalar(all, "epoch_accuracy", epoch) == of("accuracy"));
    CHECK(scalar(held_out, "epoch_loss", epoch) == of("val_loss"));
    CHECK(scalar(held_out, "epoch_accuracy", epoch) == of("val_accuracy"));
    CHECK(scalar(all, "epoch_learning_rate", epoch) == 1e-3f);
  }
  CHECK(held_out.size() == 6);
  std::size_t histograms = 0, pictures = 0, batches = 0;
  for (const Value& v : all) {
    histograms += v.tag.ends_with("/histogram");
    pictures += v.tag.ends_with("/image");
    batches += v.tag == "batch_loss";
  }
  CHECK(histograms == 2 * 4);  // epochs 0 and 2
  CHECK(pictures == 2);
  CHECK(batches == 4);  // of 9 steps
  const std::vector<Field> kernel = fields(field(value(all, "conv2d/kernel/histogram", 2).content, 5).bytes);
  CHECK(real(field(kernel, 3)) == 18);
  const std::vector<Field> picture = fields(field(value(all, "conv2d/kernel/image", 0).content, 4).bytes);
  CHECK(field(picture, 1).bits == 3);
  CHECK(field(picture, 2).bits == 7);

  // the graph: names, classes and edges
  std::vector<std::string> nodes;
  for (const std::string& record : records(train)) {
    const std::vector<Field> event = fields(record);
    for (const Field& e : event) {
      if (e.number != 4) continue;
      const std::vector<Field> graph = fields(e.bytes);
      for (const Field& node : graph) {
        if (node.number != 1) continue;
        std::string line;
        const std::vector<Field> parts = fields(node.bytes);
        for (const Field& part : parts) line += (line.empty() ? "" : " ") + part.bytes;
        nodes.push_back(line);
      }
    }
  }
  CHECK(nodes == std::vector<std::string>{"input_layer Placeholder", "conv2d Conv2D input_layer",
                                          "flatten Flatten conv2d", "dense Dense flatten"});

  run("plain", {.write_graph = false});
  for (const Value& v : values(only_file(directory / "plain/train"))) CHECK(v.tag.starts_with("epoch_"));
  CHECK(records(only_file(directory / "plain/train")).size() == 1 + 9);
  CHECK_THROWS_AS(TensorBoard<float>("x", {.batches = -1}), ConfigError);
  directory.write("file", "");
  CHECK_THROWS_AS(run("file", {}), FormatError);
}

#endif
