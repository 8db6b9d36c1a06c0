// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <map>
#include <string>
#include <vector>

// References between the objects of a table. Pure.
namespace kpol::nft {

// Pointers to the names of the chains, sets and counters in a rule; valid as long as the rule.
struct RuleReferences {
  std::vector<const std::string*> chains;
  std::vector<const std::string*> sets;
  std::vector<const std::string*> counters;
};
RuleReferences referencesOf(const Rule& rule);

// The number of references to each chain, set and counter, like the kernel's `use` fields, but
// without the count of a chain's own rules.
class Uses {
 public:
  explicit Uses(const Ruleset& table);

  // `change` is 1 for an added rule or element, -1 for a removed one.
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
