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

// An object was created or changed. Contains its current state.
template <class Object>
struct Added {
  Object object;
  bool operator==(const Added&) const = default;
};

// An object was deleted. Contains its last state.
template <class Object>
struct Removed {
  Object object;
  bool operator==(const Removed&) const = default;
};

// The kernel dropped events. The reader's data may be outdated, so it must dump the objects again.
struct Overflow {
  bool operator==(const Overflow&) const = default;
};

// A removed neighbour is reported by NeighbourKey if its Ethernet address is not known. The kernel
// clears the Ethernet address of every neighbour that it deletes.
using RouteEvent =
    std::variant<Added<Link>, Removed<Link>, Added<Address>, Removed<Address>, Added<Route>,
                 Removed<Route>, Added<MultipathRoute>, Removed<MultipathRoute>, Added<Neighbour>,
                 Removed<Neighbour>, Removed<NeighbourKey>, Added<ForwardingEntry>,
                 Removed<ForwardingEntry>, Overflow>;

// Returns nullopt for all other messages, such as a multicast route or an unresolved neighbour.
// Throws Error with EBADMSG.
std::optional<RouteEvent> parseRouteEvent(const MessageView& message);

enum class RouteTopic { Links, Addresses, Routes, Neighbours };

// Receives changes of rtnetlink objects in the network namespace that the thread is in during
// construction. Construct it before the first dump, so that no change is missed.
//
// Threading: one thread at a time. Errors: Error, after which this object must be recreated.
class RouteEvents {
 public:
  explicit RouteEvents(std::initializer_list<RouteTopic> topics);

  // For an event loop: readable when events or an overflow are pending. Do not read from it.
  [[nodiscard]] int fd() const noexcept { return socket_.fd(); }

  // Waits for the first event until the deadline (does not wait if it is in the past). Returns it
  // with the other pending events, up to a limit. Empty if no event arrived in time. After
  // ENOBUFS, Overflow is the last element, and all events of later calls happened after it.
  std::vector<RouteEvent> read(std::chrono::steady_clock::time_point deadline);

 private:
  Socket socket_;
};

}  // namespace kpol::netlink
