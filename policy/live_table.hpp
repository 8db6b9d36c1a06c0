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
  nft::Set declaration;  // without elements; `size` is decided by the table
  bool sized = false;    // `size` follows the number of elements (capacityFor)
  // Elements are kept elsewhere and only counted here (the sets of peers: nobody needs them twice).
  bool counted = false;
  std::size_t holders = 0;
  std::map<nft::Element, std::size_t> elements;  // with how many want each; empty when counted
  std::size_t count = 0;

  // Since the last LiveTable::take():
  bool fresh = true;                 // not taken yet
  std::map<nft::Element, int> news;  // 1: came, -1: went
};

// A ruleset that is changed piece by piece and tells what changed, at the cost of the change. Pure.
class LiveTable {
 public:
  using Elements = std::function<std::vector<nft::Element>(const LiveSet&)>;
  // `elementsOf` gives those of a counted set, sorted and unique.
  explicit LiveTable(Elements elementsOf) : elementsOf_(std::move(elementsOf)) {}

  void put(nft::Chain chain);
  void removeChain(const std::string& name);
  void addCounter(const std::string& name);
  void removeCounter(const std::string& name);

  // One more holder of the set; made where there is none. Elements of `set` are taken in for good
  // when it is new (not of a counted set).
  LiveSet& hold(const nft::Set& set, bool counted);
  // The set goes with its last holder, at the next take(): until then it can be held again.
  void release(LiveSet& set);
  [[nodiscard]] LiveSet* find(const std::string& name);

  // One more, or one less, wants the element; it is in the set while somebody does.
  void want(LiveSet& set, const nft::Element& element);
  void unwant(LiveSet& set, const nft::Element& element);
  // Makes `elements` those of the set, each wanted once.
  void assign(LiveSet& set, const std::vector<nft::Element>& elements);
  // An element of a counted set came (1) or went (-1).
  void tell(LiveSet& set, const nft::Element& element, int news);

  // What changed since the last call. `dropped` is called with each counted set that is gone.
  nft::ChangeSet take(const std::function<void(LiveSet&)>& dropped);
  // All of it, with what was not taken yet.
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
  // As they were at the last take().
  std::map<std::string, std::optional<nft::Chain>> chainsBefore_;
  std::map<std::string, bool> countersBefore_;
  std::set<std::string> touched_;  // sets
};

}  // namespace kpol::policy
