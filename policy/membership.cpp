// SPDX-License-Identifier: Apache-2.0
#include "policy/membership.hpp"

#include "base/sorted_unique.hpp"
#include "policy/address_ranges.hpp"
#include "policy/named_ports.hpp"
#include "policy/selector.hpp"

#include <algorithm>

namespace kpol::policy {
namespace {

void addNamed(const Member& member, const NamedPortPeers& port, const base::IpAddress& ip,
              std::vector<NamedAddress>& out) {
  for (const auto& declared : portsNamed(member.pod->ports, port.name, port.protocol))
    out.push_back({ip, port.protocol, declared.port});
}

}  // namespace

Membership::Membership(const Snapshot& snapshot) {
  LocalAddresses local;
  for (const auto& endpoint : snapshot.endpoints) {
    auto& ips = local[endpoint.pod];
    ips.insert(ips.end(), endpoint.ips.begin(), endpoint.ips.end());
  }
  for (const auto& pod : snapshot.pods) {
    if (!hasPodNetwork(pod)) continue;
    const auto endpoint = local.find(pod.key);
    members_.push_back({&pod, endpoint == local.end() ? pod.ips : std::move(endpoint->second)});
    base::sortUnique(members_.back().ips);
    if (endpoint == local.end()) continue;
    for (const auto& ip : members_.back().ips) owners_.try_emplace(ip, &pod);
  }
  for (const auto& member : members_) {
    if (!local.contains(member.pod->key)) claim(member, local);
  }
  for (auto& member : members_) {
    namespaceLabels_.try_emplace(member.pod->key.ns);
    std::erase_if(member.ips, [&](const auto& ip) { return owners_.at(ip) != member.pod; });
  }
  for (const auto& ns : snapshot.namespaces) namespaceLabels_.insert_or_assign(ns.name, ns.labels);
}

void Membership::claim(const Member& member, const LocalAddresses& local) {
  for (const auto& ip : member.ips) {
    auto& owner = owners_.try_emplace(ip, member.pod).first->second;
    if (!local.contains(owner->key) && claimsBefore(*member.pod, *owner)) owner = member.pod;
  }
}

const Member* Membership::find(const base::ObjectKey& pod) const {
  const auto found = std::lower_bound(
      members_.begin(), members_.end(), pod,
      [](const Member& member, const base::ObjectKey& key) { return member.pod->key < key; });
  return found != members_.end() && found->pod->key == pod ? &*found : nullptr;
}

std::span<const Member> Membership::inNamespace(const std::string& ns) const {
  const auto first = std::lower_bound(
      members_.begin(), members_.end(), ns,
      [](const Member& member, const std::string& name) { return member.pod->key.ns < name; });
  const auto last = std::upper_bound(
      first, members_.end(), ns,
      [](const std::string& name, const Member& member) { return name < member.pod->key.ns; });
  return {first, last};
}

bool Membership::matchesNamespace(const LabelSelector& selector, const std::string& ns) const {
  const auto labels = namespaceLabels_.find(ns);
  if (labels == namespaceLabels_.end()) return false;
  return labels->second ? matches(selector, *labels->second) : matchesByName(selector, ns);
}

std::vector<const Member*> Membership::membersOf(const PeerSelector& selector) const {
  std::vector<const Member*> result;
  const auto addFrom = [&](const std::string& ns) {
    for (const auto& member : inNamespace(ns))
      if (matches(selector.podSelector, member.pod->labels)) result.push_back(&member);
  };
  if (!selector.namespaceSelector) {
    addFrom(selector.ns);
    return result;
  }
  for (const auto& [ns, labels] : namespaceLabels_)
    if (matchesNamespace(*selector.namespaceSelector, ns)) addFrom(ns);
  return result;
}

std::vector<base::IpAddress> Membership::addressesOf(const PeerSelector& selector) const {
  std::vector<base::IpAddress> result;
  for (const auto* member : membersOf(selector))
    result.insert(result.end(), member->ips.begin(), member->ips.end());
  base::sortUnique(result);
  return result;
}

std::vector<NamedAddress> Membership::resolve(const NamedPortPeers& port) const {
  std::vector<NamedAddress> result;
  std::vector<const Member*> admitted;
  if (port.peers.any)
    for (const auto& member : members_) admitted.push_back(&member);
  for (const auto& [selector, origins] : port.peers.selectors) {
    const auto more = membersOf(selector);
    admitted.insert(admitted.end(), more.begin(), more.end());
    base::sortUnique(admitted);
  }
  for (const auto* member : admitted)
    for (const auto& ip : member->ips) addNamed(*member, port, ip, result);

  std::vector<AddressRange> ranges;
  for (const auto& [block, origins] : port.peers.blocks)
    for (const auto& range : rangesOf(block)) ranges.push_back(range);
  ranges = unite(std::move(ranges));
  if (!ranges.empty())
    for (const auto& member : members_)
      for (const auto& ip : member.ips)
        if (within(ranges, ip)) addNamed(member, port, ip, result);
  base::sortUnique(result);
  return result;
}

}  // namespace kpol::policy
