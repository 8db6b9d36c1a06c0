// SPDX-License-Identifier: Apache-2.0
#include "nft/batch_split.hpp"

#include "nft/shape.hpp"
#include "nft/uses.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace kpol::nft {
namespace {

// The effect of a change set on one set, chain or counter.
struct Fate {
  bool added = false;
  bool deleted = false;
  bool flushed = false;
  bool base = false;            // a base chain: packets reach it without a jump
  bool losesElements = false;   // some elements are deleted
  bool losesAfterGain = false;  // elements are deleted that may have been added just before

  [[nodiscard]] bool isNew() const {
    return added && !deleted && !flushed && !losesElements && !base;
  }
  [[nodiscard]] bool isGone() const { return deleted && !added; }
  [[nodiscard]] bool isRemade() const { return deleted && added; }
};

class Fates {
 public:
  explicit Fates(const ChangeSet& changes) {
    for (const Change& change : changes.changes) std::visit(*this, change);
    bool remadeSets = false;
    for (const auto& [name, fate] : sets) remadeSets = remadeSets || fate.isRemade();
    bool remadeCounters = false;
    for (const auto& [name, fate] : counters) remadeCounters = remadeCounters || fate.isRemade();
    flushesWait = !remadeSets && !remadeCounters;
    for (const auto& [name, fate] : chains) {
      const bool frees = fate.isGone() && !fate.flushed;
      if (fate.isRemade() || (frees && remadeSets)) removalsWait = false;
    }
  }

  void operator()(const AddTable&) {}
  void operator()(const DeleteTable&) { tableDeleted = true; }
  void operator()(const AddCounter& change) { counters[change.name].added = true; }
  void operator()(const DeleteCounter& change) { counters[change.name].deleted = true; }
  void operator()(const AddChain& change) {
    chains[change.name].added = true;
    chains[change.name].base = change.base.has_value();
  }
  void operator()(const FlushChain& change) { chains[change.name].flushed = true; }
  void operator()(const DeleteChain& change) { chains[change.name].deleted = true; }
  void operator()(const AddRule&) {}
  void operator()(const AddSet& change) { sets[change.declaration.name].added = true; }
  void operator()(const DeleteSet& change) { sets[change.name].deleted = true; }
  void operator()(const AddElements& change) { growing_.insert(change.set); }
  void operator()(const DeleteElements& change) {
    auto& fate = sets[change.set];
    fate.losesElements = true;
    fate.losesAfterGain = fate.losesAfterGain || growing_.contains(change.set);
  }
  void operator()(const FlushSet& change) { sets[change.name].flushed = true; }

  using Map = std::map<std::string, Fate>;
  static Fate of(const Map& map, const std::string& name) {
    const auto found = map.find(name);
    return found == map.end() ? Fate() : found->second;
  }
  Map sets;
  Map chains;
  Map counters;
  bool tableDeleted = false;
  // False if an object can be recreated only after the deletion of what refers to it: a map whose
  // elements refer to a chain, or a chain whose rules refer to a set.
  bool removalsWait = true;
  // False if rules of a chain that goes may refer to an object that is recreated.
  bool flushesWait = true;

 private:
  std::set<std::string> growing_;
};

// Returns the stage of each change. Must be called in the order of the changes.
class Stages {
 public:
  Stages(const Fates& fates, const Admits& admits, BatchSplit& split)
      : fates_(fates), admits_(admits), split_(split) {}

  using Stage = std::vector<std::size_t>;

  Stage& operator()(const AddTable&) { return split_.prepare; }
  Stage& operator()(const AddCounter& change) { return added(fates_.counters, change.name); }
  Stage& operator()(const AddChain& change) { return added(fates_.chains, change.name); }
  Stage& operator()(const AddSet& change) { return added(fates_.sets, change.declaration.name); }

  Stage& operator()(const DeleteCounter& change) { return deleted(fates_.counters, change.name); }
  Stage& operator()(const DeleteChain& change) { return deleted(fates_.chains, change.name); }
  Stage& operator()(const DeleteSet& change) { return deleted(fates_.sets, change.name); }

  // After the first rule that cannot be prepared, the chain's later rules cannot be either.
  Stage& operator()(const AddRule& change) {
    const bool early = Fates::of(fates_.chains, change.chain).isNew() &&
                       !heldUp_.contains(change.chain) && refersToLasting(change.rule);
    if (early) return split_.prepare;
    heldUp_.insert(change.chain);
    return split_.change;
  }

