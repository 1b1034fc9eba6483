#pragma once
/// Models for inputs of any extents: one for each shape that comes, the last few of them kept.

#include <functional>
#include <list>
#include <mutex>

#include <keel/model/model.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// The same network for inputs of other shapes, without the batch, one for each input in the model's order: its layers
/// are the model's own, so that both have the same weights. Throws ShapeError, naming the layer, where they fit the
/// first shapes alone (a Dense behind a Flatten), or where the number of inputs differs.
///
/// Layers compute as their options say: a network that a file of ONNX gave for one shape may hold numbers of that
/// shape. Load such a file once for each shape.
template <class T>
Model<T> with_input_shapes(const Model<T>& model, const std::vector<Shape>& shapes) {
  if (shapes.size() != model.inputs().size())
    throw ShapeError(model.name().empty() ? "model" : model.name(), std::to_string(model.inputs().size()) + " inputs",
                     std::to_string(shapes.size()));
  Model<T> other(model.options());
  const auto nodes = model.nodes();
  std::vector<Node> place(nodes.size()), first(to_size(model.layer_count()));
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const int input = nth(model.inputs(), static_cast<Index>(i));
    nth(place, input) = other.input(shapes[i], nth(nodes, input).name);
  }
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    if (nodes[n].layer < 0) continue;
    std::vector<Node> from;
    for (const int input : nodes[n].inputs) from.push_back(nth(place, input));
    Node& done = nth(first, nodes[n].layer);
    if (done.index >= 0)
      place[n] = other.share(done, from);
    else
      place[n] = done = other.add(model.any_layer(nodes[n].layer).alias(), from);
  }
  for (const int output : model.outputs()) other.output(nth(place, output));
  return other;
}

struct AnyExtentsOptions {
  /// Models that are kept, each with its plan and its memory; of more shapes the one longest not used goes. Default 8.
  Index most = 8;
};

/// Predicts for inputs of any extents: (None, None, 3) in Keras, sequences of any length. For each shape there is a
/// model, made when the first input of that shape comes; the last few are kept.
///
///     AnyExtents net(load("fcn.keras", {.inputs = {{64, 64, 3}}}));
///     Tensor<float> a = net.predict(x);      // (1, 64, 64, 3)
///     Tensor<float> b = net.predict(y);      // (5, 480, 640, 3)
///
/// `predict` is const and may be called from many threads, as long as no one changes the weights. Throws ShapeError
/// for inputs that the layers do not take, and what making the model throws.
template <class T = float>
class AnyExtents {
 public:
  using Make = std::function<Model<T>(const std::vector<Shape>&)>;  ///< a model for inputs of these shapes

  /// Of a model, whose layers all others share: training or loading it changes them too.
  explicit AnyExtents(Model<T> model, AnyExtentsOptions options = {})
      : AnyExtents(sharing(std::make_shared<Model<T>>(std::move(model))), options) {}
  /// Of what makes a model for each shape: a function that loads a file with it. Throws ConfigError for `most` below 1.
  explicit AnyExtents(Make make, AnyExtentsOptions options = {}) : make_(std::move(make)), most_(options.most) {
    if (most_ < 1) throw ConfigError("AnyExtents", "most of 1 or more", std::to_string(most_));
  }

  /// The model for inputs of these shapes, without the batch; valid as long as the caller holds it.
  std::shared_ptr<Model<T>> model(const std::vector<Shape>& shapes) const {
    const std::lock_guard lock(*mutex_);
    for (auto each = kept_.begin(); each != kept_.end(); ++each)
      if (each->shapes == shapes) {
        kept_.splice(kept_.begin(), kept_, each);
        return each->model;
      }
    auto model = std::make_shared<Model<T>>(make_(shapes));
    prepare(*model);
    kept_.push_front({shapes, model});
    while (count_of(kept_) > most_) kept_.pop_back();
    return model;
  }
  /// How many are kept.
  Index kept() const {
    const std::lock_guard lock(*mutex_);
    return count_of(kept_);
  }

  /// For a model of one input and one output, on a batch (samples, ...).
  Tensor<T> predict(const TensorView<const T>& x) const { return model({x.shape().sample()})->predict(x); }
  /// For any number of inputs and outputs.
  std::vector<Tensor<T>> predict(Inputs<T> x) const {
    std::vector<Shape> shapes;
    for (const TensorView<const T>& each : x) shapes.push_back(each.shape().sample());
    return model(shapes)->predict(x);
  }

 private:
  struct Kept {
    std::vector<Shape> shapes;
    std::shared_ptr<Model<T>> model;
  };
  /// Makes the plan of a model now, while its layers are not those of another that is made.
  static void prepare(const Model<T>& model) {
    std::vector<Tensor<T>> x;
    for (const int input : model.inputs()) x.emplace_back(nth(model.nodes(), input).shape.with_batch(0));
    const std::vector<TensorView<const T>> views(x.begin(), x.end());
    model.predict(Inputs<T>(views));
  }
  static Make sharing(std::shared_ptr<Model<T>> model) {
    return [model](const std::vector<Shape>& shapes) { return with_input_shapes(*model, shapes); };
  }

  Make make_;
  Index most_;
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
  mutable std::list<Kept> kept_;  ///< the one used last in front
};

template <class T>
AnyExtents(Model<T>, AnyExtentsOptions = {}) -> AnyExtents<T>;

}  // namespace KEEL_ABI
}  // namespace keel
