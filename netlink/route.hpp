// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/message.hpp"
#include "netlink/objects.hpp"

#include <cstdint>
#include <optional>
#include <span>

// RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE as bytes. Nothing here touches the kernel.
namespace kpol::netlink {

// Delete names the route by what tells it from others (destination, table, metric, link, gateway,
// protocol), not by its MTU, scope or preferred source.
Message encode(Verb verb, const Route& route);

struct RouteFilter {
  base::Family family = base::Family::V4;
  std::uint32_t table = 254;
  std::optional<base::IfIndex> link;
};
// Unicast routes that match; kernels before 4.20 answer with all of the family.
Message encodeDumpRoutes(const RouteFilter& filter);

// Asks how the kernel would send to `address`; the answer is an RTM_NEWROUTE.
Message encodeGetRoute(const base::IpAddress& address);

// The payload of an RTM_NEWROUTE or RTM_DELROUTE; nothing when it is no unicast IP route or has no
// link of its own (multipath). Throws Error with EBADMSG.
std::optional<Route> parseRoute(std::span<const std::uint8_t> payload);

}  // namespace kpol::netlink
