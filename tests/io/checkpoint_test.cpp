/// Checkpoints are dicts of parts, and files whose order says nothing: what fits is found, said, or refused.

#include <doctest/doctest.h>

#include <keel/io/load.hpp>

#include "temporary_directory.hpp"

using namespace keel;

namespace checkpoints {  // files of a folder are compiled together

namespace {

Model<> network() {
  Sequential model({6, 6, 1}, {.seed = 1});
  model.add(Conv2D(4, 3, {.padding = 1})).add(BatchNorm()).add(ReLU()).add(MaxPool2D(2)).add(Flatten()).add(Dense(5));
  return model;
}

NamedArray array(const std::string& name, const Shape& shape, float start) {
  Tensor<float> values(shape);
  for (Index i = 0; i < values.size(); ++i) values[i] = start + 0.01f * static_cast<float>(i);
  return to_array(name, values);
}

/// The state of `network()`, all values from `start` on, with names that begin so.
std::vector<NamedArray> state(const std::string& prefix, float start = 1, Index classes = 5) {
  return {array(prefix + "conv1.weight", {4, 1, 3, 3}, start),
          array(prefix + "conv1.bias", {4}, start),
          array(prefix + "bn1.weight", {4}, start),
          array(prefix + "bn1.bias", {4}, start),
          array(prefix + "bn1.running_mean", {4}, start),
          array(prefix + "bn1.running_var", {4}, start),
          to_array(prefix + "bn1.num_batches_tracked", Tensor<std::int64_t>(Shape{}, 3)),
          array(prefix + "fc.weight", {classes, 36}, start),
          array(prefix + "fc.bias", {classes}, start)};
}
NamedArray number(const std::string& name) { return array(name, Shape{}, 0.5f); }

void append(Archive& archive, std::vector<NamedArray> tensors) {
  for (NamedArray& tensor : tensors) archive.tensors.push_back(std::move(tensor));
}
/// An optimizer's state for these weights.
std::vector<NamedArray> adam(const std::string& prefix) {
  std::vector<NamedArray> tensors;
  for (const auto& [i, shape] : {std::pair(0, Shape{4, 1, 3, 3}), {1, Shape{4}}, {2, Shape{5, 36}}, {3, Shape{5}}}) {
    const std::string name = prefix + "state." + std::to_string(i) + ".";
    tensors.push_back(number(name + "step"));
    tensors.push_back(array(name + "exp_avg", shape, 7));
    tensors.push_back(array(name + "exp_avg_sq", shape, 8));
  }
  return tensors;
}

Archive torch(std::vector<NamedArray> tensors) { return {"", "torch", std::move(tensors), {}}; }

float first_value(const Model<>& model) { return std::as_const(model).layer(0).parameters()[0]->value()[0]; }
Model<> zeroed(Model<> model) {
  for (Parameter<float>* p : model.parameters()) p->set(Tensor<float>(p->shape(), 0.0f));
  return model;
}
std::vector<Tensor<float>> values(const Model<>& model) {
  std::vector<Tensor<float>> all;
  for (const Parameter<float>* p : model.parameters()) all.push_back(p->value());
  return all;
}
bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

std::string failure(Model<>& model, const std::string& path, const WeightOptions& options = {}) {
  const auto before = values(model);
  try {
    load_weights(model, path, options);
  } catch (const Error& error) {
    CHECK(values(model) == before);
    return error.what();
  }
  return "loaded";
}

}  // namespace

TEST_CASE("a model's state is found in any dict, beside anything") {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.pt";
  int kinds = 0;
  for (const std::string prefix :
       {"", "module.", "model.", "net.", "state_dict.", "model_state_dict.", "_orig_mod.", "state_dict.module.",
        "model._orig_mod.module.", "checkpoint.model.", "state.backbone.net.", "anything.", "0."})
    for (int beside = 0; beside < 5; ++beside) {
      CAPTURE(prefix);
      CAPTURE(beside);
      Archive archive = torch({});
      if (beside == 3) append(archive, adam("optimizer."));
      append(archive, state(prefix));
      if (beside == 1 || beside == 4) archive.tensors.push_back(number("best_acc1"));
      if (beside == 2 && !prefix.empty()) archive.tensors.push_back(number("n_averaged"));
      if (beside == 4) {
        append(archive, adam("optimizer_states.0."));
        archive.tensors.push_back(array("ema_decay", {1}, 0.9f));
        archive.tensors.push_back(array("scheduler.base_lrs.0", {2}, 0.9f));
      }
      write_torch(path, archive);
      Model<> model = zeroed(network());
      if (beside > 2 && prefix.empty()) {  // here the rest is no part of its own
        CHECK(contains(failure(model, path), "unexpected"));
        continue;
      }
      const Diagnosis diagnosis = load_weights(model, path);
      CHECK(first_value(model) == 1);
      CHECK(diagnosis.fits());
      CHECK(diagnosis.count(Pairing::Outcome::matched) == 9);
      const std::string text = diagnosis.to_string();
      if (beside == 1) CHECK(contains(text, "left out: best_acc1"));
      if (beside == 3) CHECK(contains(text, "optimizer (12 tensors)"));
      ++kinds;
    }
  CHECK(kinds == 63);
}

TEST_CASE("plain weights are taken before averages of them, which part takes") {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.pt";
  const char* pairs[][2] = {{"model", "ema"},
                            {"state_dict", "state_dict_ema"},
                            {"net", "ema_model"},
                            {"model", "model_ema"},
                            {"student", "teacher"},
                            {"weights", "swa"},
                            {"generator", "ema.generator"},
                            {"state_dict", "best_state"},
                            {"model", "anything"}};
  for (const auto& [plain, other] : pairs)
    for (const bool first : {false, true}) {
      const auto& the_plain = plain;  // clang before 16 captures no structured binding
      CAPTURE(std::string(the_plain));
      const auto& the_other = other;  // clang before 16 captures no structured binding
      CAPTURE(std::string(the_other));
      Archive archive = torch({});
      const std::string plain_prefix = std::string(plain) + ".", other_prefix = std::string(other) + ".";
      append(archive, first ? state(plain_prefix, 1) : state(other_prefix, 2));
      append(archive, first ? state(other_prefix, 2) : state(plain_prefix, 1));
      write_torch(path, archive);
      Model<> model = network();
      const std::string text = load_weights(model, path).to_string();
      CHECK(first_value(model) == 1);
      CHECK(contains(text, "the part " + std::string(other) + " fits as well: {.part = \"" + other + "\"} takes it"));
      load_weights(model, path, {.part = other});
      CHECK(first_value(model) == 2);
    }
}

TEST_CASE("of two parts alike the user says which") {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.pt";
  Archive archive = torch(state("critic.", 1));
  append(archive, state("actor.", 2));
  write_torch(path, archive);
  Model<> model = network();
  CHECK_FALSE(diagnose(model, path).fits());
  CHECK(contains(failure(model, path), "in critic. or actor.: say which by .part"));
  load_weights(model, path, {.part = "actor"});
  CHECK(first_value(model) == 2);
  CHECK(contains(failure(model, path, {.part = "actors"}), "expected a part 'actors', got parts actor, critic"));
}

TEST_CASE("partial loads what fits, lists what stays, and nothing is loaded without it") {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.pt";
  Archive archive = torch(state("state_dict.", 1, 7));
  append(archive, adam("optimizer."));
  for (const bool safetensors : {false, true}) {
    CAPTURE(safetensors);
    if (safetensors)
      write_safetensors(path, archive);
    else
      write_torch(path, archive);
    Model<> model = zeroed(network());
    CHECK(contains(failure(model, path), "2 of another shape"));
    CHECK(first_value(model) == 0);
    const WeightOptions partial{.partial = true};
    CHECK(diagnose(model, path, partial).fits());
    const Diagnosis diagnosis = load_weights(model, path, partial);
    CHECK(first_value(model) == 1);
    CHECK(model.layer("dense").parameters()[0]->value()[0] == 0);
    CHECK(diagnosis.stays == std::vector<std::string>{"dense/kernel", "dense/bias"});
    CHECK(contains(diagnosis.to_string(), "stays as it was: dense/kernel, dense/bias"));
  }
}

TEST_CASE("partial refuses a file of which nothing fits") {
  const TemporaryDirectory directory;
  write_torch(directory / "a.pt", torch({array("fc.weight", {3, 2}, 1), array("fc.bias", {3}, 1)}));
  Model<> model = network();
  CHECK(contains(failure(model, directory / "a.pt", {.partial = true}), "at least one"));
}

TEST_CASE("partial works in every format") {
  const TemporaryDirectory directory;
  for (const char* name : {"a.safetensors", "a.keras", "a.h5", "a.weights.h5", "a.npz", "a.pt", "model.json"}) {
    CAPTURE(std::string(name));
    Model<> saved = network();
    for (Parameter<float>* p : saved.parameters()) p->set(Tensor<float>(p->shape(), 0.25f));
    save(saved, directory / name);
    Sequential model({6, 6, 1});
    model.add(Conv2D(4, 3, {.padding = 1})).add(BatchNorm()).add(ReLU()).add(MaxPool2D(2)).add(Flatten()).add(Dense(9));
    const Tensor<float> head = model.layer("dense").parameters()[0]->value();
    CHECK(failure(model, directory / name) != "loaded");
    const Diagnosis diagnosis = load_weights(model, directory / name, {.partial = true});
    CHECK(diagnosis.stays == std::vector<std::string>{"dense/kernel", "dense/bias"});
    CHECK(first_value(model) == 0.25f);
    CHECK(model.layer("dense").parameters()[0]->value() == head);
  }
}

namespace {

Model<> chain_of_dense() {
  Sequential model({4});
  model.add(Dense(4)).add(Dense(4)).add(Dense(4));
  return model;
}
Archive linears(const std::vector<std::string>& names) {
  Archive archive = torch({});
  for (std::size_t i = 0; i < names.size(); ++i) {
    archive.tensors.push_back(array(names[i] + ".weight", {4, 4}, static_cast<float>(i)));
    archive.tensors.push_back(array(names[i] + ".bias", {4}, static_cast<float>(i)));
  }
  return archive;
}
float kernel_of(const Model<>& model, Index layer) { return model.layer(layer).parameters()[0]->value()[0]; }

}  // namespace

TEST_CASE("order decides between layers of one shape in a .pt, and is suspicious") {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.pt";
  Model<> model = chain_of_dense();
  write_torch(path, linears({"stem", "block", "head"}));
  const Diagnosis diagnosis = load_weights(model, path);
  for (Index l = 0; l < 3; ++l) CHECK(kernel_of(model, l) == static_cast<float>(l));
  CHECK(contains(diagnosis.suspicious(),
                 "only the order of the file says which is which; `names` can (dense, dense_1, dense_2)"));

  write_torch(path, linears({"fc1", "fc2", "fc3"}));  // the names say so too
  CHECK_FALSE(contains(diagnose(model, path).suspicious(), "order"));
  write_torch(path, linears({"fc1", "fc3", "fc2"}));
  CHECK(contains(diagnose(model, path).suspicious(), "their names in the file speak against its order"));
}

TEST_CASE("order never decides in a file that is sorted by name") {
  const TemporaryDirectory directory;
  for (const std::string extension : {".safetensors", ".npz"}) {
    CAPTURE(extension);
    const std::string path = directory / ("a" + extension);
    const auto write = [&](const std::vector<std::string>& names) {
      Archive archive = linears(names);
      std::sort(archive.tensors.begin(), archive.tensors.end(),
                [](const NamedArray& a, const NamedArray& b) { return a.name < b.name; });
      if (extension == ".npz")
        write_npz(path, archive);
      else
        write_safetensors(path, archive);
    };
    Model<> model = zeroed(chain_of_dense());
    write({"stem", "block", "head"});
    const std::string text = failure(model, path);
    CAPTURE(text);
    CHECK(contains(text, "6 ambiguous"));
    CHECK(contains(text, "block or head or stem"));
    CHECK(contains(text, "{.names = {{\"MODULE\", \"LAYER\"}}}"));
    CHECK_FALSE(contains(text, "another network"));
    CHECK_FALSE(diagnose(model, path).fits());

    // all named, or as many as leave no choice
    load_weights(model, path, {.names = {{"stem", "dense"}, {"block", "dense_1"}, {"head", "dense_2"}}});
    for (Index l = 0; l < 3; ++l) CHECK(kernel_of(model, l) == static_cast<float>(l));
    model = zeroed(chain_of_dense());
    load_weights(model, path, {{"stem", "dense"}, {"block", "dense_1"}});
    for (Index l = 0; l < 3; ++l) CHECK(kernel_of(model, l) == static_cast<float>(l));
    CHECK(contains(failure(model, path, {.names = {{"stem", "dense"}}}), "4 ambiguous"));
    CHECK(contains(failure(model, path, {.names = {{"stem", "dens"}}}), "dense, dense_1, dense_2"));
    CHECK(contains(failure(model, path, {.names = {{"stm", "dense"}}}), "'block', 'head', 'stem'"));

    // numbers count as people count
    for (const std::vector<std::string>& names : {std::vector<std::string>{"fc1", "fc2", "fc10"},
                                                  {"net.0", "net.2", "net.4"},
                                                  {"a.0.fc2", "a.1.fc1", "a.10.fc0"}}) {
      write(names);
      model = zeroed(chain_of_dense());
      CHECK(contains(load_weights(model, path).suspicious(), "the numbers in the file's names say which is which"));
      for (Index l = 0; l < 3; ++l) CHECK(kernel_of(model, l) == static_cast<float>(l));
    }
    // not all of these are counted
    for (const std::vector<std::string>& names : {std::vector<std::string>{"fc1", "fc2", "head"},
                                                  {"a1x1", "a3x3", "a5x5"},
                                                  {"up1", "down1", "down2"},
                                                  {"dense_1", "dense_2", "dense_3"}}) {
      write(names);
      CHECK(contains(failure(model, path), "ambiguous"));
    }
  }
}

TEST_CASE("where kinds and shapes leave one assignment, names and order do not matter") {
  const TemporaryDirectory directory;
  Sequential model({6, 6, 1});
  model.add(Conv2D(4, 3))
      .add(BatchNorm())
      .add(Conv2D(8, 3))
      .add(BatchNorm())
      .add(Flatten())
      .add(Dense(6))
      .add(Dense(6));
  Archive archive = torch({});
  const auto norm = [&](const std::string& name, Index channels, float start) {
    for (const char* role : {".weight", ".bias", ".running_mean", ".running_var"})
      archive.tensors.push_back(array(name + role, {channels}, start));
  };
  archive.tensors.push_back(array("z.weight", {4, 1, 3, 3}, 1));
  archive.tensors.push_back(array("z.bias", {4}, 1));
  archive.tensors.push_back(array("a.weight", {8, 4, 3, 3}, 2));
  archive.tensors.push_back(array("a.bias", {8}, 2));
  norm("y", 4, 3);
  norm("b", 8, 4);
  archive.tensors.push_back(array("x.weight", {6, 32}, 5));
  archive.tensors.push_back(array("x.bias", {6}, 5));
  archive.tensors.push_back(array("c.weight", {6, 6}, 6));
  archive.tensors.push_back(array("c.bias", {6}, 6));
  const auto check = [&](const std::string& path) {
    Model<> loaded = zeroed(model.clone());
    const Diagnosis diagnosis = load_weights(loaded, path);
    CHECK_FALSE(contains(diagnosis.suspicious(), "alike"));
    const Index layers[] = {0, 2, 1, 3, 5, 6};
    for (Index i = 0; i < 6; ++i) CHECK(kernel_of(loaded, layers[i]) == static_cast<float>(i + 1));
  };
  write_safetensors(directory / "a.safetensors", archive);
  check(directory / "a.safetensors");
  std::reverse(archive.tensors.begin(), archive.tensors.end());
  write_torch(directory / "a.pt", archive);  // modules made in another order than they run
  check(directory / "a.pt");
}

TEST_CASE("tied weights are filled from what the metadata says, else refused with the reason") {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.safetensors";
  Archive archive = linears({"0", "1", "2"});
  std::erase_if(archive.tensors, [](const NamedArray& tensor) { return tensor.name == "1.weight"; });
  Model<> model = zeroed(chain_of_dense());
  write_safetensors(path, archive);
  CHECK(contains(failure(model, path), "leaves out tensors that share their memory with another (tied weights)"));
  archive.metadata["1.weight"] = "0.weight";
  archive.metadata["format"] = "pt";
  write_safetensors(path, archive);
  const Diagnosis diagnosis = load_weights(model, path);
  CHECK(contains(diagnosis.suspicious(), "tied in PyTorch with 0.weight"));
  CHECK(model.layer(1).parameters()[0]->value() == model.layer(0).parameters()[0]->value());
  CHECK(model.layer(1).parameters()[1]->value()[0] == 1);
}

TEST_CASE("an index of PyTorch's files is read as that of safetensors") {
  const TemporaryDirectory directory;
  const std::vector<NamedArray> all = state("");
  write_torch(directory / "pytorch_model-00001-of-00002.bin", torch({all.begin(), all.begin() + 4}));
  write_torch(directory / "pytorch_model-00002-of-00002.bin", torch({all.begin() + 4, all.end()}));
  const std::string path = directory / "pytorch_model.bin.index.json";
  const auto write = [&](const std::string& extra) {
    std::string json = "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {";
    for (std::size_t i = 0; i < all.size(); ++i)
      json += (i ? ", \"" : "\"") + all[i].name + "\": \"pytorch_model-0000" + (i < 4 ? "1" : "2") + "-of-00002.bin\"";
    write_file(path, std::string_view(json + extra + "}}"));
  };
  write("");
  Model<> model = zeroed(network());
  load_weights(model, path);
  CHECK(first_value(model) == 1);
  CHECK(model.layer("dense").parameters()[1]->value()[0] == 1);
  write(", \"more.weight\": \"pytorch_model-00002-of-00002.bin\"");
  CHECK(contains(failure(model, path), "expected 6 tensors in pytorch_model-00002-of-00002.bin, got 5"));
  write(", \"more.weight\": \"../other.bin\"");
  CHECK(failure(model, path) != "loaded");
}

TEST_CASE("options that a file has no use for are refused") {
  const TemporaryDirectory directory;
  Model<> model = network();
  for (const char* name : {"a.safetensors", "a.keras", "a.npz"}) {
    CAPTURE(std::string(name));
    save(model, directory / name);
    CHECK(contains(failure(model, directory / name, {.part = "model"}), "[part]"));
    CHECK(contains(failure(model, directory / name, {.names = {{"a", "dense"}}}), "[names]"));
  }
}

}  // namespace checkpoints
