// SPDX-License-Identifier: Apache-2.0
#include "policy/peer_feeds.hpp"

#include "base/sorted_unique.hpp"
#include "policy/named_ports.hpp"
#include "policy/selector.hpp"

#include <algorithm>
#include <tuple>

namespace kpol::policy {
namespace {

std::vector<AddressRange> rangesOf(const std::map<IpBlock, Origins>& blocks) {
  std::vector<AddressRange> ranges;
  for (const auto& [block, origins] : blocks)
    for (const auto& range : rangesOf(block)) ranges.push_back(range);
  return unite(std::move(ranges));
}

// Whether the namespaceSelector matches; groupsOf() finds it by the labels of `ns`, which always
// contain its name.
bool selects(const LabelSelector& selector, const NamespaceRecord& ns) {
  return ns.known ? matches(selector, *ns.labels) : matchesByName(selector, ns.name);
}

// An order in which two subscriptions are equal if they add the same elements for a pod that both
// match.
bool addsLess(const Subscription* a, const Subscription* b) {
  const bool allOfA = !a->ranges;
  const bool allOfB = !b->ranges;
  return std::tie(a->set, a->port, allOfA) < std::tie(b->set, b->port, allOfB);
}

}  // namespace

bool Feed::admitsSameAs(const Feed& other) const {
  return family == other.family && selectors == other.selectors && isNamed == other.isNamed &&
         std::equal(named.begin(), named.end(), other.named.begin(), other.named.end(),
                    [](const NamedPortPeers& a, const NamedPortPeers& b) {
                      return a.protocol == b.protocol && a.name == b.name &&
                             a.peers.admitsSameAs(b.peers);
                    });
}

// ---- subscriptions

void PeerFeeds::follow(LiveSet& set, Feed feed) {
  auto& followed = followed_[&set];
  followed.feed = std::move(feed);
  const auto family = followed.feed.family;
  for (const auto& selector : followed.feed.selectors)
    subscribe(followed, selector, {&set, family, {}, {}, {}});
  for (const auto& named : followed.feed.named) {
    const std::pair port{named.name, named.protocol};
    for (const auto& [selector, origins] : named.peers.selectors)
      subscribe(followed, selector, {&set, family, {}, port, {}});
    if (named.peers.any)
      add(followed, std::make_unique<Subscription>(Subscription{&set, family, {}, port, {}}));
    if (auto ranges = rangesOf(named.peers.blocks); !ranges.empty())
      add(followed,
          std::make_unique<Subscription>(Subscription{&set, family, {}, port, std::move(ranges)}));
  }
}

void PeerFeeds::subscribe(Followed& followed, const PeerSelector& peer, Subscription subscription) {
  subscription.selector = peer.podSelector;
  if (peer.namespaceSelector)
    subscription.group = &groupAt(*peer.namespaceSelector);
  else
    subscription.ns = &namespaceAt(peer.ns);
  add(followed, std::make_unique<Subscription>(std::move(subscription)));
}

void PeerFeeds::add(Followed& followed, std::unique_ptr<Subscription> subscription) {
  auto& ns = subscription->ns;
  if (ns != nullptr && !ns->subscriptions)
    ns->subscriptions = std::make_unique<SelectorIndex<Subscription>>();
  indexOf(*subscription).add(subscription->selector, subscription.get());
  followed.subscriptions.push_back(std::move(subscription));
}

SelectorIndex<Subscription>& PeerFeeds::indexOf(const Subscription& subscription) {
  if (subscription.ns != nullptr) return *subscription.ns->subscriptions;
  return subscription.group != nullptr ? subscription.group->subscriptions : everywhere_;
}

void PeerFeeds::unfollow(LiveSet& set) {
  const auto place = followed_.find(&set);
  for (const auto& subscription : place->second.subscriptions) remove(*subscription);
  followed_.erase(place);
}

void PeerFeeds::remove(Subscription& subscription) {
  auto& index = indexOf(subscription);
  index.remove(subscription.selector, &subscription);
  if (!index.empty()) return;
  if (auto* ns = subscription.ns) {
    ns->subscriptions.reset();
    drop(*ns);
  } else if (auto* group = subscription.group) {
    for (auto* member : group->members) std::erase(member->groups, group);
    groupIndex_.remove(group->selector, group);
    groups_.erase(groups_.find(group->selector));
  }
}

NamespaceRecord& PeerFeeds::namespaceAt(const std::string& name) {
  if (auto* known = cluster_.findNamespace(name)) return *known;
  auto& ns = cluster_.namespaceAt(name);
  setGroups(ns, groupsOf(ns));
  return ns;
}

void PeerFeeds::drop(NamespaceRecord& ns) {
  if (ns.isNeeded()) return;
  setGroups(ns, {});
  cluster_.drop(ns);
}

Group& PeerFeeds::groupAt(const LabelSelector& selector) {
  const auto [place, isNew] = groups_.try_emplace(selector);
  auto& group = place->second;
  if (!isNew) return group;
  group.selector = selector;
  groupIndex_.add(selector, &group);
  for (auto& [name, ns] : cluster_.namespaces()) {
    if (!selects(selector, ns)) continue;
    group.members.insert(&ns);
    ns.groups.push_back(&group);
    std::sort(ns.groups.begin(), ns.groups.end());
  }
  return group;
}

std::vector<Group*> PeerFeeds::groupsOf(const NamespaceRecord& ns) const {
  std::vector<Group*> groups;
  groupIndex_.forEachCandidate(*ns.labels, [&](Group& group) {
    if (selects(group.selector, ns)) groups.push_back(&group);
  });
  base::sortUnique(groups);
  return groups;
}

void PeerFeeds::setGroups(NamespaceRecord& ns, std::vector<Group*> groups) {
  for (auto* group : ns.groups) group->members.erase(&ns);
  for (auto* group : groups) group->members.insert(&ns);
  ns.groups = std::move(groups);
}

// ---- elements

void PeerFeeds::contribute(const PodRecord& pod, const Subscription& subscription,
                           std::vector<Contribution>& out) const {
  for (const auto& ip : pod.claims()) {
    if (ip.family() != subscription.family || !cluster_.owns(pod, ip)) continue;
    if (subscription.ranges && !within(*subscription.ranges, ip)) continue;
    if (!subscription.port) {
      out.push_back({subscription.set, {ip, base::Protocol::Tcp, 0}});
      continue;
    }
    const auto& [name, protocol] = *subscription.port;
    for (const auto& declared : portsNamed(*pod.ports, name, protocol))
      out.push_back({subscription.set, {ip, protocol, declared.port}});
  }
}

std::vector<PeerFeeds::Contribution> PeerFeeds::contributions(const PodRecord& pod) const {
  std::vector<Contribution> all;
  if (!pod.claiming) return all;
  std::vector<const Subscription*> matching;
  const auto ask = [&](const SelectorIndex<Subscription>& index) {
    index.forEachCandidate(*pod.labels, [&](const Subscription& subscription) {
      if (matches(subscription.selector, *pod.labels)) matching.push_back(&subscription);
    });
  };
  if (pod.ns->subscriptions) ask(*pod.ns->subscriptions);
  for (const auto* group : pod.ns->groups) ask(group->subscriptions);
  ask(everywhere_);
  // Many selectors of one set may match a pod: they add the same elements.
  std::sort(matching.begin(), matching.end(), addsLess);
  const auto adder = [&](const auto* a, const auto* b) { return !addsLess(a, b); };
  matching.erase(std::unique(matching.begin(), matching.end(), adder), matching.end());
  for (const auto* subscription : matching) contribute(pod, *subscription, all);
  base::sortUnique(all);
  return all;
}

// Visits the pods of the namespaces if these are few. Otherwise visits the sets of labels, because
// many pods share one set and a label leads to the sets that contain it.
void PeerFeeds::contributeAll(const Subscription& subscription,
                              std::vector<Contribution>& out) const {
  const auto addFrom = [&](const NamespaceRecord& ns) {
    for (const auto& [name, pod] : ns.pods)
      if (matches(subscription.selector, *pod.labels)) contribute(pod, subscription, out);
  };
  const auto* group = subscription.group;
  if (subscription.ns != nullptr) {
    addFrom(*subscription.ns);
  } else if (group != nullptr && group->members.size() < cluster_.namespaces().size() / 16) {
    for (const auto* ns : group->members) addFrom(*ns);
  } else {
    cluster_.labels().forEachCandidate(subscription.selector, [&](const InternedLabels& labels) {
      if (labels.pods.empty() || !matches(subscription.selector, labels)) return;
      for (const auto* pod : labels.pods)
        if (group == nullptr ||
            std::binary_search(pod->ns->groups.begin(), pod->ns->groups.end(), group))
          contribute(*pod, subscription, out);
    });
  }
}

std::vector<nft::Element> PeerFeeds::elementsOf(const LiveSet& set) const {
  std::vector<Contribution> all;
  std::size_t most = 4096;  // before duplicates are removed; many selectors may match a pod
  for (const auto& subscription : followed_.at(&set).subscriptions) {
    contributeAll(*subscription, all);
    if (all.size() < most) continue;
    base::sortUnique(all);
    most = 2 * all.size() + 4096;
  }
  base::sortUnique(all);
  std::vector<nft::Element> elements;
  elements.reserve(all.size());
  for (const auto& contribution : all) elements.push_back(elementOf(contribution));
  return elements;
}

nft::Element PeerFeeds::elementOf(const Contribution& contribution) {
  const auto& [set, named] = contribution;
  const auto key = nft::Key::of(named.ip);
  if (set->declaration.key.size() == 1) return nft::element(key);
  return nft::element(key.dot(nft::Key::of(named.protocol)).dot(nft::Key::of(named.port)));
}

}  // namespace kpol::policy
