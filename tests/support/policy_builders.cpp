// SPDX-License-Identifier: Apache-2.0
#include "tests/support/policy_builders.hpp"

#include "base/error.hpp"

#include <algorithm>

namespace kpol::test {
namespace {

using policy::Direction;
using policy::LabelRequirement;
using policy::LabelSelector;
using policy::NetworkPolicy;
using policy::Peer;
using policy::PolicyPort;
using policy::PolicyRule;

template <typename T>
T orDie(std::optional<T> value, std::string_view text) {
  base::expects(value.has_value(), std::string(text).c_str());
  return *std::move(value);
}

LabelSelector requirement(std::string key, LabelRequirement::Operator op,
                          std::vector<std::string> values) {
  std::ranges::sort(values);
  return {{}, {{std::move(key), op, std::move(values)}}};
}

}  // namespace

base::ObjectKey keyOf(std::string_view text) {
  const auto slash = text.find('/');
  base::expects(slash != text.npos, std::string(text).c_str());
  return {std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

base::Prefix cidr(std::string_view text) {
  return orDie(base::Prefix::parse(text), text);
}

policy::Labels labels(std::initializer_list<std::pair<std::string, std::string>> entries) {
  return policy::Labels(std::vector(entries));
}

LabelSelector everything() {
  return {};
}

LabelSelector is(std::string key, std::string value) {
  return {labels({{std::move(key), std::move(value)}}), {}};
}

LabelSelector in(std::string key, std::vector<std::string> values) {
  return requirement(std::move(key), LabelRequirement::Operator::In, std::move(values));
}

LabelSelector notIn(std::string key, std::vector<std::string> values) {
  return requirement(std::move(key), LabelRequirement::Operator::NotIn, std::move(values));
}

LabelSelector has(std::string key) {
  return requirement(std::move(key), LabelRequirement::Operator::Exists, {});
}

LabelSelector lacks(std::string key) {
  return requirement(std::move(key), LabelRequirement::Operator::DoesNotExist, {});
}

LabelSelector allOf(std::initializer_list<LabelSelector> selectors) {
  std::vector<std::pair<std::string, std::string>> matchLabels;
  LabelSelector result;
  for (const LabelSelector& selector : selectors) {
    const auto& entries = selector.matchLabels.entries();
    matchLabels.insert(matchLabels.end(), entries.begin(), entries.end());
    result.matchExpressions.insert(result.matchExpressions.end(), selector.matchExpressions.begin(),
                                   selector.matchExpressions.end());
  }
  result.matchLabels = policy::Labels(std::move(matchLabels));
  return result;
}

Peer pods(LabelSelector podSelector) {
  return {std::move(podSelector), {}, {}};
}

Peer namespaces(LabelSelector namespaceSelector) {
  return {{}, std::move(namespaceSelector), {}};
}

Peer podsIn(LabelSelector namespaceSelector, LabelSelector podSelector) {
  return {std::move(podSelector), std::move(namespaceSelector), {}};
}

Peer block(const base::Prefix& cidr, std::vector<base::Prefix> except) {
  std::ranges::sort(except);
  return {{}, {}, policy::IpBlock{cidr, std::move(except)}};
}

PolicyPort port(std::uint16_t number, base::Protocol protocol) {
  return ports(number, number, protocol);
}

PolicyPort ports(std::uint16_t first, std::uint16_t last, base::Protocol protocol) {
  return {protocol, orDie(base::PortRange::make(first, last), "port range")};
}

PolicyPort named(std::string name, base::Protocol protocol) {
  return {protocol, std::move(name)};
}

PolicyPort anyPort(base::Protocol protocol) {
  return {protocol, {}};
}

PolicyPort unknownProtocol(std::uint16_t number) {
  return {std::nullopt, orDie(base::PortRange::single(number), "port")};
}

PolicyRule rule(std::vector<Peer> peers, std::vector<PolicyPort> policyPorts) {
  return {std::move(peers), std::move(policyPorts)};
}

PolicyRule anyPeer(std::vector<PolicyPort> policyPorts) {
  return rule({}, std::move(policyPorts));
}

NetworkPolicy ingress(std::string_view key, LabelSelector podSelector, Rules rules) {
  return {keyOf(key), std::move(podSelector), {Direction::Ingress}, std::move(rules), {}};
}

NetworkPolicy egress(std::string_view key, LabelSelector podSelector, Rules rules) {
  return {keyOf(key), std::move(podSelector), {Direction::Egress}, {}, std::move(rules)};
}

NetworkPolicy bothWays(std::string_view key, LabelSelector podSelector, Rules ingressRules,
                       Rules egressRules) {
  return {keyOf(key),
          std::move(podSelector),
          {Direction::Ingress, Direction::Egress},
          std::move(ingressRules),
          std::move(egressRules)};
}

NetworkPolicy untyped(std::string_view key, LabelSelector podSelector, Rules ingressRules,
                      Rules egressRules) {
  return {keyOf(key), std::move(podSelector), {}, std::move(ingressRules), std::move(egressRules)};
}

}  // namespace kpol::test
