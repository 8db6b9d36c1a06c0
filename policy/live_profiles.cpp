// SPDX-License-Identifier: Apache-2.0
#include "policy/live_profiles.hpp"

#include <iterator>

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
  auto chain = chainName(key, names_);
  const auto [place, isNew] = profiles_.try_emplace(chain);
  auto& profile = place->second;
  ++profile.holders;
  // For a known profile, too, because a policy may have been deleted and added again.
  for (const auto* policy : key.policies) recordOf(policy->key)->profiles.insert(chain);
  if (!isNew) return chain;
  profile.direction = key.direction;
  for (const auto* policy : key.policies) profile.policies.push_back(policy->key);
  profile.namedPorts = key.namedPorts;
  stale_.insert(chain);
  return chain;
}

void LiveProfiles::release(const std::string& chain) {
  if (--profiles_.at(chain).holders == 0) stale_.insert(chain);
}

void LiveProfiles::setFamilies(Families families) {
  if (families.v4 == families_.v4 && families.v6 == families_.v6) return;
  families_ = families;
  for (const auto& [chain, profile] : profiles_) stale_.insert(chain);
}

void LiveProfiles::deny(std::set<std::string> chains) {
  if (chains == denied_) return;
  stale_.insert(denied_.begin(), denied_.end());
  denied_ = std::move(chains);
  stale_.insert(denied_.begin(), denied_.end());
}

void LiveProfiles::refresh() {
  for (const auto& chain : stale_) {
    const auto place = profiles_.find(chain);
    if (place == profiles_.end()) continue;
    if (place->second.holders > 0) {
      compile(chain, place->second);
    } else {
      forget(chain, place->second);
      profiles_.erase(place);
    }
  }
  stale_.clear();
  // The table keeps the sets that were released until its next take().
  if (names_.shouldForget())
    names_.forget([&](const std::string& name) {
      return profiles_.contains(name) || table_.find(name) != nullptr;
    });
}

void LiveProfiles::compile(const std::string& chain, Profile& profile) {
  nft::Ruleset part;
  NotedPeers noted;
  oversized_.erase(chain);
  if (denied_.contains(chain)) {
    addDenyingChains(profile.direction, chain, part);
  } else {
    ProfileKey key{profile.direction, {}, profile.namedPorts};
    for (const auto& policy : profile.policies) key.policies.push_back(&recordOf(policy)->policy);
    PeerSets peerSets(noted, families_, part, names_);
    if (!addProfileChains(key, chain, peerSets, part)) oversized_.insert(chain);
  }
  profile.part.replace(table_, peers_, std::move(part), noted.feeds);
}

void LiveProfiles::forget(const std::string& chain, Profile& profile) {
  profile.part.replace(table_, peers_, {}, {});
  oversized_.erase(chain);
  for (const auto& policy : profile.policies)
    if (auto* record = recordOf(policy)) record->profiles.erase(chain);
}

std::set<std::string> LiveProfiles::users(const std::string& object) const {
  std::set<std::string> chains;
  for (const auto& [chain, profile] : profiles_)
    if (profile.part.contains(object)) chains.insert(chain);
  return chains;
}

std::vector<base::ObjectKey> LiveProfiles::policiesOf(const std::string& chain) const {
  const auto place = profiles_.find(chain);
  return place == profiles_.end() ? std::vector<base::ObjectKey>() : place->second.policies;
}

}  // namespace kpol::policy
