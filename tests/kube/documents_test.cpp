// SPDX-License-Identifier: Apache-2.0
#include "kube/documents.hpp"

#include "kube/syntax_error.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace kpol::kube {
namespace {

using Parts = std::vector<std::pair<std::size_t, std::string>>;

// `text` must split into `expected`: line and text of each document.
void checkParts(const std::string& text, const Parts& expected) {
  Parts parts;
  for (const auto& document : splitDocuments(text)) {
    parts.emplace_back(document.line, std::string(document.text));
  }
  EXPECT_EQ(parts, expected) << text;
}

std::string characterFault(const std::string& text) {
  try {
    checkCharacters(text);
    return "";
  } catch (const SyntaxError& error) {
    return error.what();
  }
}

TEST(Documents, MarkersAtTheStartOfALineSplit) {
  checkParts("", {});
  checkParts("a", {{1, "a"}});
  checkParts("a\n---\nb\n", {{1, "a\n"}, {2, "\nb\n"}});
  checkParts("---\na\n---\nb", {{1, "\na\n"}, {3, "\nb"}});
  checkParts("a\n--- {b: c}\n", {{1, "a\n"}, {2, " {b: c}\n"}});
  checkParts("a\n...\nb\n", {{1, "a\n"}, {3, "b\n"}});
  checkParts("a\r\n---\r\nb\r\n", {{1, "a\r\n"}, {2, "\r\nb\r\n"}});
}

TEST(Documents, OtherDashesDoNotSplit) {
  checkParts("a: |\n  ---\n", {{1, "a: |\n  ---\n"}});
  checkParts("a\n----\n", {{1, "a\n----\n"}});
  checkParts("a\n---b\n", {{1, "a\n---b\n"}});
  checkParts("a ---\n", {{1, "a ---\n"}});
}

TEST(Documents, CommentsAndDirectivesAreNoDocument) {
  checkParts("---\n---\n# only this\n   # and this\n---\n\n---", {});
  checkParts("# licence\n---\na\n", {{2, "\na\n"}});
  checkParts("%YAML 1.1\n---\na\n", {{2, "\na\n"}});
  checkParts("a\n---\n", {{1, "a\n"}});
}

TEST(Documents, AByteOrderMarkIsNoPartOfTheText) {
  checkParts(
      "\xEF\xBB\xBF"
      "a\n---\n\xEF\xBB\xBF"
      "b",
      {{1, "a\n"}, {3, "b"}});
}

TEST(Documents, JsonDocumentsMayHoldSeveralValues) {
  EXPECT_EQ(parseDocument({"{\"a\":1}\n{\"b\":2} {\"c\":3}\n", 1}),
            (std::vector<Json>{{{"a", 1}}, {{"b", 2}}, {{"c", 3}}}));
}

TEST(Documents, YamlFlowStyleIsNotParsedAsJson) {
  EXPECT_EQ(parseDocument({"{a: b, c: [d]}", 1}), (std::vector<Json>{{{"a", "b"}, {"c", {"d"}}}}));
}

TEST(Documents, BrokenJsonIsReportedAsJson) {
  const auto fault = [](const std::string& text) -> std::string {
    try {
      parseDocument({text, 5});
      return "";
    } catch (const SyntaxError& error) {
      return error.what();
    }
  };
  const std::string syntax = "not JSON: syntax error while parsing ";
  EXPECT_EQ(fault("{\"a\":\n1,\n"),
            "line 7: " + syntax + "object key - unexpected end of input, at \"1,<U+000A>\"");
  EXPECT_EQ(fault("{\"a\":1,\n\"a\":2}"), "line 6: the key \"a\" is duplicated");
  EXPECT_EQ(fault("{\"a\":1} x"), "line 5: " + syntax + "value - invalid literal, at \"x\"");
}

TEST(Documents, TextMustBeUtf8) {
  EXPECT_EQ(characterFault("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n\t\r"), "");
  for (const char* bad : {"\xff", "\xc3", "\xc3(", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xe0\x80\x80", "\xf0\x80\x80\x80", "\x80", "\xe2\x82"}) {
    EXPECT_EQ(characterFault(std::string("a\nb") + bad), "line 2: not UTF-8 text");
  }
  EXPECT_EQ(characterFault(std::string("\xff\xfe"
                                       "a\0",
                                       4)),
            "line 1: not UTF-8 text");
}

TEST(Documents, ControlCharactersAreRejected) {
  for (const char bad : {'\0', '\x01', '\x04', '\x1b', '\x7f'}) {
    EXPECT_EQ(characterFault(std::string("a\nb") + bad + "\nc"), "line 2: a control character");
  }
}

}  // namespace
}  // namespace kpol::kube
