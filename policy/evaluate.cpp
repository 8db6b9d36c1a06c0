// SPDX-License-Identifier: Apache-2.0
#include "policy/evaluate.hpp"

#include "policy/named_ports.hpp"
#include "policy/selector.hpp"

#include <algorithm>
#include <ranges>

namespace kpol::policy {
namespace {

using base::IpAddress;

// A Namespace that is not known may have any labels, but its name is known.
bool namespaceMatches(const Snapshot& snapshot, const LabelSelector& selector,
                      const std::string& name) {
  const Namespace* found = findNamespace(snapshot, name);
  return found != nullptr ? matches(selector, found->labels) : matchesByName(selector, name);
}

// "Policy may select a pod only in its own namespace" (types.go, NetworkPolicySpec.podSelector).
bool appliesTo(const NetworkPolicy& policy, const Pod& pod) {
  return policy.key.ns == pod.key.ns && matches(policy.podSelector, pod.labels);
}

// types.go, IPBlock: except is "a slice of CIDRs that should not be included within an IPBlock".
bool blockMatches(const IpBlock& block, const IpAddress& address) {
  return block.cidr.contains(address) &&
         std::ranges::none_of(block.except,
                              [&](const base::Prefix& except) { return except.contains(address); });
}

// One flow in one direction: the pod whose policies are evaluated and the peer at the other end.
struct Question {
  const Snapshot& snapshot;
  const Flow& flow;
  Direction direction;
  const Pod* source;       // null: not a pod
  const Pod* destination;  // null: not a pod

