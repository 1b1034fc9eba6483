#pragma once
/// Folders of PNG and JPEG images, a folder a class.

#include <algorithm>
#include <filesystem>
#include <memory>

#include <keel/formats/image_read.hpp>
#include <keel/training/augment.hpp>
#include <keel/training/data.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// What each image becomes, whatever its file holds. grey: 0.299 red + 0.587 green + 0.114 blue, rounded, as Pillow's "L".
/// rgb: a grey image three times. rgba: opacity 255 where the file has none. With grey and rgb opacity is left out, not
/// laid over a colour, as Pillow and Keras leave it out.
enum class ImageColor { grey, rgb, rgba };

struct ImageFolderOptions {
  ImageColor color = ImageColor::rgb;  ///< 1, 3 or 4 channels
  /// Every image is brought to this size, its sides not in proportion, as Keras's image_size. 0: all have the size of the
  /// first one, and another is refused.
  Index height = 0, width = 0;                            ///< see above; pixels
  Interpolation interpolation = Interpolation::bilinear;  ///< of images that are brought to a size
  BatchOptions batches{};                                 ///< size, order, seed
  double scale = 1.0 / 255;                               ///< a value is scale byte + offset
  double offset = 0;                                      ///< see scale
  std::uint64_t max_pixels = std::uint64_t{1} << 26;      ///< largest image that is read: 8192 x 8192
  std::uint64_t dataset_bytes = std::uint64_t{1} << 32;   ///< most that `dataset()` may take
};

/// The images below a folder as a Generator: a file is read when its batch is made. The class of an image is the folder that
/// it lies in, or below; classes are numbered by their names in the order of bytes, files ordered by their paths. Names that
/// begin with a point are left out.
///
///     ImageFolder<> photos("flowers/train", {.height = 64, .width = 64});
///     photos.map(Augment({.horizontal_flip = true}));
///     fit(model, Prefetch<>(photos), {.epochs = 5, .loss = "sparse_categorical_crossentropy", .validation =
///         ImageFolder<>("flowers/test", {.height = 64, .width = 64}).dataset()});
///
/// Throws FormatError with the path for a folder that cannot be read, has no classes or a class without images, for an image
/// beside the classes' folders, and, when it is read, for a file that is no PNG or JPEG, is damaged, of another size or too
/// large; ConfigError for options.
template <class T = float>
class ImageFolder {
 public:
  explicit ImageFolder(const std::string& folder, ImageFolderOptions options = {}) : o_(options) {
    if (o_.height < 0 || o_.width < 0 || (o_.height == 0) != (o_.width == 0))
      throw ConfigError("ImageFolder", "height and width of 1 or more, or neither",
                        std::to_string(o_.height) + " and " + std::to_string(o_.width));
    list(folder);
    if (o_.height == 0) {
      const Image first = read(0);
      o_.height = first.height;
      o_.width = first.width;
      exact_ = true;
    }
    Tensor<T> labels({count_of(files_)}), numbers({count_of(files_), 1});
    std::transform(files_.begin(), files_.end(), labels.begin(), [](const File& f) { return static_cast<T>(f.label); });
    labels_ = std::make_shared<const Dataset<T>>(std::move(numbers), std::move(labels));
    batches_ = std::make_shared<Batches<T>>(*labels_, o_.batches);
  }
  KEEL_REFUSE_OTHER_OPTIONS(ImageFolder)

  /// The name of each class.
  const std::vector<std::string>& class_names() const { return classes_; }
  /// Number of images.
  Index size() const { return count_of(files_); }
  /// The file of image i.
  const std::string& path(Index i) const { return nth(files_, i).path; }
  /// The class of image i, from 0.
  Index label(Index i) const { return nth(files_, i).label; }
  /// Of one image: (height, width, channels).
  Shape shape() const { return {o_.height, o_.width, channels()}; }
  /// Batches in an epoch.
  Index count() const { return batches_->count(); }

  /// Applies `transform` to every batch, after those given before.
  ImageFolder& map(Transform<T> transform) {
    transforms_.push_back(std::move(transform));
    return *this;
  }

  /// Image number i.
  Tensor<T> image(Index i) const {
    const Image image = read(i);
    if (exact_ && (image.height != o_.height || image.width != o_.width))
      throw FormatError(path(i), "an image of the first one's size, " + extents(o_.width, o_.height),
                        extents(image.width, image.height), "set ImageFolderOptions::height and width");
    Tensor<T> values({1, image.height, image.width, channels()});
    std::vector<std::uint8_t> colors(to_size(channels()));
    T* to = values.data();
    for (auto from = image.pixels.begin(); from != image.pixels.end(); from += image.channels) {
      convert(&*from, image.channels, colors);
      to = std::transform(colors.begin(), colors.end(), to, [](std::uint8_t byte) { return static_cast<T>(byte); });
    }
    if (image.height != o_.height || image.width != o_.width)
      values = resize(values, Pair(o_.height, o_.width), o_.interpolation);
    for (T& value : values) value = static_cast<T>(o_.scale * static_cast<double>(value) + o_.offset);
    return std::move(values).reshaped(shape());
  }

