// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/address_ranges.hpp"
#include "policy/cluster.hpp"
#include "policy/live_table.hpp"
#include "policy/membership.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace kpol::policy {

// The peers that fill a set.
struct Feed {
  base::Family family = base::Family::V4;
  std::vector<PeerSelector> selectors;  // canonical; elements are addresses
  std::vector<NamedPortPeers> named;    // else these; elements: address . protocol . port
  bool isNamed = false;
  [[nodiscard]] bool admitsSameAs(const Feed& other) const;
};

// Some of the pods that fill one set: those with matching labels in one namespace, in a group of
// namespaces or in all namespaces.
struct Subscription {
  LiveSet* set = nullptr;
  base::Family family = base::Family::V4;
  LabelSelector selector;  // of pods
  std::optional<std::pair<std::string, base::Protocol>> port;
  std::optional<std::vector<AddressRange>> ranges;  // only addresses within these
  NamespaceRecord* ns = nullptr;
  Group* group = nullptr;  // neither ns nor group: all namespaces
};

struct Group {
  LabelSelector selector;  // of namespaces
  std::set<NamespaceRecord*> members;
  SelectorIndex<Subscription> subscriptions;
};

// Finds the peer sets that contain a pod and the pods in a peer set, for followed sets only. It
// uses the labels of the pod and of its namespace, and never tests all selectors.
class PeerFeeds {
 public:
  // One element of one set. In sets of addresses, protocol and port have a fixed value.
  using Contribution = std::pair<LiveSet*, NamedAddress>;

  explicit PeerFeeds(Cluster& cluster) : cluster_(cluster) {}
  PeerFeeds(const PeerFeeds&) = delete;
  PeerFeeds& operator=(const PeerFeeds&) = delete;

  // unfollow(), feedOf() and elementsOf() need a followed set. Do not follow a set twice.
  void follow(LiveSet& set, Feed feed);
  void unfollow(LiveSet& set);
  [[nodiscard]] bool follows(const LiveSet& set) const { return followed_.contains(&set); }
  [[nodiscard]] const Feed& feedOf(const LiveSet& set) const { return followed_.at(&set).feed; }

  // Returns the elements that the pod adds to all sets, in the current state of the cluster:
  // sorted, unique. No other pod adds the same ones, because each address has one owner.
  [[nodiscard]] std::vector<Contribution> contributions(const PodRecord& pod) const;
  // Returns all elements of a followed set: sorted, unique.
  [[nodiscard]] std::vector<nft::Element> elementsOf(const LiveSet& set) const;
  static nft::Element elementOf(const Contribution& contribution);

  // Returns the namespace's record and creates it if it is missing.
  NamespaceRecord& namespaceAt(const std::string& name);
  // Removes the record unless it isNeeded().
  void drop(NamespaceRecord& ns);
  // The groups that match the namespace's current labels, sorted. setGroups() requires that order.
  [[nodiscard]] std::vector<Group*> groupsOf(const NamespaceRecord& ns) const;
  void setGroups(NamespaceRecord& ns, std::vector<Group*> groups);

 private:
  struct Followed {
    Feed feed;
    std::vector<std::unique_ptr<Subscription>> subscriptions;
  };
  void subscribe(Followed& followed, const PeerSelector& peer, Subscription subscription);
  void add(Followed& followed, std::unique_ptr<Subscription> subscription);
  void remove(Subscription& subscription);
  Group& groupAt(const LabelSelector& selector);
  SelectorIndex<Subscription>& indexOf(const Subscription& subscription);
  // Adds the elements of a pod that the subscription's selector matches.
  void contribute(const PodRecord& pod, const Subscription& subscription,
                  std::vector<Contribution>& out) const;
  void contributeAll(const Subscription& subscription, std::vector<Contribution>& out) const;

  Cluster& cluster_;
  std::map<LabelSelector, Group> groups_;
  SelectorIndex<Group> groupIndex_;
  SelectorIndex<Subscription> everywhere_;
  std::map<const LiveSet*, Followed> followed_;
};

}  // namespace kpol::policy
