// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <map>
#include <string>
#include <vector>

// Who refers to whom in a table. Pure.
namespace kpol::nft {

// The names of the chains, sets and counters that a rule refers to, where the rule has them.
struct RuleReferences {
  std::vector<const std::string*> chains;
  std::vector<const std::string*> sets;
  std::vector<const std::string*> counters;
};
RuleReferences referencesOf(const Rule& rule);

// How often each chain, set and counter is referred to, as the kernel counts (their `use` fields).
class Uses {
 public:
  explicit Uses(const Ruleset& table);

  // `change` is 1 for a rule or element that comes, -1 for one that goes.
  void count(const Rule& rule, int change);
  void count(const Element& element, int change);

  [[nodiscard]] bool ofChain(const std::string& name) const { return contains(chains_, name); }
  [[nodiscard]] bool ofSet(const std::string& name) const { return contains(sets_, name); }
  [[nodiscard]] bool ofCounter(const std::string& name) const { return contains(counters_, name); }

 private:
  using Counts = std::map<std::string, int>;
  static bool contains(const Counts& counts, const std::string& name);

  Counts chains_;
  Counts sets_;
  Counts counters_;
};

}  // namespace kpol::nft
