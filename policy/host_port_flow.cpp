// SPDX-License-Identifier: Apache-2.0
#include "policy/host_port_flow.hpp"

#include <algorithm>

namespace kpol::policy {
namespace {

bool contains(const std::vector<base::IpAddress>& addresses, const base::IpAddress& address) {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

bool isFor(const Snapshot& snapshot, const base::HostPort& port, const Flow& flow) {
  const auto only = port.onlyIp();
  return static_cast<std::uint8_t>(port.protocol) == flow.protocol &&
         port.hostPort == flow.destinationPort && port.concerns(flow.destination.family()) &&
         (only ? *only == flow.destination : contains(snapshot.hostPortIps, flow.destination));
}

// Returns nullopt if `endpoint` has no address of the flow's family.
std::optional<Flow> into(const Endpoint& endpoint, const base::HostPort& port, Flow flow) {
  const auto ip = std::find_if(endpoint.ips.begin(), endpoint.ips.end(), [&](const auto& own) {
    return own.family() == flow.destination.family();
  });
  if (ip == endpoint.ips.end()) return std::nullopt;
  flow.destination = *ip;
  flow.destinationPort = port.containerPort;
  return flow;
}

}  // namespace

std::optional<Flow> throughHostPorts(const Snapshot& snapshot, const Flow& flow) {
  if (!contains(snapshot.nodeIps, flow.destination)) return std::nullopt;
  for (const auto& endpoint : snapshot.endpoints) {
    const auto* pod = findPod(snapshot, endpoint.pod);
    if (pod == nullptr || !hasPodNetwork(*pod)) continue;
    for (const auto& port : endpoint.hostPorts)
      if (isFor(snapshot, port, flow))
        if (auto inner = into(endpoint, port, flow)) return inner;
  }
  return std::nullopt;
}

}  // namespace kpol::policy
