// Folders of images: what is read of each kind of PNG and JPEG, and which files are refused, by path.

#include <filesystem>

#include <doctest/doctest.h>

#include <keel/formats/atomic_file.hpp>
#include <keel/formats/png_write.hpp>
#include <keel/io/datasets/image_folder.hpp>
#include <keel/training/prefetch.hpp>

#include "temporary_directory.hpp"

#if KEEL_HAS_PNG && KEEL_HAS_JPEG
using namespace keel;

namespace {

using Bytes8 = std::vector<std::uint8_t>;

/// A PNG of any kind, from its filtered rows.
std::string raw_png(std::uint32_t width, std::uint32_t height, char bits, char kind, const std::string& rows,
                    const std::vector<std::pair<std::string, std::string>>& chunks = {}, char interlaced = 0,
                    std::string (*pack)(const std::string&) = formats::zlib_stored) {
  std::string header, file = "\x89PNG\r\n\x1a\n";
  formats::append_big(header, width);
  formats::append_big(header, height);
  header += {bits, kind, char{0}, char{0}, interlaced};
  formats::append_png_chunk(file, "IHDR", header);
  for (const auto& [name, content] : chunks) formats::append_png_chunk(file, name, content);
  formats::append_png_chunk(file, "IDAT", pack(rows));
  formats::append_png_chunk(file, "IEND", "");
  return file;
}
#if KEEL_HAS_ZLIB
std::string deflated(const std::string& rows) {
  uLongf size = compressBound(static_cast<uLong>(rows.size()));
  std::string packed(size, '\0');
  compress2(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()),
            static_cast<uLong>(rows.size()), 9);
  packed.resize(size);
  return packed;
}
#endif
std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

/// A JPEG of one colour, by libjpeg.
std::string jpeg(J_COLOR_SPACE space, Bytes8 color, unsigned width, unsigned height, bool progressive = false) {
  jpeg_compress_struct out{};
  jpeg_error_mgr errors{};
  out.err = jpeg_std_error(&errors);
  jpeg_create_compress(&out);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&out, &memory, &size);
  out.image_width = width;
  out.image_height = height;
  out.input_components = static_cast<int>(color.size());
  out.in_color_space = space;
  jpeg_set_defaults(&out);
  jpeg_set_quality(&out, 100, TRUE);
  if (progressive) jpeg_simple_progression(&out);
  jpeg_start_compress(&out, TRUE);
  Bytes8 row;
  for (unsigned x = 0; x < width; ++x) row.insert(row.end(), color.begin(), color.end());
  JSAMPROW rows = row.data();
  for (unsigned y = 0; y < height; ++y) jpeg_write_scanlines(&out, &rows, 1);
  jpeg_finish_compress(&out);
  jpeg_destroy_compress(&out);
  std::string file(reinterpret_cast<char*>(memory), size);
  std::free(memory);
  return file;
}

Image read(const std::string& file, std::uint64_t most = 1000000) {
  return formats::read_image(formats::bytes_of(file), "it.png", most);
}
std::string refusal(const std::string& file, std::uint64_t most = 1000000) {
  try {
    read(file, most);
  } catch (const FormatError& error) {
    return error.what();
  }
  return "nothing";
}
template <class F>
std::string said(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

void put(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::create_directories(path.parent_path());
  write_file(path.string(), std::string_view(content));
}
std::string grey_png(std::uint8_t value, Index height = 2, Index width = 3) {
  return formats::png(Bytes8(static_cast<std::size_t>(height * width), value), height, width, 1);
}

}  // namespace

