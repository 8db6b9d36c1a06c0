// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

// A flow of the kernel's connection tracking, from its bytes. Nothing here touches the kernel.
namespace kpol::netlink {

struct TrackedFlow {
  // One direction. `source` of the original direction is who began it, of the reply who answers it,
  // destination NAT undone.
  struct Tuple {
    std::optional<base::IpAddress> source;
    std::optional<base::IpAddress> destination;
    std::uint8_t protocol = 0;
    std::uint16_t destinationPort = 0;
    bool operator==(const Tuple&) const = default;
  };
  Tuple original;
  Tuple reply;
  // What names it to the kernel, as it sent it.
  std::uint8_t family = 0;
  std::vector<std::uint8_t> name;  // CTA_TUPLE_ORIG
  std::vector<std::uint8_t> zone;  // CTA_ZONE; empty: none
  std::vector<std::uint8_t> id;    // CTA_ID: not another flow that took its place meanwhile
  bool operator==(const TrackedFlow&) const = default;
};

// The payload of an IPCTNL_MSG_CT_NEW. Throws Error with EBADMSG.
TrackedFlow parseTrackedFlow(std::span<const std::uint8_t> payload);

}  // namespace kpol::netlink
