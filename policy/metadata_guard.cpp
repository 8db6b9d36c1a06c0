// SPDX-License-Identifier: Apache-2.0
#include "policy/metadata_guard.hpp"

#include "policy/chains.hpp"
#include "policy/peer_sets.hpp"

#include <algorithm>

namespace kpol::policy {
namespace {

using base::Family;
using nft::Field;
using nft::Match;

const base::IpAddress& addressOf(Family family) {
  return metadataAddresses().at(family == Family::V4 ? 0 : 1);
}

nft::Rule guardRule(Family family) {
  const bool v4 = family == Family::V4;
  return {
      {Match{{v4 ? Field::IpDaddr : Field::Ip6Daddr},
             false,
             nft::Exact{nft::Key::of(addressOf(family))}},
       Match{{v4 ? Field::IpSaddr : Field::Ip6Saddr}, false, nft::InSet{guardedSet(family)}},
       nft::CounterReference{names::kMetadataCounter}, nft::Verdict{nft::Verdict::Kind::Drop, {}}},
      "cloud metadata guard"};
}

void addSet(Family family, std::vector<nft::Element> pods, nft::Ruleset& ruleset) {
  std::sort(pods.begin(), pods.end());
  pods.erase(std::unique(pods.begin(), pods.end()), pods.end());
  nft::Set set;
  set.name = guardedSet(family);
  set.key = {addressType(family)};
  set.size = capacityFor(pods.size());
  set.elements = std::move(pods);
  ruleset.add(std::move(set));
}

}  // namespace

const std::array<base::IpAddress, 2>& metadataAddresses() {
  static const std::array kAddresses{*base::IpAddress::parse("169.254.169.254"),
                                     *base::IpAddress::parse("fd00:ec2::254")};
  return kAddresses;
}

bool isMetadataAddress(const base::IpAddress& address) {
  return std::ranges::find(metadataAddresses(), address) != metadataAddresses().end();
}

bool namesInEgress(const NetworkPolicy& policy, const base::IpAddress& address) {
  const auto host = base::Prefix::host(address);
  return std::ranges::any_of(policy.egress, [&](const PolicyRule& rule) {
    return std::ranges::any_of(rule.peers, [&](const Peer& peer) {
      const bool isBlock = peer.ipBlock && !peer.podSelector && !peer.namespaceSelector;
      return isBlock && peer.ipBlock->cidr == host && peer.ipBlock->except.empty();
    });
  });
}

const char* guardedSet(Family family) {
  return family == Family::V4 ? "metadata4" : "metadata6";
}

bool isGuarded(const MetadataGuard& guard, const GuardedPod& pod, const base::IpAddress& ip) {
  if (!guard.on || guard.exemptNamespaces.contains(pod.nsName)) return false;
  const auto* access = pod.ns == nullptr ? nullptr : pod.ns->labels.find(kMetadataAccessLabel);
  if (access != nullptr && *access == "allow") return false;
  const auto& service = addressOf(ip.family());
  return std::ranges::none_of(pod.egressPolicies,
                              [&](const auto* policy) { return namesInEgress(*policy, service); });
}

void GuardedPods::add(const std::string& nsName, const Namespace* ns,
                      const std::vector<const NetworkPolicy*>& egressPolicies,
                      const std::vector<base::IpAddress>& ips) {
  for (const auto& ip : ips)
    if (isGuarded(guard_, {nsName, ns, egressPolicies}, ip))
      (ip.isV4() ? pods4_ : pods6_).push_back(nft::element(nft::Key::of(ip)));
}

void GuardedPods::addTo(nft::Ruleset& ruleset, const std::vector<Place>& places) && {
  if (!guard_.on) return;
  ruleset.counters.insert(names::kMetadataCounter);
  addSet(Family::V4, std::move(pods4_), ruleset);
  addSet(Family::V6, std::move(pods6_), ruleset);
  for (const auto& [chain, at, family] : places) {
    auto& rules = ruleset.chains.at(chain).rules;
    rules.insert(rules.begin() + static_cast<std::ptrdiff_t>(at), guardRule(family));
  }
}

}  // namespace kpol::policy
