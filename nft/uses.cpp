// SPDX-License-Identifier: Apache-2.0
#include "nft/uses.hpp"

#include "nft/shape.hpp"
#include "nft/visit.hpp"

namespace kpol::nft {

RuleReferences referencesOf(const Rule& rule) {
  RuleReferences found;
  const auto look = Visit{
      [&](const Match& match) {
        if (const auto* set = std::get_if<InSet>(&match.right)) found.sets.push_back(&set->set);
      },
      [&](const VerdictMapLookup& lookup) { found.sets.push_back(&lookup.map); },
      [&](const DestinationNat& nat) { found.sets.push_back(&nat.map); },
      [&](const Verdict& verdict) {
        if (const std::string* target = targetOf(verdict)) found.chains.push_back(target);
      },
      [&](const CounterReference& reference) { found.counters.push_back(&reference.counter); },
      [](const auto&) {},
  };
  for (const Statement& statement : rule.statements) std::visit(look, statement);
  return found;
}

Uses::Uses(const Ruleset& table) {
  for (const auto& [name, chain] : table.chains) {
    for (const Rule& rule : chain.rules) count(rule, 1);
  }
  for (const auto& [name, set] : table.sets) {
    if (set.kind != Set::Kind::VerdictMap) continue;
    for (const Element& element : set.elements) count(element, 1);
  }
}

void Uses::count(const Rule& rule, int change) {
  const RuleReferences references = referencesOf(rule);
  for (const std::string* name : references.chains) chains_[*name] += change;
  for (const std::string* name : references.sets) sets_[*name] += change;
  for (const std::string* name : references.counters) counters_[*name] += change;
}

void Uses::count(const Element& element, int change) {
  if (const std::string* target = targetOf(element)) chains_[*target] += change;
}

bool Uses::contains(const Counts& counts, const std::string& name) {
  const auto place = counts.find(name);
  return place != counts.end() && place->second != 0;
}

}  // namespace kpol::nft
