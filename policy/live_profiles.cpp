// SPDX-License-Identifier: Apache-2.0
#include "policy/live_profiles.hpp"

#include <iterator>
#include <utility>

namespace kpol::policy {
namespace {

// Records the peers of each set instead of filling it.
class NotedPeers : public PeerSource {
 public:
  void fill(nft::Set& set, base::Family family, const std::vector<PeerSelector>& peers) override {
    feeds[set.name] = {family, peers, {}, false};
    set.size = capacityFor(0);
  }
  void fill(nft::Set& set, base::Family family, const std::vector<NamedPortPeers>& ports) override {
    feeds[set.name] = {family, {}, ports, true};
    set.size = capacityFor(0);
  }
  std::map<std::string, Feed> feeds;
};

}  // namespace

PolicyRecord* LiveProfiles::recordOf(const base::ObjectKey& policy) {
  auto* ns = cluster_.findNamespace(policy.ns);
  if (ns == nullptr) return nullptr;
  const auto place = ns->policies.find(policy.name);
  return place == ns->policies.end() ? nullptr : &place->second;
}

std::string LiveProfiles::hold(const ProfileKey& key) {
  auto name = profileName(key, names_);
  const auto [place, isNew] = profiles_.try_emplace(name);
  auto& profile = place->second;
  ++profile.holders;
  // For a known profile, too, because a policy may have been deleted and added again.
  for (const auto* policy : key.policies) recordOf(policy->key)->profiles.insert(name);
  if (!isNew) return name;
  profile.direction = key.direction;
  for (const auto* policy : key.policies) profile.policies.push_back(policy->key);
  profile.namedPorts = key.namedPorts;
  stale_.insert(name);
  return name;
}

void LiveProfiles::release(const std::string& profile) {
  if (--profiles_.at(profile).holders == 0) stale_.insert(profile);
}

void LiveProfiles::setFamilies(Families families) {
  if (families.v4 == families_.v4 && families.v6 == families_.v6) return;
  families_ = families;
  for (const auto& [name, profile] : profiles_) stale_.insert(name);
}

void LiveProfiles::setTunnels(std::vector<NodeTunnel> tunnels) {
  if (tunnels == tunnels_) return;
  tunnels_ = std::move(tunnels);
  for (const auto& [chain, profile] : profiles_)
    if (profile.hasBlocks) stale_.insert(chain);
}

void LiveProfiles::deny(std::set<std::string> profiles) {
  if (profiles == denied_) return;
  stale_.insert(denied_.begin(), denied_.end());
  denied_ = std::move(profiles);
  stale_.insert(denied_.begin(), denied_.end());
}

std::set<std::string> LiveProfiles::refresh() {
  std::set<std::string> moved;
  for (const auto& name : stale_) {
    const auto place = profiles_.find(name);
    if (place == profiles_.end()) continue;
    if (place->second.holders > 0) {
      if (compile(name, place->second)) moved.insert(name);
    } else {
      forget(name, place->second);
      profiles_.erase(place);
    }
  }
  stale_.clear();
  // The table keeps the sets that were released until its next take().
  if (names_.shouldForget())
    names_.forget([&](const std::string& name) {
      return profiles_.contains(name) || table_.find(name) != nullptr;
    });
  return moved;
}

bool LiveProfiles::compile(const std::string& name, Profile& profile) {
  nft::Ruleset part;
  NotedPeers noted;
  ProfileChain chain;
  if (denied_.contains(name)) {
    chain.name = addDenyingChains(name, part);
  } else {
    ProfileKey key{profile.direction, {}, profile.namedPorts};
    for (const auto& policy : profile.policies) key.policies.push_back(&recordOf(policy)->policy);
    PeerSets peerSets({noted, families_, tunnels_}, part, names_);
    chain = addProfileChains(key, name, peerSets, part);
    profile.hasBlocks = peerSets.sawBlocks();
  }
  profile.part.replace(table_, peers_, std::move(part), noted.feeds);
  oversized_.erase(name);
  if (chain.oversized) oversized_.insert(name);
  return std::exchange(profile.chain, chain.name) != chain.name;
}

void LiveProfiles::forget(const std::string& name, Profile& profile) {
  profile.part.replace(table_, peers_, {}, {});
  oversized_.erase(name);
  for (const auto& policy : profile.policies)
    if (auto* record = recordOf(policy)) record->profiles.erase(name);
}

std::set<std::string> LiveProfiles::users(const std::string& object) const {
  std::set<std::string> names;
  for (const auto& [name, profile] : profiles_)
    if (profile.part.contains(object)) names.insert(name);
  return names;
}

std::vector<base::ObjectKey> LiveProfiles::policiesOf(const std::string& profile) const {
  const auto place = profiles_.find(profile);
  return place == profiles_.end() ? std::vector<base::ObjectKey>() : place->second.policies;
}

}  // namespace kpol::policy
