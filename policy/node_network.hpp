// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/port_range.hpp"
#include "base/prefix.hpp"
#include "nft/ruleset.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

// The part of the table for the network between nodes:
//   pod-masquerade        base chain: packets of pods to outside the cluster get the node's address
//   not-masqueraded4, 6   excluded destinations: those of NodeNetwork, multicast, broadcast and
//                         IPv6 link-local
//   vxlan                 base chain: drops encapsulated packets that are not from nodes
//   nodes4, nodes6        addresses of all nodes
//   vxlan-out             base chain: drops encapsulated packets that this node's processes send.
//                         The VXLAN device sends from ports that unprivileged ones cannot use
//   forward-guard         base chain: drops forwarded packets of new flows that
//                         - are encapsulated and go to a node: masqueraded, they would appear to
//                           come from a node, also if a Service led them there
//                         - conntrack calls invalid, where masquerading is due: they would leave
//                           with the pod's address (net/netfilter/nf_nat_core.c, nf_nat_inet_fn)
namespace kpol::policy {

// The source address of what a node's own processes send to pods through VXLAN, which is not the
// node's own address. The two have the same family, and no pod has the tunnel's.
struct NodeTunnel {
  base::IpAddress node;
  base::IpAddress tunnel;
  auto operator<=>(const NodeTunnel&) const = default;
};

// All vectors are sorted and unique.
struct NodeNetwork {
  std::vector<base::Prefix> masqueraded;     // pod CIDRs of this node; empty: no masquerading
  std::vector<base::Prefix> notMasqueraded;  // destinations: pods, and configured ones
  std::uint16_t vxlanPort = 0;               // UDP; 0: no VXLAN
  std::vector<base::IpAddress> nodes;        // the only allowed senders of VXLAN
  // Of all nodes' VXLAN devices; nullopt: any, so that their packets are like those of processes.
  std::optional<base::PortRange> vxlanSourcePorts = {};
  // What masqueraded packets get as source, at most one of each family. Without one of the family:
  // the address of the interface that they leave by.
  std::vector<base::IpAddress> sources = {};
  // Of all nodes, for each of their addresses. An ipBlock with the node's address admits the
  // tunnel's, too.
  std::vector<NodeTunnel> tunnels = {};
  bool operator==(const NodeNetwork&) const = default;
};

// Adds nothing if there is neither VXLAN nor masquerading, because the hooks cost every new flow
// and every packet to the node.
void addNodeNetwork(const NodeNetwork& network, nft::Ruleset& ruleset);

}  // namespace kpol::policy
