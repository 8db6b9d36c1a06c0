// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/host_port.hpp"
#include "base/interface.hpp"
#include "base/ip_address.hpp"
#include "base/object_key.hpp"
#include "policy/metadata_guard.hpp"
#include "policy/node_network.hpp"
#include "policy/objects.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kpol::policy {

// An interface of a local pod, as the plugin registered it; or the addresses of a local pod that no
// plugin registered.
struct Endpoint {
  base::ObjectKey pod;
  std::optional<base::IfName> hostInterface;   // nullopt: not registered, so not known
  std::vector<base::IpAddress> ips;            // sorted, unique
  std::vector<base::HostPort> hostPorts = {};  // sorted, unique
  auto operator<=>(const Endpoint&) const = default;
};

// Whether policies apply to traffic from a pod to its own node. NetworkPolicy leaves this to the
// implementation; the default allows all of it.
enum class PodToNode : std::uint8_t { Allow, Policy };

// Everything that determines the handling of packets on one node at one instant. All vectors are
// sorted by key and contain each key once.
struct Snapshot {
  std::uint64_t generation = 0;  // increases with every change; has no effect on packets
  std::vector<Namespace> namespaces;
  std::vector<Pod> pods;  // the whole cluster's
  std::vector<NetworkPolicy> policies;
  std::vector<Endpoint> endpoints;       // this node's
  std::vector<base::IpAddress> nodeIps;  // this node's addresses, without loopback
  // Those of nodeIps at which host ports without a hostIP lead to pods: not addresses of services.
  std::vector<base::IpAddress> hostPortIps;
  PodToNode podToNode = PodToNode::Allow;
  MetadataGuard metadataGuard;
  NodeNetwork network;
};

// Whether policies can select the pod and peer selectors can match it. False for hostNetwork pods
// (their addresses are the node's) and for Succeeded and Failed pods (their addresses may already
// belong to other pods).
bool hasPodNetwork(const Pod& pod);

// Whether an address that both pods report is a's: a pod that is not terminating comes first, then
// the newer one, then the first by key. For pods without a local endpoint.
bool claimsBefore(const Pod& a, const Pod& b);

// Returns the addresses of `pod`: those of its local endpoints or, if it has none here,
// status.podIPs without those that have a localPodAt() (a pod whose sandbox is gone still reports
// its address, which may already belong to another pod). Sorted, unique; empty if
// !hasPodNetwork(pod). The cost grows with the number of endpoints.
std::vector<base::IpAddress> addressesOf(const Snapshot& snapshot, const Pod& pod);

// The pod named `key`, or null. Valid as long as `snapshot`.
const Pod* findPod(const Snapshot& snapshot, const base::ObjectKey& key);
// Whether a local endpoint has `address`.
bool isEndpointAddress(const Snapshot& snapshot, const base::IpAddress& address);
// The pod with a pod network whose local endpoint has `address`; the first by key if there are
// several. Null: there is no such endpoint, or its pod is unknown or has no pod network.
const Pod* localPodAt(const Snapshot& snapshot, const base::IpAddress& address);
// The pod that has `address` in its addressesOf(), or null. If there are several, localPodAt()
// comes first, then as claimsBefore(). The cost grows with the number of pods.
const Pod* podAt(const Snapshot& snapshot, const base::IpAddress& address);
// The namespace named `name`, or null.
const Namespace* findNamespace(const Snapshot& snapshot, const std::string& name);

}  // namespace kpol::policy
