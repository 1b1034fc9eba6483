#pragma once
/// The layers and operators of a Keras configuration as layers of a keel model in the making.

#include <keel/io/keras/description.hpp>
#include <keel/io/keras/operators.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// A place in the graph, and how its values lie in the file.
struct KerasValue {
  Node node;
  KerasValueOrder order{};
  std::optional<Node> mask{};  ///< of its steps
};
/// What a layer is called on: a place, or numbers.
struct KerasOperand {
  std::optional<KerasValue> value{};
  std::vector<double> numbers{};
  std::vector<Index> extents{};  ///< of the numbers, where they run along several axes
};
/// Where a layer stands.
struct KerasContext {
  std::string prefix;            ///< "inner/" of the models around it
  std::optional<bool> training;  ///< as they are called
  bool frozen = false;           ///< whether one of them is not trainable
};

/// Makes a keel model layer by layer.
template <class T>
class KerasLayerBuilder {
 public:
  /// `channels_first`: see channels_first_axes.
  KerasLayerBuilder(const KerasDescriptions& describe, unsigned world, unsigned channels_first,
                    KerasReadOptions options)
      : describe_(describe),
        world_(world),
        channels_first_(channels_first),
        options_(std::move(options)),
        model_(options_.model, options_.weights) {}

  /// A new input of the model. Throws FormatError where its extents are not known, or are others than the caller's.
  KerasValue new_input(const Json& said, const std::string& name) {
    const Shape shape = sample_shape(said.is_null() ? unknown_shape() : said);
    return {model_.input(shape, unique(name)), {has_maps(shape.rank()), {}}};
  }
  /// A layer on these inputs: a new one, or once more the one that it became.
  KerasValue layer(const Json& json, KerasLayer& layer, const std::vector<KerasValue>& inputs,
                   const KerasContext& context, const std::string& where) {
    const Json& config = keras_member(json, "config", where);
    const bool again = layer.layer >= 0;
    if (!layer.settings) {
      layer.settings = KerasOptionReader(*layer.row, world_, where).read(config);
      if (layer.type == dialects::keras_spectral)
        layer.settings->notes.push_back("training does not normalise the weights of the layer inside");
      for (const std::string& note : layer.settings->notes)
        notes_.push_back("layer " + shown(layer.name) + " (" + layer.type + "): " + note);
    }
    if (again) charge(*layer.settings, where);
    KerasSettings settings = *layer.settings;
    KerasOrderRule rule{*layer.row, config, where, channels_first_};
    std::vector<KerasValueOrder> orders;
    std::vector<Shape> shapes;
    for (const KerasValue& input : inputs) {
      orders.push_back(input.order);
      shapes.push_back(shape_of(input));
    }
    KerasValueOrder result = rule.follow(settings, orders, shapes);
    const std::optional<bool> training = training_of(*layer.row, context, where);
    if (again && (layer.training != training || (layer.order != orders[0] && has_weights(layer))))
      throw FormatError(where, "calls alike in training and in the order of their inputs", "others",
                        "keel has one layer for all of its calls");
    layer.training = training;
    const Masks masks = masks_of(*layer.row, settings.config);
    std::vector<Node> nodes = nodes_of(inputs);
    const std::optional<Node> mask = mask_of(masks, inputs, where);
    if (masks == Masks::taken && mask) nodes.push_back(*mask);
    const Node node = again ? model_.share(first_[static_cast<std::size_t>(layer.layer)], nodes, where)
                            : add_layer(json, layer, settings, nodes, context, where);
    layer.order = orders[0];
    result.maps = result.maps && has_maps(shape_of({node, {}}).rank());
    const Node last = add_activation(layer, settings, node, result, where);
    return {last, std::move(result), mask_behind(layer, masks, settings.config, inputs[0], mask, last, where)};
  }
  /// A sum or product of two tensors is a layer; with numbers it is scale x + offset. Functions value by value, sums
  /// along axes and activations are keel's general layers. `options`: of the call.
  KerasValue operate(const Json& json, KerasLayer& layer, const std::vector<KerasOperand>& operands,
                     const Json& options, const KerasContext& context, const std::string& where) {
    const dialects::KerasOperator& row = operator_of(json, layer, where);
    const std::string name = layer.layer >= 0 ? "" : unique(context.prefix + layer.name);
    std::vector<KerasValue> values;
    for (const KerasOperand& operand : operands) {
      if (operand.value) values.push_back(*operand.value);
      if (operand.value && operand.value->mask)
        throw FormatError(where, "an operator on values without a mask", "a masked sequence",
                          "keel does not have this");
    }
    const auto add = [&](std::string_view type, const Config& config) {
      if (layer.layer >= 0) return model_.share(first_[static_cast<std::size_t>(layer.layer)], nodes_of(values), where);
      const Node node = add_new(type, config, name, nodes_of(values), where);
      layer.layer = model_.layer_count() - 1;
      return node;
    };
    for (const KerasValue& value : values)
      if (!(value.order == values[0].order))
        throw FormatError(where, "tensors whose values lie alike", "channels-first maps that were flattened");
    if (operands.size() == 2 && values.size() == 2 && !row.type.empty())
      return {add(alike(values) ? row.type : dialects::keras_elementwise,
                  alike(values) ? Config() : Config{{"function", std::string(row.keel)}}),
              values[0].order};
    std::vector<bool> tensors;
    std::vector<double> numbers;
    std::vector<Index> along;
    for (const KerasOperand& operand : operands) {
      tensors.push_back(operand.value.has_value());
      if (operand.value) continue;
      numbers = operand.numbers;
      along = operand.extents;
    }
    if (const auto general = keras_operation(row, all_options(json, options, where), tensors, numbers, along, where)) {
      if (row.does == dialects::Arithmetic::reduction && !values[0].order.plain())
        throw FormatError(where, "a reduction of values that lie as in keel", "channels-first maps");
      if (general->constant.empty()) return {add(general->type, general->config), values[0].order};
      if (layer.layer >= 0 || !values[0].order.plain())
        throw FormatError(where, "several numbers in one call, for values that lie as in keel", "others",
                          "keel does not have this");
      const Node node = add(general->type, general->config);
      Parameter<T>& constant = *model_.layer(layer.layer).parameters()[0];
      Tensor<T> held(constant.shape());
      std::transform(general->constant.begin(), general->constant.end(), held.begin(),
                     [](double number) { return static_cast<T>(number); });
      constant.set(std::move(held));
      return {node, values[0].order};
    }
    if (values.size() != 1 || operands.size() != (row.does == dialects::Arithmetic::negative ? 1u : 2u))
      throw FormatError(where, "an operator on one tensor and numbers", std::to_string(values.size()) + " tensors",
                        "keel does not have this");
    const bool first = operands[0].value.has_value();
    std::vector<double> scale{1}, offset{0};
    scale_and_offset(row, first, operands.size() == 2 ? operands[first ? 1 : 0].numbers : std::vector<double>{}, scale,
                     offset, where);
    const std::vector<Index>& extents = operands.back().value ? operands[0].extents : operands.back().extents;
    if (extents.size() > 1) return {scale_all(scale, offset, extents, values[0], name, layer, where), values[0].order};
    return {add(dialects::keras_scaling,
                {{"scale", setting(scale, values[0], where)}, {"offset", setting(offset, values[0], where)}}),
            values[0].order};
  }
  /// Ends the model with these outputs; one output of a chain is a Sequential.
  void finish(const std::vector<KerasValue>& outputs, bool chain, const std::string& name) {
    for (const KerasValue& output : outputs)
      if (!output.order.segments.empty())
        throw FormatError(where() + ": " + shown(name), "outputs whose values lie as in Keras",
                          "flattened channels-first maps",
                          "end the model before the Flatten, or with a Dense behind it");
    for (const KerasValue& output : outputs)
      if (chain)
        model_.finish(output.node);
      else
        model_.output(output.node);
    say_moving_variance();
  }
  /// The model, and what is to be said about it.
  KerasModel<T> take(KerasLayer root) { return {std::move(model_), std::move(root), std::move(notes_)}; }

