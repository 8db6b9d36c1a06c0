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

const char* serviceSet(Family family) {
  return family == Family::V4 ? "metadata-addresses4" : "metadata-addresses6";
}

nft::Rule guardRule(Family family) {
  const bool v4 = family == Family::V4;
  return {
      {Match{{v4 ? Field::IpDaddr : Field::Ip6Daddr}, false, nft::InSet{serviceSet(family)}},
       Match{{v4 ? Field::IpSaddr : Field::Ip6Saddr}, false, nft::InSet{guardedSet(family)}},
       nft::CounterReference{names::kMetadataCounter}, nft::Verdict{nft::Verdict::Kind::Drop, {}}},
      "cloud metadata guard"};
}

void addSet(const char* name, Family family, std::vector<nft::Element> elements,
            nft::Ruleset& ruleset) {
  std::sort(elements.begin(), elements.end());
  elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
  nft::Set set;
  set.name = name;
  set.key = {addressType(family)};
  set.size = capacityFor(elements.size());
  set.elements = std::move(elements);
  ruleset.add(std::move(set));
}

std::vector<nft::Element> elementsOf(const std::vector<base::IpAddress>& ips, Family family) {
  std::vector<nft::Element> elements;
  for (const auto& ip : ips)
    if (ip.family() == family) elements.push_back(nft::element(nft::Key::of(ip)));
  return elements;
}

}  // namespace

// Not among them, because pods need these: 168.63.129.16 (Azure: DNS and health checks),
// 169.254.170.23 and fd00:ec2::23 (EKS Pod Identity, made for pods), 169.254.169.253 (DNS of AWS).
const std::vector<base::IpAddress>& knownMetadataAddresses() {
  static const std::vector kAddresses{
      *base::IpAddress::parse("169.254.169.254"),  // most clouds
      *base::IpAddress::parse("fd00:ec2::254"),    // AWS
      *base::IpAddress::parse("fd20:ce::254"),     // Google Cloud
      *base::IpAddress::parse("100.100.100.200"),  // Alibaba Cloud
      *base::IpAddress::parse("192.0.0.192"),      // Oracle Cloud
      *base::IpAddress::parse("169.254.0.23"),     // Tencent Cloud
      *base::IpAddress::parse("169.254.42.42"),    // Scaleway
      *base::IpAddress::parse("fd00:42::42"),      // Scaleway
  };
  return kAddresses;
}

const char* guardedSet(Family family) {
  return family == Family::V4 ? "metadata4" : "metadata6";
}

bool isGuarded(const MetadataGuard& guard, const std::string& nsName, const Namespace* ns) {
  if (!guard.on || guard.exemptNamespaces.contains(nsName)) return false;
  const auto* access = ns == nullptr ? nullptr : ns->labels.find(kMetadataAccessLabel);
  return access == nullptr || *access != "allow";
}

void GuardedPods::add(const std::string& nsName, const Namespace* ns,
                      const std::vector<base::IpAddress>& ips) {
  if (!isGuarded(guard_, nsName, ns)) return;
  for (const auto& ip : ips)
    (ip.isV4() ? pods4_ : pods6_).push_back(nft::element(nft::Key::of(ip)));
}

void GuardedPods::addTo(nft::Ruleset& ruleset, const std::vector<Place>& places) && {
  if (!guard_.on) return;
  ruleset.counters.insert(names::kMetadataCounter);
  addSet(guardedSet(Family::V4), Family::V4, std::move(pods4_), ruleset);
  addSet(guardedSet(Family::V6), Family::V6, std::move(pods6_), ruleset);
  for (const auto family : {Family::V4, Family::V6})
    addSet(serviceSet(family), family, elementsOf(guard_.addresses, family), ruleset);
  for (const auto& [chain, at, family] : places) {
    auto& rules = ruleset.chains.at(chain).rules;
    rules.insert(rules.begin() + static_cast<std::ptrdiff_t>(at), guardRule(family));
  }
}

}  // namespace kpol::policy
