// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/prefix.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kpol::conf {

// Addresses that may be given to pods: first..last within subnet, except the gateway. Never holds
// the network address, nor the broadcast address of IPv4.
struct IpRange {
  base::Prefix subnet;
  base::IpAddress first;
  base::IpAddress last;
  std::optional<base::IpAddress> gateway;  // somebody else's; not handed out
  auto operator<=>(const IpRange&) const = default;

  // Whether the address may be handed out.
  [[nodiscard]] bool holds(const base::IpAddress& address) const {
    return first <= address && address <= last && address != gateway;
  }
};

// How many addresses it holds; the largest number where that is none of 64 bits.
std::uint64_t sizeOf(const IpRange& range);

// Ranges of one family, tried in this order; a pod gets one address of each set.
using IpRangeSet = std::vector<IpRange>;

// How the set is written in the config, for messages: "10.244.1.0/24".
std::string toString(const IpRangeSet& set);

}  // namespace kpol::conf
