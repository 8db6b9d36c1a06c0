// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/object_key.hpp"
#include "policy/snapshot.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What NetworkPolicy means, written from the API text (k8s.io/api/networking/v1/types.go and the
// concepts page), rule by rule and without regard to speed. compile() is proven against it, so
// nothing of compile() may be used here and nothing of this there.
namespace kpol::policy {

// The first packet of a connection, after destination NAT. Both addresses of one family.
struct Flow {
  base::IpAddress source;
  base::IpAddress destination;
  std::uint8_t protocol = 6;          // IANA number; ICMP and others carry no ports
  std::uint16_t destinationPort = 0;  // of TCP, UDP and SCTP
  auto operator<=>(const Flow&) const = default;
};

struct DirectionVerdict {
  bool isolated = false;  // some policy selects the pod at this end for this direction
  bool allowed = true;
  std::vector<base::ObjectKey> policies;     // that isolate it, sorted
  std::optional<base::ObjectKey> allowedBy;  // the first of them with a rule that allows
  std::optional<std::size_t> rule;           // the index of that rule in its list
  bool operator==(const DirectionVerdict&) const = default;
};

struct Verdict {
  DirectionVerdict egress;   // what the source's policies say; open when the source is no pod
  DirectionVerdict ingress;  // what the destination's policies say; open when it is no pod
  bool exempt = false;       // traffic to oneself, or between a pod and its own node
  bool guarded = false;      // to the cloud's metadata service, from a pod that must not reach it
  [[nodiscard]] bool allowed() const {
    return !guarded && (exempt || (egress.allowed && ingress.allowed));
  }
  bool operator==(const Verdict&) const = default;
};

// The meaning of the policies for `flow`, wherever its ends are in the cluster. A Succeeded or
// Failed pod's address means the running pod that has it, if any. "Oneself" is the pod: any of its
// addresses, of any of its endpoints, to any other. "Its own node" is known for local endpoints
// only: Snapshot::nodeIps. An ICMP flow is matched by rules without ports alone; IPv6 neighbour
// discovery is no flow in this sense, it never leaves its link. The metadata guard (Snapshot) comes
// before all else. Total: never fails.
Verdict evaluate(const Snapshot& snapshot, const Flow& flow);

// What this node must do with `flow`: as evaluate(), but an end that is not a local endpoint's
// address is not judged here (its own node judges it). Fail closed: an endpoint whose pod is not in
// the snapshot, or is there without a pod network (!hasPodNetwork), may send and receive nothing at
// all, not even to itself or to and from the node: nobody can say what its policies are, and no
// container of such a pod is meant to run.
bool nodeAllows(const Snapshot& snapshot, const Flow& flow);

}  // namespace kpol::policy
