#pragma once
/// Images changed at random in Keras's training, by classes that keel has for their files alone.

#include <keel/layers/base/any_layer.hpp>
#include <keel/layers/base/training_layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// A class of Keras's and its options with their usual values: numbers, "#" before integers, lists with commas, texts.
struct ImageChange {
  std::string_view type, options;
};
inline constexpr ImageChange image_changes[] = {
    {"AugMix",
     "value_range=0,255 num_chains=#3 chain_depth=#3 factor=0.3 alpha=1 all_ops=true "
     "interpolation=bilinear"},  // several chains of changes, mixed
    {"CutMix", "factor=1"},      // a rectangle of another image in each
    {"MixUp", "alpha=0.2"},      // each image mixed with another
    {"RandAugment", "value_range=0,255 num_ops=#2 factor=0.5 interpolation=bilinear"},  // changes drawn from a list
    {"RandomBrightness", "factor=0 value_range=0,255"},                                 // a number added
    {"RandomColorDegeneration", "factor=0 value_range=0,255"},                          // mixed with its gray
    {"RandomColorJitter",
     "value_range=0,255 brightness_factor=0 contrast_factor=0 saturation_factor=0 "
     "hue_factor=0"},  // brightness, contrast, saturation and hue
    {"RandomElasticTransform",
     "factor=1 scale=1 interpolation=bilinear fill_mode=reflect fill_value=0 value_range=0,255"},  // pixels moved
    {"RandomErasing", "factor=1 scale=0.02,0.33 value_range=0,255"},                // a rectangle replaced
    {"RandomGaussianBlur", "factor=1 kernel_size=3 sigma=1 value_range=0,255"},     // blurred
    {"RandomGrayscale", "factor=0.5"},                                              // made gray
    {"RandomHue", "factor=0 value_range=0,255"},                                    // the hue turned
    {"RandomInvert", "factor=1 value_range=0,255"},                                 // inverted
    {"RandomPerspective", "factor=1 scale=1 interpolation=bilinear fill_value=0"},  // corners moved
    {"RandomPosterization", "factor=8 value_range=0,255"},                          // cut to so many bits
    {"RandomSaturation", "factor=0 value_range=0,255"},                             // the saturation changed
    {"RandomSharpness", "factor=0 value_range=0,255"},                              // sharper or blurred
    {"RandomShear", "x_factor=0 y_factor=0 interpolation=bilinear fill_mode=reflect fill_value=0"},  // sheared
    {"Solarization", "addition_factor=0 threshold_factor=0 value_range=0,255"},  // values above a threshold inverted
    {"Equalization", "bins=#256 value_range=0,255"},  // values by their ranks, which Keras's inference leaves out
    {"MaxNumBoundingBoxes", "max_number=#1 fill_value=#-1"},  // of what images come with, not of images
    {"RandomCrop", "height=#1 width=#1"},                     // a part of so many pixels
};

/// An option's value from such a text.
inline Config::Value image_change_value(const std::string& text) {
  if (text == "true") return true;
  if (text[0] == '#') return static_cast<Index>(std::stoll(text.substr(1)));
  const std::size_t comma = text.find(',');
  if (comma != text.npos)
    return std::vector<double>{std::stod(text.substr(0, comma)), std::stod(text.substr(comma + 1))};
  if (text[0] < '0' || text[0] > '9') return text;
  return std::stod(text);
}

struct ImageChangeOptions {
  Config values = {};     ///< under Keras's names
  std::string name = {};  ///< in the model; by default made from the class

  template <class F>
  void fields(F&& f) {
    for (const auto& [option, value] : values.entries())
      std::visit([&, &key = option](const auto& held) { f(key.c_str(), held); }, value);
  }
};

/// The class of that name. Throws ConfigError for another.
inline const ImageChange& image_change(std::string_view type) {
  std::string names;
  for (const ImageChange& change : image_changes) {
    if (change.type == type) return change;
    names += (names.empty() ? "" : ", ") + std::string(change.type);
  }
  throw ConfigError("ImageChange", "one of the classes " + names, "\"" + std::string(type) + "\"");
}