 private:
  using KerasRow = dialects::KerasRow;
  using Kind = dialects::KerasKind;

  using Masks = dialects::Masks;

  const std::string& where() const { return describe_.where(); }
  /// Embedding makes a mask only if asked.
  static Masks masks_of(const KerasRow& row, const Config& config) {
    const bool asked = !config.find(dialects::keras_mask_zero) || config.get<bool>(dialects::keras_mask_zero, false);
    return row.masks == Masks::made && !asked ? Masks::dropped : row.masks;
  }
  /// The mask that the layer's inputs bring. Where several do it has to be one.
  static std::optional<Node> mask_of(Masks masks, const std::vector<KerasValue>& inputs, const std::string& where) {
    std::optional<Node> mask;
    for (const KerasValue& input : inputs) {
      if (!input.mask) continue;
      if (masks == Masks::refused)
        throw FormatError(where, "an input without a mask", "one with a mask",
                          "keel does not have this layer with masks");
      if (mask && mask->index != input.mask->index)
        throw FormatError(where, "inputs with one mask", "several masks", "keel does not have this");
      mask = input.mask;
    }
    return mask;
  }
  std::optional<Node> mask_behind(KerasLayer& layer, Masks masks, const Config& config, const KerasValue& input,
                                  const std::optional<Node>& mask, Node result, const std::string& where) {
    if (masks == Masks::kept || (masks == Masks::taken && shape_of({result}).rank() > 1)) return mask;
    if (masks != Masks::made) return std::nullopt;
    const std::vector<Node> from{input.node};
    if (layer.mask >= 0) return model_.share(first_[static_cast<std::size_t>(layer.mask)], from, where);
    Config value;
    if (const Config::Value* const given = config.find(dialects::keras_mask_value))
      value.set(dialects::keras_mask_value, *given);
    const Node made =
        add_new(dialects::keras_mask, value, unique(model_.layer(layer.layer).name() + "_mask"), from, where);
    layer.mask = model_.layer_count() - 1;
    return made;
  }
  /// Whether samples of that rank are maps whose channels come first.
  bool has_maps(Index rank) const { return rank > 1 && (channels_first_ >> (rank - 1) & 1u) != 0; }
  /// A batch shape of which nothing but the rank is known: the caller's, where there is one.
  Json unknown_shape() const {
    if (options_.inputs.empty())
      throw FormatError(
          where(), "the shape of the input", "a Sequential that was never built",
          "begin it with an Input in Keras, or call its build(), and save it again; or pass the shape to load");
    Json shape = Json::array({nullptr});
    for (Index i = 0; i < options_.inputs[0].rank(); ++i) shape.push_back(nullptr);
    return shape;
  }
  /// The shape of the next input in keel's order; extents that the file leaves open are the caller's.
  Shape sample_shape(const Json& batch_shape) {
    if (!batch_shape.is_array() || batch_shape.empty())
      throw FormatError(where(), "an input shape", batch_shape.dump().substr(0, 80));
    std::vector<Index> dims;
    for (std::size_t i = 1; i < batch_shape.size(); ++i) {
      const Json& extent = batch_shape[i];
      if (!extent.is_null() && !extent.is_number_integer())
        throw FormatError(where(), "an input shape of integers", batch_shape.dump().substr(0, 80));
      dims.push_back(extent.is_null() ? -1 : extent.get<Index>());
    }
    if (has_maps(static_cast<Index>(dims.size()))) std::rotate(dims.begin(), dims.begin() + 1, dims.end());
    const std::size_t input = model_.inputs().size();
    const bool given = input < options_.inputs.size();
    if (!given && std::count(dims.begin(), dims.end(), -1) != 0)
      throw FormatError(where(), "an input whose extents are known", batch_shape.dump().substr(0, 80),
                        "make the model with a whole Input shape in Keras, or pass its shape to load, "
                        "{.inputs = {{height, width, channels}}}");
    if (!given) return Shape(std::span<const Index>(dims));
    const Shape& shape = options_.inputs[input];
    bool fits = shape.rank() == static_cast<Index>(dims.size());
    for (Index i = 0; fits && i < shape.rank(); ++i)
      fits = dims[static_cast<std::size_t>(i)] < 0 || dims[static_cast<std::size_t>(i)] == shape[i];
    if (!fits)
      throw FormatError(where(), "an input " + std::to_string(input) + " of shape " + batch_shape.dump().substr(0, 80),
                        shape.to_string() + " from the caller", "shapes are without the batch, channels last");
    return shape;
  }
  std::string unique(const std::string& name) {
    std::string result = name;
    for (int i = 1; !names_.insert(result).second; ++i) result = name + "_" + std::to_string(i);
    return result;
  }
  bool has_weights(const KerasLayer& layer) { return !model_.layer(layer.layer).parameters().empty(); }
  const Shape& shape_of(const KerasValue& value) const {
    return model_.nodes()[static_cast<std::size_t>(value.node.index)].shape;
  }
  static std::vector<Node> nodes_of(const std::vector<KerasValue>& values) {
    std::vector<Node> nodes;
    nodes.reserve(values.size());
    for (const KerasValue& value : values) nodes.push_back(value.node);
    return nodes;
  }
  /// A small file may not ask for long settings in many calls.
  void charge(const KerasSettings& settings, const std::string& where) {
    std::size_t values = 1;
    for (const auto& [name, value] : settings.config.entries())
      if (const auto* const integers = std::get_if<std::vector<Index>>(&value))
        values += integers->size();
      else if (const auto* const numbers = std::get_if<std::vector<double>>(&value))
        values += numbers->size();
    work_.charge(values, where);
  }
  /// What `training` in a call asks of a layer; nothing where it makes no difference.
  std::optional<bool> training_of(const KerasRow& row, const KerasContext& context, const std::string& where) const {
    if (row.training == dialects::Training::same || !context.training) return std::nullopt;
    if (*context.training)
      throw FormatError(where, "calls without training=True", "training=True",
                        "keel's layers act as in training in fit alone; call it without in Keras and save it again");
    return false;
  }

