// SPDX-License-Identifier: Apache-2.0
#include "base/mac_address.hpp"

#include <charconv>
#include <cstdio>

namespace kpol::base {

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  MacAddress address;
  for (std::size_t i = 0; i < 6; ++i) {
    if (i > 0 && text[i * 3 - 1] != ':') return std::nullopt;
    const char* octet = text.data() + i * 3;
    const auto [end, ec] = std::from_chars(octet, octet + 2, address.bytes[i], 16);
    if (ec != std::errc{} || end != octet + 2) return std::nullopt;
  }
  return address;
}

bool isUsable(const MacAddress& address) {
  return (address.bytes[0] & 1U) == 0 && address != MacAddress{};
}

std::string toString(const MacAddress& address) {
  const auto& b = address.bytes;
  std::array<char, 18> text{};
  std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3],
                b[4], b[5]);
  return text.data();
}

}  // namespace kpol::base
