/// Files of Keras and PyTorch that hold recurrent, 1-D, normalising, attending and other layers, against outputs that
/// the frameworks themselves, or their formulas in float64, gave. They lie beside the project; skipped where they are
/// missing.

#include <iterator>
#include <map>
#include <set>

#include <doctest/doctest.h>

#include <keel/io/load.hpp>

#include "io/fixture_folder.hpp"
#include "temporary_directory.hpp"

namespace layer_files_test {  // a name of its own: the files of a folder are compiled together

using namespace keel;
using namespace keel::formats;

const std::string folder = fixtures + "layers/";

/// Why a file is refused; the others give their known output. What README.md says of these is the same.
const std::map<std::string, std::string> refusals = {};

/// Unpacks the files of a .tar.gz into a directory; their names.
std::vector<std::string> unpack(const std::string& archive, const TemporaryDirectory& to) {
  const Bytes tar = gunzip(read_file(archive), archive);
  const auto field = [&](std::size_t at, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(tar.data()) + at, size);
    return text.substr(0, text.find('\0'));
  };
  std::vector<std::string> names;
  for (std::size_t at = 0; at + 512 <= tar.size() && tar[at] != std::byte{0};) {
    const std::string name = field(at, 100);
    const std::size_t size = std::stoul(field(at + 124, 12), nullptr, 8);
    if (field(at + 156, 1) == "0") {
      to.write(name, {reinterpret_cast<const char*>(tar.data()) + at + 512, size});
      names.push_back(name);
    }
    at += 512 + (size + 511) / 512 * 512;
  }
  return names;
}

std::vector<float> values_of(const NamedArray& array) {
  std::vector<float> values;
  for_each_value(array, [&](Index, auto value) { values.push_back(static_cast<float>(value)); });
  return values;
}
Tensor<float> tensor_of(const NamedArray& array) {
  const std::vector<float> values = values_of(array);
  Tensor<float> tensor(array.shape);
  std::copy(values.begin(), values.end(), tensor.begin());
  return tensor;
}
/// (n, c, l) to (n, l, c) and back.
Tensor<float> turned(const Tensor<float>& x) { return io::permuted(x, {0, 2, 1}); }

/// The largest difference in units of the largest value, or of 1.
double worst(const Tensor<float>& y, const Tensor<float>& wanted) {
  if (!(y.shape() == wanted.shape())) return std::numeric_limits<double>::infinity();
  double largest = 1, difference = 0;
  for (Index i = 0; i < y.size(); ++i) {
    const double d = std::abs(static_cast<double>(y[i]) - static_cast<double>(wanted[i]));
    if (!(d <= difference)) difference = d;
    largest = (std::max)(largest, std::abs(static_cast<double>(wanted[i])));
  }
  return difference / largest;
}

struct Counts {
  int right = 0, refused = 0;

  /// Loads a model and holds it to its output, or to its refusal.
  void file(const std::string& name, const std::string& path, const Tensor<float>& x, const Tensor<float>& wanted) {
    CAPTURE(name);
    const auto refusal = refusals.find(name);
    try {
      const Model<> model = load(path, {.inputs = {x.shape().sample()}});
      const double difference = worst(model.predict(x), wanted);
      CHECK(difference <= 1e-5);
      CHECK(refusal == refusals.end());
      right += difference <= 1e-5;
    } catch (const Error& error) {
      const std::string text = error.what();
      CAPTURE(text);
      CHECK(refusal != refusals.end());
      if (refusal != refusals.end()) CHECK(text.find(refusal->second) != text.npos);
      ++refused;
    }
  }
  /// The same with NAME.in.npy and NAME.out.npy beside it.
  void with_arrays(const std::string& at, const std::string& name, const std::string& extension) {
    file(name, at + name + extension, tensor_of(read_npy(at + name + ".in.npy")),
         tensor_of(read_npy(at + name + ".out.npy")));
  }
  void say(const char* what) const {
    MESSAGE(what << ": " << right << " files give their known output, " << refused << " are refused");
  }
};

/// The first array in a group of an .h5.
const NamedArray& first_in(const Hdf5File& file, const std::string& group) {
  for (const Hdf5Object& object : file.objects)
    if (object.path == group) return file.at(group + "/" + object.children.at(0)).value;
  throw FormatError(file.where, "a group " + group, "none");
}

