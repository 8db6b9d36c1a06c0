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

  // Accepts only the form "02:00:5e:10:00:01", in upper or lower case.
  static std::optional<MacAddress> parse(std::string_view text);
  auto operator<=>(const MacAddress&) const = default;
};

// Whether an interface can have this address: unicast and not all zeros.
bool isUsable(const MacAddress& address);

// Lower case, colons.
std::string toString(const MacAddress& address);

}  // namespace kpol::base
