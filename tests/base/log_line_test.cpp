// SPDX-License-Identifier: Apache-2.0
#include "base/log_line.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace kpol::base {
namespace {

// What both formats make of one value.
struct ValueCase {
  LogField::Value value;
  std::string text;
  std::string json;
};

LogField fieldOf(const LogField::Value& value) {
  return std::visit([](const auto& held) { return LogField("value", held); }, value);
}

void expectValue(const ValueCase& expected) {
  const LogField field = fieldOf(expected.value);
  EXPECT_EQ(textLine("read", {field}), "read value=" + expected.text);
  EXPECT_EQ(jsonLine("read", {field}), R"("msg":"read","value":)" + expected.json + "}");
}

TEST(LogKey, AllowsLowerCaseLettersExceptReservedKeys) {
  for (const char* key : {"error", "took_ms", "a", "_", "message", "tsx"})
    EXPECT_TRUE(isLogKey(key)) << key;
  for (const char* key : {"", "ts", "level", "msg", "Error", "took-ms", "net.ipv4", "a b", "a=b",
                          "a1", "\"", "\n", "\xc3\xa9"})
    EXPECT_FALSE(isLogKey(key)) << key;
  static_assert(std::is_constructible_v<LogKey, const char*>);
  static_assert(!std::is_constructible_v<LogKey, std::string>, "only literals are keys");
}

TEST(LogField, KeepsTheTypeOfItsValue) {
  const std::string name = "shop/web";
  const auto same = [](const LogField& field, const LogField::Value& value) {
    EXPECT_EQ(field.key(), "value");
    EXPECT_EQ(field.value(), value) << field.value().index() << " " << value.index();
  };
  same({"value", name}, std::string_view("shop/web"));
  same({"value", name.c_str()}, std::string_view("shop/web"));
  same({"value", "literal"}, std::string_view("literal"));
  same({"value", true}, true);
  same({"value", -1}, std::int64_t{-1});
  same({"value", 1U}, std::uint64_t{1});
  same({"value", std::uint8_t{7}}, std::uint64_t{7});
  same({"value", std::size_t{7}}, std::uint64_t{7});
  same({"value", 0.5F}, 0.5);
}

TEST(LogLine, MessageAndFieldsInOrder) {
  EXPECT_EQ(textLine("listed", {}), "listed");
  EXPECT_EQ(jsonLine("listed", {}), R"("msg":"listed"})");
  EXPECT_EQ(textLine("committed", {{"changes", 3}, {"took_ms", 0.125}, {"error", "no buffer"}}),
            R"(committed changes=3 took_ms=0.125 error="no buffer")");
  EXPECT_EQ(jsonLine("committed", {{"changes", 3}, {"took_ms", 0.125}, {"error", "no buffer"}}),
            R"("msg":"committed","changes":3,"took_ms":0.125,"error":"no buffer"})");
}

TEST(LogLine, LastOfEqualKeysIsPrinted) {
  EXPECT_EQ(textLine("read", {{"kind", "Pod"}, {"seq", 1}, {"kind", "Node"}}),
            "read seq=1 kind=Node");
  EXPECT_EQ(jsonLine("read", {{"kind", "Pod"}, {"seq", 1}, {"kind", "Node"}}),
            R"("msg":"read","seq":1,"kind":"Node"})");
}

TEST(LogLine, NumbersAreNumbers) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const auto& expected : std::vector<ValueCase>{
           {std::int64_t{0}, "0", "0"},
           {std::numeric_limits<std::int64_t>::min(), "-9223372036854775808",
            "-9223372036854775808"},
           {std::numeric_limits<std::uint64_t>::max(), "18446744073709551615",
            "18446744073709551615"},
           {1.0, "1.000", "1.000"},
           {-0.0004, "-0.000", "-0.000"},
           {12345.6789, "12345.679", "12345.679"},
           {kInfinity, "inf", "null"},
           {-kInfinity, "-inf", "null"},
           {std::nan(""), "nan", "null"},
           {true, "true", "true"},
           {false, "false", "false"},
       })
    expectValue(expected);
  const auto longest = textLine("read", {{"value", std::numeric_limits<double>::lowest()}});
  EXPECT_EQ(longest.size(), std::string("read value=-.000").size() + 309);
}

TEST(LogLine, NumericTextsStayStrings) {
  for (const char* text : {"12", "-1", "0.5", "1e5", "true", "null", "0x1"})
    expectValue({text, text, '"' + std::string(text) + '"'});
}

