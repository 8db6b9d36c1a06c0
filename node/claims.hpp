// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "node/plan.hpp"

#include <map>
#include <string>
#include <vector>

namespace kpol::node {

// The pod CIDRs and addresses that the Node objects claim and kpol accepts.
struct Claims {
  Holders holders;
  std::vector<base::Prefix> ownCidrs;                             // in the order of the own Node
  std::map<std::string, std::vector<base::IpAddress>> addresses;  // InternalIPs, by node
  std::vector<policy::Diagnostic> diagnostics;                    // one for each rejected claim
};

// Rejects claims that would cost other nodes their routes, so that a node with a wrong pod CIDR or
// address loses at most the routes to its own pods. `before` is the current plan: what it contains
// has precedence. The own Node must be in `nodes`. Pure.
Claims decideClaims(const Settings& settings, const std::map<std::string, policy::Node>& nodes,
                    const Host& host, const Plan& before);

}  // namespace kpol::node
