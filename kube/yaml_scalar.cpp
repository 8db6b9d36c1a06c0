// SPDX-License-Identifier: Apache-2.0
#include "kube/yaml_scalar.hpp"

#include "kube/field.hpp"
#include "kube/syntax_error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace kpol::kube {
namespace {

constexpr std::array<std::string_view, 11> kTrue = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                                    "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalse = {"n",     "N",     "no",  "No",  "NO", "false",
                                                     "False", "FALSE", "off", "Off", "OFF"};
constexpr std::array<std::string_view, 5> kNull = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 12> kNotFinite = {".nan",  ".NaN",  ".NAN",  ".inf",
                                                         ".Inf",  ".INF",  "+.inf", "+.Inf",
                                                         "+.INF", "-.inf", "-.Inf", "-.INF"};

bool isAmong(const auto& words, std::string_view text) {
  return std::ranges::find(words, text) != words.end();
}

bool isYamlDigit(char c) {
  return c >= '0' && c <= '9';
}

struct Digits {
  int base;
  std::string_view text;
};

// As strconv.ParseInt with base 0: the prefix determines the base, and a leading zero alone means
// octal.
Digits splitBase(std::string_view text) {
  if (text.size() < 2 || text.front() != '0') return {10, text};
  switch (text[1]) {
    case 'x':
    case 'X': return {16, text.substr(2)};
    case 'o':
    case 'O': return {8, text.substr(2)};
    case 'b':
    case 'B': return {2, text.substr(2)};
    default: return {8, text.substr(1)};
  }
}

template <typename Number>
std::optional<Number> parseWhole(std::string_view text, auto... format) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, format...);
  if (text.empty() || stop != end || error != std::errc{}) return std::nullopt;
  return value;
}

std::optional<Json> parseInteger(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto [base, digits] = splitBase(text);
  if (digits.starts_with('-')) return std::nullopt;  // from_chars would accept a second sign
  if (negative) {
    const auto value = parseWhole<std::int64_t>(std::string("-").append(digits), base);
    return value ? std::optional<Json>(*value) : std::nullopt;
  }
  const auto value = parseWhole<std::uint64_t>(digits, base);
  return value ? std::optional<Json>(*value) : std::nullopt;
}

// As go-yaml's yamlStyleFloat, because from_chars would also accept "infinity" and similar words.
std::optional<double> parseFloat(std::string_view text) {
  const bool positive = text.starts_with('+');
  if (positive) text.remove_prefix(1);  // from_chars does not accept it
  const auto digits = !positive && text.starts_with('-') ? text.substr(1) : text;
  const bool styled =
      !digits.empty() && (isYamlDigit(digits.front()) || digits.front() == '.') &&
      std::ranges::all_of(digits, [](char c) {
        return isYamlDigit(c) || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-';
      });
  return styled ? parseWhole<double>(text, std::chars_format::general) : std::nullopt;
}

// encoding/json writes a float without a fraction as an integer.
Json jsonNumber(double value) {
  constexpr double kExact = 9007199254740992.0;  // 2^53: every integer below it is exact
  if (value == std::floor(value) && std::abs(value) < kExact) {
    return static_cast<std::int64_t>(value);
  }
  return value;
}

Json plainScalar(std::string_view text) {
  if (isAmong(kNull, text)) return nullptr;
  if (isAmong(kTrue, text)) return true;
  if (isAmong(kFalse, text)) return false;
  if (isAmong(kNotFinite, text)) throw SyntaxError(inQuotes(text) + " is not a number in JSON");
  const char first = text.front();
  if (!isYamlDigit(first) && first != '+' && first != '-' && first != '.') return text;
  std::string plain(text);
  if (first != '.') std::erase(plain, '_');
  if (auto integer = parseInteger(plain)) return std::move(*integer);
  if (const auto number = parseFloat(plain)) return jsonNumber(*number);
  return text;
}

}  // namespace

Json yamlScalar(std::string_view tag, std::string_view text) {
  static constexpr std::string_view kPrefix = "tag:yaml.org,2002:";
  const auto name = tag.starts_with(kPrefix) ? tag.substr(kPrefix.size()) : tag;
  static constexpr std::array<std::string_view, 5> kTyped = {"?", "int", "float", "bool", "null"};
  if (!isAmong(kTyped, name)) return text;  // quoted, !!str, and tags that have no effect here
  return plainScalar(text);
}

std::string yamlKey(std::string_view tag, std::string_view text) {
  const Json value = yamlScalar(tag, text);
  if (value.is_null()) throw SyntaxError("a key must not be null");
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace kpol::kube
