// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/message.hpp"
#include "netlink/objects.hpp"

#include <cstdint>
#include <optional>
#include <span>

// RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH as bytes. Nothing here touches the kernel.
namespace kpol::netlink {

Message encode(Verb verb, const Neighbour& neighbour);
// Those of one link where given; kernels before 4.20 answer with all.
Message encodeDumpNeighbours(std::optional<base::IfIndex> link);

// The payload of an RTM_NEWNEIGH or RTM_DELNEIGH; nothing when it is no IP neighbour with an
// Ethernet address (unresolved, failed, NOARP, a bridge's forwarding entry). Throws Error with
// EBADMSG.
std::optional<Neighbour> parseNeighbour(std::span<const std::uint8_t> payload);

// What an RTM_DELNEIGH is about where parseNeighbour() has no Ethernet address to tell: the kernel
// forgets it before the neighbour. Nothing when it is no IP neighbour.
struct NeighbourKey {
  base::IfIndex link;
  base::IpAddress address;
  bool operator==(const NeighbourKey&) const = default;
};
std::optional<NeighbourKey> parseNeighbourKey(std::span<const std::uint8_t> payload);

// Forwarding entries of VXLAN devices, in the same messages. Add and Replace leave the MAC address
// with this destination alone.
Message encode(Verb verb, const ForwardingEntry& entry);
Message encodeDumpForwarding(base::IfIndex link);
// Nothing when it is none that has an address to send to (an IP neighbour, a bridge's own).
std::optional<ForwardingEntry> parseForwardingEntry(std::span<const std::uint8_t> payload);

}  // namespace kpol::netlink
