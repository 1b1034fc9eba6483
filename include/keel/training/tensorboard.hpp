#pragma once
/// Logs for TensorBoard. protozero is needed, headers alone (Debian: libprotozero-dev).

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <keel/formats/event_file.hpp>
#include <keel/formats/png_write.hpp>
#include <keel/formats/protobuf.hpp>
#include <keel/training/callbacks.hpp>

#if KEEL_HAS_PROTOBUF
#include <protozero/pbf_writer.hpp>
#endif

namespace keel {
inline namespace KEEL_ABI {

#if KEEL_HAS_PROTOBUF

/// One log that TensorBoard shows as a run: a new file of events in a folder. What several have in the same folder, it joins.
///
///     TensorBoardLog log("logs/mine");
///     log.scalar("distance", step, 0.25);
///
/// Functions throw FormatError where the file cannot be written. Sources: tensorflow/core/util/event.proto,
/// tensorflow/core/framework/summary.proto, histogram.proto, graph.proto.
class TensorBoardLog {
 public:
  /// Makes the folder, where it is not there.
  explicit TensorBoardLog(const std::string& folder) : file_(std::make_shared<formats::EventFile>(folder)) {
    event(0, [](Writer& e) { e.add_string(3, "brain.Event:2"); });
  }
  /// The file.
  const std::string& path() const { return file_->path(); }

  /// A point of a curve.
  void scalar(const std::string& tag, Index step, double value) {
    summary(tag, step, [&](Writer& v) { v.add_float(2, static_cast<float>(value)); });
  }
  /// How values are distributed: 30 buckets of one width from the least to the largest. NaN and infinity are left out.
  template <class T>
  void histogram(const std::string& tag, Index step, const Tensor<T>& values) {
    constexpr std::size_t buckets = 30;
    double least = HUGE_VAL, most = -HUGE_VAL, sum = 0, squares = 0, count = 0;
    for (const T value : values) {
      const double x = static_cast<double>(value);
      if (!is_finite(x)) continue;
      least = (std::min)(least, x);
      most = (std::max)(most, x);
      sum += x;
      squares += x * x;
      ++count;
    }
    if (count == 0) return;
    const double spread = (most - least) / static_cast<double>(buckets), width = spread > 0 ? spread : 1;
    std::vector<double> limits, counts(buckets);
    for (std::size_t i = 1; i <= buckets; ++i) limits.push_back(least + width * static_cast<double>(i));
    if (spread > 0) limits.back() = most;
    for (const T value : values) {
      const double x = static_cast<double>(value),
                   place = (x - least) / width;  // NaN where the range is beyond double's
      if (is_finite(x)) ++counts[place < static_cast<double>(buckets) ? static_cast<std::size_t>(place) : buckets - 1];
    }
    summary(tag, step, [&](Writer& v) {
      Writer h(v, 5);
      const std::array<double, 5> numbers{least, most, count, sum, squares};
      for (std::size_t i = 0; i < numbers.size(); ++i) h.add_double(static_cast<std::uint32_t>(i + 1), numbers[i]);
      h.add_packed_double(6, limits.begin(), limits.end());
      h.add_packed_double(7, counts.begin(), counts.end());
    });
  }
  /// An image of 1, 3 or 4 channels, (height, width, channels); 0 is dark, 1 light. Throws ShapeError for another shape.
  template <class T>
  void image(const std::string& tag, Index step, const Tensor<T>& values) {
    const Shape shape = values.shape();
    if (shape.rank() != 3 || (shape[2] != 1 && shape[2] != 3 && shape[2] != 4) || shape.size() == 0)
      throw ShapeError("TensorBoardLog", "an image (height, width, 1, 3 or 4)", shape.to_string());
    std::vector<std::uint8_t> pixels;
    for (const T value : values) {
      const double x = static_cast<double>(value);
      pixels.push_back(static_cast<std::uint8_t>(x > 0 ? (std::min)(x, 1.0) * 255 + 0.5 : 0));  // NaN is dark
    }
    summary(tag, step, [&](Writer& v) {
      Writer i(v, 4);
      i.add_int32(1, static_cast<std::int32_t>(shape[0]));
      i.add_int32(2, static_cast<std::int32_t>(shape[1]));
      i.add_int32(3, static_cast<std::int32_t>(shape[2]));
      i.add_bytes(4, formats::png(pixels, shape[0], shape[1], shape[2]));
    });
  }
  /// The model's graph: a node for each input and layer.
  template <class T>
  void graph(const Model<T>& model) {
    std::string definition;
    Writer g(definition);
    for (const NodeInfo& info : model.nodes()) {
      Writer node(g, 1);
      node.add_string(1, info.name);
      node.add_string(2, info.layer < 0 ? std::string("Placeholder") : model.layer(info.layer).type());
      for (const int input : info.inputs) node.add_string(3, nth(model.nodes(), input).name);
    }
    {
      Writer versions(g, 4);
      versions.add_int32(1, 22);
    }
    event(0, [&](Writer& e) { e.add_bytes(4, definition); });
  }

 private:
  using Writer = protozero::pbf_writer;

  template <class F>
  void event(Index step, F&& what) {
    const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
    std::string content;
    Writer e(content);
    e.add_double(1, now.count());
    if (step != 0) e.add_int64(2, step);
    what(e);
    file_->write(content);
  }
  template <class F>
  void summary(const std::string& tag, Index step, F&& what) {
    event(step, [&](Writer& e) {
      Writer s(e, 5);
      Writer v(s, 1);
      v.add_string(1, tag);
      what(v);
    });
  }

  std::shared_ptr<formats::EventFile> file_;
};

struct TensorBoardOptions {
  Index batches = 0;          ///< scores of the epoch so far every so many steps, "batch_loss"; 0: after epochs alone
  Index histogram_freq = 0;   ///< histograms of all weights every so many epochs; 0: none
  bool write_graph = true;    ///< the model's graph
  bool write_images = false;  ///< kernels of 2-D convolutions as pictures, with the histograms, or each epoch without
};

/// Logs a run for `tensorboard --logdir logs`: `fit(model, train, {.callbacks = {TensorBoard("logs")}})`. Scores go to
/// logs/train and logs/validation as "epoch_loss" and so on, as Keras's TensorBoard does it. A run that is resumed writes
/// a new file beside the old. Throws ConfigError for options below 0, FormatError where a file cannot be written.
template <class T = float>
class TensorBoard : public Callback<T> {
 public:
  explicit TensorBoard(std::string folder, TensorBoardOptions options = {})
      : folder_(std::move(folder)), options_(options) {
    detail::check_positive("TensorBoard", "batches", static_cast<double>(options_.batches), true);
    detail::check_positive("TensorBoard", "histogram_freq", static_cast<double>(options_.histogram_freq), true);
  }
  KEEL_REFUSE_OTHER_OPTIONS(TensorBoard)
  void on_train_begin(Training<T>& run) override {
    train_.reset();
    validation_.reset();
    if (run.rank != 0) return;
    train_.emplace(folder_ + "/train");
    if (options_.write_graph) train_->graph(run.model);
  }
  void on_batch_end(Training<T>& run) override {
    const Index step = run.optimizer.iteration();
    if (train_ && options_.batches > 0 && step % options_.batches == 0)
      for (const auto& [name, value] : run.scores.entries()) train_->scalar("batch_" + name, step, value);
  }
  void on_epoch_end(Training<T>& run) override {
    if (!train_) return;
    for (const auto& [name, value] : run.scores.entries()) {
      const bool held_out = name.starts_with("val_");
      if (held_out && !validation_) validation_.emplace(folder_ + "/validation");
      (held_out ? *validation_ : *train_).scalar("epoch_" + (held_out ? name.substr(4) : name), run.epoch, value);
    }
    train_->scalar("epoch_learning_rate", run.epoch, run.optimizer.learning_rate());
    const bool now = options_.histogram_freq > 0 && run.epoch % options_.histogram_freq == 0;
    for (const auto& [name, parameter] : run.model.named_parameters()) {
      if (now) train_->histogram(name + "/histogram", run.epoch, parameter->value());
      if (options_.write_images && (now || options_.histogram_freq == 0) && parameter->value().rank() == 4)
        train_->image(name + "/image", run.epoch, filters(parameter->value()));
    }
  }

 private:
  /// A kernel (height, width, channels, filters) as one grey picture: filters to the right, channels downwards, a dark
  /// line between them; 0 is its least value.
  static Tensor<T> filters(const Tensor<T>& kernel) {
    const Shape s = kernel.shape();
    Tensor<T> picture({s[2] * (s[0] + 1) - 1, s[3] * (s[1] + 1) - 1, 1});
    const auto [least, most] = std::minmax_element(kernel.begin(), kernel.end());
    const T range = *most > *least ? *most - *least : T(1);
    for (Index y = 0; y < s[0]; ++y)
      for (Index x = 0; x < s[1]; ++x)
        for (Index c = 0; c < s[2]; ++c)
          for (Index f = 0; f < s[3]; ++f)
            picture(c * (s[0] + 1) + y, f * (s[1] + 1) + x, 0) = (kernel(y, x, c, f) - *least) / range;
    return picture;
  }

  std::string folder_;
  TensorBoardOptions options_;
  std::optional<TensorBoardLog> train_, validation_;
};

#else

template <class T = float>
class TensorBoard {
  static_assert(sizeof(T) == 0, "keel::TensorBoard needs protozero (Debian: apt install libprotozero-dev)");
};

#endif

}  // namespace KEEL_ABI
}  // namespace keel
