// SPDX-License-Identifier: Apache-2.0
#include "kube/base64.hpp"

#include <cstdint>

namespace kpol::kube {
namespace {

int digitOf(char c) {
  if ('A' <= c && c <= 'Z') return c - 'A';
  if ('a' <= c && c <= 'z') return c - 'a' + 26;
  if ('0' <= c && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

bool isBlankInBase64(char c) {
  return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

}  // namespace

std::optional<std::string> decodeBase64(std::string_view text) {
  std::string result;
  std::uint32_t bits = 0;
  std::size_t digits = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (isBlankInBase64(c)) continue;
    const int digit = digitOf(c);
    if (c == '=') {
      ++padding;
      continue;
    }
    if (digit < 0 || padding > 0) return std::nullopt;
    bits = (bits << 6U) | static_cast<std::uint32_t>(digit);
    if (++digits % 4 != 1)
      result += static_cast<char>(bits >> (6 - 2 * ((digits - 1) % 4)) & 0xffU);
  }
  const bool whole = (digits + padding) % 4 == 0 && padding <= 2;
  if (!whole) return std::nullopt;
  return result;
}

}  // namespace kpol::kube
