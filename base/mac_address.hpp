// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kpol::base {

// An Ethernet (EUI-48) address.
struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  // "02:00:5e:10:00:01", either case; nothing else.
  static std::optional<MacAddress> parse(std::string_view text);
  auto operator<=>(const MacAddress&) const = default;
};

// Whether an interface can have it: it is one interface's (unicast) and not all zeros.
bool isUsable(const MacAddress& address);

// Lower case, colons.
std::string toString(const MacAddress& address);

}  // namespace kpol::base
