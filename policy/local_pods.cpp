// SPDX-License-Identifier: Apache-2.0
#include "policy/local_pods.hpp"

#include "base/sorted_unique.hpp"
#include "policy/host_ports.hpp"
#include "policy/selector.hpp"

#include <algorithm>

namespace kpol::policy {
// ---- endpoints

bool LocalPods::set(const base::ObjectKey& pod, std::vector<Endpoint> endpoints) {
  base::sortUnique(endpoints);
  // A pod without endpoints is kept until refresh() has removed its elements from the table.
  if (endpoints.empty() && !pods_.contains(pod)) return false;
  auto& known = pods_[pod];
  if (known.endpoints == endpoints) return false;
  hostPortsStale_ = hostPortsStale_ || hasHostPorts(known);
  known.endpoints = std::move(endpoints);
  touch(pod);
  return true;
}

bool LocalPods::hasHostPorts(const LocalPod& pod) {
  return std::any_of(pod.endpoints.begin(), pod.endpoints.end(),
                     [](const auto& endpoint) { return !endpoint.hostPorts.empty(); });
}

std::optional<std::vector<base::IpAddress>> LocalPods::addressesOf(
    const base::ObjectKey& pod) const {
  const auto known = pods_.find(pod);
  if (known == pods_.end() || known->second.endpoints.empty()) return std::nullopt;
  std::vector<base::IpAddress> ips;
  for (const auto& endpoint : known->second.endpoints)
    ips.insert(ips.end(), endpoint.ips.begin(), endpoint.ips.end());
  base::sortUnique(ips);
  return ips;
}

Families LocalPods::families() const {
  Families families;
  for (const auto& [key, pod] : pods_)
    for (const auto& endpoint : pod.endpoints)
      for (const auto& ip : endpoint.ips) (ip.isV4() ? families.v4 : families.v6) = true;
  return families;
}

std::vector<Endpoint> LocalPods::endpoints() const {
  std::vector<Endpoint> all;
  for (const auto& [key, pod] : pods_)
    all.insert(all.end(), pod.endpoints.begin(), pod.endpoints.end());
  return all;
}

std::vector<Endpoint> LocalPods::endpointsOf(const base::ObjectKey& pod) const {
  const auto known = pods_.find(pod);
  return known == pods_.end() ? std::vector<Endpoint>() : known->second.endpoints;
}

std::size_t LocalPods::endpointCount() const {
  std::size_t count = 0;
  for (const auto& [key, pod] : pods_)
    count += static_cast<std::size_t>(std::ranges::count_if(
        pod.endpoints, [](const auto& one) { return one.hostInterface.has_value(); }));
  return count;
}

std::vector<base::ObjectKey> LocalPods::podsOf(const std::string& profile) const {
  std::vector<base::ObjectKey> keys;
  for (const auto& [key, pod] : pods_)
    if (std::ranges::find(pod.profiles, profile) != pod.profiles.end()) keys.push_back(key);
  return keys;
}

bool LocalPods::setHostPortIps(std::vector<base::IpAddress> ips) {
  if (ips == hostPortIps_) return false;
  hostPortIps_ = std::move(ips);
  hostPortsStale_ = true;
  return true;
}

std::vector<base::ObjectKey> LocalPods::podsIn(const std::string& ns) const {
  std::vector<base::ObjectKey> keys;
  for (auto pod = pods_.lower_bound({ns, ""}); pod != pods_.end() && pod->first.ns == ns; ++pod)
    keys.push_back(pod->first);
  return keys;
}

std::string LocalPods::profileOf(const base::ObjectKey& pod, Direction direction) const {
  const auto known = pods_.find(pod);
  return known == pods_.end() ? "" : known->second.profiles.at(static_cast<std::size_t>(direction));
}

void LocalPods::touch(const base::ObjectKey& pod) {
  if (pods_.contains(pod)) stale_.insert(pod);
}

void LocalPods::touchSelected(const std::string& ns, const LabelSelector& podSelector) {
  for (auto pod = pods_.lower_bound({ns, ""}); pod != pods_.end() && pod->first.ns == ns; ++pod) {
    const auto* record = parts_.cluster.findPod(pod->first);
    if (record != nullptr && matches(podSelector, *record->labels)) stale_.insert(pod->first);
  }
}

void LocalPods::touchAll(const std::string& ns) {
  touchSelected(ns, {});
}

// ---- the table

void LocalPods::chooseProfiles() {
  for (const auto& key : stale_) {
    const auto pod = pods_.find(key);
    if (pod != pods_.end()) chooseProfiles(key, pod->second);
  }
}

void LocalPods::refresh(const std::set<std::string>& moved) {
  if (!moved.empty())
    for (const auto& [key, pod] : pods_)
      for (const auto& profile : pod.profiles)
        if (moved.contains(profile)) stale_.insert(key);
  for (const auto& key : stale_) {
    const auto pod = pods_.find(key);
    if (pod == pods_.end()) continue;
    refresh(key, pod->second);
    hostPortsStale_ = hostPortsStale_ || hasHostPorts(pod->second);
    if (pod->second.endpoints.empty()) pods_.erase(pod);
  }
  stale_.clear();
  if (std::exchange(hostPortsStale_, false)) refreshHostPorts();
}

std::vector<const NetworkPolicy*> LocalPods::policiesFor(const PodRecord& record) const {
  std::vector<const NetworkPolicy*> policies;
  record.ns->policyIndex.forEachCandidate(*record.labels, [&](const PolicyRecord& candidate) {
    if (matches(candidate.podSelector, *record.labels)) policies.push_back(&candidate.policy);
  });
  std::sort(policies.begin(), policies.end(),
            [](const auto* a, const auto* b) { return a->key < b->key; });
  return policies;
}

std::string LocalPods::hold(const std::optional<ProfileKey>& key) {
  return key ? parts_.profiles.hold(*key) : std::string();
}

void LocalPods::wantSelf(const base::IpAddress& ip, const PodRecord& record, Wanted& wanted) {
  auto* self = parts_.table.find(ip.isV4() ? names::kSelf4 : names::kSelf6);
  for (const auto& own : record.claims())
    if (own.family() == ip.family() && parts_.cluster.owns(record, own))
      wanted.emplace_back(self, nft::element(nft::Key::of(ip).dot(nft::Key::of(own))));
}

// Null: the table contains nothing about the pod.
const PodRecord* LocalPods::recordOf(const base::ObjectKey& key, const LocalPod& pod) const {
  const auto* record = std::as_const(parts_.cluster).findPod(key);
  return record != nullptr && record->hasPodNetwork() && !pod.endpoints.empty() ? record : nullptr;
}

void LocalPods::chooseProfiles(const base::ObjectKey& key, LocalPod& local) {
  const auto old = std::exchange(local.profiles, {});
  if (const auto* record = recordOf(key, local)) {
    const auto pod = record->pod();
    const auto policies = policiesFor(*record);
    local.profiles = {hold(profileKey(pod, policies, Direction::Ingress)),
                      hold(profileKey(pod, policies, Direction::Egress))};
  }
  for (const auto& profile : old)
    if (!profile.empty()) parts_.profiles.release(profile);
}

void LocalPods::refresh(const base::ObjectKey& key, LocalPod& local) {
  Wanted wanted;
  if (const auto* record = recordOf(key, local)) {
    const std::array chains{parts_.profiles.chainOf(local.profiles[0]),
                            parts_.profiles.chainOf(local.profiles[1])};
    const auto* ns = record->ns;
    const Namespace object{ns->name, ns->labels->labels()};
    const bool guarded = isGuarded(guard_, ns->name, ns->known ? &object : nullptr);
    for (const auto& endpoint : local.endpoints) {
      for (const auto& ip : endpoint.ips) {
        const bool owned = parts_.cluster.owns(*record, ip);
        for (auto& [set, element] : localElements(endpoint.hostInterface, ip, chains, owned))
          wanted.emplace_back(parts_.table.find(set), std::move(element));
        wantSelf(ip, *record, wanted);
        if (guarded)
          wanted.emplace_back(parts_.table.find(guardedSet(ip.family())),
                              nft::element(nft::Key::of(ip)));
      }
    }
  }
  for (const auto& [set, element] : wanted) parts_.table.want(*set, element);
  for (const auto& [set, element] : local.elements) parts_.table.unwant(*set, element);
  local.elements = std::move(wanted);
}

void LocalPods::refreshHostPorts() {
  HostPortMaps maps;
  for (const auto& [key, pod] : pods_) {
    const auto* record = parts_.cluster.findPod(key);
    if (record == nullptr || !record->hasPodNetwork()) continue;
    for (const auto& endpoint : pod.endpoints) maps.add(endpoint);
  }
  nft::Ruleset part;
  addHostPorts(std::move(maps), hostPortIps_, part);
  hostPorts_.replace(parts_.table, parts_.peers, std::move(part), {});
}

}  // namespace kpol::policy
