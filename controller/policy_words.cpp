// SPDX-License-Identifier: Apache-2.0
#include "controller/policy_words.hpp"

#include "policy/selector.hpp"

#include <algorithm>

namespace kpol::controller {
namespace {

bool isEmpty(const policy::LabelSelector& selector) {
  return selector.matchLabels.entries().empty() && selector.matchExpressions.empty();
}

std::string podsInWords(const std::optional<policy::LabelSelector>& selector) {
  return !selector || isEmpty(*selector) ? "all pods" : "pods " + toString(*selector);
}

std::string blockInWords(const policy::IpBlock& block) {
  std::string text = toString(block.cidr);
  const char* separator = " except ";
  for (const auto& except : block.except) {
    text += separator + toString(except);
    separator = ", ";
  }
  return text;
}

template <class Item>
std::vector<std::string> allInWords(const std::vector<Item>& items, const char* whenNone) {
  if (items.empty()) return {whenNone};
  std::vector<std::string> words;
  for (const auto& item : items) words.push_back(inWords(item));
  return words;
}

// The policies are sorted by key, so those of one namespace are adjacent.
auto policiesOf(const policy::Snapshot& snapshot, const std::string& ns) {
  struct ByNamespace {
    bool operator()(const policy::NetworkPolicy& p, const std::string& n) const {
      return p.key.ns < n;
    }
    bool operator()(const std::string& n, const policy::NetworkPolicy& p) const {
      return n < p.key.ns;
    }
  };
  return std::equal_range(snapshot.policies.begin(), snapshot.policies.end(), ns, ByNamespace{});
}

}  // namespace

std::string inWords(const policy::Peer& peer) {
  if (peer.ipBlock) return blockInWords(*peer.ipBlock);
  const std::string pods = podsInWords(peer.podSelector);
  if (!peer.namespaceSelector) return pods;
  if (isEmpty(*peer.namespaceSelector)) return pods + " in all namespaces";
  return pods + " in namespaces " + toString(*peer.namespaceSelector);
}

std::string inWords(const policy::PolicyPort& port) {
  if (!port.protocol) return "no traffic (unsupported protocol)";
  const std::string protocol(toString(*port.protocol));
  if (const auto* name = std::get_if<std::string>(&port.port))
    return protocol + " port named " + *name;
  const auto* range = std::get_if<base::PortRange>(&port.port);
  if (range == nullptr) return "any " + protocol + " port";
  const std::string first = protocol + " " + std::to_string(range->first());
  return range->first() == range->last() ? first : first + "-" + std::to_string(range->last());
}

std::vector<std::string> peersInWords(const policy::PolicyRule& rule) {
  return allInWords(rule.peers, "anywhere");
}

std::vector<std::string> portsInWords(const policy::PolicyRule& rule) {
  return allInWords(rule.ports, "any port");
}

bool selects(const policy::NetworkPolicy& policy, const policy::Pod& pod) {
  return policy.key.ns == pod.key.ns && policy::hasPodNetwork(pod) &&
         policy::matches(policy.podSelector, pod.labels);
}

std::vector<base::ObjectKey> isolatingPolicies(const policy::Snapshot& snapshot,
                                               const policy::Pod& pod,
                                               policy::Direction direction) {
  std::vector<base::ObjectKey> keys;
  const auto [first, last] = policiesOf(snapshot, pod.key.ns);
  for (auto policy = first; policy != last; ++policy)
    if (policy::isolates(*policy, direction) && selects(*policy, pod)) keys.push_back(policy->key);
  return keys;
}

bool isLocal(const policy::Snapshot& snapshot, const base::ObjectKey& pod) {
  const auto place =
      std::lower_bound(snapshot.endpoints.begin(), snapshot.endpoints.end(), pod,
                       [](const policy::Endpoint& endpoint, const base::ObjectKey& key) {
                         return endpoint.pod < key;
                       });
  return place != snapshot.endpoints.end() && place->pod == pod;
}

}  // namespace kpol::controller
