#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <keel/formats/json.hpp>

using namespace keel;

// What the parser refuses is in bad_files_test.cpp.

TEST_CASE("JSON: values") {
  const Json json = parse_json(" {\"a\" : [1, -2, 2.5,\ttrue, null, false],\r\n\"b\":{}, \"c\":[]} ", "f");
  CHECK(json.size() == 3);
  CHECK(json["a"].size() == 6);
  CHECK(json["a"][0] == 1);
  CHECK(json["a"][1].get<Index>() == -2);
  CHECK(json["a"][2].get<double>() == 2.5);
  CHECK(json["a"][3].get<bool>());
  CHECK(json["a"][4].is_null());
  CHECK(json["a"][5] == false);
  CHECK((json["b"].is_object() && json["b"].empty()));
  CHECK((json["c"].is_array() && json["c"].empty()));
  CHECK(json.find("d") == nullptr);
  CHECK(json.value("d", 7) == 7);
  std::string names;
  for (const auto& [name, value] : json.items()) names += name;
  CHECK(names == "abc");
  CHECK(parse_json(std::string(64, '[') + std::string(64, ']'), "f").is_array());
}

TEST_CASE("JSON: numbers") {
  const auto number = [](const char* text) { return parse_json(text, "f"); };
  CHECK(number("18446744073709551615").get<std::uint64_t>() == ~std::uint64_t{0});
  CHECK(number("-9223372036854775808").get<std::int64_t>() == (std::numeric_limits<std::int64_t>::min)());
  CHECK(number("9223372036854775808") == number("9223372036854775808.0"));
  CHECK(number("1e2").get<double>() == 100);
  CHECK(number("1E+2") == 100);
  CHECK(number("0.1").get<double>() == 0.1);
  CHECK(number("4.9e-324").get<double>() == std::numeric_limits<double>::denorm_min());
  CHECK(number("1e-999") == 0);
  CHECK(number("0.0000000001e-320") == 0);
  CHECK(number("1.7976931348623157e308").get<double>() == (std::numeric_limits<double>::max)());
  CHECK(number("10.00e2") == 1000);
  CHECK(std::signbit(number("-0.0").get<double>()));
  CHECK(std::signbit(number("-0").get<double>()));
  CHECK_THROWS_AS(number("300").get<std::uint8_t>(), JsonError);
  CHECK_THROWS_AS(number("-1").get<std::uint64_t>(), JsonError);
  CHECK_THROWS_AS(number("18446744073709551615").get<Index>(), JsonError);
  CHECK_THROWS_AS(number("1.5").get<Index>(), JsonError);
  CHECK_THROWS_AS(number("true").get<Index>(), JsonError);
  CHECK_THROWS_AS(number("1").get<bool>(), JsonError);
  CHECK_FALSE(number("1") == true);
}

TEST_CASE("JSON: texts") {
  CHECK(parse_json(R"("\u00e9\u20ac\ud83d\ude00")", "f") == "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(parse_json(R"("\"\\\/\b\f\n\r\t")", "f") == "\"\\/\b\f\n\r\t");
  CHECK(parse_json(R"("\u0000a")", "f").text() == std::string("\0a", 2));
}

TEST_CASE("JSON: Python's NaN and infinities on request") {
  const Json config = parse_json(R"({"a":NaN,"b":[Infinity,-Infinity],"c":"NaN \"Infinity\" -Infinity","NaN":1})", "f",
                                 {.allow_nonfinite = true});
  CHECK(std::isnan(config["a"].get<double>()));
  CHECK(config["b"][0].get<double>() == std::numeric_limits<double>::infinity());
  CHECK(config["b"][1].get<double>() == -std::numeric_limits<double>::infinity());
  CHECK(config["c"] == "NaN \"Infinity\" -Infinity");
  CHECK(config["NaN"] == 1);
  CHECK(config["b"].dump() == "[null,null]");
}

TEST_CASE("JSON: built in braces, changed, copied") {
  Json json = {{"name", "conv2d"}, {"shape", std::vector<Index>{3, 3}}, {"more", {{"a", nullptr}}}};
  const Json copy = json;
  json["name"] = "dense";
  json["shape"].push_back(8);
  json["more"]["b"] = Json::array({1, "two", 3.0, Json::array({true})});
  json.erase("more2");
  CHECK(json.dump() == R"({"name":"dense","shape":[3,3,8],"more":{"a":null,"b":[1,"two",3.0,[true]]}})");
  CHECK(copy.dump() == R"({"name":"conv2d","shape":[3,3],"more":{"a":null}})");
  json.erase("name");
  CHECK_FALSE(json.contains("name"));
  CHECK(json["shape"].get<std::vector<Index>>() == std::vector<Index>{3, 3, 8});
  for (char c = 'a'; c < 'z'; ++c) json[std::string(1, c)] = json["shape"];
  CHECK(json["y"] == json["shape"]);
  json = json["more"]["b"];
  CHECK(json.size() == 4);
  json = std::move(json[3]);
  CHECK(json.dump() == "[true]");
}

