// SPDX-License-Identifier: Apache-2.0
#include "policy/snapshot_peers.hpp"

#include "base/sorted_unique.hpp"
namespace kpol::policy {
const std::vector<base::IpAddress>& SnapshotPeers::addressesOf(const PeerSelector& peer) {
  const auto [entry, isNew] = addresses_.try_emplace(peer);
  if (isNew) entry->second = membership_.addressesOf(peer);
  return entry->second;
}

void SnapshotPeers::fill(nft::Set& set, base::Family family,
                         const std::vector<PeerSelector>& peers) {
  std::vector<base::IpAddress> all;
  for (const auto& peer : peers)
    for (const auto& ip : addressesOf(peer))
      if (ip.family() == family) all.push_back(ip);
  base::sortUnique(all);
  for (const auto& ip : all) set.elements.push_back(nft::element(nft::Key::of(ip)));
  set.size = capacityFor(set.elements.size());
}

void SnapshotPeers::fill(nft::Set& set, base::Family family,
                         const std::vector<NamedPortPeers>& ports) {
  std::vector<NamedAddress> all;
  for (const auto& port : ports)
    for (const auto& named : membership_.resolve(port))
      if (named.ip.family() == family) all.push_back(named);
  base::sortUnique(all);
  for (const auto& [ip, protocol, port] : all)
    set.elements.push_back(
        nft::element(nft::Key::of(ip).dot(nft::Key::of(protocol)).dot(nft::Key::of(port))));
  set.size = capacityFor(set.elements.size());
}

}  // namespace kpol::policy
