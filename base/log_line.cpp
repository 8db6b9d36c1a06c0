// SPDX-License-Identifier: Apache-2.0
#include "base/log_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace kpol::base {
namespace {

using Byte = unsigned char;
using Field = std::pair<std::string_view, std::string_view>;

// What every line has; and names, which are texts also where they look like numbers.
constexpr std::array<std::string_view, 3> kReserved{"ts", "level", "msg"};
constexpr std::array<std::string_view, 7> kNames{"container", "file", "interface", "node",
                                                 "ns",        "pod",  "version"};

bool isControl(char c) {
  return static_cast<Byte>(c) < 0x20 || static_cast<Byte>(c) == 0x7f;
}

// How long the UTF-8 sequence at the begin of `text` is; 0 when there is none (RFC 3629: no
// overlong forms, no surrogates, nothing beyond U+10FFFF).
std::size_t utf8Length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? Byte(text[i]) : Byte{0}; };
  const auto follows = [&](std::size_t i, Byte low = 0x80, Byte high = 0xbf) {
    return low <= byte(i) && byte(i) <= high;
  };
  const Byte first = byte(0);
  if (first < 0x80) return 1;
  if (0xc2 <= first && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >> 4U == 0xe) {
    const bool second = follows(1, first == 0xe0 ? Byte{0xa0} : Byte{0x80},
                                first == 0xed ? Byte{0x9f} : Byte{0xbf});
    return second && follows(2) ? 3 : 0;
  }
  if (first < 0xf0 || first > 0xf4) return 0;
  const bool second =
      follows(1, first == 0xf0 ? Byte{0x90} : Byte{0x80}, first == 0xf4 ? Byte{0x8f} : Byte{0xbf});
  return second && follows(2) && follows(3) ? 4 : 0;
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  while (!text.empty()) {
    const char c = text.front();
    const std::size_t length = utf8Length(text);
    if (c == '"' || c == '\\')
      result += {'\\', c};
    else if (isControl(c))
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else if (length == 0)
      result += "\\ufffd";
    else
      result += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result + "\"";
}

bool isKey(std::string_view text) {
  return !text.empty() && 'a' <= text.front() && text.front() <= 'z' &&
         std::ranges::all_of(text, [](char c) { return ('a' <= c && c <= 'z') || c == '_'; }) &&
         std::ranges::find(kReserved, text) == kReserved.end();
}

// Digits, perhaps with a fraction, as JSON takes them; no more than a double keeps.
bool isNumber(std::string_view text) {
  constexpr std::size_t kMostDigits = 15;
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto dot = std::min(text.find('.'), text.size());
  const auto whole = text.substr(0, dot);
  const auto digits = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) { return '0' <= c && c <= '9'; });
  };
  if (text.size() > kMostDigits || !digits(whole)) return false;
  if (whole.size() > 1 && whole.front() == '0') return false;
  return dot == text.size() || digits(text.substr(dot + 1));
}

std::string valueOf(const Field& field) {
  const bool name = std::ranges::find(kNames, field.first) != kNames.end();
  return !name && isNumber(field.second) ? std::string(field.second) : quoted(field.second);
}

// Takes the last word off `text` where that is a field.
std::optional<Field> takeField(std::string_view& text) {
  const auto space = text.rfind(' ');
  if (space == text.npos) return std::nullopt;
  const auto word = text.substr(space + 1);
  const auto equals = word.find('=');
  if (equals == word.npos || !isKey(word.substr(0, equals))) return std::nullopt;
  text = text.substr(0, space);
  return Field{word.substr(0, equals), word.substr(equals + 1)};
}

}  // namespace

std::string jsonLine(std::chrono::system_clock::time_point time, std::string_view level,
                     std::string_view message) {
  using std::chrono::microseconds;
  const auto micros = std::chrono::duration_cast<microseconds>(time.time_since_epoch()).count();
  const auto colon = std::min(message.find(": "), message.size());
  std::string_view text = message.substr(0, colon);
  std::vector<Field> fields;
  while (const auto field = takeField(text)) {
    const bool twice = std::ranges::find(fields, field->first, &Field::first) != fields.end();
    if (!twice) fields.push_back(*field);
  }
  std::string line =
      fmt::format(R"({{"ts":{}.{:06},"level":{},"msg":{})", micros / 1000000, micros % 1000000,
                  quoted(level), quoted(std::string(text) + std::string(message.substr(colon))));
  for (auto field = fields.rbegin(); field != fields.rend(); ++field)
    line += "," + quoted(field->first) + ":" + valueOf(*field);
  return line + "}";
}

std::string plainLine(std::string_view message) {
  std::string line;
  for (const char c : message)
    line +=
        isControl(c) ? fmt::format("\\x{:02x}", static_cast<unsigned>(Byte(c))) : std::string(1, c);
  return line;
}

}  // namespace kpol::base
