#pragma once
/// What a file of ONNX is to hold.

#include <keel/tensor/abi.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// How images and volumes, samples of three and four axes, lie at a file's inputs and outputs. Rows and sequences are
/// as in keel, features last.
enum class OnnxImages {
  channels_last,  ///< (batch, height, width, channels), as the model has them, by a Transpose at the border
  channels_first  ///< (batch, channels, height, width), as ONNX's operators do
};

struct OnnxOptions {
  /// The version of ONNX's operators, 17 to 25. Debian's checker and runtimes since 2022 know 17, the default.
  int opset = 17;
  /// Order of axes of inputs and outputs that are images; default channels last.
  OnnxImages images = OnnxImages::channels_last;
  /// Whether a BatchNorm goes into the weights of the convolution or Dense before it, where that has no other use; then
  /// the file is not read back as the same model. Default false.
  bool fold_batch_norm = false;
  /// Whether layers do what they do in training: BatchNorm takes the batch's statistics and gives the moving ones,
  /// Dropout drops. Layers with Freeze::layer or Freeze::statistics do not. Default false.
  bool training = false;
};

}  // namespace KEEL_ABI
}  // namespace keel
