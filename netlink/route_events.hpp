// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/neighbour.hpp"
#include "netlink/objects.hpp"
#include "netlink/parse.hpp"
#include "netlink/socket.hpp"

#include <chrono>
#include <initializer_list>
#include <variant>
#include <vector>

namespace kpol::netlink {

// The object as it is now: made or changed.
template <class Object>
struct Added {
  Object object;
  bool operator==(const Added&) const = default;
};

// The object as it was.
template <class Object>
struct Removed {
  Object object;
  bool operator==(const Removed&) const = default;
};

// The kernel had to drop events: what the reader knows may be wrong, dump it again.
struct Overflow {
  bool operator==(const Overflow&) const = default;
};

// A neighbour that is gone is told by its address alone where its Ethernet address is not known
// (any more), which is so for each that is deleted.
using RouteEvent =
    std::variant<Added<Link>, Removed<Link>, Added<Address>, Removed<Address>, Added<Route>,
                 Removed<Route>, Added<Neighbour>, Removed<Neighbour>, Removed<NeighbourKey>,
                 Added<ForwardingEntry>, Removed<ForwardingEntry>, Overflow>;

// Nothing for a message that is none of these, such as a multicast route or an unresolved
// neighbour. Throws Error with EBADMSG.
std::optional<RouteEvent> parseRouteEvent(const MessageView& message);

enum class RouteTopic { Links, Addresses, Routes, Neighbours };

// Changes of rtnetlink objects in the network namespace the thread is in when this is made. To miss
// nothing, make it before the first dump.
//
// Threading: one thread at a time. Errors: Error, after which this must be made anew.
class RouteEvents {
 public:
  explicit RouteEvents(std::initializer_list<RouteTopic> topics);

  // For an event loop: readable when events or an overflow wait. Do not read from it.
  [[nodiscard]] int fd() const noexcept { return socket_.fd(); }

  // Waits for the first event until the deadline (one in the past: not at all), then returns it
  // with those already waiting behind it, up to a bound. Empty: none came in time. An Overflow is
  // the last of what is returned; every event read later happened after it.
  std::vector<RouteEvent> read(std::chrono::steady_clock::time_point deadline);

 private:
  Socket socket_;
};

}  // namespace kpol::netlink
