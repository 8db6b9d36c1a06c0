// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/prefix.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kpol::conf {

// Addresses that may be assigned to pods: first..last within `subnet`, except the gateway. Ranges
// that were read from a config never contain the network address, nor the broadcast address of
// IPv4.
struct IpRange {
  base::Prefix subnet;
  base::IpAddress first;
  base::IpAddress last;
  std::optional<base::IpAddress> gateway;  // belongs to another device, so it is not assigned
  auto operator<=>(const IpRange&) const = default;

  // Whether the address may be assigned.
  [[nodiscard]] bool holds(const base::IpAddress& address) const {
    return first <= address && address <= last && address != gateway;
  }
};

// The number of addresses that may be assigned; UINT64_MAX if it does not fit, or if an IPv6 range
// extends over more than one /64.
std::uint64_t sizeOf(const IpRange& range);

// Ranges of one family. A pod gets one address from each set; see plugin/address_choice.hpp for the
// order.
using IpRangeSet = std::vector<IpRange>;

// The subnets of the set, comma-separated, for messages: "10.244.1.0/24".
std::string toString(const IpRangeSet& set);

}  // namespace kpol::conf