TEST_CASE("JSON: a value takes a part of itself, whatever either is") {
  const std::vector<Json> parts{nullptr,
                                true,
                                7,
                                ~std::uint64_t{0},
                                2.5,
                                "longer than what fits inside a string",
                                Json::array({1, Json::array({2})}),
                                Json::object({{"b", {{"c", 3}}}})};
  for (const Json& part : parts) {
    const std::string text = part.dump();
    CAPTURE(text);
    const Json object = {{"x", 1}, {"a", part}}, array = Json::array({0, Json::array({part})});
    Json json = object;
    json = json["a"];
    CHECK(json.dump() == text);
    json = object;
    json = std::move(json["a"]);
    CHECK(json.dump() == text);
    json = array;
    json = json[1][0];
    CHECK(json.dump() == text);
    json = array;
    json = std::move(json[1][0]);
    CHECK(json.dump() == text);
  }
}

TEST_CASE("JSON: a value assigned to itself stays, and one that is moved from is null or a number still") {
  for (const char* text :
       {"null", "true", "-3", "2.5", "\"text that is longer than a small one\"", "[1,[2]]", R"({"a":{"b":1}})"}) {
    CAPTURE(text);
    Json json = parse_json(text, "f");
    Json& same = json;
    json = same;
    CHECK(json.dump() == text);
    json = std::move(same);
    CHECK(json.dump() == text);
    const bool scalar = !json.is_string() && !json.is_array() && !json.is_object();
    const Json taken = std::move(json);
    CHECK(taken.dump() == text);
    CHECK(json.dump() == (scalar ? text : "null"));
    json = taken;
    CHECK(json == taken);
  }
}

TEST_CASE("JSON: equal whatever the order of members, not of items") {
  CHECK(parse_json(R"({"a":1,"b":[1,2]})", "f") == parse_json(R"({"b":[1.0,2],"a":1})", "f"));
  CHECK_FALSE(parse_json("[1,2]", "f") == parse_json("[2,1]", "f"));
  CHECK_FALSE(parse_json(R"({"a":1})", "f") == parse_json(R"({"b":1})", "f"));
  CHECK_FALSE(parse_json("[]", "f") == parse_json("{}", "f"));
}

TEST_CASE("JSON: what is written is read back the same") {
  for (const double value : {0.1, 1.0, -2.5e-7, 1e300, 1.0 / 3, 5e-324, 123456789012345680.0}) {
    const std::string text = Json(value).dump();
    CHECK(parse_json(text, "f").get<double>() == value);
    CHECK(text.find_first_of(".e") != text.npos);  // still a real number to every reader
  }
  std::string odd = "\"\\/\n\t\x01\x1f\x7f\xc3\xa9\xf0\x9f\x98\x80";
  odd += '\0';
  CHECK(parse_json(Json(odd).dump(), "f").text() == odd);
  CHECK(Json("a\xff").dump() == "\"a\xef\xbf\xbd\"");
  const Json json = {{"a", Json::array()}, {"b", Json::array({1, 2})}, {"c", Json::object()}};
  CHECK(json.dump() == R"({"a":[],"b":[1,2],"c":{}})");
  CHECK(json.dump(2) == "{\n  \"a\": [],\n  \"b\": [\n    1,\n    2\n  ],\n  \"c\": {}\n}");
  CHECK(parse_json(json.dump(2), "f") == json);
}

TEST_CASE("JSON: used as another type") {
  const Json json = {{"a", "text"}};
  CHECK_THROWS_WITH_AS(json["a"].get<double>(), R"([JSON] expected a number, got "text")", JsonError);
  CHECK_THROWS_WITH_AS(json["b"], R"([JSON] expected "b", got none)", JsonError);
  CHECK_THROWS_AS(json["a"]["b"], JsonError);
  CHECK_THROWS_AS(json[0], JsonError);
  CHECK_THROWS_AS(Json::array({1})[1], JsonError);
  CHECK_THROWS_AS(Json::array({1})[-1], JsonError);
  Json number = 1;
  CHECK_THROWS_AS(number["a"], JsonError);
  CHECK_THROWS_AS(number.push_back(1), JsonError);
  CHECK(number == 1);
}

TEST_CASE("JSON: errors say where") {
  const auto message = [](const char* text) {
    try {
      parse_json(text, "f.json");
    } catch (const FormatError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(message("[1,]") == "[f.json, offset 3] expected valid JSON (RFC 8259), got ']' instead of a value");
  CHECK(message("[1 2]") == "[f.json, offset 3] expected valid JSON (RFC 8259), got '2' instead of ',' or ']'");
  CHECK(message("{\"a\":1") == "[f.json, offset 6] expected valid JSON (RFC 8259), got the end instead of ',' or '}'");
  CHECK(message("1.") == "[f.json, offset 2] expected valid JSON (RFC 8259), got the end instead of a digit");
  CHECK(message("") == "[f.json, offset 0] expected valid JSON (RFC 8259), got the end instead of a value");
}
