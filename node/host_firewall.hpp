// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/prefix.hpp"
#include "nft/foreign.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// Other programs' filters on the node that drop packets from or to pods, or VXLAN packets from
// other nodes. The kernel evaluates every filter, and a packet passes only if all of them accept
// it, whatever kpol accepts.
namespace kpol::node {

struct FirewallFinding {
  std::string where;  // "chain FORWARD of table ip filter (policy drop)"
  // "drops packets that pods send and receive", "drops VXLAN packets from other nodes"
  std::string effect;
  bool certain = true;  // false: a rule that kpol cannot evaluate may accept the packets
  std::string remedy;   // a command, or instructions
  auto operator<=>(const FirewallFinding&) const = default;
};
std::string toString(const FirewallFinding& finding);

// Encapsulated packets from other nodes.
struct VxlanPackets {
  base::Family family = base::Family::V4;
  std::uint16_t port = 0;
  std::vector<base::IpAddress> senders;
};

// Returns the filters that drop new connections of pods: packets from or to an interface kpol*,
// with a source or destination in `podCidrs`; and those that drop `vxlan` packets. A rule that
// cannot be evaluated counts as not matching. The findings are sorted. Pure.
std::vector<FirewallFinding> judge(const std::vector<nft::ForeignFilter>& filters,
                                   const std::vector<base::Prefix>& podCidrs,
                                   const std::optional<VxlanPackets>& vxlan = std::nullopt);

// Reads all filters of forwarded packets and of packets to the node, except kpol's own, in the
// calling thread's network namespace (see readLegacyIptables()). Throws base::Error.
std::vector<nft::ForeignFilter> readHostFirewalls();

}  // namespace kpol::node