TEST_CASE("models of tf.keras 2.2.4 give their known outputs") {
  if (no_fixtures()) return;
  const TemporaryDirectory files;
  const std::vector<std::string> names = unpack(folder + "dl4j_tfkeras.tar.gz", files);
  const std::set<std::string> all(names.begin(), names.end());
  Counts counts;
  int alone = 0;
  for (const std::string& name : all) {
    if (!name.ends_with(".h5")) continue;
    const std::string stem = name.substr(0, name.size() - 3);
    if (all.count(stem + ".in.npy"))
      counts.with_arrays(files / "", stem, ".h5");
    else if (const auto refusal = refusals.find(stem); refusal == refusals.end()) {
      CAPTURE(stem);
      CHECK_NOTHROW(load(files / name));  // nobody has computed its output
      ++alone;
    }
  }
  counts.say("tf.keras 2.2.4");
  CHECK(counts.right + counts.refused + alone == 113);
}

TEST_CASE("Conv1D of Keras 2.3.1, with its own predictions") {
  if (no_fixtures()) return;
  Counts counts;
  for (const char* archive : {"dl4j_conv1d_keras_io.tar.gz", "dl4j_causal_conv1d_keras_io.tar.gz"}) {
    const TemporaryDirectory files;
    for (const std::string& name : unpack(folder + archive, files)) {
      if (!name.ends_with("_model.h5")) continue;
      const std::string stem = name.substr(0, name.size() - 9);
      const Hdf5File known = read_hdf5(read_file(files / (stem + "_inputs_and_outputs.h5")), stem);
      const Tensor<float> x = tensor_of(first_in(known, "inputs")), y = tensor_of(first_in(known, "predictions"));
      const bool first = name.find("_cf_") != name.npos;
      counts.file(stem, files / name, first ? turned(x) : x, first ? turned(y) : y);
    }
  }
  counts.say("Conv1D");
  CHECK(counts.right + counts.refused == 40);
}

TEST_CASE("trained models of other projects give their known outputs") {
  if (no_fixtures()) return;
  Counts counts;
  for (const char* name :
       {"masking_two_lstm", "bidirectional_lstm_tensorflow_2", "embedding_lstm_tensorflow_2",
        "embedding_conv1d_flatten_tensorflow_2", "lstm_tensorflow_2", "simple_rnn_tensorflow_2", "mmsplice_intron5"})
    counts.with_arrays(folder, name, ".h5");
  for (const char* name : {"emg_lstm_120ms", "flight_bilstm", "flight_hybrid_conv1d_lstm", "auth_transformer"})
    counts.with_arrays(folder, name, ".keras");
  const Hdf5File known =
      read_hdf5(read_file(folder + "simple_rnn_tf_keras_2_inputs_and_outputs.h5"), "simple_rnn_tf_keras_2");
  counts.file("simple_rnn_tf_keras_2", folder + "simple_rnn_tf_keras_2_model.h5", tensor_of(first_in(known, "inputs")),
              tensor_of(first_in(known, "predictions")));
  counts.say("trained models");
  CHECK(counts.right + counts.refused == 12);
  for (const char* name : {"adadelta.h5", "adamax.h5", "nadam.h5"}) CHECK_NOTHROW(load(folder + name));
}

TEST_CASE("a GRU of two layers trained in PyTorch gives its known output, and goes back as it came") {
  if (no_fixtures()) return;
  const Tensor<float> x = tensor_of(read_npy(folder + "fall_gru.in.npy")),
                      y = tensor_of(read_npy(folder + "fall_gru.out.npy"));
  Sequential model(x.shape().sample());
  model.add(GRU(64, {.return_sequences = true}));
  model.add(GRU(64));
  model.add(BatchNorm(BatchNormOptions::torch()));
  model.add(Dense(32, {.activation = Activation::relu}));
  model.add(Dense(16, {.activation = Activation::relu}));
  model.add(Dense(1, {.activation = Activation::sigmoid}));
  load_weights(model, folder + "fall_gru.pth");
  CHECK(worst(model.predict(x).reshaped(y.shape()), y) <= 1e-5);
  const TemporaryDirectory directory;
  Model<> again = model.clone();
  save(model, directory / "again.pt");
  for (auto& [name, parameter] : again.named_parameters())
    parameter->update([](TensorView<float> value) { value.array() = 0.5f; });
  load_weights(again, directory / "again.pt");
  CHECK(again.predict(x) == model.predict(x));
}

}  // namespace layer_files_test
