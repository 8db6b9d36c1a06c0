// SPDX-License-Identifier: Apache-2.0
// Checks the guarantees of diff() for random pairs of tables. KPOL_SEED selects other tables.
#include "nft/diff.hpp"
#include "nft/print.hpp"
#include "nft/visit.hpp"
#include "tests/support/random_ruleset.hpp"
#include "tests/support/seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

namespace kpol::test {
namespace {

using nft::Ruleset;

struct Pair {
  Ruleset from;
  Ruleset to;
};

// The name of the changed object, by kind.
struct Mentioned {
  std::set<std::string> counters;
  std::set<std::string> chains;
  std::set<std::string> sets;
  std::map<std::string, std::size_t> elements;  // changed, by set
};

Mentioned mentionedIn(const nft::ChangeSet& changes) {
  Mentioned found;
  const auto elements = [&](const auto& change) {
    found.sets.insert(change.set);
    found.elements[change.set] += change.elements.size();
  };
  const nft::Visit note{
      [](const nft::AddTable&) {},
      [](const nft::DeleteTable&) {},
      [&](const nft::AddCounter& change) { found.counters.insert(change.name); },
      [&](const nft::DeleteCounter& change) { found.counters.insert(change.name); },
      [&](const nft::AddChain& change) { found.chains.insert(change.name); },
      [&](const nft::FlushChain& change) { found.chains.insert(change.name); },
      [&](const nft::DeleteChain& change) { found.chains.insert(change.name); },
      [&](const nft::AddRule& change) { found.chains.insert(change.chain); },
      [&](const nft::AddSet& change) { found.sets.insert(change.declaration.name); },
      [&](const nft::DeleteSet& change) { found.sets.insert(change.name); },
      [&](const nft::FlushSet& change) { found.sets.insert(change.name); },
      [&](const nft::AddElements& change) { elements(change); },
      [&](const nft::DeleteElements& change) { elements(change); },
  };
  for (const nft::Change& change : changes.changes) std::visit(note, change);
  return found;
}

// Whether the text of a rule has a set that is declared otherwise in the two tables.
bool looksUpRemadeSet(const nft::Chain& chain, const Pair& pair) {
  return std::any_of(chain.rules.begin(), chain.rules.end(), [&](const nft::Rule& rule) {
    const std::string text = print(rule) + ' ';
    return std::any_of(pair.to.sets.begin(), pair.to.sets.end(), [&](const auto& entry) {
      const auto old = pair.from.sets.find(entry.first);
      return text.find('@' + entry.first + ' ') != std::string::npos &&
             old != pair.from.sets.end() && !sameDeclaration(old->second, entry.second);
    });
  });
}

std::size_t differingElements(const nft::Set& a, const nft::Set& b) {
  const std::set<nft::Element> left(a.elements.begin(), a.elements.end());
  const std::set<nft::Element> right(b.elements.begin(), b.elements.end());
  std::vector<nft::Element> differing;
  std::set_symmetric_difference(left.begin(), left.end(), right.begin(), right.end(),
                                std::back_inserter(differing));
  return differing.size();
}

// Returns objects that the changes mention unnecessarily, or an empty string.
std::string needlessIn(const nft::ChangeSet& changes, const Pair& pair) {
  const Mentioned mentioned = mentionedIn(changes);
  for (const std::string& name : mentioned.counters) {
    if (pair.from.counters.contains(name) == pair.to.counters.contains(name))
      return "counter " + name;
  }
  for (const std::string& name : mentioned.chains) {
    const auto old = pair.from.chains.find(name);
    const auto now = pair.to.chains.find(name);
    const bool same =
        old != pair.from.chains.end() && now != pair.to.chains.end() && old->second == now->second;
    if (same && !looksUpRemadeSet(now->second, pair)) return "chain " + name;
  }
  for (const std::string& name : mentioned.sets) {
    const auto old = pair.from.sets.find(name);
    const auto now = pair.to.sets.find(name);
    if (old == pair.from.sets.end() || now == pair.to.sets.end()) continue;
    if (!sameDeclaration(old->second, now->second)) continue;
    if (mentioned.elements.at(name) != differingElements(old->second, now->second))
      return "elements of " + name;
    if (old->second == now->second) return "set " + name;
  }
  return "";
}

// Returns what is wrong with the diff of the pair, or an empty string.
std::string faultOf(const Pair& pair) {
  try {
    const nft::ChangeSet changes = diff(pair.from, pair.to);
    if (nft::apply(changes, pair.from) != pair.to) return "the changes end in another table";
    if (nft::apply(diff(std::nullopt, pair.to), std::nullopt) != pair.to)
      return "the changes from nothing end in another table";
    if (!diff(pair.to, pair.to).empty()) return "a table differs from itself";
    const std::string needless = needlessIn(changes, pair);
    return needless.empty() ? "" : "needless: " + needless;
  } catch (const std::invalid_argument& refused) {
    return std::string("refused: ") + refused.what();
  }
}

// Every table that is `table` with one thing less.
std::vector<Ruleset> smaller(const Ruleset& table) {
  std::vector<Ruleset> all;
  const auto without = [&](const std::function<void(Ruleset&)>& take) {
    all.push_back(table);
    take(all.back());
    makeValid(all.back());
  };
  for (const auto& [name, set] : table.sets) {
    without([&](Ruleset& less) { less.sets.erase(name); });
    for (std::size_t i = 0; i < set.elements.size(); ++i) {
      without([&](Ruleset& less) {
        auto& elements = less.sets.at(name).elements;
        elements.erase(elements.begin() + static_cast<std::ptrdiff_t>(i));
      });
    }
  }
  for (const auto& [name, chain] : table.chains) {
    without([&](Ruleset& less) { less.chains.erase(name); });
    for (std::size_t i = 0; i < chain.rules.size(); ++i) {
      without([&](Ruleset& less) {
        auto& rules = less.chains.at(name).rules;
        rules.erase(rules.begin() + static_cast<std::ptrdiff_t>(i));
      });
    }
  }
  for (const std::string& name : table.counters)
    without([&](Ruleset& less) { less.counters.erase(name); });
  return all;
}

// Removes objects as long as the error remains.
Pair shrunk(Pair pair) {
  for (;;) {
    std::vector<Pair> candidates;
    for (Ruleset& from : smaller(pair.from)) candidates.push_back({std::move(from), pair.to});
    for (Ruleset& to : smaller(pair.to)) candidates.push_back({pair.from, std::move(to)});
    const auto wrong = std::find_if(candidates.begin(), candidates.end(),
                                    [](const Pair& one) { return !faultOf(one).empty(); });
    if (wrong == candidates.end()) return pair;
    pair = std::move(*wrong);
  }
}

void expectRight(const Pair& pair) {
  if (faultOf(pair).empty()) return;
  const Pair small = shrunk(pair);
  FAIL() << faultOf(small) << "\nfrom\n" << print(small.from) << "to\n" << print(small.to);
}

constexpr int kPairs = 800;

TEST(DiffProperty, ChangesAnyTableIntoAnyOther) {
  Random random(seedOfThisRun());
  for (int i = 0; i < kPairs && !HasFatalFailure(); ++i)
    expectRight({randomRuleset(random), randomRuleset(random)});
}

TEST(DiffProperty, ChangesATableIntoItsNextVersion) {
  Random random(seedOfThisRun());
  std::size_t changes = 0;
  for (int i = 0; i < kPairs && !HasFatalFailure(); ++i) {
    Pair pair{randomRuleset(random), {}};
    pair.to = mutated(pair.from, random);
    changes += diff(pair.from, pair.to).changes.size();
    expectRight(pair);
  }
  // Small steps, but steps.
  EXPECT_GT(changes, std::size_t{kPairs});
}

}  // namespace
}  // namespace kpol::test
