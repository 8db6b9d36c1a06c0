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
#include <string>
#include <vector>

namespace kpol::policy {

// One interface of one local pod, as the plugin registered it.
struct Endpoint {
  base::ObjectKey pod;
  base::IfName hostInterface;
  std::vector<base::IpAddress> ips;            // sorted, unique
  std::vector<base::HostPort> hostPorts = {};  // sorted, unique
  auto operator<=>(const Endpoint&) const = default;
};

// What the node does with traffic from a pod to the node itself. NetworkPolicy leaves it to the
// implementation; the default lets it pass.
enum class PodToNode : std::uint8_t { Allow, Policy };

// Everything that decides about packets on one node at one instant. All vectors are sorted by key
// and hold each key once.
struct Snapshot {
  std::uint64_t generation = 0;  // grows with every change; not part of the meaning
  std::vector<Namespace> namespaces;
  std::vector<Pod> pods;  // the whole cluster's
  std::vector<NetworkPolicy> policies;
  std::vector<Endpoint> endpoints;       // this node's
  std::vector<base::IpAddress> nodeIps;  // this node's own addresses
  PodToNode podToNode = PodToNode::Allow;
  MetadataGuard metadataGuard;
  NodeNetwork network;
};

// Whether the pod counts as a policy target and as a selector peer: not hostNetwork (those are
// their node), not Succeeded or Failed (their address may already belong to another pod).
bool hasPodNetwork(const Pod& pod);

// The addresses under which `pod` is known: those its local endpoints registered, or, where it has
// no endpoint here, status.podIPs less those with a localPodAt() (a pod whose sandbox is gone still
// reports the address that was given out again). Sorted, unique; empty when !hasPodNetwork(pod).
// Looks at every endpoint.
std::vector<base::IpAddress> addressesOf(const Snapshot& snapshot, const Pod& pod);

// The pod named `key`, or null. Valid as long as `snapshot` is.
const Pod* findPod(const Snapshot& snapshot, const base::ObjectKey& key);
// Whether some local endpoint registered `address`.
bool isEndpointAddress(const Snapshot& snapshot, const base::IpAddress& address);
// The pod with a pod network whose local endpoint registered `address`, or null: no such endpoint,
// or its pod is unknown or finished. The first by key if there are several.
const Pod* localPodAt(const Snapshot& snapshot, const base::IpAddress& address);
// The pod that has `address` among its addressesOf(), or null. If several claim it: the first by
// key, localPodAt() before all others. Looks at every pod.
const Pod* podAt(const Snapshot& snapshot, const base::IpAddress& address);
// The namespace named `name`, or null.
const Namespace* findNamespace(const Snapshot& snapshot, const std::string& name);

}  // namespace kpol::policy
