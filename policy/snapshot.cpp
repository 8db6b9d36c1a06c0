// SPDX-License-Identifier: Apache-2.0
#include "policy/snapshot.hpp"

#include <algorithm>
#include <ranges>

namespace kpol::policy {
namespace {

bool has(const std::vector<base::IpAddress>& addresses, const base::IpAddress& address) {
  return std::ranges::binary_search(addresses, address);
}

}  // namespace

bool hasPodNetwork(const Pod& pod) {
  return !pod.hostNetwork && pod.phase != PodPhase::Succeeded && pod.phase != PodPhase::Failed;
}

bool claimsBefore(const Pod& a, const Pod& b) {
  if (a.terminating != b.terminating) return b.terminating;
  if (a.created != b.created) return a.created > b.created;
  return a.key < b.key;
}

std::vector<base::IpAddress> addressesOf(const Snapshot& snapshot, const Pod& pod) {
  std::vector<base::IpAddress> addresses;
  if (!hasPodNetwork(pod)) return addresses;
  const auto own = std::ranges::equal_range(snapshot.endpoints, pod.key, {}, &Endpoint::pod);
  if (own.empty()) {
    std::ranges::copy_if(pod.ips, std::back_inserter(addresses),
                         [&](const auto& ip) { return localPodAt(snapshot, ip) == nullptr; });
    return addresses;
  }
  for (const Endpoint& endpoint : own) {
    addresses.insert(addresses.end(), endpoint.ips.begin(), endpoint.ips.end());
  }
  std::ranges::sort(addresses);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

const Pod* findPod(const Snapshot& snapshot, const base::ObjectKey& key) {
  const auto found = std::ranges::lower_bound(snapshot.pods, key, {}, &Pod::key);
  return found != snapshot.pods.end() && found->key == key ? &*found : nullptr;
}

bool isEndpointAddress(const Snapshot& snapshot, const base::IpAddress& address) {
  return std::ranges::any_of(snapshot.endpoints,
                             [&](const Endpoint& endpoint) { return has(endpoint.ips, address); });
}

const Pod* localPodAt(const Snapshot& snapshot, const base::IpAddress& address) {
  for (const Endpoint& endpoint : snapshot.endpoints) {
    if (!has(endpoint.ips, address)) continue;
    const Pod* pod = findPod(snapshot, endpoint.pod);
    if (pod != nullptr && hasPodNetwork(*pod)) return pod;
  }
  return nullptr;
}

const Pod* podAt(const Snapshot& snapshot, const base::IpAddress& address) {
  if (const Pod* local = localPodAt(snapshot, address)) return local;
  const Pod* found = nullptr;
  for (const Pod& pod : snapshot.pods)
    if (has(pod.ips, address) && has(addressesOf(snapshot, pod), address) &&
        (found == nullptr || claimsBefore(pod, *found)))
      found = &pod;
  return found;
}

const Namespace* findNamespace(const Snapshot& snapshot, const std::string& name) {
  const auto found = std::ranges::lower_bound(snapshot.namespaces, name, {}, &Namespace::name);
  return found != snapshot.namespaces.end() && found->name == name ? &*found : nullptr;
}

}  // namespace kpol::policy
