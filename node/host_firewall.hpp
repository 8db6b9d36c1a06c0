// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/prefix.hpp"
#include "nft/foreign.hpp"

#include <string>
#include <vector>

// Other filters of the node that drop what pods send and receive. Whatever kpol accepts, every
// other filter of the kernel decides too: a packet passes only if all let it.
namespace kpol::node {

struct FirewallFinding {
  std::string where;    // "chain FORWARD of table ip filter (policy drop)"
  std::string effect;   // "drops what pods send and receive"
  bool certain = true;  // false: unless a rule there that kpol cannot judge lets it pass
  std::string remedy;   // a command, or what to write where
  auto operator<=>(const FirewallFinding&) const = default;
};
std::string toString(const FirewallFinding& finding);

// The filters that drop a pod's new connections: those that a packet of an interface kpol*, or to
// one, from or to the addresses of `podCidrs`, falls through to a drop. Rules that cannot be judged
// are taken not to match. Pure.
std::vector<FirewallFinding> judge(const std::vector<nft::ForwardFilter>& filters,
                                   const std::vector<base::Prefix>& podCidrs);

// All filters of forwarded packets in the calling thread's network namespace but kpol's own. Throws
// base::Error.
std::vector<nft::ForwardFilter> readHostFirewalls();

}  // namespace kpol::node
