// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/chains.hpp"
#include "policy/live_part.hpp"
#include "policy/names.hpp"
#include "policy/profile.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace kpol::policy {

// The profiles of local pods, each with its part of the table. Profiles are known by their chain.
// A profile comes with its first pod and goes with its last; it is compiled again when one of its
// policies changes, and only then.
class LiveProfiles {
 public:
  LiveProfiles(Cluster& cluster, LiveTable& table, PeerFeeds& peers)
      : cluster_(cluster), table_(table), peers_(peers) {}

  // One more pod has the profile; returns its chain.
  std::string hold(const ProfileKey& key);
  void release(const std::string& chain);

  // A policy of these profiles changed.
  void touch(const std::set<std::string>& chains) { stale_.insert(chains.begin(), chains.end()); }
  void setFamilies(Families families);
  // These, and no others, deny everything whatever their policies say.
  void deny(std::set<std::string> chains);
  // Brings the table up to date: policies and labels are final for now.
  void refresh();

  // The profiles that have a chain, counter or set of this name.
  [[nodiscard]] std::set<std::string> users(const std::string& object) const;
  [[nodiscard]] std::vector<base::ObjectKey> policiesOf(const std::string& chain) const;
  [[nodiscard]] bool contains(const std::string& chain) const { return profiles_.contains(chain); }
  [[nodiscard]] Direction directionOf(const std::string& chain) const {
    return profiles_.at(chain).direction;
  }

 private:
  struct Profile {
    Direction direction = Direction::Ingress;
    std::vector<base::ObjectKey> policies;
    NamedPorts namedPorts;
    std::size_t holders = 0;
    LivePart part;
  };
  void compile(const std::string& chain, Profile& profile);
  void forget(const std::string& chain, Profile& profile);
  [[nodiscard]] PolicyRecord* recordOf(const base::ObjectKey& policy);

  Cluster& cluster_;
  LiveTable& table_;
  PeerFeeds& peers_;
  Names names_;
  Families families_;
  std::map<std::string, Profile> profiles_;
  std::set<std::string> stale_;
  std::set<std::string> denied_;
};

}  // namespace kpol::policy