TEST(LogLine, TextValuesAreQuotedIfNeeded) {
  for (const auto& expected : std::vector<ValueCase>{
           {"shop/web", "shop/web", R"("shop/web")"},
           {"https://[2001:db8::1]:6443", "https://[2001:db8::1]:6443",
            R"("https://[2001:db8::1]:6443")"},
           {"", R"("")", R"("")"},
           {" ", R"(" ")", R"(" ")"},
           {"a b", R"("a b")", R"("a b")"},
           {"a=b", R"("a=b")", R"("a=b")"},
           {R"(a"b)", R"("a\"b")", R"("a\"b")"},
           {R"(a\b)", R"(a\b)", R"("a\\b")"},
           {R"(a\ b)", R"("a\\ b")", R"("a\\ b")"},
           {R"(" level=error x=")", R"("\" level=error x=\"")", R"("\" level=error x=\"")"},
           {"caf\xc3\xa9", "caf\xc3\xa9", "\"caf\xc3\xa9\""},
       })
    expectValue(expected);
}

TEST(LogLine, ControlCharactersAndLineSeparatorsAreEscaped) {
  using namespace std::string_view_literals;
  for (const auto& expected : std::vector<ValueCase>{
           {"a\nb", R"("a\x0ab")", R"("a\u000ab")"},
           {"\r\n\t", R"("\x0d\x0a\x09")", R"("\u000d\u000a\u0009")"},
           {"\x1b[31m", R"("\x1b[31m")", R"("\u001b[31m")"},
           {"a\0b"sv, R"("a\x00b")", R"("a\u0000b")"},
           {"\x7f", R"("\x7f")", R"("\u007f")"},
           {"\xc2\x85", R"("\xc2\x85")", R"("\u0085")"},
           {"\xc2\x9b", R"("\xc2\x9b")", R"("\u009b")"},
           {"\xc2\xa0", "\xc2\xa0", "\"\xc2\xa0\""},
           {"\xe2\x80\xa8", R"("\xe2\x80\xa8")", R"("\u2028")"},
           {"\xe2\x80\xa9", R"("\xe2\x80\xa9")", R"("\u2029")"},
           {"\"\n\\", R"("\"\x0a\\")", R"("\"\u000a\\")"},
       })
    expectValue(expected);
}

TEST(LogLine, InvalidUtf8IsReplaced) {
  const std::string good = "\xc3\xa9\xe2\x82\xac\xed\x9f\xbf\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf";
  expectValue({good, good, '"' + good + '"'});
  for (const auto& expected : std::vector<ValueCase>{
           {"\xff", R"("\xff")", R"("\ufffd")"},
           {"a\x80z", R"("a\x80z")", R"("a\ufffdz")"},
           {"\xc3", R"("\xc3")", R"("\ufffd")"},
           {"\xc0\xaf", R"("\xc0\xaf")", R"("\ufffd\ufffd")"},
           {"\xe2\x82", R"("\xe2\x82")", R"("\ufffd\ufffd")"},
           {"\xe0\x9f\xbf", R"("\xe0\x9f\xbf")", R"("\ufffd\ufffd\ufffd")"},
           {"\xed\xa0\x80", R"("\xed\xa0\x80")", R"("\ufffd\ufffd\ufffd")"},
           {"\xf0\x8f\xbf\xbf", R"("\xf0\x8f\xbf\xbf")", R"("\ufffd\ufffd\ufffd\ufffd")"},
           {"\xf4\x90\x80\x80", R"("\xf4\x90\x80\x80")", R"("\ufffd\ufffd\ufffd\ufffd")"},
           {"\xf5\x80\x80\x80", R"("\xf5\x80\x80\x80")", R"("\ufffd\ufffd\ufffd\ufffd")"},
       })
    expectValue(expected);
}

TEST(LogLine, MessageStaysOneLineToo) {
  EXPECT_EQ(textLine("a\n\"b\"\xff", {}), R"(a\x0a"b"\xff)");
  EXPECT_EQ(jsonLine("a\n\"b\"\xff", {}), R"("msg":"a\u000a\"b\"\ufffd"})");
}

TEST(LogLine, LongValuesAreCut) {
  const std::string longest(kLongestLogValue, 'x');
  expectValue({longest, longest, '"' + longest + '"'});
  const std::string huge(10'000'000, 'x');
  expectValue({huge, longest + "…", '"' + longest + "…\""});
  // Not within a character.
  const std::string start(kLongestLogValue - 2, 'x');
  const std::string euro = start + "\xe2\x82\xac";
  expectValue({euro, start + "…", '"' + start + "…\""});
  const std::string noText(kLongestLogValue + 1, '\x80');
  EXPECT_EQ(jsonLine("read", {{"value", noText}}).find("…"),
            std::string(R"("msg":"read","value":")").size() + 6 * (kLongestLogValue - 3));
}

}  // namespace
}  // namespace kpol::base