  /// Regularizers and constraints of the file, and what keel kept beside them.
  static void set_rules(const KerasSettings& settings, const Json& kept, Layer<T>& layer, const std::string& where) {
    for (Parameter<T>* p : layer.parameters())
      if (const auto found = settings.rules.find(keras_rule_owner(p->name())); found != settings.rules.end())
        p->rule = found->second;
    if (const Json* const rules = kept.find("rules")) io::set_rules(layer, *rules, where);
  }
  /// A new keel layer.
  Node add_layer(const Json& json, KerasLayer& layer, KerasSettings& settings, const std::vector<Node>& nodes,
                 const KerasContext& context, const std::string& where) {
    const KerasRow& row = *layer.row;
    // keel writes a name in full where another model has the same
    const std::string full = layer.name.starts_with(context.prefix) ? layer.name : context.prefix + layer.name;
    const Json kept = options_.kept.is_object() ? options_.kept.value(full, {}) : Json();
    take_kept(row, kept, settings.config, where);
    const bool never = layer.training == false && row.training == dialects::Training::drops;
    if (never)
      notes_.push_back("layer " + shown(layer.name) + " (" + layer.type +
                       "): called with training=False, it never does anything and is the identity here");
    const std::string_view type = never ? dialects::keras_identity : row.type;
    const Node node = add_new(type, never ? Config() : settings.config, unique(full), nodes, where);
    layer.layer = model_.layer_count() - 1;
    set_rules(settings, kept, model_.layer(layer.layer), where);
    const bool freeze = context.frozen || says_frozen(json);
    if (freeze) model_.layer(layer.layer).freeze(Freeze::layer);
    if (const Json* const how = kept.find("frozen")) freeze_as(layer, *how, where);
    if (layer.training == false && row.training == dialects::Training::statistics && !freeze)
      model_.layer(layer.layer).freeze(Freeze::statistics);
    return node;
  }
  Node add_new(std::string_view type, const Config& config, const std::string& name, const std::vector<Node>& nodes,
               const std::string& where) {
    AnyLayer<T> made = [&] {
      try {
        return make_layer<T>(type, config);
      } catch (const Error& error) {
        throw FormatError(where, error.expected(), error.got(), error.hint());
      }
    }();
    made->rename(name);
    const Node node = model_.add(std::move(made), nodes, where);
    first_.push_back(node);
    return node;
  }
  /// Today's Keras reads the same file as biased; tf.keras of Keras 2 kept n / (n - 1) of it on images.
  void say_moving_variance() {
    if (world_ == dialects::keras2 && statistics_)
      notes_.emplace_back(
          options_.unbiased
              ? "moving variances are the unbiased ones, as asked for"
              : "moving variances are the biased ones, as in Keras 3; tf.keras of Keras 2 keeps the "
                "unbiased ones on images, which load gives with .moving_variance = MovingVariance::unbiased");
  }
  void take_kept(const KerasRow& row, const Json& kept, Config& config, const std::string& where) {
    statistics_ = statistics_ || row.training == dialects::Training::statistics;
    if (row.training == dialects::Training::statistics && options_.unbiased) config.set("unbiased", true);
    for (const dialects::Option& option : row.options)
      if (const Json* const value = keeps(option) ? kept.find(option.keel) : nullptr)
        config.set(option.keel, to_config(Json::object({{"value", *value}}), where).entries()[0].second);
  }
  static bool keeps(const dialects::Option& option) {
    return option.use == dialects::Use::kept || option.use == dialects::Use::padding;
  }
  void freeze_as(KerasLayer& layer, const Json& how, const std::string& where) {
    if (how != "gradients") throw FormatError(where, "frozen gradients", how.dump().substr(0, 80));
    model_.layer(layer.layer).freeze(Freeze::gradients);
  }

