// CSV, and columns of tables as datasets.
#include <doctest/doctest.h>

#include <keel/io/datasets/table.hpp>

#include "support/message.hpp"

using namespace keel;

namespace table_test {  // a name of its own: the files of a folder are compiled together

namespace {

constexpr const char* cars =
    "name,weight,origin,mpg\n"
    "\"Vega, \"\"new\"\"\",2408,usa,22\r\n"
    "Gremlin,2648,usa,21.5\n"
    "\n"
    "Corolla,NA,japan,31\n"
    "Rabbit,1985,\"europe\",\n"
    "Civic,1795,japan,33";

}  // namespace

TEST_CASE("a table is read as RFC 4180 has it") {
  const CsvTable table = parse_csv(cars, "cars.csv");
  CHECK(table.names == std::vector<std::string>{"name", "weight", "origin", "mpg"});
  REQUIRE(table.size() == 5);
  CHECK(table.rows[0] == std::vector<std::string>{"Vega, \"new\"", "2408", "usa", "22"});
  CHECK(table.rows[3] == std::vector<std::string>{"Rabbit", "1985", "europe", ""});
  const CsvTable other = parse_csv(
      "\xEF\xBB\xBF"
      "a;\"b\nc\"\n1;2\n",
      "x", {.separator = ';'});
  CHECK(other.names == std::vector<std::string>{"a", "b\nc"});
  CHECK(parse_csv("1,2\n3,4", "x", {.header = false}).rows.size() == 2);
  CHECK(parse_csv("1,2\n3,4", "x", {.header = false}).names[1] == "1");
}

TEST_CASE("what is no table is refused with its line") {
  CHECK(message([] { parse_csv("a,b\n1,2\n1,2,3\n", "t.csv"); }) == "[t.csv, line 3] expected 2 fields, got 3");
  CHECK(message([] { parse_csv("a,b\n\"1\n2\",3\n4\n", "t.csv"); }) == "[t.csv, line 4] expected 2 fields, got 1");
  CHECK(contains(message([] { parse_csv("a,a\n", "t.csv"); }), "columns of different names"));
  CHECK(contains(message([] { parse_csv("a\n\"1", "t.csv"); }), "an end of the quoted field"));
  CHECK(contains(message([] { parse_csv("a\n\"1\"2", "t.csv"); }), "a separator behind a quoted field"));
  CHECK(contains(message([] { parse_csv("", "t.csv"); }), "a table"));
  CHECK(contains(message([] { read_csv("/nowhere/t.csv"); }), "/nowhere/t.csv"));
  CHECK_THROWS_AS(parse_csv("a", "t", {.separator = '"'}), ConfigError);
}

TEST_CASE("columns become inputs and targets") {
  const CsvTable table = parse_csv(cars, "cars.csv");
  const TableColumns columns{
      .inputs = {"weight", "origin"}, .targets = {"mpg"}, .missing = Missing::mean, .standardize = false};
  const TableEncoder encoder(table, columns);
  CHECK(encoder.input_names() == std::vector<std::string>{"weight", "origin=europe", "origin=japan", "origin=usa"});
  const Dataset<float> data = encoder.dataset(table);
  CHECK(data.size() == 4);  // Rabbit has no target
  CHECK(data.images().rows(0, 1) == Tensor<float>({1, 4}, {2408, 0, 0, 1}));
  CHECK(data.images().rows(2, 1) == Tensor<float>({1, 4}, {2209, 0, 1, 0}));  // the mean of four
  CHECK(data.labels() == Tensor<float>({4}, {22, 21.5f, 31, 33}));

  TableColumns dropped = columns;
  dropped.missing = Missing::drop;
  CHECK(TableEncoder(table, dropped).dataset(table).size() == 3);
  TableColumns refused = columns;
  refused.missing = Missing::refuse;
  CHECK(contains(message([&] { TableEncoder(table, refused).dataset(table); }), "cars.csv, row 3, column 'weight'"));

  TableColumns classes = columns;
  classes.inputs = {"weight", "mpg"};
  classes.targets = {"origin"};
  classes.standardize = true;
  classes.missing = Missing::drop;
  const TableEncoder by_class(table, classes);
  CHECK(by_class.classes("origin") == std::vector<std::string>{"europe", "japan", "usa"});
  const Dataset<double> d = by_class.dataset<double>(table);
  CHECK(d.labels() == Tensor<double>({3}, {2, 2, 1}));
  CHECK(d.images()(0, 0) ==
        doctest::Approx((2408 - 2209.0) / std::sqrt((199 * 199 + 439 * 439 + 224 * 224 + 414 * 414) / 4.0)));
}

TEST_CASE("a second table is encoded by the first; what it does not know is refused") {
  const CsvTable table = parse_csv("x,c,y\n1,a,0\n3,b,1\n", "train.csv");
  const TableEncoder encoder(table, {.targets = {"y"}});
  CHECK(encoder.input_names().size() == 3);
  const auto encoded = [&](const char* text) { return encoder.dataset(parse_csv(text, "test.csv")); };
  CHECK(encoded("y,c,x\n5,b,5\n").images() == Tensor<float>({1, 3}, {3, 0, 1}));
  CHECK(contains(message([&] { encoded("x,c,y\n1,z,0\n"); }), "test.csv, row 1, column 'c'"));
  CHECK(contains(message([&] { encoded("x,c,y\nmuch,a,0\n"); }), "a number, got 'much'"));
  CHECK(contains(message([&] { encoded("x,y\n1,0\n"); }), "one of the columns x, y"));
  CHECK_THROWS_AS(TableEncoder(table, {}), ConfigError);
  CHECK_THROWS_AS(TableEncoder(table, {.targets = {"z"}}), FormatError);
  const TableEncoder named(table, {.targets = {"c"}, .categories = {"x"}});
  CHECK(named.input_names() == std::vector<std::string>{"x=1", "x=3", "y"});
}

}  // namespace table_test
