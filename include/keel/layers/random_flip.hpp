#pragma once
/// Images mirrored at random.

#include <keel/layers/base/training_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

struct RandomFlipOptions {
  /// Keras's word: "horizontal" mirrors left and right, "vertical" up and down, "horizontal_and_vertical" (default)
  /// both.
  std::string mode = "horizontal_and_vertical";
  /// In the model; by default made from the class.
  std::string name = {};

  template <class F>
  void fields(F&& f) {
    f("mode", mode);
  }
};

/// In training each image is mirrored with probability 1/2, along each axis that `mode` names on its own; in inference
/// y = x.
///
/// Input and output (batch, h, w, channels). Throws ConfigError for another mode. A frozen one still mirrors in
/// training. Keras: RandomFlip; its random numbers cannot be had again. PyTorch: none in torch.nn.
template <class T = float>
class RandomFlip : public TrainingLayer<T> {
 public:
  explicit RandomFlip(RandomFlipOptions options = {}) : TrainingLayer<T>(options.name), options_(std::move(options)) {
    const bool both = options_.mode == "horizontal_and_vertical";
    horizontal_ = both || options_.mode == "horizontal";
    vertical_ = both || options_.mode == "vertical";
    if (!horizontal_ && !vertical_)
      throw ConfigError(this->who(), R"(mode "horizontal", "vertical" or "horizontal_and_vertical")",
                        "\"" + options_.mode + "\"");
  }
  static RandomFlip from_config(const Config& config) { return RandomFlip(read_options<RandomFlipOptions>(config)); }

  const RandomFlipOptions& options() const { return options_; }

  std::string type() const override { return "RandomFlip"; }
  Config config() const override { return with_options({}, options_); }
  Shape output_shape(Shapes inputs) const override { return this->single_input(inputs, 3); }

 private:
  void train(const TensorView<const T>& x, const TensorView<T>& y, Pass<T>& pass) const override {
    std::byte* const record = this->record(pass, 2 * y.shape()[0]);
    this->draw(pass, y.shape()[0], 2, [&](Index n, Rng& rng) {
      const bool down = (rng.next_u32() & 1) && vertical_, right = (rng.next_u32() & 1) && horizontal_;
      if (record) {
        record[2 * n] = std::byte{down};
        record[2 * n + 1] = std::byte{right};
      }
      mirror(x.rows(n, 1), y.rows(n, 1), down, right);
    });
  }
  /// A mirrored image is mirrored back by the same.
  void train_backward(const TensorView<const T>& dy, const TensorView<T>& dx, Pass<T>& pass) override {
    const std::byte* const record = pass.cache->bytes.data();
    for (Index n = 0; n < dy.shape()[0]; ++n)
      mirror(dy.rows(n, 1), dx.rows(n, 1), record[2 * n] == std::byte{1}, record[2 * n + 1] == std::byte{1});
  }
  /// One image, (1, h, w, channels): every row of it as a matrix (w, channels).
  static void mirror(const TensorView<const T>& from, const TensorView<T>& to, bool down, bool right) {
    const Index height = from.shape()[1];
    const Shape row{from.shape()[2], from.shape()[3]};
    for (Index i = 0; i < height; ++i) {
      const TensorView<const T> source(row, from.data() + (down ? height - 1 - i : i) * row.size());
      const TensorView<T> target(row, to.data() + i * row.size());
      if (right)
        target.matrix() = source.matrix().colwise().reverse();
      else
        target.matrix() = source.matrix();
    }
  }

  RandomFlipOptions options_;
  bool horizontal_ = false, vertical_ = false;
};
KEEL_REFUSE_OTHERS(RandomFlip)

KEEL_INSTANCE(class RandomFlip<float>)

}  // namespace KEEL_ABI
}  // namespace keel
