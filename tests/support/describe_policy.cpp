// SPDX-License-Identifier: Apache-2.0
#include "policy/selector.hpp"
#include "tests/support/shrink_policy.hpp"

namespace kpol::test {
namespace {

using policy::Peer;
using policy::PolicyPort;

std::string shortened(const std::string& name) {
  if (name.size() <= 24) return name;
  return name.substr(0, 8) + "..(" + std::to_string(name.size()) + ").." +
         name.substr(name.size() - 2);
}

std::string text(const base::ObjectKey& key) {
  return shortened(key.ns) + "/" + shortened(key.name);
}

template <typename Range, typename ToText>
std::string joined(const Range& range, const char* separator, ToText toText) {
  std::string result;
  for (const auto& element : range) result += (result.empty() ? "" : separator) + toText(element);
  return result;
}

template <typename Range>
std::string joined(const Range& range) {
  return joined(range, " ", [](const auto& element) { return toString(element); });
}

std::string text(const policy::Labels& labels) {
  const auto entry = [](const auto& e) { return e.first + "=" + shortened(e.second); };
  return "{" + joined(labels.entries(), ",", entry) + "}";
}

std::string text(policy::PodPhase phase) {
  switch (phase) {
    case policy::PodPhase::Pending: return "Pending";
    case policy::PodPhase::Running: return "Running";
    case policy::PodPhase::Succeeded: return "Succeeded";
    case policy::PodPhase::Failed: return "Failed";
    case policy::PodPhase::Unknown: return "Unknown";
  }
  return "?";
}

std::string text(const policy::Pod& pod) {
  const auto port = [](const policy::ContainerPort& p) {
    return p.name + ":" + std::string(toString(p.protocol)) + ":" + std::to_string(p.port);
  };
  return "pod " + text(pod.key) + " " + text(pod.phase) +
         (pod.hostNetwork ? " hostNetwork " : " ") + text(pod.labels) + " ips [" + joined(pod.ips) +
         "] ports [" + joined(pod.ports, " ", port) + "]\n";
}

std::string text(const Peer& peer) {
  std::string result;
  if (peer.ipBlock) {
    result += toString(peer.ipBlock->cidr);
    if (!peer.ipBlock->except.empty()) result += " except [" + joined(peer.ipBlock->except) + "]";
  }
  if (peer.namespaceSelector) result += " ns(" + toString(*peer.namespaceSelector) + ")";
  if (peer.podSelector) result += " pod(" + toString(*peer.podSelector) + ")";
  return result.empty() ? "{}" : result;
}

std::string text(const PolicyPort& port) {
  std::string result = port.protocol ? std::string(toString(*port.protocol)) : "unknown-protocol";
  if (const auto* range = std::get_if<base::PortRange>(&port.port)) {
    result += " " + std::to_string(range->first()) + "-" + std::to_string(range->last());
  }
  if (const auto* name = std::get_if<std::string>(&port.port)) result += " " + *name;
  return result;
}

std::string text(const policy::NetworkPolicy& policy) {
  std::string result = "policy " + text(policy.key) + " selects " + toString(policy.podSelector);
  result += " types [" +
            joined(policy.policyTypes, " ", [](auto d) { return std::string(toString(d)); }) +
            "]\n";
  for (const auto direction : {policy::Direction::Ingress, policy::Direction::Egress}) {
    for (const auto& rule : policy.rules(direction)) {
      const auto part = [](const auto& element) { return text(element); };
      result += "  " + std::string(toString(direction)) + " peers [" +
                joined(rule.peers, "; ", part) + "] ports [" + joined(rule.ports, "; ", part) +
                "]\n";
    }
  }
  return result;
}

std::string protocolText(std::uint8_t protocol) {
  switch (protocol) {
    case 6: return "TCP";
    case 17: return "UDP";
    case 132: return "SCTP";
    default: return "protocol " + std::to_string(protocol);
  }
}

}  // namespace

std::string describe(const policy::Snapshot& snapshot) {
  std::string result = "node [" + joined(snapshot.nodeIps) + "] podToNode " +
                       (snapshot.podToNode == policy::PodToNode::Allow ? "allow" : "policy") + "\n";
  for (const auto& [node, tunnel] : snapshot.network.tunnels)
    result += "tunnel " + toString(node) + " " + toString(tunnel) + "\n";
  for (const auto& ns : snapshot.namespaces) {
    result += "namespace " + shortened(ns.name) + " " + text(ns.labels) + "\n";
  }
  for (const auto& pod : snapshot.pods) result += text(pod);
  for (const auto& endpoint : snapshot.endpoints) {
    result += "endpoint " + text(endpoint.pod) + " " +
              (endpoint.hostInterface ? endpoint.hostInterface->text() : "-") + " [" +
              joined(endpoint.ips) + "]\n";
  }
  for (const auto& policy : snapshot.policies) result += text(policy);
  return result;
}

std::string describe(const policy::Flow& flow) {
  std::string result = toString(flow.source) + " -> " + toString(flow.destination) + " " +
                       protocolText(flow.protocol);
  if (flow.destinationPort != 0) result += " " + std::to_string(flow.destinationPort);
  return result;
}

}  // namespace kpol::test
