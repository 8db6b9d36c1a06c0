// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/message.hpp"
#include "netlink/objects.hpp"

#include <cstdint>
#include <optional>
#include <span>

// Encodes and parses RTM_NEWROUTE, RTM_DELROUTE and RTM_GETROUTE. No I/O.
namespace kpol::netlink {

// Delete identifies the route by destination, table, metric (0: any), link, gateway and protocol,
// not by MTU, scope or preferred source.
Message encode(Verb verb, const Route& route);

struct RouteFilter {
  base::Family family = base::Family::V4;
  std::uint32_t table = 254;
  std::optional<base::IfIndex> link = {};
  bool unreachable = false;  // unreachable routes instead of unicast routes
};
// Dumps matching routes. Kernels before 4.20 ignore the filter and return all routes of the
// family.
Message encodeDumpRoutes(const RouteFilter& filter);

// Queries the route to `address`. The response is an RTM_NEWROUTE.
Message encodeGetRoute(const base::IpAddress& address);

// Parses the payload of an RTM_NEWROUTE or RTM_DELROUTE. Returns nullopt if it is not a unicast or
// unreachable IP route, or has no single link (multipath). Throws Error with EBADMSG.
std::optional<Route> parseRoute(std::span<const std::uint8_t> payload);
// The same for unicast routes with RTA_MULTIPATH. Returns nullopt for any other route.
std::optional<MultipathRoute> parseMultipathRoute(std::span<const std::uint8_t> payload);

}  // namespace kpol::netlink
