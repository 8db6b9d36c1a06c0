// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/membership.hpp"
#include "policy/peer_sets.hpp"

#include <map>
#include <vector>

namespace kpol::policy {

// Fills peer sets from a whole snapshot.
class SnapshotPeers : public PeerSource {
 public:
  explicit SnapshotPeers(const Membership& membership) : membership_(membership) {}

  void fill(nft::Set& set, base::Family family, const std::vector<PeerSelector>& peers) override;
  void fill(nft::Set& set, base::Family family, const std::vector<NamedPortPeers>& ports) override;

 private:
  const std::vector<base::IpAddress>& addressesOf(const PeerSelector& peer);

  const Membership& membership_;
  std::map<PeerSelector, std::vector<base::IpAddress>> addresses_;  // cache
};

}  // namespace kpol::policy