  bool operator()(Index epoch, Index step, Batch<T>& batch) {
    if (!(*batches_)(epoch, step, batch)) return false;
    fill(batch.indices, batch.inputs[0]);
    for (const Transform<T>& transform : transforms_) transform(batch);
    return true;
  }

  /// All of them in memory, in the order of paths, without transforms. Throws DataError where that is more than
  /// dataset_bytes.
  Dataset<T> dataset() const {
    const double bytes = static_cast<double>(size()) * static_cast<double>(shape().size()) * sizeof(T);
    if (bytes > static_cast<double>(o_.dataset_bytes))
      throw DataError("ImageFolder", "images of at most " + std::to_string(o_.dataset_bytes) + " bytes together",
                      detail::fixed(bytes, 0), "train from the folder itself, or raise dataset_bytes");
    std::vector<Index> all(files_.size());
    std::iota(all.begin(), all.end(), Index{0});
    Tensor<T> images;
    fill(all, images);
    return {std::move(images), labels_->labels()};
  }

 private:
  struct File {
    std::string path;
    Index label;
  };

  Index channels() const { return o_.color == ImageColor::grey ? 1 : o_.color == ImageColor::rgb ? 3 : 4; }
  static std::string extents(Index width, Index height) {
    return std::to_string(width) + " x " + std::to_string(height);
  }
  Image read(Index i) const { return formats::read_image(read_file(path(i)), path(i), o_.max_pixels); }
  void fill(const std::vector<Index>& indices, Tensor<T>& images) const {
    images.resize(shape().with_batch(count_of(indices)));
    T* to = images.data();
    for (const Index i : indices) {
      const Tensor<T> one = image(i);
      to = std::copy(one.begin(), one.end(), to);
    }
  }
  /// A pixel with 1 to 4 channels as one with `to.size()`.
  static void convert(const std::uint8_t* from, Index channels, std::vector<std::uint8_t>& to) {
    const bool grey = channels <= 2;
    const std::uint8_t red = from[0], green = from[grey ? 0 : 1], blue = from[grey ? 0 : 2];
    if (to.size() == 1) {
      to[0] = static_cast<std::uint8_t>((19595u * red + 38470u * green + 7471u * blue + 0x8000u) >> 16);
      return;
    }
    to[0] = red;
    to[1] = green;
    to[2] = blue;
    if (to.size() == 4) to[3] = channels % 2 == 0 ? from[channels - 1] : std::uint8_t{255};
  }

  static bool hidden(const std::filesystem::path& path) { return path.filename().string().starts_with('.'); }
  static bool is_folder(const std::filesystem::directory_entry& entry) {
    std::error_code none;
    return entry.is_directory(none);
  }
  static bool names_image(const std::filesystem::path& path) {
    std::string end = path.extension().string();
    std::transform(end.begin(), end.end(), end.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    return end == ".png" || end == ".jpg" || end == ".jpeg";
  }
  /// The files in a folder, by name.
  static std::vector<std::filesystem::directory_entry> entries(const std::filesystem::path& folder) {
    std::error_code error;
    std::vector<std::filesystem::directory_entry> found;
    std::filesystem::directory_iterator at(folder, error);
    for (; !error && at != std::filesystem::directory_iterator(); at.increment(error))
      if (!hidden(at->path())) found.push_back(*at);
    if (error) throw FormatError(folder.string(), "a folder of images", error.message());
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return a.path().string() < b.path().string(); });
    return found;
  }
  void list(const std::string& folder) {
    const auto top = entries(folder);
    for (const auto& entry : top) {
      if (!is_folder(entry)) {
        if (names_image(entry.path()))
          throw FormatError(entry.path().string(), "a folder of each class's images", "an image beside them",
                            "put it into the folder of its class");
        continue;
      }
      const std::size_t before = files_.size();
      collect(entry.path(), count_of(classes_), 0);
      if (files_.size() == before)
        throw FormatError(entry.path().string(), "images of the class " + entry.path().filename().string(), "none");
      classes_.push_back(entry.path().filename().string());
    }
    if (classes_.empty()) throw FormatError(folder, "a folder of images for each class", "none");
  }
  void collect(const std::filesystem::path& folder, Index label, Index depth) {
    if (depth > 16) throw FormatError(folder.string(), "folders at most 16 deep", "deeper ones");
    const auto inside = entries(folder);
    for (const auto& entry : inside) {
      if (is_folder(entry))
        collect(entry.path(), label, depth + 1);
      else
        files_.push_back({entry.path().string(), label});
    }
  }

  ImageFolderOptions o_;
  bool exact_ = false;  // whether all must have the first one's size
  std::vector<std::string> classes_;
  std::vector<File> files_;
  std::shared_ptr<const Dataset<T>> labels_;
  std::shared_ptr<Batches<T>> batches_;  // of *labels_
  std::vector<Transform<T>> transforms_;
};

}  // namespace KEEL_ABI
}  // namespace keel
