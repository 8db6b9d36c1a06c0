// SPDX-License-Identifier: Apache-2.0
#include "nft/diff.hpp"

#include "base/error.hpp"
#include "nft/uses.hpp"

#include <algorithm>
#include <iterator>

namespace kpol::nft {

namespace {

// The objects that a map loses, keeps and gains, by name. Both maps are walked once.
template <class Object>
struct Matched {
  std::vector<const Object*> gone;
  std::vector<std::pair<const Object*, const Object*>> kept;
  std::vector<const Object*> fresh;
};

template <class Object>
Matched<Object> match(const std::map<std::string, Object>& from,
                      const std::map<std::string, Object>& to) {
  Matched<Object> matched;
  auto old = from.begin();
  auto now = to.begin();
  while (old != from.end() || now != to.end()) {
    if (now == to.end() || (old != from.end() && old->first < now->first)) {
      matched.gone.push_back(&old++->second);
    } else if (old == from.end() || now->first < old->first) {
      matched.fresh.push_back(&now++->second);
    } else {
      matched.kept.emplace_back(&old++->second, &now++->second);
    }
  }
  return matched;
}

// Collects changes by kind. The kernel processes a batch in order. It rejects the deletion of an
// object in use (EBUSY) and references to a missing one (ENOENT). Therefore the kinds have an order
// that fits all references: rules refer to chains, sets and counters; elements refer to chains. A
// deleted name can be added again in the same batch, because the kernel looks up names in the
// generation that the batch creates.
class Difference {
 public:
  Difference(const Ruleset& from, const Ruleset& to) : from_(from), to_(to) {}

  std::vector<Change> changes() && {
    compareSets();
    compareChains();
    compareCounters();
    std::vector<Change> all;
    for (auto* kind :
         {&flushedChains_, &deletedElements_, &deletedSets_, &deletedChains_, &deletedCounters_,
          &addedCounters_, &addedChains_, &addedSets_, &addedElements_, &addedRules_}) {
      std::move(kind->begin(), kind->end(), std::back_inserter(all));
    }
    return all;
  }

 private:
  using Changes = std::vector<Change>;

  void compareSets() {
    const auto sets = match(from_.sets, to_.sets);
    for (const Set* set : sets.gone) deletedSets_.push_back(DeleteSet{set->name});
    for (const Set* set : sets.fresh) addWhole(*set);
    for (const auto& [old, now] : sets.kept) {
      if (sameDeclaration(*old, *now)) {
        compareElements(*old, *now);
      } else {
        remade_.insert(now->name);
        deletedSets_.push_back(DeleteSet{old->name});
        addWhole(*now);
      }
    }
  }

  void addWhole(const Set& set) {
    addedSets_.push_back(AddSet{declarationOf(set)});
    if (!set.elements.empty()) addedElements_.push_back(AddElements{set.name, set.elements});
  }

  // An element whose value or end changed is deleted and added, because neither can be changed in
  // place.
  void compareElements(const Set& old, const Set& now) {
    DeleteElements deleted{old.name, {}};
    AddElements added{now.name, {}};
    auto before = old.elements.begin();
    auto after = now.elements.begin();
    while (before != old.elements.end() && after != now.elements.end()) {
      const auto order = *before <=> *after;
      if (order < 0) deleted.elements.push_back(*before);
      if (order > 0) added.elements.push_back(*after);
      if (order <= 0) ++before;
      if (order >= 0) ++after;
    }
    deleted.elements.insert(deleted.elements.end(), before, old.elements.end());
    added.elements.insert(added.elements.end(), after, now.elements.end());
    if (!deleted.elements.empty()) deletedElements_.push_back(std::move(deleted));
    if (!added.elements.empty()) addedElements_.push_back(std::move(added));
  }

  void compareChains() {
    const auto chains = match(from_.chains, to_.chains);
    for (const Chain* chain : chains.gone) remove(*chain);
    for (const Chain* chain : chains.fresh) make(*chain);
    for (const auto& [old, now] : chains.kept) {
      if (old->base != now->base) {
        remove(*old);
        make(*now);
      } else {
        compareRules(*old, *now);
      }
    }
  }

  // The kernel deletes the rules with the chain, but they may refer to sets and chains that are
  // deleted before it.
  void remove(const Chain& chain) {
    if (!chain.rules.empty()) flushedChains_.push_back(FlushChain{chain.name});
    deletedChains_.push_back(DeleteChain{chain.name});
  }

  void make(const Chain& chain) {
    addedChains_.push_back(AddChain{chain.name, chain.base});
    addRules(chain, 0);
  }

  void compareRules(const Chain& old, const Chain& now) {
    const bool grown = old.rules.size() <= now.rules.size() &&
                       std::equal(old.rules.begin(), old.rules.end(), now.rules.begin()) &&
                       std::none_of(old.rules.begin(), old.rules.end(),
                                    [&](const Rule& rule) { return refersToRemade(rule); });
    if (!grown && !old.rules.empty()) flushedChains_.push_back(FlushChain{now.name});
    addRules(now, grown ? old.rules.size() : 0);
  }

  // Only sets can be recreated while a rule that refers to them stays the same: counters have only
  // a name, and a chain that becomes a base chain, or was one, is not a target of rules.
  bool refersToRemade(const Rule& rule) const {
    if (remade_.empty()) return false;
    const auto sets = referencesOf(rule).sets;
    return std::any_of(sets.begin(), sets.end(),
                       [&](const std::string* name) { return remade_.contains(*name); });
  }

  void addRules(const Chain& chain, std::size_t first) {
    for (std::size_t i = first; i < chain.rules.size(); ++i)
      addedRules_.push_back(AddRule{chain.name, chain.rules[i]});
  }

  void compareCounters() {
    const auto missing = [](const auto& name, const auto& names) { return !names.contains(name); };
    for (const std::string& name : from_.counters) {
      if (missing(name, to_.counters)) deletedCounters_.push_back(DeleteCounter{name});
    }
    for (const std::string& name : to_.counters) {
      if (missing(name, from_.counters)) addedCounters_.push_back(AddCounter{name});
    }
  }

  const Ruleset& from_;
  const Ruleset& to_;
  std::set<std::string> remade_;  // sets
  Changes flushedChains_, deletedElements_, deletedSets_, deletedChains_, deletedCounters_;
  Changes addedCounters_, addedChains_, addedSets_, addedElements_, addedRules_;
};

}  // namespace

ChangeSet diff(const std::optional<Ruleset>& from, const Ruleset& to) {
  base::expects(!from || from->table == to.table, "both rulesets are of one table");
  ChangeSet result{to.table, {}};
  if (!from) result.changes.emplace_back(AddTable{});
  const Ruleset empty{to.table, {}, {}, {}};
  auto changes = Difference(from ? *from : empty, to).changes();
  std::move(changes.begin(), changes.end(), std::back_inserter(result.changes));
  return result;
}

}  // namespace kpol::nft
