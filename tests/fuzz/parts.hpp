// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace kpol::fuzz {

// Passes `text` in parts, as a connection does. `cut` selects their sizes: one size for each of its
// halves, in turn, from one byte to some hundred.
template <class Take>
void inParts(std::string_view text, std::uint8_t cut, Take take) {
  const auto sizeOf = [](unsigned half) { return half * half + 1U; };
  bool odd = false;
  while (!text.empty()) {
    const auto part = text.substr(0, sizeOf(odd ? cut >> 4U : cut & 15U));
    take(part);
    text.remove_prefix(part.size());
    odd = !odd;
  }
}

// Cuts one byte off the front, which is the harness's own; 0 where there is none.
inline std::uint8_t cutByte(std::string_view& text) {
  if (text.empty()) return 0;
  const auto byte = static_cast<std::uint8_t>(text.front());
  text.remove_prefix(1);
  return byte;
}

}  // namespace kpol::fuzz
