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

// What fills a set of peers.
struct Feed {
  base::Family family = base::Family::V4;
  std::vector<PeerSelector> selectors;  // canonical; keys are addresses
  std::vector<NamedPortPeers> named;    // else these; keys are address . protocol . port
  bool isNamed = false;
  [[nodiscard]] bool admitsSameAs(const Feed& other) const;
};

// Some pods that fill one set: those of one namespace, of a group of namespaces or of all, whose
// labels match.
struct Subscription {
  LiveSet* set = nullptr;
  base::Family family = base::Family::V4;
  LabelSelector selector;  // of pods
  std::optional<std::pair<std::string, base::Protocol>> port;
  std::optional<std::vector<AddressRange>> ranges;  // addresses within these only
  NamespaceRecord* ns = nullptr;
  Group* group = nullptr;  // neither: all namespaces
};

struct Group {
  LabelSelector selector;  // of namespaces
  std::set<NamespaceRecord*> members;
  SelectorIndex<Subscription> subscriptions;
};

// Which sets of peers a pod is in, and which pods are in a set: only for the sets that somebody
// follows. Found through the labels of the pod and of its namespace, never by asking all selectors.
class PeerFeeds {
 public:
  // One element of one set. In sets of addresses protocol and port are all the same.
  using Contribution = std::pair<LiveSet*, NamedAddress>;

  explicit PeerFeeds(Cluster& cluster) : cluster_(cluster) {}
  PeerFeeds(const PeerFeeds&) = delete;
  PeerFeeds& operator=(const PeerFeeds&) = delete;

  void follow(LiveSet& set, Feed feed);
  void unfollow(LiveSet& set);
  [[nodiscard]] bool follows(const LiveSet& set) const { return followed_.contains(&set); }
  [[nodiscard]] const Feed& feedOf(const LiveSet& set) const { return followed_.at(&set).feed; }

  // What the pod adds to all sets, as the cluster is now: sorted, unique. No other pod adds the
  // same, as each address has one owner.
  [[nodiscard]] std::vector<Contribution> contributions(const PodRecord& pod) const;
  // All elements of a followed set; sorted, unique.
  [[nodiscard]] std::vector<nft::Element> elementsOf(const LiveSet& set) const;
  static nft::Element elementOf(const Contribution& contribution);

  // The namespace's record, made where there is none.
  NamespaceRecord& namespaceAt(const std::string& name);
  // Forgets the record when nothing is in it.
  void drop(NamespaceRecord& ns);
  // The groups that the namespace's labels put it in now.
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
