// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/route_events.hpp"
#include "netlink/route_socket.hpp"
#include "node/held.hpp"
#include "node/plan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kpol::node {

// The node network in the kernel: routes with our protocol in table main, and the VXLAN device.
//
// Caches the state of the kernel, and checks by events whether it is still true; its own changes do
// not count as news. Never replaces or deletes routes of other programs. Not thread-safe. Works in
// the network namespace in which it was constructed.
class KernelNetwork {
 public:
  // Reads the whole state again. Throws netlink::Error, or base::Error if another program's link
  // has the name of the VXLAN device.
  void read();
  [[nodiscard]] const std::optional<Held>& held() const { return held_; }

  // Applies the plan to the kernel. Calls read() first if the state is not known, and throws its
  // errors. Steps that fail are returned in `failures`, and the other steps are still done.
  struct Outcome {
    std::size_t changes = 0;
    std::vector<std::string> failures;
  };
  Outcome apply(const Plan& plan);

  // Reads the links, the addresses and the next hops to `nodeAddresses` (sorted) from the kernel.
  const Host& readHost(const std::vector<base::IpAddress>& nodeAddresses);
  // The same if there was no news since: only queries the next hops of addresses that were not in
  // the previous call.
  const Host& hostWith(const std::vector<base::IpAddress>& nodeAddresses);

  // Whether the event contradicts the cached state, so that it must be read again. Events about pod
  // interfaces are not news.
  [[nodiscard]] bool isNews(const netlink::RouteEvent& event) const;

 private:
  netlink::RouteSocket socket_;
  std::optional<Held> held_;
  std::map<base::Prefix, netlink::Route> wantedRoutes_;  // of the last applied plan
  Host host_;                                            // as last read
  std::vector<base::IpAddress> nodeAddresses_;           // whose hops were queried, sorted
};

}  // namespace kpol::node