TEST_CASE("every kind of PNG is read as bytes of its channels") {
  const Bytes8 rgb{255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3};
  const Image colors = read(formats::png(rgb, 2, 2, 3));
  CHECK(colors.height == 2);
  CHECK(colors.width == 2);
  CHECK(colors.channels == 3);
  CHECK(colors.pixels == rgb);
  CHECK(read(formats::png(Bytes8{1, 2, 3, 4}, 1, 1, 4)).pixels == Bytes8{1, 2, 3, 4});
  CHECK(read(formats::png(Bytes8{9, 8}, 2, 1, 1)).pixels == Bytes8{9, 8});
  // grey of 1 bit: 10110000; of 16 bits: the upper 8
  CHECK(read(raw_png(4, 1, 1, 0, bytes({0, 0xb0}))).pixels == Bytes8{255, 0, 255, 255});
  CHECK(read(raw_png(2, 1, 16, 0, bytes({0, 0x12, 0x34, 0xff, 0x01}))).pixels == Bytes8{0x12, 0xff});
  // grey and opacity; a palette, whole and with opacities
  const Image both = read(raw_png(1, 1, 8, 4, bytes({0, 7, 9})));
  CHECK(both.channels == 2);
  CHECK(both.pixels == Bytes8{7, 9});
  const std::string palette = bytes({10, 20, 30, 40, 50, 60});
  CHECK(read(raw_png(2, 1, 8, 3, bytes({0, 1, 0}), {{"PLTE", palette}})).pixels == Bytes8{40, 50, 60, 10, 20, 30});
  CHECK(read(raw_png(2, 1, 8, 3, bytes({0, 1, 0}), {{"PLTE", palette}, {"tRNS", bytes({5})}})).pixels ==
        Bytes8{40, 50, 60, 255, 10, 20, 30, 5});
  // interlaced: pixel (0, 0), then (1, 0), then the second row
  CHECK(read(raw_png(2, 2, 8, 0, bytes({0, 1, 0, 2, 0, 3, 4}), {}, 1)).pixels == Bytes8{1, 2, 3, 4});
  // a gamma changes nothing, as in Keras and Pillow
  CHECK(read(raw_png(1, 1, 8, 0, bytes({0, 100}), {{"gAMA", bytes({0, 0, 0x10, 0})}})).pixels == Bytes8{100});
}

#if KEEL_HAS_ZLIB
// A blank page is a file of a thousandth of its packed rows, and of less of its pixels.
TEST_CASE("blank pages of every kind are read, however small their files") {
  const auto blank = [](char bits, char kind, std::size_t row, char interlaced, std::size_t channels) {
    CAPTURE(int{bits});
    CAPTURE(int{kind});
    CAPTURE(int{interlaced});
    std::string rows;  // of 1600 x 1600; in 7 passes of an interlaced file
    const std::size_t every[7][2] = {{8, 8}, {8, 8}, {4, 8}, {4, 4}, {2, 4}, {2, 2}, {1, 2}};  // column, row
    if (interlaced)
      for (const auto& pass : every) rows.append((1 + row / pass[0]) * (1600 / pass[1]), '\0');
    else
      rows.append((1 + row) * 1600, '\0');
    const std::vector<std::pair<std::string, std::string>> palette{{"PLTE", bytes({0, 0, 0, 9, 9, 9})}};
    const std::string file =
        raw_png(1600, 1600, bits, kind, rows, kind == 3 ? palette : std::vector<std::pair<std::string, std::string>>{},
                interlaced, deflated);
    const Image image = read(file, 1u << 26);
    CHECK(image.pixels == Bytes8(1600 * 1600 * channels, 0));
  };
  for (const char interlaced : {char{0}, char{1}}) {
    for (const char bits : {char{1}, char{2}, char{4}, char{8}})
      for (const char kind : {char{0}, char{3}})
        blank(bits, kind, 200u * static_cast<std::size_t>(bits), interlaced, kind == 0 ? 1 : 3);
    blank(16, 0, 3200, interlaced, 1);
    blank(8, 2, 4800, interlaced, 3);
    blank(16, 6, 12800, interlaced, 4);
  }
}
#endif

TEST_CASE("JPEG is read in grey and in colours") {
  for (const bool progressive : {false, true}) {
    const Image grey = read(jpeg(JCS_GRAYSCALE, {100}, 9, 5, progressive));
    CHECK(grey.channels == 1);
    CHECK(grey.height == 5);
    CHECK(grey.width == 9);
    CHECK(grey.pixels == Bytes8(45, 100));
    const Image colors = read(jpeg(JCS_RGB, {200, 50, 10}, 16, 8, progressive));
    CHECK(colors.channels == 3);
    REQUIRE(colors.pixels.size() == 16 * 8 * 3);
    for (std::size_t i = 0; i < colors.pixels.size(); ++i)
      CHECK(std::abs(colors.pixels[i] - std::array{200, 50, 10}[i % 3]) <= 2);
  }
  // a camera's note that it was held upright (EXIF, orientation 6) changes nothing, as in Keras and Pillow
  std::string turned = jpeg(JCS_GRAYSCALE, {100}, 9, 5);
  turned.insert(2, bytes({0xff, 0xe1, 0,    34, 'E', 'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0,
                          1,    0,    0x12, 1,  3,   0,   1,   0,   0, 0, 6,   0,   0,  0, 0, 0, 0, 0}));
  CHECK(read(turned).height == 5);
  CHECK(read(turned).pixels == read(jpeg(JCS_GRAYSCALE, {100}, 9, 5)).pixels);
}

