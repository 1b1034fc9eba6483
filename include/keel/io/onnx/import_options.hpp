#pragma once
/// The options of reading ONNX.

#include <vector>

#include <keel/layers/batch_norm.hpp>
#include <keel/model/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

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
};

}  // namespace KEEL_ABI
}  // namespace keel
