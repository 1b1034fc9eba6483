#pragma once
/// The one rule for channels-first models: what each class makes of the order of its input's values, and of its axes.

#include <keel/io/keras/options.hpp>
#include <keel/io/keras/value_order.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

/// For one layer of a file. Throws FormatError where the layer would compute something else on channels-last maps.
class KerasOrderRule {
 public:
  KerasOrderRule(const KerasRow& row, const Json& config, const std::string& where, unsigned channels_first)
      : row_(row), config_(config), where_(where), channels_first_(channels_first) {}

  /// The order of the layer's results. Turns the axes among the settings, and moves an activation along an axis that is
  /// not the last in keel into a layer of its own.
  KerasValueOrder follow(KerasSettings& settings, const std::vector<KerasValueOrder>& orders,
                         const std::vector<Shape>& shapes) const {
    split_activation(settings, orders[0]);
    switch (row_.channels_first) {
      case ChannelsFirst::elements: return elements(settings, orders, shapes);
      case ChannelsFirst::images: return images(orders);
      case ChannelsFirst::axis: return along_axis(settings, orders, shapes);
      case ChannelsFirst::flatten: return flatten(orders[0], shapes[0]);
      case ChannelsFirst::reshape: return reshape(settings, orders[0], shapes[0]);
      case ChannelsFirst::plain:
        for (const KerasValueOrder& order : orders)
          if (!order.plain()) refuse("another order of its input");
        return {};
      case ChannelsFirst::last_axis:
        if (orders[0].maps) refuse("the last axis, which is the width of channels-first maps");
        return {};
    }
    return {};
  }

 private:
  using ChannelsFirst = dialects::ChannelsFirst;
  using Form = dialects::Form;
  using Option = dialects::Option;

  [[noreturn]] void refuse(const std::string& what) const {
    throw FormatError(where_, "a layer that keeps the order of channels-first maps", what,
                      "make the model with channels_last in Keras");
  }
  bool says_first() const { return config_.value("data_format", nullptr) == "channels_first"; }

  /// The activation that the settings hold, or null.
  const Option* activation_option() const {
    for (const Option& option : row_.options)
      if (option.form == Form::activation && option.use == dialects::Use::mapped) return &option;
    return nullptr;
  }
  /// softmax on channels-first maps runs along the width: keel has a layer for that.
  void split_activation(KerasSettings& settings, const KerasValueOrder& order) const {
    const Option* const option = order.maps ? activation_option() : nullptr;
    if (!option) return;
    const std::string name = settings.config.get<std::string>(option->keel, "linear");
    if (activation_is_elementwise(activation_from_name(name))) return;
    const dialects::KerasActivationLayer* const layer = dialects::find_row(
        dialects::keras_activation_layers, &dialects::KerasActivationLayer::activation, std::string_view(name));
    if (!layer) refuse(name + " along the width of channels-first maps");
    settings.activation = {{"class_name", std::string(dialects::keras_row(layer->type)->name)},
                           {"config", Json::object({{"axis", -1}})}};
    settings.config.set(option->keel, std::string("linear"));
  }

  KerasValueOrder elements(KerasSettings& settings, const std::vector<KerasValueOrder>& orders,
                           const std::vector<Shape>& shapes) const {
    KerasValueOrder common = orders[0];
    for (std::size_t i = 0; i < orders.size(); ++i)
      if (shapes[i].size() != 1 && !(orders[i] == orders[0])) {
        if (shapes[0].size() != 1) refuse("inputs of several orders");
        common = orders[i];
      }
    if (common.maps)
      for (const Option& option : row_.options)
        if (numbers_of(settings.config, option))
          refuse(std::string(option.key) + " with a number for each place of the last axis");
    order_numbers(settings, common, shapes[0]);
    return common;
  }
  static const std::vector<double>* numbers_of(const Config& config, const Option& option) {
    const Config::Value* const value = option.keel.empty() ? nullptr : config.find(option.keel);
    return value ? std::get_if<std::vector<double>>(value) : nullptr;
  }
  /// Numbers for each value of a row in keel's order.
  void order_numbers(KerasSettings& settings, const KerasValueOrder& order, const Shape& shape) const {
    for (const Option& option : row_.options) {
      const std::vector<double>* const given = numbers_of(settings.config, option);
      if (!given || order.segments.empty()) continue;
      if (static_cast<Index>(given->size()) != shape.size())
        throw FormatError(where_ + ": " + std::string(option.key), std::to_string(shape.size()) + " numbers",
                          std::to_string(given->size()));
      std::vector<double> ordered;
      for (const Index at : positions(order)) ordered.push_back((*given)[static_cast<std::size_t>(at)]);
      settings.config.set(option.keel, std::move(ordered));
    }
  }

  KerasValueOrder images(const std::vector<KerasValueOrder>& orders) const {
    const bool said = config_.value("data_format", nullptr).is_string();
    for (const KerasValueOrder& order : orders)
      if (said && says_first() != order.maps)
        throw FormatError(where_, "one data_format in all layers",
                          order.maps ? "channels_last behind channels_first" : "channels_first behind channels_last",
                          "make the model with one of them in Keras");
    return orders[0];
  }

