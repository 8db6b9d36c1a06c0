// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
#include "policy/snapshot.hpp"

#include <vector>

// Host ports in the table: the destination of what is sent to a port of the node becomes the pod,
// before any policy is asked, and policies see who really sent it.
//   hostports4, hostports6          address of the node . protocol . port -> pod . port
//   all-hostports4, all-hostports6  protocol . port, on every address of the node
//   dnat, dnat-output               base chains: packets to the node, from elsewhere and from
//   itself hostports                       the look-ups, those by address first snat base chain:
//   answers must come back through the node where a pod
//                                   reaches itself, or the node speaks from 127.0.0.0/8
// None of it is there while no pod has a host port: the NAT hooks cost every new flow.
namespace kpol::policy {

struct HostPortMaps {
  // The host ports of a local pod's interface; each leads to the first address of its family.
  void add(const Endpoint& endpoint);
  [[nodiscard]] bool empty() const;

  std::vector<nft::Element> byAddress4, byAddress6, all4, all6;
};

void addHostPorts(HostPortMaps maps, nft::Ruleset& ruleset);

}  // namespace kpol::policy
