// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/live_profiles.hpp"
#include "policy/metadata_guard.hpp"
#include "policy/snapshot.hpp"

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace kpol::policy {

// The pods of this node and what the table contains about each: its interfaces and addresses, the
// dispatch to its profiles, its host ports. An interface whose pod is unknown or has no pod network
// (it has finished, for example) is in no set.
class LocalPods {
 public:
  struct Parts {
    Cluster& cluster;
    LiveTable& table;
    PeerFeeds& peers;
    LiveProfiles& profiles;
  };
  // `guard` must outlive this object. At refresh() the table must contain the sets that every table
  // has.
  LocalPods(Parts parts, const MetadataGuard& guard) : parts_(parts), guard_(guard) {}

  // Replaces the pod's endpoints; empty: the pod is not local. Returns false if nothing changed.
  bool set(const base::ObjectKey& pod, std::vector<Endpoint> endpoints);
  // The addresses of the pod's endpoints, sorted and unique; nullopt: it has no endpoint.
  [[nodiscard]] std::optional<std::vector<base::IpAddress>> addressesOf(
      const base::ObjectKey& pod) const;
  [[nodiscard]] Families families() const;
  [[nodiscard]] std::vector<Endpoint> endpoints() const;  // sorted
  [[nodiscard]] std::vector<Endpoint> endpointsOf(const base::ObjectKey& pod) const;
  [[nodiscard]] std::size_t endpointCount() const;  // with an interface
  [[nodiscard]] std::vector<base::ObjectKey> podsOf(const std::string& profile) const;
  [[nodiscard]] std::vector<base::ObjectKey> podsIn(const std::string& ns) const;
  // The pod's profile at the last chooseProfiles(); empty: not isolated, or not local.
  [[nodiscard]] std::string profileOf(const base::ObjectKey& pod, Direction direction) const;
  // The policies that select the pod, sorted by key. Valid until a policy changes.
  [[nodiscard]] std::vector<const NetworkPolicy*> policiesFor(const PodRecord& record) const;

  // The addresses at which host ports lead to pods (Snapshot::hostPortIps). Returns false if
  // nothing changed.
  bool setHostPortIps(std::vector<base::IpAddress> ips);
  [[nodiscard]] const std::vector<base::IpAddress>& hostPortIps() const { return hostPortIps_; }

  // Mark local pods whose part of the table may have changed: one pod, the pods of a namespace that
  // a selector matches, or all pods of a namespace.
  void touch(const base::ObjectKey& pod);
  void touchSelected(const std::string& ns, const LabelSelector& podSelector);
  void touchAll(const std::string& ns);
  // Chooses the profiles of the marked pods. Until LiveProfiles::refresh() has compiled them they
  // have no chain.
  void chooseProfiles();
  // Brings what the table contains about the marked pods, and about the pods of the profiles
  // `moved`, up to date.
  void refresh(const std::set<std::string>& moved);

 private:
  using Wanted = std::vector<std::pair<LiveSet*, nft::Element>>;
  struct LocalPod {
    std::vector<Endpoint> endpoints;      // sorted, unique
    std::array<std::string, 2> profiles;  // by direction; empty: not isolated
    Wanted elements;
  };
  void chooseProfiles(const base::ObjectKey& key, LocalPod& pod);
  void refresh(const base::ObjectKey& key, LocalPod& pod);
  [[nodiscard]] const PodRecord* recordOf(const base::ObjectKey& key, const LocalPod& pod) const;
  void refreshHostPorts();
  std::string hold(const std::optional<ProfileKey>& key);
  void wantSelf(const base::IpAddress& ip, const PodRecord& record, Wanted& wanted);
  static bool hasHostPorts(const LocalPod& pod);

  Parts parts_;
  const MetadataGuard& guard_;
  std::map<base::ObjectKey, LocalPod> pods_;
  std::set<base::ObjectKey> stale_;
  std::vector<base::IpAddress> hostPortIps_;
  LivePart hostPorts_;
  bool hostPortsStale_ = false;
};

}  // namespace kpol::policy
