// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/event.hpp"
#include "controller/store.hpp"
#include "netlink/route_events.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>

namespace kpol::controller {

// Restores the host routes and neighbour entries of this node's pods, which ADD made. The kernel
// deletes them when another program sets the pod's interface down, and a network manager may delete
// routes that it does not know. Interfaces of other plugins (chained use) are left alone, and so
// are routes of other programs.
//
// One thread; netlink requests block it, for a few microseconds per interface.
class PodRoutes {
 public:
  // `store` outlives this object.
  PodRoutes(std::string stateDir, const Store& store)
      : stateDir_(std::move(stateDir)), store_(store) {}
  PodRoutes(const PodRoutes&) = delete;
  PodRoutes& operator=(const PodRoutes&) = delete;

  // Receives the changes of links, routes and neighbours. Overflow: check all pods.
  void handle(const netlink::RouteEvent& event);
  // Checks the pods that events concern, until cancelled. Throws netlink::Error and
  // base::SystemError; it may then be called again.
  base::Task<> run();

  [[nodiscard]] std::uint64_t repairs() const { return repairs_; }

 private:
  using Ids = std::set<conf::AttachmentId>;
  void suspect(const base::IfName& hostInterface);
  void suspect(const base::IpAddress& address);
  void suspectAll();
  Ids check(const Ids& suspects);

  std::string stateDir_;
  const Store& store_;
  base::Event wake_;
  Ids suspects_;
  std::uint64_t repairs_ = 0;  // of routes and neighbour entries
};

}  // namespace kpol::controller
