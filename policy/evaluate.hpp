// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/object_key.hpp"
#include "policy/snapshot.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// The meaning of NetworkPolicy, implemented from the API text (k8s.io/api/networking/v1/types.go
// and the concepts page), rule by rule and without regard to speed. Tests compare compile() with
// it, so neither may use the logic of the other. They share the objects, matches() and simple
// helpers.
namespace kpol::policy {

// The first packet of a connection, after destination NAT. Both addresses have the same family.
struct Flow {
  base::IpAddress source;
  base::IpAddress destination;
  std::uint8_t protocol = 6;          // IANA number
  std::uint16_t destinationPort = 0;  // TCP, UDP and SCTP only
  auto operator<=>(const Flow&) const = default;
};

struct DirectionVerdict {
  bool isolated = false;  // a policy isolates the pod in this direction
  bool allowed = true;
  std::vector<base::ObjectKey> policies;     // those that isolate it, sorted
  std::optional<base::ObjectKey> allowedBy;  // the first of them with a rule that allows
  std::optional<std::size_t> rule;           // the index of that rule in its list
  bool operator==(const DirectionVerdict&) const = default;
};

struct Verdict {
  DirectionVerdict egress;   // by the source's policies; allowed if the source is not a pod
  DirectionVerdict ingress;  // by the destination's policies; allowed if it is not a pod
  bool exempt = false;       // from a pod to itself, or between a pod and its own node
  bool guarded = false;      // to the cloud's metadata service, from a guarded pod
  [[nodiscard]] bool allowed() const {
    return !guarded && (exempt || (egress.allowed && ingress.allowed));
  }
  bool operator==(const Verdict&) const = default;
};

// Evaluates the policies for `flow`, wherever in the cluster its source and destination are. The
// address of a Succeeded or Failed pod means the running pod that has it now, if any. "To itself"
// means from any address of any endpoint of a pod to any other. The pod's own node is known for
// local endpoints only (Snapshot::nodeIps). An ICMP flow matches only rules without ports. IPv6
// neighbour discovery is not a flow in this sense, because it never leaves its link. The metadata
// guard (Snapshot) takes precedence over everything else. Total: never fails.
Verdict evaluate(const Snapshot& snapshot, const Flow& flow);

// Returns whether this node must let `flow` pass. It differs from evaluate() in that policies apply
// only to addresses of local endpoints; another node enforces those of its pods. Fails closed: an
// endpoint whose pod is not in the snapshot, or has no pod network (!hasPodNetwork), may send and
// receive nothing, not even to itself or to and from the node. The policies of such a pod are
// unknown, or none of its containers is meant to run.
bool nodeAllows(const Snapshot& snapshot, const Flow& flow);

}  // namespace kpol::policy