/// A class's options with those given in place of the usual ones.
inline ImageChangeOptions image_change_options(const ImageChange& change, const Config& given) {
  ImageChangeOptions options{.name = read_name(given)};
  std::string_view rest = change.options;
  while (!rest.empty()) {
    const std::string_view each = rest.substr(0, rest.find(' '));
    rest.remove_prefix((std::min)(each.size() + 1, rest.size()));
    const std::size_t equals = each.find('=');
    options.values.set(each.substr(0, equals), image_change_value(std::string(each.substr(equals + 1))));
  }
  const auto is_text = [](const Config::Value& value) { return std::holds_alternative<std::string>(value); };
  for (const auto& [option, value] : given.entries()) {
    if (option == "name") continue;
    const Config::Value* const usual = options.values.find(option);
    if (!usual || is_text(*usual) != is_text(value))
      throw ConfigError(who(options.name, std::string(change.type)), "options among " + std::string(change.options),
                        option);
    options.values.set(option, value);
  }
  return options;
}

}  // namespace detail

/// One of Keras 3's classes that change images in training alone: AugMix, CutMix, Equalization, MaxNumBoundingBoxes,
/// MixUp, RandAugment, RandomBrightness, RandomColorDegeneration, RandomColorJitter, RandomCrop,
/// RandomElasticTransform, RandomErasing, RandomGaussianBlur, RandomGrayscale, RandomHue, RandomInvert,
/// RandomPerspective, RandomPosterization, RandomSaturation, RandomSharpness, RandomShear and Solarization.
///
/// y = x, for images (batch, h, w, channels), of RandomCrop for those of its own `height` and `width`. Options are
/// Keras's, held to be written again. Throws ConfigError for another class, for an option that the class does not have,
/// and in training, but of MaxNumBoundingBoxes, which changes no image: augment the data instead
/// (training/augment.hpp). Throws ShapeError for images that RandomCrop would have to cut: Keras 3 hands them on uncut,
/// Keras 2 scales them. Keras: the class. PyTorch: none in torch.nn.
///
///     ImageChange("RandomHue", {{"factor", 0.2}})
template <class T = float>
class ImageChange : public RandomImageLayer<T, detail::ImageChangeOptions> {
 public:
  /// `options`, "name" among them, under Keras's names.
  explicit ImageChange(std::string_view type, const Config& options = {})
      : ImageChange(detail::image_change(type), options) {}

  std::string type() const override { return std::string(change_->type); }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs, 3);
    const Config& values = this->options().values;
    const Pair size(values.get<Index>("height", in[0]), values.get<Index>("width", in[1]));
    if (!(size == Pair(in[0], in[1])))
      throw ShapeError(this->who(), "images of " + size.to_string() + ", what it cuts out in training", in.to_string(),
                       "outside of training Keras 3 hands others on uncut and Keras 2 scales them: use Resizing or "
                       "CenterCrop in its place");
    return in;
  }

 private:
  bool idle() const override { return change_->type == "MaxNumBoundingBoxes"; }
  ImageChange(const detail::ImageChange& change, const Config& options)
      : RandomImageLayer<T, detail::ImageChangeOptions>(detail::image_change_options(change, options)),
        change_(&change) {}

  const detail::ImageChange* change_;
};
KEEL_REFUSE_OTHERS(ImageChange)

KEEL_INSTANCE(class RandomImageLayer<float, detail::ImageChangeOptions>)
KEEL_INSTANCE(class ImageChange<float>)

namespace detail {

template <class T>
[[gnu::cold, gnu::noinline]] AnyLayer<T> make_image_change(std::string_view type, const Config& config) {
  return AnyLayer<T>(std::unique_ptr<keel::ImageChange<T>>(new keel::ImageChange<T>(type, config)));
}
/// For the registry.
template <class T, std::size_t index>
[[gnu::cold]] AnyLayer<T> make_image_change(const Config& config) {
  return make_image_change<T>(image_changes[index].type, config);
}

}  // namespace detail

}  // namespace KEEL_ABI
}  // namespace keel
