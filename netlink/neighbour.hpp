// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/message.hpp"
#include "netlink/objects.hpp"

#include <cstdint>
#include <optional>
#include <span>

// Encodes and parses RTM_NEWNEIGH, RTM_DELNEIGH and RTM_GETNEIGH. No I/O.
namespace kpol::netlink {

Message encode(Verb verb, const Neighbour& neighbour);
// Dumps the neighbours of `link`, or all. Old kernels may ignore the filter and return all.
Message encodeDumpNeighbours(std::optional<base::IfIndex> link);

// Parses the payload of an RTM_NEWNEIGH or RTM_DELNEIGH. Returns nullopt if it is not an IP
// neighbour with an Ethernet address (unresolved, failed, NOARP, a bridge FDB entry). Throws Error
// with EBADMSG.
std::optional<Neighbour> parseNeighbour(std::span<const std::uint8_t> payload);

// Identifies the neighbour of an RTM_DELNEIGH without an Ethernet address: the kernel clears that
// address before it deletes the neighbour. parseNeighbourKey returns nullopt if it is not an IP
// neighbour, and throws Error with EBADMSG.
struct NeighbourKey {
  base::IfIndex link;
  base::IpAddress address;
  bool operator==(const NeighbourKey&) const = default;
};
std::optional<NeighbourKey> parseNeighbourKey(std::span<const std::uint8_t> payload);

// FDB entries of VXLAN devices use the same messages. After Add or Replace, the MAC address has
// this destination only.
Message encode(Verb verb, const ForwardingEntry& entry);
Message encodeDumpForwarding(base::IfIndex link);
// Returns nullopt if it is not an FDB entry with a destination address (an IP neighbour, a bridge's
// own entry). Throws Error with EBADMSG.
std::optional<ForwardingEntry> parseForwardingEntry(std::span<const std::uint8_t> payload);

}  // namespace kpol::netlink
