// SPDX-License-Identifier: Apache-2.0
#include "tests/support/policy_builders.hpp"
#include "tests/support/random_policy.hpp"

#include <algorithm>

namespace kpol::test {
namespace {

using base::IpAddress;
using base::Prefix;
using policy::Flow;
using policy::Snapshot;

// The addresses and ports of a snapshot that are worth testing.
struct Targets {
  std::vector<IpAddress> endpoints;
  std::vector<IpAddress> node;
  std::vector<IpAddress> guarded;
  std::vector<IpAddress> others;
  std::vector<std::uint16_t> ports;
};

void addEdges(const Prefix& prefix, std::vector<IpAddress>& out) {
  for (const auto& edge : {prefix.first().previous(), std::optional(prefix.first()),
                           std::optional(prefix.last()), prefix.last().next()}) {
    if (edge) out.push_back(*edge);
  }
}

void addPorts(std::uint16_t first, std::uint16_t last, std::vector<std::uint16_t>& out) {
  for (const int candidate : {first - 1, first + 0, last + 0, last + 1}) {
    if (candidate >= 1 && candidate <= 65535) out.push_back(static_cast<std::uint16_t>(candidate));
  }
}

void addRule(const policy::PolicyRule& rule, Targets& targets) {
  for (const policy::Peer& peer : rule.peers) {
    if (!peer.ipBlock) continue;
    addEdges(peer.ipBlock->cidr, targets.others);
    for (const Prefix& except : peer.ipBlock->except) addEdges(except, targets.others);
  }
  for (const policy::PolicyPort& port : rule.ports) {
    const auto* range = std::get_if<base::PortRange>(&port.port);
    if (range != nullptr) addPorts(range->first(), range->last(), targets.ports);
  }
}

Targets targetsOf(const Snapshot& snapshot) {
  Targets targets{{}, snapshot.nodeIps, {}, {}, {80}};
  for (const auto& endpoint : snapshot.endpoints) {
    targets.endpoints.insert(targets.endpoints.end(), endpoint.ips.begin(), endpoint.ips.end());
  }
  for (const policy::Pod& pod : snapshot.pods) {
    targets.others.insert(targets.others.end(), pod.ips.begin(), pod.ips.end());
    for (const auto& port : pod.ports) addPorts(port.port, port.port, targets.ports);
  }
  if (snapshot.metadataGuard.on) targets.guarded = snapshot.metadataGuard.addresses;
  for (const auto& known : snapshot.network.tunnels) targets.others.push_back(known.tunnel);
  for (const char* outside : {"192.168.7.2", "203.0.113.9", "2001:db8:7::2", "2001:db8::9"}) {
    targets.others.push_back(ip(outside));
  }
  for (const auto& policy : snapshot.policies) {
    for (const auto* rules : {&policy.ingress, &policy.egress}) {
      for (const auto& rule : *rules) addRule(rule, targets);
    }
  }
  return targets;
}

IpAddress pickAddress(Random& random, const Targets& targets) {
  if (!targets.node.empty() && random.oneIn(8)) return random.pick(targets.node);
  if (!targets.guarded.empty() && random.oneIn(16)) return random.pick(targets.guarded);
  const bool endpoint = !targets.endpoints.empty() && !random.oneIn(3);
  return random.pick(endpoint ? targets.endpoints : targets.others);
}

std::uint8_t pickProtocol(Random& random, base::Family family) {
  const std::uint8_t icmp = family == base::Family::V4 ? 1 : 58;
  const std::uint8_t gre = 47;
  return random.oneIn(40) ? gre : random.pick<std::uint8_t>({6, 6, 6, 6, 17, 17, 132, icmp});
}

}  // namespace

std::vector<IpAddress> blockEdges(const Snapshot& snapshot) {
  Targets targets;
  for (const auto& policy : snapshot.policies) {
    for (const auto* rules : {&policy.ingress, &policy.egress}) {
      for (const auto& rule : *rules) addRule(rule, targets);
    }
  }
  return targets.others;
}

Flow randomFlow(Random& random, const Snapshot& snapshot) {
  const Targets targets = targetsOf(snapshot);
  Flow flow;
  flow.source = pickAddress(random, targets);
  do {
    flow.destination = pickAddress(random, targets);
  } while (flow.destination.family() != flow.source.family());
  flow.protocol = pickProtocol(random, flow.source.family());
  flow.destinationPort = random.pick(targets.ports);
  return flow;
}

}  // namespace kpol::test
