// SPDX-License-Identifier: Apache-2.0
#include "base/log_line.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <variant>

namespace kpol::base {
namespace {

using Byte = unsigned char;

// One character of a text, or one byte of invalid UTF-8.
struct LogCharacter {
  std::string_view bytes;
  std::optional<std::uint32_t> code;
};

// The length of the UTF-8 sequence at the beginning of `text`; 0 if it is invalid (RFC 3629: no
// overlong forms, no surrogates, no code points above U+10FFFF).
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

LogCharacter takeCharacter(std::string_view& text) {
  constexpr std::array<std::uint32_t, 5> kFirstByteBits{0, 0x7f, 0x1f, 0x0f, 0x07};
  const std::size_t length = utf8Length(text);
  LogCharacter result{text.substr(0, std::max<std::size_t>(length, 1)), std::nullopt};
  text.remove_prefix(result.bytes.size());
  if (length == 0) return result;
  std::uint32_t code = Byte(result.bytes[0]) & kFirstByteBits[length];
  for (const char c : result.bytes.substr(1)) code = code << 6U | (Byte(c) & 0x3fU);
  result.code = code;
  return result;
}

// Control characters can control a terminal (U+009B is ESC [ in one character). Some log readers
// end a line at U+2028 and U+2029.
bool isSafeCode(std::uint32_t code) {
  const bool isControl = code < 0x20 || (0x7f <= code && code <= 0x9f);
  return !isControl && code != 0x2028 && code != 0x2029;
}

void appendHex(std::string& line, std::uint32_t number, unsigned digits) {
  while (digits-- > 0) line += "0123456789abcdef"[number >> (4 * digits) & 0xfU];
}

void appendJsonText(std::string& line, std::string_view text) {
  line += '"';
  while (!text.empty()) {
    const auto [bytes, code] = takeCharacter(text);
    if (!code) {
      line += "\\ufffd";
    } else if (!isSafeCode(*code)) {  // all below U+10000
      line += "\\u";
      appendHex(line, *code, 4);
    } else {
      if (code == '"' || code == '\\') line += '\\';
      line += bytes;
    }
  }
  line += '"';
}

// Returns whether a byte was escaped.
bool appendEscaped(std::string& line, std::string_view text) {
  bool escaped = false;
  while (!text.empty()) {
    const auto [bytes, code] = takeCharacter(text);
    if (code && isSafeCode(*code)) {
      line += bytes;
      continue;
    }
    escaped = true;
    for (const char c : bytes) {
      line += "\\x";
      appendHex(line, Byte(c), 2);
    }
  }
  return escaped;
}

void appendTextValue(std::string& line, std::string_view text) {
  std::string plain;
  const bool escaped = appendEscaped(plain, text);
  if (!escaped && !text.empty() && text.find_first_of(" \"=") == text.npos) {
    line += plain;
    return;
  }
  line += '"';
  while (!text.empty()) {
    const char c = text.front();
    if (c == '"' || c == '\\') {
      line += {'\\', c};
      text.remove_prefix(1);
      continue;
    }
    const auto part = text.substr(0, text.find_first_of("\"\\"));
    appendEscaped(line, part);
    text.remove_prefix(part.size());
  }
  line += '"';
}

// `text`, cut after at most kLongestLogValue bytes, never within a character, with "…" appended.
std::string shortened(std::string_view text) {
  if (text.size() <= kLongestLogValue) return std::string(text);
  std::size_t end = kLongestLogValue;
  const std::size_t earliest = end - 3;  // a character has four bytes at most
  while (end > earliest && (Byte(text[end]) & 0xc0U) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

std::string plainValue(bool value) {
  return value ? "true" : "false";
}

template <class Number>
std::string plainValue(Number number) {
  std::array<char, 400> digits{};  // the longest double has 309 before the point
  std::to_chars_result end{};
  if constexpr (std::floating_point<Number>)
    end = std::to_chars(digits.begin(), digits.end(), number, std::chars_format::fixed, 3);
  else
    end = std::to_chars(digits.begin(), digits.end(), number);
  return {digits.data(), end.ptr};
}

struct TextValuePrinter {
  std::string& line;
  void operator()(std::string_view text) { appendTextValue(line, shortened(text)); }
  void operator()(auto value) { line += plainValue(value); }
};

struct JsonValuePrinter {
  std::string& line;
  void operator()(std::string_view text) { appendJsonText(line, shortened(text)); }
  void operator()(double value) { line += std::isfinite(value) ? plainValue(value) : "null"; }
  void operator()(auto value) { line += plainValue(value); }
};

bool isRepeatedLater(LogFields fields, const LogField& field) {
  return std::any_of(&field + 1, fields.end(),
                     [&](const LogField& later) { return later.key() == field.key(); });
}

}  // namespace

std::string textLine(std::string_view message, LogFields fields) {
  std::string line;
  appendEscaped(line, message);
  for (const auto& field : fields) {
    if (isRepeatedLater(fields, field)) continue;
    line += ' ';
    line += field.key();
    line += '=';
    std::visit(TextValuePrinter{line}, field.value());
  }
  return line;
}

std::string jsonLine(std::string_view message, LogFields fields) {
  std::string line = "\"msg\":";
  appendJsonText(line, message);
  for (const auto& field : fields) {
    if (isRepeatedLater(fields, field)) continue;
    line += ",\"";
    line += field.key();
    line += "\":";
    std::visit(JsonValuePrinter{line}, field.value());
  }
  return line + '}';
}

}  // namespace kpol::base
