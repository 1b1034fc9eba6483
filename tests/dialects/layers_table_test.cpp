/// docs/layers.md against the registry and the rows: every class stands in it, and its count is true.

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

#include <keel/dialects/keras.hpp>
#include <keel/dialects/torch.hpp>
#include <keel/layers/registry.hpp>

#include "dialects/one_of_each.hpp"

namespace layers_table_test {

using namespace keel;

std::string page(const std::string& name = "docs/layers.md") {
  std::ifstream file(std::string(KEEL_SOURCE_DIR) + "/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}
/// The names in backquotes of a text.
std::set<std::string> names_of(const std::string& text) {
  std::set<std::string> names;
  for (std::size_t at = text.find('`'); at != text.npos; at = text.find('`', at)) {
    const std::size_t end = text.find('`', at + 1);
    if (end == text.npos) break;
    names.insert(text.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return names;
}

/// The names in the table's second and third columns.
struct Table {
  std::set<std::string> has, lacks;

  explicit Table(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("| ") || line.starts_with("| Group")) continue;
      const std::size_t second = line.find("| ", 2), third = line.find("| ", second + 2);
      for (const std::string& name : names_of(line.substr(second, third - second))) has.insert(name);
      for (const std::string& name : names_of(line.substr(third))) lacks.insert(name);
    }
  }
};

}  // namespace layers_table_test

TEST_CASE("the page of layers names every class of the registry, and Keras's that are missing") {
  using namespace layers_table_test;
  const std::string text = page();
  const Table table(text);
  const std::set<std::string> all = names_of(text);
  std::set<std::string> registry;
  for (const auto& maker : keel::detail::layer_makers<float>) {
    const std::string type(maker.type);
    CAPTURE(type);
    CHECK(all.count(type) == 1);
    registry.insert(type);
    const dialects::KerasRow* const row = dialects::keras_row(type);
    REQUIRE(row);
    // what Keras 3 has stands in the table, what it does not stands below
    CHECK(table.has.count(type) == ((row->worlds & dialects::keras3) != 0 ? 1u : 0u));
  }
  for (const std::string& name : table.has) {
    CAPTURE(name);
    const dialects::KerasRow* const row = dialects::keras_class(name);
    REQUIRE(row);
    CHECK((row->kind != dialects::KerasKind::layer || registry.count(name) == 1));
  }
  for (const std::string& name : table.lacks) {
    CAPTURE(name);
    CHECK(dialects::keras_class(name) == nullptr);
  }
  const std::size_t total = table.has.size() + table.lacks.size();
  const std::string count = std::to_string(table.has.size()) + " of " + std::to_string(total);
  CHECK(text.find("**" + count + "**") != text.npos);
  CHECK(page("README.md").find("| " + count + " |") != std::string::npos);
}

TEST_CASE("the page of layers names every module of PyTorch that rows become") {
  using namespace layers_table_test;
  const std::set<std::string> all = names_of(page());
  for (const auto& function : dialects::torch_functions) {
    const std::string name(function.class_name);
    CAPTURE(name);
    CHECK((function.own || all.count(name) == 1));
  }
}