  Stage& operator()(const AddElements& change) {
    const auto fate = Fates::of(fates_.sets, change.set);
    if (fate.isNew() && leadsToLasting(change)) return split_.prepare;
    return movable(change.set, fate) ? split_.loosen : split_.change;
  }
  Stage& operator()(const DeleteElements& change) {
    const auto fate = Fates::of(fates_.sets, change.set);
    return movable(change.set, fate) && !fate.added ? split_.tighten : split_.change;
  }

  // A chain that goes keeps its rules until nothing leads to it, because a packet that found it
  // before `change` may still be on its way.
  Stage& operator()(const FlushChain& change) {
    return fates_.flushesWait ? deleted(fates_.chains, change.name) : split_.change;
  }
  Stage& operator()(const FlushSet&) { return split_.change; }
  Stage& operator()(const DeleteTable&) { return split_.change; }

 private:
  Stage& added(const Fates::Map& kind, const std::string& name) {
    return Fates::of(kind, name).isNew() ? split_.prepare : split_.change;
  }
  Stage& deleted(const Fates::Map& kind, const std::string& name) {
    const bool waits = fates_.removalsWait && Fates::of(kind, name).isGone();
    return waits ? split_.remove : split_.change;
  }

  [[nodiscard]] bool movable(const std::string& set, const Fate& fate) const {
    return admits_ && admits_(set) && !fate.flushed && !fate.losesAfterGain;
  }

  [[nodiscard]] bool refersToLasting(const Rule& rule) const {
    const auto references = referencesOf(rule);
    const auto lasts = [](const std::vector<const std::string*>& names, const Fates::Map& kind) {
      return std::none_of(names.begin(), names.end(),
                          [&](const std::string* name) { return Fates::of(kind, *name).deleted; });
    };
    return lasts(references.chains, fates_.chains) && lasts(references.sets, fates_.sets) &&
           lasts(references.counters, fates_.counters);
  }
  [[nodiscard]] bool leadsToLasting(const AddElements& added) const {
    return std::none_of(added.elements.begin(), added.elements.end(), [&](const Element& element) {
      const auto* chain = targetOf(element);
      return chain != nullptr && Fates::of(fates_.chains, *chain).deleted;
    });
  }

  const Fates& fates_;
  const Admits& admits_;
  BatchSplit& split_;
  std::set<std::string> heldUp_;  // chains with a rule in `change`
};

// Whether a stage that changes only elements has at most kMostElementsTogether of them.
bool areFew(const ChangeSet& changes, const std::vector<std::size_t>& stage) {
  std::size_t elements = 0;
  for (const auto index : stage) {
    const auto& change = changes.changes[index];
    if (const auto* added = std::get_if<AddElements>(&change)) elements += added->elements.size();
    if (const auto* gone = std::get_if<DeleteElements>(&change)) elements += gone->elements.size();
  }
  return elements <= kMostElementsTogether;
}

Replaces whatIsReplaced(const ChangeSet& changes, const std::vector<std::size_t>& stage) {
  std::set<std::string_view> losing;
  std::set<std::string_view> gaining;
  for (const auto index : stage) {
    const auto& change = changes.changes[index];
    if (const auto* gone = std::get_if<DeleteElements>(&change))
      losing.insert(gone->set);
    else if (const auto* added = std::get_if<AddElements>(&change))
      gaining.insert(added->set);
    else
      return Replaces::Rules;
  }
  const bool both = std::ranges::any_of(losing, [&](auto set) { return gaining.contains(set); });
  return both ? Replaces::Elements : Replaces::Nothing;
}

void joinStages(BatchSplit& split) {
  std::ranges::merge(std::exchange(split.tighten, {}), std::exchange(split.loosen, {}),
                     std::back_inserter(split.change));
}

}  // namespace

BatchSplit split(const ChangeSet& changes, const Admits& admits) {
  const Fates fates(changes);
  BatchSplit result;
  Stages stages(fates, admits, result);
  for (std::size_t i = 0; i < changes.changes.size(); ++i) {
    auto& stage = fates.tableDeleted ? result.change : std::visit(stages, changes.changes[i]);
    stage.push_back(i);
  }
  result.replaces = whatIsReplaced(changes, result.change);
  if (result.change.empty() && areFew(changes, result.tighten) && areFew(changes, result.loosen))
    joinStages(result);
  return result;
}

}  // namespace kpol::nft
