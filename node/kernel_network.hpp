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

// The node network in the kernel: routes of our protocol in table main, and the VXLAN device.
//
// Remembers what it holds and tells by events whether that is still so; what it did itself is no
// news. Of others' routes none is ever replaced or deleted. One thread, in the network namespace
// where this was made.
class KernelNetwork {
 public:
  // Reads all of it anew. Throws netlink::Error.
  void read();
  [[nodiscard]] const std::optional<Held>& held() const { return held_; }

  // Makes the kernel hold the plan as far as it can; reads it first if that was not done. What the
  // kernel refuses is told and the rest is done. Throws netlink::Error where it cannot be asked.
  struct Outcome {
    std::size_t changes = 0;
    std::vector<std::string> failures;
  };
  Outcome apply(const Plan& plan);

  // The links, addresses and ways to `nodeAddresses` (sorted) as they are now.
  const Host& readHost(const std::vector<base::IpAddress>& nodeAddresses);
  // The same where nothing was news since: asks for the ways to addresses that are new only.
  const Host& hostWith(const std::vector<base::IpAddress>& nodeAddresses);

  // Whether what was read and made is not so any more: to be read again. Pods that come and go are
  // no news.
  [[nodiscard]] bool isNews(const netlink::RouteEvent& event) const;

 private:
  netlink::RouteSocket socket_;
  std::optional<Held> held_;
  std::map<base::Prefix, netlink::Route> wantedRoutes_;  // of the plan that was applied last
  Host host_;                                            // as last read
  std::vector<base::IpAddress> nodeAddresses_;           // asked for then, sorted
};

}  // namespace kpol::node
