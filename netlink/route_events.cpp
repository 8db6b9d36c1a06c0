// SPDX-License-Identifier: Apache-2.0
#include "netlink/route_events.hpp"

#include "netlink/address.hpp"
#include "netlink/error.hpp"
#include "netlink/link.hpp"
#include "netlink/route.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <utility>

namespace kpol::netlink {
namespace {

using Clock = std::chrono::steady_clock;

// Large enough for a burst of about ten thousand routes.
constexpr std::size_t kReceiveBuffer = 8U << 20U;
// Limit per read, so that a burst does not block the event loop.
constexpr std::size_t kEventsPerRead = 256;

void join(Socket& socket, RouteTopic topic) {
  switch (topic) {
    case RouteTopic::Links: socket.joinGroup(RTNLGRP_LINK); return;
    case RouteTopic::Neighbours: socket.joinGroup(RTNLGRP_NEIGH); return;
    case RouteTopic::Addresses:
      socket.joinGroup(RTNLGRP_IPV4_IFADDR);
      socket.joinGroup(RTNLGRP_IPV6_IFADDR);
      return;
    case RouteTopic::Routes:
      socket.joinGroup(RTNLGRP_IPV4_ROUTE);
      socket.joinGroup(RTNLGRP_IPV6_ROUTE);
      return;
  }
}

template <template <class> class Change, class Object>
std::optional<RouteEvent> event(std::optional<Object> object) {
  if (!object) return std::nullopt;
  return Change<Object>{std::move(*object)};
}

// A bridge reports its ports to the same group in AF_BRIDGE messages. There, RTM_DELLINK means "no
// longer a port", not "deleted".
std::optional<Link> parseOwnLink(std::span<const std::uint8_t> payload) {
  auto rest = payload;
  if (cutHeader<ifinfomsg>(rest).ifi_family != AF_UNSPEC) return std::nullopt;
  return parseLink(payload);
}

template <template <class> class Change>
std::optional<RouteEvent> routeEvent(std::span<const std::uint8_t> payload) {
  if (auto route = parseRoute(payload)) return Change<Route>{std::move(*route)};
  return event<Change>(parseMultipathRoute(payload));
}

template <template <class> class Change>
std::optional<RouteEvent> neighbourEvent(std::span<const std::uint8_t> payload) {
  if (auto entry = parseForwardingEntry(payload)) return Change<ForwardingEntry>{*entry};
  return event<Change>(parseNeighbour(payload));
}

std::optional<RouteEvent> goneNeighbour(std::span<const std::uint8_t> payload) {
  if (auto known = neighbourEvent<Removed>(payload)) return known;
  return event<Removed>(parseNeighbourKey(payload));
}

void append(std::span<const std::uint8_t> datagram, std::vector<RouteEvent>& events) {
  Messages messages(datagram);
  while (const auto message = messages.next())
    if (auto parsed = parseRouteEvent(*message)) events.push_back(std::move(*parsed));
}

// A socket reports the loss before its queued events, although these are older. They must be
// discarded, or they would be treated as newer than the dump that follows an overflow.
void discardWaiting(Socket& socket) {
  for (;;) {
    try {
      while (socket.receive(Clock::now())) continue;
      return;
    } catch (const Error& error) {
      if (error.code() != ENOBUFS) throw;
    }
  }
}

}  // namespace

std::optional<RouteEvent> parseRouteEvent(const MessageView& message) {
  const auto payload = message.payload;
  switch (message.type) {
    case RTM_NEWLINK: return event<Added>(parseOwnLink(payload));
    case RTM_DELLINK: return event<Removed>(parseOwnLink(payload));
    case RTM_NEWADDR: return event<Added>(parseAddress(payload));
    case RTM_DELADDR: return event<Removed>(parseAddress(payload));
    case RTM_NEWROUTE: return routeEvent<Added>(payload);
    case RTM_DELROUTE: return routeEvent<Removed>(payload);
    case RTM_NEWNEIGH: return neighbourEvent<Added>(payload);
    case RTM_DELNEIGH: return goneNeighbour(payload);
    case NLMSG_OVERRUN: return Overflow{};
    default: return std::nullopt;
  }
}

RouteEvents::RouteEvents(std::initializer_list<RouteTopic> topics) : socket_(NETLINK_ROUTE) {
  socket_.growReceiveBuffer(kReceiveBuffer);
  for (const auto topic : topics) join(socket_, topic);
}

std::vector<RouteEvent> RouteEvents::read(Clock::time_point deadline) {
  std::vector<RouteEvent> events;
  try {
    while (events.size() < kEventsPerRead) {
      // Only events end the wait, not datagrams without events for us.
      const auto datagram = socket_.receive(events.empty() ? deadline : Clock::now());
      if (!datagram) break;
      append(*datagram, events);
    }
  } catch (const Error& error) {
    if (error.code() != ENOBUFS) throw;
    discardWaiting(socket_);
    events.emplace_back(Overflow{});
  }
  return events;
}

}  // namespace kpol::netlink
