// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/prefix.hpp"
#include "nft/foreign.hpp"

#include <string>
#include <vector>

// Other programs' filters on the node that drop packets from or to pods. The kernel evaluates every
// filter, and a packet passes only if all of them accept it, whatever kpol accepts.
namespace kpol::node {

struct FirewallFinding {
  std::string where;    // "chain FORWARD of table ip filter (policy drop)"
  std::string effect;   // "drops packets that pods send and receive"
  bool certain = true;  // false: a rule that kpol cannot evaluate may accept the packets
  std::string remedy;   // a command, or instructions
  auto operator<=>(const FirewallFinding&) const = default;
};
std::string toString(const FirewallFinding& finding);

// Returns the filters that drop new connections of pods: packets from or to an interface kpol*,
// with a source or destination in `podCidrs`. A rule that cannot be evaluated counts as not
// matching. The findings are sorted. Pure.
std::vector<FirewallFinding> judge(const std::vector<nft::ForwardFilter>& filters,
                                   const std::vector<base::Prefix>& podCidrs);

// Reads all filters of forwarded packets, except kpol's own, in the calling thread's network
// namespace (see readLegacyIptables()). Throws base::Error.
std::vector<nft::ForwardFilter> readHostFirewalls();

}  // namespace kpol::node
