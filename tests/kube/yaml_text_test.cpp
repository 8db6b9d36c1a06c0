// SPDX-License-Identifier: Apache-2.0
#include "kube/yaml_text.hpp"

#include "kube/syntax_error.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace kpol::kube {
namespace {

// `yaml` must mean the JSON `json`.
void checkJson(const std::string& yaml, const std::string& json) {
  try {
    EXPECT_EQ(parseYaml(yaml, 1), Json::parse(json)) << yaml;
  } catch (const SyntaxError& error) {
    ADD_FAILURE() << yaml << "\n" << error.what();
  }
}

void checkError(const std::string& yaml, const std::string& message) {
  try {
    ADD_FAILURE() << yaml << "\nis " << parseYaml(yaml, 1).dump();
  } catch (const SyntaxError& error) {
    EXPECT_EQ(error.what(), message) << yaml;
  }
}

// The text of a mapping with `levels` of keys in one another.
std::string nested(std::size_t levels) {
  std::string text;
  for (std::size_t i = 0; i < levels; ++i) text += "[";
  for (std::size_t i = 0; i < levels; ++i) text += "]";
  return text;
}

TEST(YamlText, PlainScalarsHaveTheTypesOfGoYamlTwo) {
  checkJson("", "null");
  for (const char* text : {"~", "null", "Null", "NULL"}) checkJson(text, "null");
  for (const char* text : {"true", "True", "yes", "YES", "on", "On", "y", "Y"})
    checkJson(text, "true");
  for (const char* text : {"false", "no", "No", "off", "OFF", "n", "N"}) checkJson(text, "false");
  checkJson("80", "80");
  checkJson("+80", "80");
  checkJson("-80", "-80");
  checkJson("0", "0");
  checkJson("1_000", "1000");
  checkJson("0x50", "80");
  checkJson("-0x50", "-80");
  checkJson("0o120", "80");
  checkJson("0120", "80");
  checkJson("0b101", "5");
  checkJson("18446744073709551615", "18446744073709551615");
  checkJson("18446744073709551616", "18446744073709551616.0");
  checkJson("1.5", "1.5");
  checkJson(".5", "0.5");
  checkJson("80.0", "80");
  checkJson("1e3", "1000");
  checkJson("-1.5e-1", "-0.15");
}

TEST(YamlText, TextThatLooksLikeANumberIsText) {
  for (const char* text :
       {"10.0.0.1", "1.2.3",      "0x",       "0b",   "0b2",      "08a", "1-2",    "--1",
        "+-1",      "2024-01-01", "12:30:45", "1e",   "infinity", "nan", ".",      "..data",
        "yeS",      "tRUE",       "nULL",     "http", "<<",       "=",   "fd00::1"}) {
    checkJson(text, Json(text).dump());
  }
}

TEST(YamlText, QuotedScalarsAreText) {
  checkJson("'80'", "\"80\"");
  checkJson("\"true\"", "\"true\"");
  checkJson("''", "\"\"");
  checkJson("\"a\\u00e4\\n\"", "\"a\xc3\xa4\\n\"");
  checkJson("! 80", "\"80\"");
  checkJson("!!str 80", "\"80\"");
  checkJson("!!int '80'", "80");
  checkJson("!!bool 'yes'", "true");
  checkJson("!custom 80", "\"80\"");
  checkJson("|\n  80\n", "\"80\\n\"");
  checkJson(">-\n  a\n  b\n", "\"a b\"");
}

TEST(YamlText, NumbersNotInJsonAreRejected) {
  checkError(".inf", "line 1: \".inf\" is not a number in JSON");
  checkError("-.INF", "line 1: \"-.INF\" is not a number in JSON");
  checkError("a: 1\nb: .nan", "line 2: \".nan\" is not a number in JSON");
}

TEST(YamlText, CollectionsNestInBothStyles) {
  checkJson("a:\n  b: [1, {c: d}]\n  e:\n  - f\n  - - g\n",
            R"({"a":{"b":[1,{"c":"d"}],"e":["f",["g"]]}})");
  checkJson("{}", "{}");
  checkJson("[]", "[]");
  checkJson("a:\nb:", R"({"a":null,"b":null})");
  checkJson("- \n- a", R"([null,"a"])");
  checkJson("a: {\"b\": \"c\"}", R"({"a":{"b":"c"}})");
  checkJson("? a\n: b\n", R"({"a":"b"})");
  checkJson("a: b\r\nc:\r\n- d\r\n", R"({"a":"b","c":["d"]})");
}

TEST(YamlText, KeysBecomeText) {
  checkJson("1: a\n0x10: b\non: c\n1.5: d\n'2': e",
            R"({"1":"a","16":"b","true":"c","1.5":"d","2":"e"})");
  checkError("~: a", "line 1: a key must not be null");
  checkError(": a", "line 1: a key must not be null");
  checkError("[a]: b", "line 1: a key must be a scalar");
  checkError("{a: b}: c", "line 1: a key must be a scalar");
}

TEST(YamlText, DuplicateKeysAreRejected) {
  checkError("a: 1\nb: 2\na: 3\n", "line 3: the key \"a\" is duplicated");
  checkError("a:\n  1: x\n  '1': y\n", "line 3: the key \"1\" is duplicated");
  checkError("{a: 1, a: 2}", "line 1: the key \"a\" is duplicated");
}

TEST(YamlText, AliasesRepeatAValue) {
  checkJson("a: &x [1, 2]\nb: *x", R"({"a":[1,2],"b":[1,2]})");
  checkJson("a: &x 80\nb: *x\nc: &x 81\nd: *x", R"({"a":80,"b":80,"c":81,"d":81})");
  checkJson("&k a: 1\nb: *k", R"({"a":1,"b":"a"})");
  checkJson("a: &x\nb: *x", R"({"a":null,"b":null})");
  checkError("a: &x [*x]", "line 1: an alias inside the value it stands for");
  checkError("*x : 1", "line 1: not YAML: the referenced anchor is not defined");
  checkError("a: &x k\n*x : 1", "line 2: a key must not be an alias");
}

TEST(YamlText, MergesAddMissingKeys) {
  checkJson("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3", R"({"a":{"p":1,"q":2},"b":{"p":1,"q":3}})");
  checkJson("a: &x {p: 1, q: 2}\nb:\n  q: 3\n  <<: *x", R"({"a":{"p":1,"q":2},"b":{"p":1,"q":3}})");
  checkJson("- &x {p: 1}\n- &y {p: 2, q: 2}\n- <<: [*x, *y]\n",
            R"([{"p":1},{"p":2,"q":2},{"p":1,"q":2}])");
  checkJson("<<: {a: 1}", R"({"a":1})");
  checkJson("'<<': {a: 1}", R"({"<<":{"a":1}})");
  checkError("<<: 1", "line 1: a merge (<<) must be of an object or a list of objects");
  checkError("<<: [{a: 1}, 2]", "line 1: a merge (<<) must be of an object or a list of objects");
}

TEST(YamlText, AliasBombIsRejectedAtOnce) {
  std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
  for (int level = 1; level < 30; ++level) {
    const std::string before = "*a" + std::to_string(level - 1);
    const std::string name = "a" + std::to_string(level);
    text += name + ": &" + name + " [" + before;
    for (int i = 0; i < 8; ++i) text += "," + before;
    text += "]\n";
  }
  const auto start = std::chrono::steady_clock::now();
  checkError(text, "line 6: aliases add more than 100000 values");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(YamlText, DepthIsLimited) {
  checkJson(nested(200), nested(200));
  checkError(nested(201), "line 1: nested deeper than 200 levels");
  checkError(nested(100'000), "line 1: nested deeper than 200 levels");
  std::string text = "a0: &a0 []\n";
  for (int i = 1; i < 300; ++i) {
    const std::string name = "a" + std::to_string(i);
    text += name + ": &" + name + " [*a" + std::to_string(i - 1) + "]\n";
  }
  checkError(text, "line 200: nested deeper than 200 levels");
}

TEST(YamlText, SyntaxErrorsNameTheirLine) {
  const auto lineOf = [](const std::string& yaml, std::size_t firstLine) {
    try {
      return "parsed: " + parseYaml(yaml, firstLine).dump();
    } catch (const SyntaxError& error) {
      const std::string what = error.what();
      return what.substr(0, what.find(": ", what.find(": ") + 2));
    }
  };
  EXPECT_EQ(lineOf("a: b\n c: d\n", 1), "line 2: not YAML");
  EXPECT_EQ(lineOf("a: b\n c: d\n", 101), "line 102: not YAML");
  EXPECT_EQ(lineOf("a: \"b\n", 1), "line 2: not YAML");
  EXPECT_EQ(lineOf("a: [b\n", 1), "line 2: not YAML");
  EXPECT_EQ(lineOf("a:\n\t- b\n", 1), "line 2: not YAML");
  EXPECT_EQ(lineOf("a: @b\n", 1), "line 1: not YAML");
}

TEST(YamlText, TextAfterTheValueIsRejected) {
  EXPECT_THROW(parseYaml("{a: 1}\nb: 2\n", 1), SyntaxError);
  EXPECT_THROW(parseYaml("[1]\n[2]\n", 1), SyntaxError);
  EXPECT_THROW(parseYaml("'a'\n'b'\n", 1), SyntaxError);
}

}  // namespace
}  // namespace kpol::kube