  /// What stands behind a layer whose activation is a layer, or is one over an axis that is not the last in keel.
  Node add_activation(KerasLayer& layer, const KerasSettings& settings, Node node, KerasValueOrder& order,
                      const std::string& where) {
    if (settings.activation.is_null() && settings.function.empty()) return node;
    if (layer.activation >= 0)
      return model_.share(first_[static_cast<std::size_t>(layer.activation)], std::vector<Node>{node}, where);
    const bool named = !settings.function.empty();
    const std::string type =
        named ? settings.function : keras_text(settings.activation, "class_name", where + ": activation");
    const KerasRow* const row = named ? dialects::keras_row(type) : dialects::keras_class(type);
    if (!row || row->kind != Kind::layer)
      throw FormatError(where + ": activation", "a function or a layer that keel has", "class " + shown(type),
                        "build the model in code and use load_weights");
    const std::string place = where + ": activation (" + type + ")";
    const Json config = named ? Json::object() : keras_member(settings.activation, "config", place);
    KerasSettings own = KerasOptionReader(*row, world_, place).read(config);
    order = KerasOrderRule{*row, config, place, channels_first_}.follow(own, {order}, {shape_of({node, {}})});
    const std::string name = unique(model_.layer(layer.layer).name() + "_activation");
    const Node result = add_new(row->type, own.config, name, {node}, place);
    layer.activation = model_.layer_count() - 1;
    if (!model_.layer(layer.activation).parameters().empty())
      throw FormatError(place, "an activation without weights", "one with weights",
                        "put it behind the layer in Keras and save it again");
    return result;
  }

