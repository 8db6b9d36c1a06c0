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

// The profiles of local pods, each with its part of the table. A profile is identified by its name
// (profileName). It is added with its first pod and removed with its last. It is compiled again if
// one of its policies, the address families in use, the tunnels of nodes that its ipBlocks may
// contain, or whether it is denied changes.
class LiveProfiles {
 public:
  LiveProfiles(Cluster& cluster, LiveTable& table, PeerFeeds& peers)
      : cluster_(cluster), table_(table), peers_(peers) {}

  // Adds a reference to the profile, for one pod; returns its name.
  std::string hold(const ProfileKey& key);
  void release(const std::string& profile);

  // Marks these profiles for recompilation because a policy of theirs changed.
  void touch(const std::set<std::string>& profiles) {
    stale_.insert(profiles.begin(), profiles.end());
  }
  void setFamilies(Families families);
  void setTunnels(std::vector<NodeTunnel> tunnels);
  // Makes exactly these profiles deny everything, whatever their policies allow.
  void deny(std::set<std::string> profiles);
  [[nodiscard]] const std::set<std::string>& denied() const { return denied_; }
  // Applies the pending changes to the table; returns the profiles that have another chain now.
  // Call it after LocalPods::chooseProfiles(): until then, pods may still refer to profiles with
  // deleted policies.
  std::set<std::string> refresh();
  // The chain of a profile, as of the last refresh(); empty if `profile` is empty.
  [[nodiscard]] std::string chainOf(const std::string& profile) const {
    return profile.empty() ? std::string() : profiles_.at(profile).chain;
  }

  // The profiles that deny everything because they are too large (kMostProfileEntries), as of the
  // last refresh().
  [[nodiscard]] const std::set<std::string>& oversized() const { return oversized_; }
  // The profiles that have a chain, counter or set of this name.
  [[nodiscard]] std::set<std::string> users(const std::string& object) const;
  [[nodiscard]] std::vector<base::ObjectKey> policiesOf(const std::string& profile) const;
  [[nodiscard]] bool contains(const std::string& profile) const {
    return profiles_.contains(profile);
  }
  [[nodiscard]] Direction directionOf(const std::string& profile) const {
    return profiles_.at(profile).direction;
  }

 private:
  struct Profile {
    Direction direction = Direction::Ingress;
    std::vector<base::ObjectKey> policies;
    NamedPorts namedPorts;
    std::size_t holders = 0;
    bool hasBlocks = false;  // depends on the tunnels
    LivePart part;
    std::string chain;
  };
  // Returns whether the profile has another chain now.
  bool compile(const std::string& name, Profile& profile);
  void forget(const std::string& name, Profile& profile);
  [[nodiscard]] PolicyRecord* recordOf(const base::ObjectKey& policy);

  Cluster& cluster_;
  LiveTable& table_;
  PeerFeeds& peers_;
  Names names_;
  Families families_;
  std::vector<NodeTunnel> tunnels_;
  std::map<std::string, Profile> profiles_;
  std::set<std::string> stale_;
  std::set<std::string> denied_;
  std::set<std::string> oversized_;
};

}  // namespace kpol::policy
