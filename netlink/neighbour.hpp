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

}  // namespace kpol::netlink
