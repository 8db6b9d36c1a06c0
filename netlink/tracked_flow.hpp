// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

// Parses conntrack entries. No I/O.
namespace kpol::netlink {

struct TrackedFlow {
  // One direction. In the original direction, `source` is the initiator. In the reply direction,
  // `source` is the responder: the destination after destination NAT.
  struct Tuple {
    std::optional<base::IpAddress> source;
    std::optional<base::IpAddress> destination;
    std::uint8_t protocol = 0;
    std::uint16_t destinationPort = 0;
    bool operator==(const Tuple&) const = default;
  };
  Tuple original;
  Tuple reply;
  // Identify the entry in requests; bytes as the kernel sent them.
  std::uint8_t family = 0;
  std::vector<std::uint8_t> name;  // CTA_TUPLE_ORIG
  std::vector<std::uint8_t> zone;  // CTA_ZONE; empty: none
  std::vector<std::uint8_t> id;    // CTA_ID: detects an entry that was replaced by another flow
  bool operator==(const TrackedFlow&) const = default;
};

// Parses the payload of an IPCTNL_MSG_CT_NEW. Throws Error with EBADMSG.
TrackedFlow parseTrackedFlow(std::span<const std::uint8_t> payload);

}  // namespace kpol::netlink
