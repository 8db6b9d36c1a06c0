// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/prefix.hpp"
#include "nft/ruleset.hpp"

#include <cstdint>
#include <vector>

// What the table does for the network between nodes:
//   masquerade            base chain: what pods send out of the cluster gets the node's address
//   not-masqueraded4, 6   where it does not: pods, and what the configuration names
//   vxlan                 base chain: encapsulated packets are taken from nodes only
//   nodes4, nodes6        addresses of all nodes
// Pods send no encapsulated packets to nodes: masqueraded, they would come from one.
namespace kpol::policy {

// All vectors are sorted and unique.
struct NodeNetwork {
  std::vector<base::Prefix> masqueraded;     // pod CIDRs of this node; none: nothing is masqueraded
  std::vector<base::Prefix> notMasqueraded;  // destinations
  std::uint16_t vxlanPort = 0;               // UDP; 0: there is no VXLAN
  std::vector<base::IpAddress> nodes;        // who may send VXLAN
  bool operator==(const NodeNetwork&) const = default;
};

// Adds nothing for a network of nothing: the hooks cost every new flow and every packet to the
// node.
void addNodeNetwork(const NodeNetwork& network, nft::Ruleset& ruleset);

}  // namespace kpol::policy
