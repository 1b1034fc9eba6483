/// Checkpoints as PyTorch 1.13 wrote them (tests/io/interop/make_checkpoints.py): one network's weights beside optimizers,
/// averages and all kinds of Python's objects.

#include <doctest/doctest.h>

#include <keel/formats/npy.hpp>
#include <keel/formats/zip.hpp>
#include <keel/io/load.hpp>

#include "temporary_directory.hpp"

using namespace keel;

namespace checkpoint_files {  // files of a folder are compiled together

namespace {

Model<> network() {
  Sequential model({6, 6, 1});
  model.add(Conv2D(4, 3, {.padding = 1})).add(BatchNorm(BatchNormOptions::torch())).add(ReLU()).add(MaxPool2D(2));
  model.add(Flatten()).add(Dense(5));
  return model;
}

}  // namespace

TEST_CASE("checkpoints of PyTorch, with everything that programs put beside a model") {
  const TemporaryDirectory directory;
  const Bytes bytes = read_file(KEEL_SOURCE_DIR "/tests/io/data/checkpoints.zip");
  ZipReader zip(bytes, "checkpoints.zip");
  const auto content = [&](const char* name) {
    Bytes storage;
    const ByteSpan span = zip.read(*zip.find(name), storage);
    return Bytes(span.begin(), span.end());
  };
  // one channel, so that (n, 1, h, w) are the values of (n, h, w, 1)
  const Tensor<float> x = to_tensor<float>(read_npy(content("x.npy"), "x.npy")).reshaped({3, 6, 6, 1});
  const Tensor<float> y = to_tensor<float>(read_npy(content("y.npy"), "y.npy"));
  int files = 0;
  for (const ZipMember& member : zip.members()) {
    if (member.name.ends_with(".npy")) continue;
    CAPTURE(member.name);
    const std::string path = directory / member.name;
    write_file(path, ByteSpan(content(member.name.c_str())));
    Model<> model = network();
    Diagnosis diagnosis;
    REQUIRE_NOTHROW(diagnosis = load_weights(model, path));
    const bool coarse = member.name.find("half") != std::string::npos || member.name.starts_with("bfloat16");
    const Tensor<float> got = model.predict(x);
    float worst = 0;
    for (Index i = 0; i < y.size(); ++i) worst = (std::max)(worst, std::abs(got[i] - y[i]));
    CHECK(worst < (coarse ? 0.05f : 1e-5f));
    CHECK(diagnosis.count(Pairing::Outcome::matched) == 9);
    const std::string text = diagnosis.to_string();
    CAPTURE(text);
    // whatever is no weight is said
    const bool bare = member.name.starts_with("plain") || member.name.starts_with("dict.") ||
                      member.name.starts_with("module") || member.name.starts_with("orig") || coarse ||
                      member.name.starts_with("parameters") || member.name.starts_with("transposed") ||
                      member.name.starts_with("shared") || member.name.starts_with("double.") ||
                      member.name.starts_with("model_module");
    CHECK((text.find("left out: ") == std::string::npos) == bare);
    ++files;
  }
  CHECK(files == 64);
}

}  // namespace checkpoint_files
