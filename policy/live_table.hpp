// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/change_set.hpp"
#include "nft/ruleset.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace kpol::policy {

// A set of a LiveTable.
struct LiveSet {
  nft::Set declaration;  // without elements; the table decides `size`
  bool sized = false;    // `size` follows the number of elements (capacityFor)
  // The elements are stored elsewhere and only counted here (peer sets), to save memory.
  bool counted = false;
  std::size_t holders = 0;
  std::map<nft::Element, std::size_t> elements;  // with reference counts; empty if counted
  std::size_t count = 0;

  // Since the last LiveTable::take():
  bool fresh = true;                 // not taken yet
  std::map<nft::Element, int> news;  // 1: added, -1: removed
};

// A ruleset that is changed piece by piece and records its changes, at the cost of the change.
// Pure.
class LiveTable {
 public:
  using Elements = std::function<std::vector<nft::Element>(const LiveSet&)>;
  // `elementsOf` returns the elements of a counted set, sorted and unique.
  explicit LiveTable(Elements elementsOf) : elementsOf_(std::move(elementsOf)) {}

  void put(nft::Chain chain);
  void removeChain(const std::string& name);
  void addCounter(const std::string& name);
  void removeCounter(const std::string& name);

  // Adds a reference to the set and creates it if it is missing. If it is new and not counted, it
  // starts with the elements of `set`, one reference each.
  LiveSet& hold(const nft::Set& set, bool counted);
  // Removes a reference. A set without references is removed by the next take(); until then it can
  // be held again.
  void release(LiveSet& set);
  [[nodiscard]] LiveSet* find(const std::string& name);

  // Add or remove a reference to the element, which is in the set as long as it has references.
  // Not for counted sets.
  void want(LiveSet& set, const nft::Element& element);
  void unwant(LiveSet& set, const nft::Element& element);
  // Makes `elements` (sorted) the content of a set whose elements have one reference each. Not for
  // counted sets.
  void assign(LiveSet& set, const std::vector<nft::Element>& elements);
  // Records that an element of a counted set was added (1) or removed (-1).
  void tell(LiveSet& set, const nft::Element& element, int news);

  // Returns the changes since the last call. Calls `dropped` with each counted set before it is
  // removed.
  nft::ChangeSet take(const std::function<void(LiveSet&)>& dropped);
  // Returns the whole table, including changes that were not taken yet.
  [[nodiscard]] nft::Ruleset ruleset() const;
  [[nodiscard]] const std::map<std::string, LiveSet>& sets() const { return sets_; }
  [[nodiscard]] const std::map<std::string, nft::Chain>& chains() const { return chains_; }

 private:
  struct Difference {
    nft::Ruleset from;
    nft::Ruleset to;
    std::set<std::string> remade;
  };
  [[nodiscard]] nft::Set whole(const LiveSet& set) const;
  void compare(LiveSet& set, Difference& difference);
  void remember(const std::string& chain);
  void rememberUsers(const std::set<std::string>& sets);

  Elements elementsOf_;
  std::map<std::string, nft::Chain> chains_;
  std::set<std::string> counters_;
  std::map<std::string, LiveSet> sets_;
  // The changed ones, as they were at the last take().
  std::map<std::string, std::optional<nft::Chain>> chainsBefore_;
  std::map<std::string, bool> countersBefore_;
  std::set<std::string> touched_;  // names of changed sets
};

}  // namespace kpol::policy