  /// With a number for each value of a sample: on the values in a row, which then take their shape again.
  Node scale_all(const std::vector<double>& scale, const std::vector<double>& offset, const std::vector<Index>& extents,
                 const KerasValue& value, const std::string& name, KerasLayer& layer, const std::string& where) {
    const Shape shape = shape_of(value);
    if (!value.order.plain() || layer.layer >= 0 || !(shape == Shape(extents)))
      throw FormatError(where,
                        "numbers along the last axis, or, in one call, of the input's shape " + shape.to_string(),
                        Shape(extents).to_string(), "keel does not have this");
    const std::vector<Index> dims(shape.begin(), shape.end());
    const Node row = add_new(dialects::keras_reshape, {{"target_shape", std::vector<Index>{-1}}}, unique(name + "_row"),
                             {value.node}, where);
    const auto numbers = [](const std::vector<double>& all) {
      return all.size() == 1 ? Config::Value(all[0]) : Config::Value(all);
    };
    const Node scaled =
        add_new(dialects::keras_scaling, {{"scale", numbers(scale)}, {"offset", numbers(offset)}}, name, {row}, where);
    layer.layer = model_.layer_count() - 1;
    return add_new(dialects::keras_reshape, {{"target_shape", dims}}, unique(name + "_shape"), {scaled}, where);
  }

