/// What a class is elsewhere stands in the rows: outside of layers/ and dialects/ no code names one in quotes.

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <keel/dialects/keras.hpp>

namespace {

/// Texts in quotes, without those in comments and #include lines.
std::vector<std::string> texts_in(const std::string& line) {
  std::vector<std::string> texts;
  std::string text;
  bool inside = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (!inside && line.compare(i, 2, "//") == 0) break;
    if (inside && line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      if (inside) texts.push_back(text);
      text.clear();
      inside = !inside;
    } else if (inside) {
      text += line[i];
    }
  }
  return texts;
}

}  // namespace

TEST_CASE("the names of classes are found in quotes, not in comments") {
  CHECK(texts_in(R"(if (type == "Dense") x = "a\"b"; // "Add")") == std::vector<std::string>{"Dense", "ab"});
}

TEST_CASE("no class is named in quotes outside of layers and dialects") {
  std::set<std::string, std::less<>> names;
  for (const keel::dialects::KerasRow& row : keel::dialects::keras_rows)
    for (const std::string_view name : {row.type, row.name}) names.emplace(name);
  names.erase("");
  names.erase("MixUp");  // keel has a transform of batches of the same name
  REQUIRE(names.count("Conv2D") == 1);
  const std::filesystem::path root = std::filesystem::path(KEEL_SOURCE_DIR) / "include" / "keel";
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string path = std::filesystem::relative(entry.path(), root).generic_string();
    const auto in = [&](const char* folder) { return path.starts_with(folder); };
    // the importer of ONNX names ONNX's operators, of which some are called as classes are
    if (!entry.is_regular_file() || in("layers/") || in("dialects/") || in("io/onnx/")) continue;
    ++files;
    std::ifstream file(entry.path());
    int number = 0;
    for (std::string line; std::getline(file, line);) {
      ++number;
      for (const std::string& text : texts_in(line)) {
        CAPTURE(path);
        CAPTURE(number);
        CAPTURE(text);
        CHECK(names.count(text) == 0);
        CHECK(text.find("nn.") != 0);
      }
    }
  }
  CHECK(files > 80);
}
