// SPDX-License-Identifier: Apache-2.0
#include "nft/batch_split.hpp"

#include <map>
#include <string>

namespace kpol::nft {
namespace {

// Which sets can go early: a name maps to false as soon as something forbids it.
class EarlySets {
 public:
  explicit EarlySets(const ChangeSet& changes) {
    for (const Change& change : changes.changes) std::visit(*this, change);
  }

  [[nodiscard]] bool contains(const std::string& set) const {
    const auto found = sets_.find(set);
    return !tableDeleted_ && found != sets_.end() && found->second;
  }
  [[nodiscard]] bool tableDeleted() const { return tableDeleted_; }

  void operator()(const AddSet& change) {
    const Set& set = change.declaration;
    const bool plain = set.kind != Set::Kind::VerdictMap;
    const auto [place, fresh] = sets_.try_emplace(set.name, plain);
    if (!fresh) place->second = false;
  }
  // Without an AddSet before it, the set is not new.
  void operator()(const AddElements& change) { sets_.try_emplace(change.set, false); }
  void operator()(const DeleteElements& change) { sets_[change.set] = false; }
  void operator()(const FlushSet& change) { sets_[change.name] = false; }
  void operator()(const DeleteSet& change) { sets_[change.name] = false; }
  void operator()(const DeleteTable&) { tableDeleted_ = true; }
  template <class Other>
  void operator()(const Other&) {}

 private:
  std::map<std::string, bool> sets_;
  bool tableDeleted_ = false;
};

bool goesEarly(const Change& change, const EarlySets& sets) {
  if (const auto* added = std::get_if<AddSet>(&change))
    return sets.contains(added->declaration.name);
  if (const auto* added = std::get_if<AddElements>(&change)) return sets.contains(added->set);
  return std::holds_alternative<AddTable>(change) && !sets.tableDeleted();
}

}  // namespace

BatchSplit split(const ChangeSet& changes) {
  const EarlySets sets(changes);
  BatchSplit parts;
  for (std::size_t i = 0; i < changes.changes.size(); ++i)
    (goesEarly(changes.changes[i], sets) ? parts.early : parts.atomic).push_back(i);
  return parts;
}

}  // namespace kpol::nft
