// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
#include "policy/snapshot.hpp"

#include <vector>

// Host ports in the table. Packets to a host port of the node are translated to the pod before any
// policy is evaluated. The source stays the same until then, so policies see the real sender.
//   hostports4, hostports6          address of the node . protocol . port -> pod . port
//   all-hostports4, all-hostports6  protocol . port, on every address below -> pod . port
//   hostport-ips4, hostport-ips6    the addresses that these two are for: the node's own, and
//                                   127.0.0.1. Addresses of services may be local too (kube-proxy
//                                   in IPVS mode), and so is 127.0.0.53
//   hostport-dnat                   base chain: packets to the node from others
//   hostport-dnat-output            base chain: packets to the node from itself
//   hostports                       the lookups, those by address first
//   hostport-snat                   base chain: masquerades flows of a pod to itself and flows of
//                                   the node from 127.0.0.0/8, so that replies return through the
//                                   node
// The names avoid keywords such as dnat: nft lists a chain of that name but cannot load the
// listing. None of these objects exists while no pod has a host port, because NAT hooks cost every
// new flow.
namespace kpol::policy {

struct HostPortMaps {
  // Adds the host ports of one endpoint. For each family, a port leads to the first address of the
  // endpoint; without one the port is left out.
  void add(const Endpoint& endpoint);
  [[nodiscard]] bool empty() const;

  std::vector<nft::Element> byAddress4, byAddress6, all4, all6;
};

// `ips`: Snapshot::hostPortIps.
void addHostPorts(HostPortMaps maps, const std::vector<base::IpAddress>& ips,
                  nft::Ruleset& ruleset);

}  // namespace kpol::policy
