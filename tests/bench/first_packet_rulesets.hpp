// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/snapshot.hpp"

#include <cstddef>
#include <string>

// One cluster, and the tables that several designs make of it.
namespace kpol::bench {

struct Shape {
  std::size_t policies = 0;      // that select the server; only the last admits the client
  std::size_t localPods = 2;     // of the node, client and server among them
  std::size_t peersOfEach = 20;  // pods that each policy's selector means
};

// The client and the server are the first two pods. Every policy admits the pods of one app on
// port kPort of UDP and TCP. The other local pods are selected by one policy.
policy::Snapshot clusterOf(const Shape& shape);

// The same policies as input of `ipset restore` and `iptables-restore`: for each local pod, two
// rules in one chain jump to a chain of the pod, which jumps to a chain of each policy; a mark
// means that one of them accepts.
std::string ipsetText(const Shape& shape);
std::string iptablesText(const Shape& shape);
// The same policies as input of `nft -f`: a verdict map leads to a chain of the pod, which jumps to
// a chain of each policy.
std::string chainPerPolicyText(const Shape& shape);

}  // namespace kpol::bench
