#pragma once
/// The options of reading ONNX.

#include <string>
#include <vector>

#include <keel/layers/batch_norm.hpp>
#include <keel/model/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Which axis of a file's inputs counts samples.
enum class OnnxBatch {
  /// The first, or where recurrent operators have it; where a graph of fixed extents cannot be read so, none.
  automatic,
  first,  ///< as automatic, but a graph that cannot be read so is refused
  /// Every input is one sample as it is: the model has one axis more in front, and does with each sample what the file
  /// does.
  none,
};

/// How a model is made of a file of ONNX.
struct OnnxImportOptions {
  /// Name, seed, threads, and classes of one's own among a keel file's layers.
  ModelOptions model = {};
  /// Shapes of the inputs, without the batch, channels last, for those that the file leaves open; by default the file's.
  std::vector<Shape> inputs = {};
  /// A directory whose files may hold values of the model, as plain names: by default none is opened.
  std::string external_data = {};
  /// Of every BatchNorm; default biased, as ONNX has it.
  MovingVariance moving_variance = MovingVariance::biased;
  /// Which axis counts samples; default automatic.
  OnnxBatch batch = OnnxBatch::automatic;
  /// Takes what a user should know of the way in which the file was read, a line each; default none.
  std::vector<std::string>* notes = nullptr;
  /// Takes the probe (io/probe.hpp) of a file that keel wrote with one, as text; default none.
  std::string* probe = nullptr;
};

}  // namespace KEEL_ABI
}  // namespace keel