  [[nodiscard]] bool isIngress() const { return direction == Direction::Ingress; }
  [[nodiscard]] const Pod* judged() const { return isIngress() ? destination : source; }
  [[nodiscard]] const Pod* peer() const { return isIngress() ? source : destination; }
  [[nodiscard]] const IpAddress& peerAddress() const {
    return isIngress() ? flow.source : flow.destination;
  }
};

// types.go, NetworkPolicyPeer: without namespaceSelector, the pods of the policy's own namespace;
// without podSelector, all pods of the selected namespaces; with both, the pods that match both.
bool selectorsMatch(const Question& question, const Peer& peer,
                    const std::string& policyNamespace) {
  const Pod* pod = question.peer();
  if (pod == nullptr) return false;
  if (peer.namespaceSelector) {
    if (!namespaceMatches(question.snapshot, *peer.namespaceSelector, pod->key.ns)) return false;
  } else if (pod->key.ns != policyNamespace) {
    return false;
  }
  return !peer.podSelector || matches(*peer.podSelector, pod->labels);
}

// What a node sends through VXLAN has another address than the node, and counts as the node's.
bool blockMatches(const Question& question, const IpBlock& block) {
  return blockMatches(block, question.peerAddress()) ||
         std::ranges::any_of(question.snapshot.network.tunnels, [&](const NodeTunnel& known) {
           return known.tunnel == question.peerAddress() && blockMatches(block, known.node);
         });
}

bool peerMatches(const Question& question, const Peer& peer, const std::string& policyNamespace) {
  const bool hasSelector = peer.podSelector || peer.namespaceSelector;
  if (peer.ipBlock) return !hasSelector && blockMatches(question, *peer.ipBlock);
  return hasSelector && selectorsMatch(question, peer, policyNamespace);
}

// A named port is the container port with that name and protocol on the pod that receives the flow
// (types.go, NetworkPolicyPort.port: "a numerical or named port on a pod").
bool nameMatches(const Question& question, const std::string& name, base::Protocol protocol) {
  if (question.destination == nullptr || name.empty()) return false;
  return std::ranges::any_of(
      portsNamed(question.destination->ports, name, protocol),
      [&](const ContainerPort& port) { return port.port == question.flow.destinationPort; });
}

bool portMatches(const Question& question, const PolicyPort& port) {
  if (!port.protocol) return false;
  if (static_cast<std::uint8_t>(*port.protocol) != question.flow.protocol) return false;
  if (const auto* range = std::get_if<base::PortRange>(&port.port)) {
    return range->contains(question.flow.destinationPort);
  }
  if (const auto* name = std::get_if<std::string>(&port.port)) {
    return nameMatches(question, *name, *port.protocol);
  }
  return true;
}

// "The traffic must match both" peers and ports; an empty list of either matches everything
// (types.go, NetworkPolicyIngressRule and NetworkPolicyEgressRule).
bool ruleMatches(const Question& question, const NetworkPolicy& policy, const PolicyRule& rule) {
  const bool peer = rule.peers.empty() || std::ranges::any_of(rule.peers, [&](const Peer& p) {
                      return peerMatches(question, p, policy.key.ns);
                    });
  const bool port = rule.ports.empty() || std::ranges::any_of(rule.ports, [&](const auto& p) {
                      return portMatches(question, p);
                    });
  return peer && port;
}

std::optional<std::size_t> firstMatchingRule(const Question& question,
                                             const NetworkPolicy& policy) {
  const auto& rules = policy.rules(question.direction);
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (ruleMatches(question, policy, rules[i])) return i;
  }
  return std::nullopt;
}

// Policies are additive: the pod is isolated if any policy selects it, and the flow is allowed if
// any of those policies has a rule that matches.
DirectionVerdict judge(const Question& question) {
  DirectionVerdict verdict;
  const Pod* pod = question.judged();
  if (pod == nullptr) return verdict;
  for (const NetworkPolicy& policy : question.snapshot.policies) {
    if (!isolates(policy, question.direction) || !appliesTo(policy, *pod)) continue;
    verdict.isolated = true;
    verdict.policies.push_back(policy.key);
    if (verdict.allowedBy) continue;
    verdict.rule = firstMatchingRule(question, policy);
    if (verdict.rule) verdict.allowedBy = policy.key;
  }
  verdict.allowed = !verdict.isolated || verdict.allowedBy.has_value();
  return verdict;
}

bool isNodeAddress(const Snapshot& snapshot, const IpAddress& address) {
  return std::ranges::find(snapshot.nodeIps, address) != snapshot.nodeIps.end();
}

// "Traffic to and from the node where a Pod is running is always allowed, regardless of the IP
// address of the Pod or the node" (concepts page). types.go guarantees only the pod's ingress, so
// the other direction has a setting.
bool betweenPodAndItsNode(const Snapshot& snapshot, const Flow& flow) {
  const bool fromNode =
      isNodeAddress(snapshot, flow.source) && isEndpointAddress(snapshot, flow.destination);
  const bool toNode =
      isEndpointAddress(snapshot, flow.source) && isNodeAddress(snapshot, flow.destination);
  return fromNode || (toNode && snapshot.podToNode == PodToNode::Allow);
}

// metadata_guard.hpp defines which pods may reach the service.
bool guardedFrom(const Snapshot& snapshot, const Pod& pod, const IpAddress& address) {
  const MetadataGuard& guard = snapshot.metadataGuard;
  if (!guard.on || std::ranges::find(guard.addresses, address) == guard.addresses.end())
    return false;
  if (guard.exemptNamespaces.contains(pod.key.ns)) return false;
  const Namespace* ns = findNamespace(snapshot, pod.key.ns);
  const auto* access = ns == nullptr ? nullptr : ns->labels.find(kMetadataAccessLabel);
  return access == nullptr || *access != "allow";
}

bool isUnaccounted(const Snapshot& snapshot, const IpAddress& address) {
  return isEndpointAddress(snapshot, address) && localPodAt(snapshot, address) == nullptr;
}

}  // namespace

Verdict evaluate(const Snapshot& snapshot, const Flow& flow) {
  const Pod* source = podAt(snapshot, flow.source);
  const Pod* destination = podAt(snapshot, flow.destination);
  const bool toItself = source != nullptr && source == destination;
  return {judge({snapshot, flow, Direction::Egress, source, destination}),
          judge({snapshot, flow, Direction::Ingress, source, destination}),
          toItself || betweenPodAndItsNode(snapshot, flow),
          source != nullptr && guardedFrom(snapshot, *source, flow.destination)};
}

bool nodeAllows(const Snapshot& snapshot, const Flow& flow) {
  if (isUnaccounted(snapshot, flow.source) || isUnaccounted(snapshot, flow.destination)) {
    return false;
  }
  const Verdict verdict = evaluate(snapshot, flow);
  const bool egress = verdict.egress.allowed || !isEndpointAddress(snapshot, flow.source);
  const bool ingress = verdict.ingress.allowed || !isEndpointAddress(snapshot, flow.destination);
  const bool guarded = verdict.guarded && isEndpointAddress(snapshot, flow.source);
  return !guarded && (verdict.exempt || (egress && ingress));
}

}  // namespace kpol::policy
