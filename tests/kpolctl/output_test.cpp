// SPDX-License-Identifier: Apache-2.0
#include "kpolctl/output.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kpol::kpolctl {
namespace {

TEST(JsonText, KeepsTheOrderOfKeys) {
  EXPECT_EQ(jsonText(Json::parse(R"({"b":1,"a":[]})")), "{\n  \"b\": 1,\n  \"a\": []\n}\n");
}

TEST(YamlText, PrintsEveryKindOfValue) {
  const auto json = Json::parse(
      R"({"text":"shop/web","list":["a",{"b":1}],"empty":[],"none":{},"yes":true,"nil":null,)"
      R"("number":-1.5})");
  EXPECT_EQ(yamlText(json),
            "text: shop/web\n"
            "list:\n"
            "  - a\n"
            "  - b: 1\n"
            "empty: []\n"
            "none: {}\n"
            "\"yes\": true\n"
            "nil: ~\n"
            "number: -1.5\n");
}

TEST(YamlText, QuotesAmbiguousScalars) {
  for (const char* text :
       {"true", "No",  "null", "~",    "12",       "1.5",     "0x1F", "",   " a",    "a ",
        "a: b", "- a", "#a",   "a #b", "10.0.0.1", "fd00::1", "*a",   "&a", "\"a\"", "y"})
    EXPECT_EQ(yamlText(Json::array({text})), "- " + Json(text).dump() + "\n") << text;
}

TEST(YamlText, PrintsLinesAsABlock) {
  const auto text = yamlText(Json::parse(R"({"text":"table inet kpol {\n\tchain x {\n\t}\n}\n"})"));
  EXPECT_EQ(text,
            "text: |\n"
            "  table inet kpol {\n"
            "  \tchain x {\n"
            "  \t}\n"
            "  }\n");
}

}  // namespace
}  // namespace kpol::kpolctl