TEST_CASE("bad images are refused, whatever is wrong") {
  const std::string good = formats::png(Bytes8(3000, 7), 10, 100, 3), photo = jpeg(JCS_RGB, {9, 99, 199}, 64, 64);
  // cut anywhere, as PNG or as JPEG
  for (const std::string& file : {good, photo, jpeg(JCS_RGB, {9, 99, 199}, 64, 64, true)})
    for (std::size_t size = 0; size + 3 < file.size(); size += 1 + file.size() / 97)
      CHECK(refusal(file.substr(0, size)).rfind("[it.png] expected a ", 0) == 0);
  CHECK(refusal("") == "[it.png] expected a PNG or JPEG image, got an empty file (its name decides nothing)");
  CHECK(refusal("GIF89a") ==
        "[it.png] expected a PNG or JPEG image, got a file of another kind (its name decides nothing)");
  CHECK(refusal(good.substr(0, 60)) ==
        "[it.png] expected a whole PNG image, got the file ends too soon (the file is damaged)");
  std::string damaged = good;
  damaged[100] ^= 1;
  CHECK(refusal(damaged).rfind("[it.png] expected a whole PNG image, got ", 0) == 0);
  // sizes that no memory is given for
  CHECK(refusal(good, 999) ==
        "[it.png] expected an image of 1 to 999 pixels, got 100 x 10 (shrink it, or raise "
        "ImageFolderOptions::max_pixels)");
  const std::string small = raw_png(0x7fffffff, 0x7fffffff, 8, 2, "");
  CHECK(refusal(small, 1u << 26)
            .rfind("[it.png] expected an image of 1 to 67108864 pixels, got 2147483647 x 2147483647", 0) == 0);
  CHECK(refusal(raw_png(8000, 8000, 8, 2, ""), 1u << 26)
            .rfind("[it.png] expected a file that can hold 8000 x 8000 pixels", 0) == 0);
  CHECK(refusal(raw_png(0, 4, 8, 2, "")) != "nothing");
  std::string huge = photo;
  const std::size_t frame = huge.find("\xff\xc0");
  REQUIRE(frame != huge.npos);
  for (std::size_t i = 5; i < 9; ++i) huge[frame + i] = '\xfe';
  CHECK(refusal(huge).rfind("[it.png] expected an image of 1 to 1000000 pixels, got 65278 x 65278", 0) == 0);
  CHECK(refusal(jpeg(JCS_CMYK, {1, 2, 3, 4}, 8, 8)) ==
        "[it.png] expected a JPEG image in grey or in colours, got 4 channels (convert it from CMYK to RGB)");
}