  /// An operator's options in its configuration and in its call.
  static Json all_options(const Json& json, const Json& of_call, const std::string& where) {
    Json all = Json::object();
    for (const auto& [key, value] : keras_member(json, "config", where).items()) {
      if (key == "dtype" && plain(value).is_string() && plain(value).text().find("float") == std::string::npos)
        throw FormatError(where, "an operator on real numbers", "dtype " + shown(plain(value).text()));
      if (key != "name" && key != "trainable" && key != "dtype" && key != "function") all[key] = value;
    }
    if (of_call.is_object())
      for (const auto& [key, value] : of_call.items()) all[key] = value;
    return all;
  }
  /// Whether the layer of the operator takes these shapes: a sum wants equal ones.
  bool alike(const std::vector<KerasValue>& values) const {
    return std::all_of(values.begin(), values.end(),
                       [&](const KerasValue& value) { return shape_of(value) == shape_of(values[0]); });
  }

  const dialects::KerasOperator& operator_of(const Json& json, const KerasLayer& layer,
                                             const std::string& where) const {
    const Json function = keras_member(json, "config", where).value("function", nullptr);
    const dialects::KerasOperator* const row =
        function.is_string()
            ? dialects::find_row(dialects::keras_operators, &dialects::KerasOperator::function, function.text())
            : dialects::find_row(dialects::keras_operators, &dialects::KerasOperator::name, layer.type);
    if (row) return *row;
    std::string names;
    for (const dialects::KerasOperator& each : dialects::keras_operators)
      names += (names.empty() ? "" : ", ") + std::string(each.name);
    throw FormatError(where, "an operator that keel has: " + names,
                      function.is_string() ? "function " + shown(function.text()) : "class " + shown(layer.type),
                      "build the model in code, with a layer of your own, and use load_weights");
  }
  /// A number, or one a channel in the order in which the value lies in keel.
  Config::Value setting(const std::vector<double>& numbers, const KerasValue& value, const std::string& where) const {
    if (numbers.size() == 1) return numbers[0];
    if (value.order.maps)
      throw FormatError(where, "one number for channels-first maps", std::to_string(numbers.size()));
    if (value.order.plain()) return numbers;
    if (static_cast<Index>(numbers.size()) != shape_of(value).back())
      throw FormatError(where, std::to_string(shape_of(value).back()) + " numbers", std::to_string(numbers.size()));
    std::vector<double> turned;
    turned.reserve(numbers.size());
    for (const Index at : positions(value.order)) turned.push_back(numbers.at(static_cast<std::size_t>(at)));
    return turned;
  }
  static void scale_and_offset(const dialects::KerasOperator& row, bool tensor_first,
                               const std::vector<double>& numbers, std::vector<double>& scale,
                               std::vector<double>& offset, const std::string& where) {
    using dialects::Arithmetic;
    const auto each = [&](auto&& f) {
      std::vector<double> result;
      for (const double number : numbers) result.push_back(f(number));
      return result;
    };
    switch (row.does) {
      case Arithmetic::sum: offset = numbers; return;
      case Arithmetic::product: scale = numbers; return;
      case Arithmetic::negative: scale = {-1}; return;
      case Arithmetic::difference:
        offset = tensor_first ? each([](double number) { return -number; }) : numbers;
        if (!tensor_first) scale = {-1};
        return;
      case Arithmetic::quotient:
        if (!tensor_first) throw FormatError(where, "a tensor divided by numbers", "numbers divided by a tensor");
        scale = each([](double number) { return 1 / number; });
        return;
      case Arithmetic::function:
      case Arithmetic::reduction:
      case Arithmetic::activation: return;  // these are no scale and no offset
    }
  }

  const KerasDescriptions& describe_;
  unsigned world_, channels_first_;
  bool statistics_ = false;
  KerasReadOptions options_;
  ModelBuilder<T> model_;
  std::vector<Node> first_;  // of each layer of the model
  std::set<std::string> names_;
  std::vector<std::string> notes_;
  Budget work_{std::uint64_t{1} << 24};
};

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
