// SPDX-License-Identifier: Apache-2.0
#include "policy/live_table.hpp"

#include "base/error.hpp"
#include "nft/diff.hpp"
#include "nft/uses.hpp"
#include "policy/peer_sets.hpp"

#include <algorithm>

namespace kpol::policy {
namespace {

std::optional<std::uint32_t> sizeOf(const LiveSet& set) {
  return set.sized ? std::optional(capacityFor(set.count)) : std::nullopt;
}

}  // namespace

// ---- chains and counters

void LiveTable::remember(const std::string& chain) {
  const auto known = chains_.find(chain);
  chainsBefore_.try_emplace(chain,
                            known == chains_.end() ? std::nullopt : std::optional(known->second));
}

void LiveTable::put(nft::Chain chain) {
  const auto known = chains_.find(chain.name);
  if (known != chains_.end() && known->second == chain) return;
  remember(chain.name);
  auto name = chain.name;
  chains_.insert_or_assign(std::move(name), std::move(chain));
}

void LiveTable::removeChain(const std::string& name) {
  remember(name);
  chains_.erase(name);
}

void LiveTable::addCounter(const std::string& name) {
  countersBefore_.try_emplace(name, counters_.contains(name));
  counters_.insert(name);
}

void LiveTable::removeCounter(const std::string& name) {
  countersBefore_.try_emplace(name, counters_.contains(name));
  counters_.erase(name);
}

// ---- sets

LiveSet& LiveTable::hold(const nft::Set& set, bool counted) {
  const auto [place, isNew] = sets_.try_emplace(set.name);
  auto& live = place->second;
  ++live.holders;
  touched_.insert(set.name);
  if (!isNew) return live;
  live.declaration = {set.name, set.kind, set.key, set.value, set.interval, {}, set.comment, {}};
  live.sized = set.size.has_value();
  live.counted = counted;
  if (!counted)
    for (const auto& element : set.elements) want(live, element);
  return live;
}

void LiveTable::release(LiveSet& set) {
  base::expects(set.holders > 0, "a set is held before it is released");
  if (--set.holders == 0) touched_.insert(set.declaration.name);
}

LiveSet* LiveTable::find(const std::string& name) {
  const auto place = sets_.find(name);
  return place == sets_.end() ? nullptr : &place->second;
}

void LiveTable::want(LiveSet& set, const nft::Element& element) {
  if (++set.elements[element] == 1) tell(set, element, 1);
}

void LiveTable::unwant(LiveSet& set, const nft::Element& element) {
  const auto place = set.elements.find(element);
  base::expects(place != set.elements.end(), "an element is added before it is removed");
  if (--place->second > 0) return;
  tell(set, element, -1);
  set.elements.erase(place);
}

void LiveTable::assign(LiveSet& set, const std::vector<nft::Element>& elements) {
  std::vector<nft::Element> gone;
  for (const auto& [element, wanted] : set.elements)
    if (!std::binary_search(elements.begin(), elements.end(), element)) gone.push_back(element);
  for (const auto& element : gone) unwant(set, element);
  for (const auto& element : elements)
    if (!set.elements.contains(element)) want(set, element);
}

void LiveTable::tell(LiveSet& set, const nft::Element& element, int news) {
  set.count += static_cast<std::size_t>(news);
  if (!set.fresh) {
    const auto place = set.news.try_emplace(element, 0).first;
    place->second += news;
    if (place->second == 0) set.news.erase(place);
  }
  touched_.insert(set.declaration.name);
}

nft::Set LiveTable::whole(const LiveSet& set) const {
  nft::Set result = set.declaration;
  if (set.counted) {
    result.elements = elementsOf_(set);
  } else {
    result.elements.reserve(set.elements.size());
    for (const auto& [element, wanted] : set.elements) result.elements.push_back(element);
  }
  if (set.sized) result.size = capacityFor(result.elements.size());
  return result;
}

// ---- changes

// Adds the old set to `from` and the new one to `to`, if they differ, with only those elements that
// the change needs.
void LiveTable::compare(LiveSet& set, Difference& difference) {
  auto before = set.declaration;
  auto& size = set.declaration.size;
  if (set.holders == 0) {
    if (!set.fresh) difference.from.add(std::move(before));
    return;
  }
  if (set.fresh) {
    auto now = whole(set);
    set.count = now.elements.size();
    size = now.size;
    difference.to.add(std::move(now));
  } else if (sizeOf(set) != size) {
    difference.remade.insert(before.name);
    difference.from.add(std::move(before));
    auto now = whole(set);
    size = now.size;
    difference.to.add(std::move(now));
  } else if (!set.news.empty()) {
    auto now = before;
    for (const auto& [element, news] : set.news)
      (news < 0 ? before : now).elements.push_back(element);
    difference.from.add(std::move(before));
    difference.to.add(std::move(now));
  }
  set.fresh = false;
  set.news.clear();
}

// When a set is recreated, the rules that refer to it are recreated, too.
void LiveTable::rememberUsers(const std::set<std::string>& sets) {
  if (sets.empty()) return;
  for (const auto& [name, chain] : chains_) {
    const bool uses = std::any_of(chain.rules.begin(), chain.rules.end(), [&](const auto& rule) {
      const auto used = nft::referencesOf(rule).sets;
      return std::any_of(used.begin(), used.end(),
                         [&](const std::string* set) { return sets.contains(*set); });
    });
    if (uses) remember(name);
  }
}

nft::ChangeSet LiveTable::take(const std::function<void(LiveSet&)>& dropped) {
  Difference difference;
  for (const auto& name : touched_) {
    auto& set = sets_.at(name);
    compare(set, difference);
    if (set.holders > 0) continue;
    if (set.counted) dropped(set);
    sets_.erase(name);
  }
  rememberUsers(difference.remade);
  for (auto& [name, before] : chainsBefore_) {
    if (before) difference.from.add(std::move(*before));
    const auto now = chains_.find(name);
    if (now != chains_.end()) difference.to.add(nft::Chain(now->second));
  }
  for (const auto& [name, existed] : countersBefore_) {
    if (existed) difference.from.counters.insert(name);
    if (counters_.contains(name)) difference.to.counters.insert(name);
  }
  touched_.clear();
  chainsBefore_.clear();
  countersBefore_.clear();
  return nft::diff(std::move(difference.from), difference.to);
}

nft::Ruleset LiveTable::ruleset() const {
  nft::Ruleset result;
  result.counters = counters_;
  result.chains = chains_;
  for (const auto& [name, set] : sets_)
    if (set.holders > 0) result.sets.emplace(name, whole(set));
  return result;
}

}  // namespace kpol::policy
