// SPDX-License-Identifier: Apache-2.0
#include "policy/posture.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kpol::policy {
namespace {

constexpr std::array<std::pair<std::string_view, DefaultPolicy>, 3> kWords{{
    {"allow", DefaultPolicy::Allow},
    {"deny-ingress", DefaultPolicy::DenyIngress},
    {"deny", DefaultPolicy::Deny},
}};

DefaultPolicy postureOf(const Posture& posture, const Namespace& ns) {
  if (const auto* label = ns.labels.find(kDefaultPolicyLabel))
    return parseDefaultPolicy(*label).value_or(DefaultPolicy::Deny);
  return posture.systemNamespaces.contains(ns.name) ? DefaultPolicy::Allow : posture.defaultPolicy;
}

}  // namespace

std::optional<DefaultPolicy> parseDefaultPolicy(std::string_view text) {
  const auto* word = std::find_if(kWords.begin(), kWords.end(),
                                  [&](const auto& known) { return known.first == text; });
  return word == kWords.end() ? std::nullopt : std::optional(word->second);
}

std::string_view toString(DefaultPolicy policy) {
  return kWords.at(static_cast<std::size_t>(policy)).first;
}

bool hasUnknownDefaultPolicy(const Namespace& ns) {
  const auto* label = ns.labels.find(kDefaultPolicyLabel);
  return label != nullptr && !parseDefaultPolicy(*label);
}

std::optional<NetworkPolicy> impliedPolicy(const Posture& posture, const Namespace& ns) {
  const auto wanted = postureOf(posture, ns);
  if (wanted == DefaultPolicy::Allow) return std::nullopt;
  NetworkPolicy policy;
  policy.key = {ns.name, kImpliedPolicyName};
  policy.policyTypes = {Direction::Ingress};
  if (wanted == DefaultPolicy::Deny) policy.policyTypes.push_back(Direction::Egress);
  return policy;
}

}  // namespace kpol::policy
