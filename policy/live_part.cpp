// SPDX-License-Identifier: Apache-2.0
#include "policy/live_part.hpp"

#include <algorithm>
#include <iterator>

namespace kpol::policy {
namespace {

// The set exists and has other peers: replaces them and records the difference.
void feedAnew(LiveSet& set, const Feed& feed, LiveTable& table, PeerFeeds& peers) {
  const auto before = peers.elementsOf(set);
  peers.unfollow(set);
  peers.follow(set, feed);
  const auto after = peers.elementsOf(set);
  std::vector<nft::Element> changed;
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                      std::back_inserter(changed));
  for (const auto& element : changed) table.tell(set, element, -1);
  changed.clear();
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                      std::back_inserter(changed));
  for (const auto& element : changed) table.tell(set, element, 1);
}

void fill(LiveSet& live, const Feed& feed, LiveTable& table, PeerFeeds& peers) {
  if (!peers.follows(live))
    peers.follow(live, feed);
  else if (!peers.feedOf(live).admitsSameAs(feed))
    feedAnew(live, feed, table, peers);
}

}  // namespace

void LivePart::replace(LiveTable& table, PeerFeeds& peers, nft::Ruleset part,
                       const std::map<std::string, Feed>& feeds) {
  std::vector<LiveSet*> sets;
  for (const auto& [name, set] : part.sets) {
    const auto feed = feeds.find(name);
    auto& live = table.hold(set, feed != feeds.end());
    if (feed != feeds.end())
      fill(live, feed->second, table, peers);
    else
      table.assign(live, set.elements);
    sets.push_back(&live);
  }
  for (auto* set : sets_) table.release(*set);
  sets_ = std::move(sets);

  for (const auto& name : counters_)
    if (!part.counters.contains(name)) table.removeCounter(name);
  for (const auto& name : part.counters) table.addCounter(name);
  counters_ = std::move(part.counters);

  std::set<std::string> chains;
  for (auto& [name, chain] : part.chains) {
    chains.insert(name);
    table.put(std::move(chain));
  }
  for (const auto& name : chains_)
    if (!chains.contains(name)) table.removeChain(name);
  chains_ = std::move(chains);
}

bool LivePart::contains(const std::string& name) const {
  return chains_.contains(name) || counters_.contains(name) ||
         std::any_of(sets_.begin(), sets_.end(),
                     [&](const auto* set) { return set->declaration.name == name; });
}

}  // namespace kpol::policy