TEST_CASE("a folder of images: classes by name, lazily, in the colours and the size that are wanted") {
  const TemporaryDirectory directory;
  const std::filesystem::path root = directory.path();
  put(root / "cat" / "b.png", grey_png(20));
  put(root / "cat" / "a.PNG", grey_png(10));
  put(root / "ant" / "deep" / "x.png", formats::png(Bytes8(18, 30), 2, 3, 3));
  put(root / "bee" / "photo.jpeg", jpeg(JCS_GRAYSCALE, {40}, 3, 2));
  put(root / "bee" / ".hidden", "nothing");
  put(root / "README", "not an image");

  ImageFolder<float> folder(root.string(), {.color = ImageColor::grey, .batches = {.batch_size = 3, .shuffle = false}});
  CHECK(folder.class_names() == std::vector<std::string>{"ant", "bee", "cat"});
  CHECK(folder.size() == 4);
  CHECK(folder.count() == 2);
  CHECK(folder.shape() == Shape{2, 3, 1});
  CHECK(folder.path(2) == (root / "cat" / "a.PNG").string());
  CHECK(folder.label(2) == 2);
  Batch<float> batch;
  REQUIRE(folder(0, 0, batch));
  CHECK(batch.inputs[0].shape() == Shape{3, 2, 3, 1});
  CHECK(batch.targets[0] == Tensor<float>({3}, {0, 1, 2}));
  CHECK(batch.inputs[0](0, 1, 2, 0) == doctest::Approx(30 / 255.0));
  CHECK(batch.inputs[0](2, 0, 0, 0) == doctest::Approx(10 / 255.0));
  REQUIRE(folder(0, 1, batch));
  CHECK(batch.size() == 1);
  CHECK(!folder(0, 2, batch));
  const Dataset<float> all = folder.dataset();
  CHECK(all.labels() == Tensor<float>({4}, {0, 1, 2, 2}));
  CHECK(all.images()(3, 0, 0, 0) == doctest::Approx(20 / 255.0));

  SUBCASE("colours") {
    put(root / "ant" / "deep" / "x.png",
        formats::png(Bytes8{255, 0, 0, 77, 0, 255, 0, 78, 0, 0, 255, 79, 1, 2, 3, 80}, 2, 2, 4));
    const auto values = [&](ImageColor color) {
      return ImageFolder<float>(root.string(), {.color = color, .scale = 1}).image(0);
    };
    CHECK(values(ImageColor::grey) == Tensor<float>({2, 2, 1}, {76, 150, 29, 2}));
    CHECK(values(ImageColor::rgb) == Tensor<float>({2, 2, 3}, {255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3}));
    CHECK(values(ImageColor::rgba)(1, 1, 3) == 80);
    CHECK(ImageFolder<float>(root.string(), {.color = ImageColor::rgba, .height = 2, .width = 3, .scale = 1})
              .image(1)(0, 0, 3) == 255);
  }
  SUBCASE("another size") {
    const Tensor<float> image = ImageFolder<float>(root.string(), {.height = 4, .width = 5}).image(0);
    CHECK(image.shape() == Shape{4, 5, 3});
    for (const float value : image) CHECK(value == doctest::Approx(30 / 255.0));
    put(root / "cat" / "c.png", grey_png(1, 7, 7));
    ImageFolder<float> other(root.string());
    CHECK(
        said([&] { other.dataset(); }) ==
        "[" + (root / "cat" / "c.png").string() +
            "] expected an image of the first one's size, 3 x 2, got 7 x 7 (set ImageFolderOptions::height and width)");
  }
  SUBCASE("transforms, the order of an epoch, a thread that reads ahead") {
    ImageFolder<float> shuffled(root.string(), {.batches = {.batch_size = 4, .seed = 5}});
    shuffled.map([](Batch<float>& b) { b.inputs[0].array() += 1.0f; });
    Prefetch<float> ahead(shuffled);
    Batch<float> one, two;
    for (const Index epoch : {0, 1, 0}) {
      REQUIRE(shuffled(epoch, 0, one));
      REQUIRE(ahead(epoch, 0, two));
      CHECK(one.inputs[0] == two.inputs[0]);
      CHECK(one.targets[0] == two.targets[0]);
      for (const float value : one.inputs[0]) CHECK(value > 1);
    }
  }
  SUBCASE("what is refused names the path") {
    CHECK(said([&] {
            ImageFolder<float>(root.string(), {.dataset_bytes = 10}).dataset();
          }).rfind("[ImageFolder] expected images of at most 10 bytes together, got 288", 0) == 0);
    CHECK(said([&] { ImageFolder<float>(root.string(), {.height = 3}); }) ==
          "[ImageFolder] expected height and width of 1 or more, or neither, got 3 and 0");
    CHECK(said([&] {
            ImageFolder<float>((root / "none").string());
          }).rfind("[" + (root / "none").string() + "] expected a folder of images", 0) == 0);
    put(root / "cat" / "c.png", "hello");
    CHECK(said([&] {
            folder = ImageFolder<float>(root.string());
            folder.dataset();
          }).rfind("[" + (root / "cat" / "c.png").string() + "] expected a PNG or JPEG image", 0) == 0);
    put(root / "stray.jpg", grey_png(1));
    CHECK(said([&] { ImageFolder<float>(root.string()); }) ==
          "[" + (root / "stray.jpg").string() +
              "] expected a folder of each class's images, got an image beside them (put it "
              "into the folder of its class)");
    std::filesystem::remove(root / "stray.jpg");
    std::filesystem::create_directories(root / "dog");
    CHECK(said([&] { ImageFolder<float>(root.string()); }) ==
          "[" + (root / "dog").string() + "] expected images of the class dog, got none");
    const TemporaryDirectory empty;
    CHECK(said([&] { ImageFolder<float>(empty.path()); }) ==
          "[" + empty.path() + "] expected a folder of images for each class, got none");
  }
}

#endif
