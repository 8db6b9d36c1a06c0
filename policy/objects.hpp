// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/object_key.hpp"
#include "base/port_range.hpp"
#include "base/prefix.hpp"
#include "base/protocol.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// The Kubernetes objects that policy evaluation uses, as plain values: no JSON, addresses parsed,
// only the fields kpol needs. Field names are the API's (networking.k8s.io/v1, core/v1).
namespace kpol::policy {

// Labels of one object, sorted by key, keys unique.
class Labels {
 public:
  Labels() = default;
  // Sorts the entries; of equal keys the last one wins.
  explicit Labels(std::vector<std::pair<std::string, std::string>> entries);

  // The value of `key`, or null if the key is absent. Valid as long as this object.
  [[nodiscard]] const std::string* find(std::string_view key) const;
  [[nodiscard]] const auto& entries() const { return entries_; }
  auto operator<=>(const Labels&) const = default;

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

struct LabelRequirement {
  enum class Operator : std::uint8_t { In, NotIn, Exists, DoesNotExist };
  std::string key;
  Operator op = Operator::In;
  std::vector<std::string> values;  // sorted, unique; empty for Exists and DoesNotExist
  auto operator<=>(const LabelRequirement&) const = default;
};

// metav1.LabelSelector. All entries of both lists must match; no entries match everything.
struct LabelSelector {
  Labels matchLabels;
  std::vector<LabelRequirement> matchExpressions;
  auto operator<=>(const LabelSelector&) const = default;
};

// The label that every namespace has, with its own name as value.
inline constexpr const char* kNamespaceNameLabel = "kubernetes.io/metadata.name";

struct Namespace {
  std::string name;
  Labels labels;  // always has kNamespaceNameLabel, as the API server guarantees
  auto operator<=>(const Namespace&) const = default;
};

struct ContainerPort {
  std::string name;  // empty: the port has no name
  base::Protocol protocol = base::Protocol::Tcp;
  std::uint16_t port = 0;
  auto operator<=>(const ContainerPort&) const = default;
};

enum class PodPhase : std::uint8_t { Pending, Running, Succeeded, Failed, Unknown };

struct Pod {
  base::ObjectKey key;
  std::string uid;       // empty if the source has none
  std::string nodeName;  // empty if not scheduled (or the source has none)
  bool hostNetwork = false;
  PodPhase phase = PodPhase::Pending;
  Labels labels;
  std::vector<base::IpAddress> ips;  // status.podIPs, sorted, unique
  std::vector<ContainerPort> ports;  // of containers and restartable init containers, sorted
  bool terminating = false;          // has a deletionTimestamp
  std::uint32_t created = 0;         // creationTimestamp, seconds since 1970; 0: unknown
  // Of the mirror of a static pod: the UID by which its kubelet and container runtime know the pod.
  std::string configHash = {};
  auto operator<=>(const Pod&) const = default;
};

struct Node {
  std::string name;
  Labels labels;
  std::vector<base::IpAddress> addresses;  // the IP addresses in status.addresses, sorted, unique
  std::vector<base::Prefix> podCidrs;      // spec.podCIDRs
  // The IP addresses in status.addresses with type InternalIP, in their order. Other nodes send to
  // the first one of a family.
  std::vector<base::IpAddress> internalIps = {};
  // Has the taint node.kubernetes.io/network-unavailable, which the condition NetworkUnavailable
  // causes.
  bool networkUnavailable = false;
  auto operator<=>(const Node&) const = default;
};

struct IpBlock {
  base::Prefix cidr;
  std::vector<base::Prefix> except;  // sorted
  auto operator<=>(const IpBlock&) const = default;
};

// NetworkPolicyPeer: either ipBlock alone, or one or both selectors. An absent selector differs
// from an empty one, which matches everything. A peer that the API rejects (no field, or ipBlock
// together with a selector) matches nothing.
struct Peer {
  std::optional<LabelSelector> podSelector;
  std::optional<LabelSelector> namespaceSelector;
  std::optional<IpBlock> ipBlock;
  auto operator<=>(const Peer&) const = default;
};

// NetworkPolicyPort. protocol: nullopt = one that kpol does not support; the entry matches nothing.
// port: monostate = all ports of the protocol; a range (a single port is a range of one); or a
// name, resolved on the destination pod.
struct PolicyPort {
  std::optional<base::Protocol> protocol = base::Protocol::Tcp;
  std::variant<std::monostate, base::PortRange, std::string> port;
  auto operator<=>(const PolicyPort&) const = default;
};

// NetworkPolicyIngressRule and NetworkPolicyEgressRule. No peers = any peer; no ports = any port
// of any protocol.
struct PolicyRule {
  std::vector<Peer> peers;
  std::vector<PolicyPort> ports;
  auto operator<=>(const PolicyRule&) const = default;
};

enum class Direction : std::uint8_t { Ingress, Egress };

struct NetworkPolicy {
  base::ObjectKey key;
  LabelSelector podSelector;  // absent in the API means empty
  // spec.policyTypes as written; empty if absent or empty. Use isolates() to evaluate it.
  std::vector<Direction> policyTypes;
  std::vector<PolicyRule> ingress;
  std::vector<PolicyRule> egress;
  auto operator<=>(const NetworkPolicy&) const = default;

  [[nodiscard]] const std::vector<PolicyRule>& rules(Direction direction) const {
    return direction == Direction::Ingress ? ingress : egress;
  }
};

// Whether `policy` isolates the pods it selects in `direction`. Without policyTypes: always
// ingress, and egress only when it has egress rules (pkg/apis/networking/v1/defaults.go).
bool isolates(const NetworkPolicy& policy, Direction direction);

std::string_view toString(Direction direction);  // "Ingress", "Egress"

}  // namespace kpol::policy
