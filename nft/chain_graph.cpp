// SPDX-License-Identifier: Apache-2.0
#include "nft/chain_graph.hpp"

#include "nft/shape.hpp"
#include "nft/uses.hpp"

#include <algorithm>
#include <map>
#include <vector>

namespace kpol::nft {

namespace {

// NFT_JUMP_STACK_SIZE. nft_chain_validate counts goto like jump. Tried on Linux 6.18: a base chain
// and 15 others in a row are accepted, one more is EMLINK, with jump and with goto.
constexpr int kLongestWay = 16;

// Computes for each chain the number of chains on the longest path from it.
class Walk {
 public:
  explicit Walk(const Ruleset& table) : table_(table) {}

  std::optional<std::string> from(const std::string& base) {
    const int length = longestFrom(base);
    if (!loop_.empty()) return "chain " + loop_ + " is part of a loop";
    if (length > kLongestWay) return "a path of more than 16 chains from " + base;
    return {};
  }

 private:
  static constexpr int kOnTheWay = -1;

  int longestFrom(const std::string& name) {
    const auto [known, fresh] = length_.try_emplace(name, kOnTheWay);
    if (!fresh) {
      if (known->second == kOnTheWay) loop_ = name;
      return known->second;
    }
    int longest = 0;
    for (const std::string* target : targetsOf(table_.chains.at(name))) {
      longest = std::max(longest, longestFrom(*target));
      if (!loop_.empty()) return 0;
    }
    return known->second = longest + 1;
  }

  std::vector<const std::string*> targetsOf(const Chain& chain) const {
    std::vector<const std::string*> targets;
    for (const Rule& rule : chain.rules) {
      const RuleReferences references = referencesOf(rule);
      targets.insert(targets.end(), references.chains.begin(), references.chains.end());
      for (const std::string* set : references.sets) append(table_.sets.at(*set), targets);
    }
    return targets;
  }

  static void append(const Set& set, std::vector<const std::string*>& targets) {
    if (set.kind != Set::Kind::VerdictMap) return;
    for (const Element& element : set.elements) {
      if (const std::string* target = targetOf(element)) targets.push_back(target);
    }
  }

  const Ruleset& table_;
  std::map<std::string, int> length_;
  std::string loop_;
};

}  // namespace

std::optional<std::string> faultOfGraph(const Ruleset& table) {
  Walk walk(table);
  for (const auto& [name, chain] : table.chains) {
    if (!chain.base) continue;
    if (auto fault = walk.from(name)) return fault;
  }
  return {};
}

}  // namespace kpol::nft