  KerasValueOrder along_axis(KerasSettings& settings, const std::vector<KerasValueOrder>& orders,
                             const std::vector<Shape>& shapes) const {
    const bool maps = orders[0].maps;
    for (const KerasValueOrder& order : orders)
      if (order.maps != maps) refuse("inputs of several orders");
    const Index rank = shapes[0].rank() + 1;
    bool features = true;  // whether the axis is that of the features
    for (const Option& option : row_.options) {
      if (option.use != dialects::Use::mapped || (option.form != Form::axis && option.form != Form::axes)) continue;
      if (!is_first(option)) continue;
      if (option.key == "axis" && !settings.config.find(option.keel)) settings.config.set(option.keel, Index{-1});
      features = turn(settings.config, option, rank, maps);
    }
    order_numbers(settings, orders[0], shapes[0]);
    if (!row_.takes_list) return orders[0];
    if (!features || rank != 2) return orders[0];
    return joined(orders, shapes, where_);
  }
  /// Whether no option before it in the row, of another version of Keras, is the same in keel.
  bool is_first(const Option& option) const {
    for (const Option& each : row_.options)
      if (each.keel == option.keel) return &each == &option;
    return true;
  }
  /// Whether the axis, if it is one, is the last in keel.
  bool turn(Config& config, const Option& option, Index rank, bool maps) const {
    const Config::Value* const value = config.find(option.keel);
    if (!value) return true;
    if (const Index* const one = std::get_if<Index>(value)) {
      const Index turned = turned_axis(*one, rank, maps);
      config.set(option.keel, turned);
      return turned == -1;
    }
    std::vector<Index> axes = std::get<std::vector<Index>>(*value);
    const bool one = option.key == "axis" && axes.size() == 1;
    // of several axes, the weights would have to be turned too
    if (maps && option.key == "axis" && axes.size() > 1) refuse("several axes of channels-first maps");
    for (Index& axis : axes) axis = one || maps ? turned_axis(axis, rank, maps) : axis;
    for (Index& axis : axes)
      if (!one && axis == -1) axis = rank - 1;
    if (one)
      config.set(option.keel, axes[0]);
    else
      config.set(option.keel, axes);
    return one && axes[0] == -1;
  }

  /// channels_first brings axis 1 to the end before the values are put in a row.
  KerasValueOrder flatten(const KerasValueOrder& order, const Shape& shape) const {
    if (order.maps) return says_first() ? KerasValueOrder{} : flattened(shape, file_axes(shape.rank()));
    if (!says_first() || shape.rank() < 2) return order;
    std::vector<std::size_t> axes;
    for (std::size_t axis = 1; axis < static_cast<std::size_t>(shape.rank()); ++axis) axes.push_back(axis);
    axes.push_back(0);
    return flattened(shape, std::move(axes));
  }

  KerasValueOrder reshape(KerasSettings& settings, const KerasValueOrder& order, const Shape& shape) const {
    const Option& option = *std::find_if(row_.options.begin(), row_.options.end(),
                                         [](const Option& each) { return each.form == Form::extents; });
    std::vector<Index> target = settings.config.get<std::vector<Index>>(option.keel, {});
    if (target.size() == 1) return order.maps ? flattened(shape, file_axes(shape.rank())) : order;
    fill(target, shape.size());
    const KerasValueOrder values = order.maps ? flattened(shape, file_axes(shape.rank())) : order;
    if (channels_first_ >> (target.size() - 1) & 1u) {
      KerasSegment maps{shape.size(), target, file_axes(static_cast<Index>(target.size()))};
      std::rotate(maps.keel.begin(), maps.keel.begin() + 1, maps.keel.end());
      const bool same = values.segments == std::vector<KerasSegment>{maps};
      if (same || (values.plain() && flattened(Shape(maps.keel), maps.axes).plain())) {
        settings.config.set(option.keel, maps.keel);
        return {true, {}};
      }
    }
    if (!values.plain()) refuse("another shape of flattened channels-first maps");
    return {};
  }
  /// keel's axes of maps of that rank in the file's order: channels, then the others.
  static std::vector<std::size_t> file_axes(Index rank) {
    std::vector<std::size_t> axes{static_cast<std::size_t>(rank - 1)};
    for (std::size_t axis = 0; axis + 1 < static_cast<std::size_t>(rank); ++axis) axes.push_back(axis);
    return axes;
  }
  /// Puts a number in the place of -1.
  static void fill(std::vector<Index>& target, Index size) {
    Index known = 1;
    for (const Index extent : target)
      if (extent > 0 && known <= size) known *= extent;
    for (Index& extent : target)
      if (extent == -1 && known > 0) extent = size / known;
  }

  const KerasRow& row_;
  const Json& config_;
  std::string where_;
  unsigned channels_first_;
};

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
