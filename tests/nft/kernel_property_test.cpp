// SPDX-License-Identifier: Apache-2.0
// Commits random tables to the kernel. KPOL_SEED selects other tables.
#include "nft/diff.hpp"
#include "nft/kernel.hpp"
#include "nft/kernel_numbers.hpp"
#include "nft/print.hpp"
#include "tests/nft/kernel_fixture.hpp"
#include "tests/support/nft_text.hpp"
#include "tests/support/random_ruleset.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

namespace kpol::nft {
namespace {

using test::commit;
using test::Random;

class KernelProperty : public test::KernelTest {};

Random seeded() {
  const char* seed = std::getenv("KPOL_SEED");
  return Random(seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10));
}

// The kernel ends where the model of changes ends, from any table to any other and by small steps.
TEST_F(KernelProperty, CommittingADiffGivesTheOtherTable) {
  Random random = seeded();
  Kernel kernel({});
  Ruleset current;
  commit(kernel, diff(std::nullopt, current));
  for (int step = 0; step < 400; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    const Ruleset next =
        step % 4 == 0 ? test::randomRuleset(random) : test::mutated(current, random);
    const ChangeSet changes = diff(kernel.readBack(), next);
    ASSERT_EQ(changes, diff(current, next));
    commit(kernel, changes);
    const auto back = kernel.readBack();
    ASSERT_TRUE(back);
    ASSERT_EQ(print(*back), print(next));
    ASSERT_EQ(*back, next);
    current = next;
  }
}

const std::vector<Field>* fieldsOf(const Statement& statement) {
  if (const auto* match = std::get_if<Match>(&statement)) return &match->left;
  if (const auto* lookup = std::get_if<VerdictMapLookup>(&statement)) return &lookup->key;
  if (const auto* nat = std::get_if<DestinationNat>(&statement)) return &nat->key;
  return nullptr;
}

// Whether a match repeats what a field of the rule implies. nft takes such a match for the one that
// it would add by itself and does not print it, but the kernel keeps it.
bool repeatsDependency(const Rule& rule) {
  for (const Statement& statement : rule.statements) {
    const auto* fields = fieldsOf(statement);
    if (fields == nullptr) continue;
    for (const Field field : *fields)
      for (const Dependency dependency : loadOf(field).needs)
        if (std::ranges::count(rule.statements, Statement(dependencyMatch(dependency))) > 0)
          return true;
  }
  return false;
}

TEST_F(KernelProperty, NftListsTheCommittedTable) {
  Random random = seeded();
  for (int step = 0; step < 60; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    Ruleset table = test::randomRuleset(random);
    for (auto& [name, chain] : table.chains) std::erase_if(chain.rules, repeatsDependency);
    Kernel kernel({});
    commit(kernel, diff(std::nullopt, table));
    ASSERT_EQ(test::listTable(), test::comparable(print(table)));
    commit(kernel, {"kpol", {DeleteTable{}}});
  }
}

// However small the batches, and wherever they are cut, a split commit ends in the same table.
void commitSplit(Kernel::Options options, Random random) {
  Kernel kernel(std::move(options));
  Ruleset current;
  commit(kernel, diff(std::nullopt, current));
  unsigned splits = 0;
  for (int step = 0; step < 200; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    const Ruleset next =
        step % 2 == 0 ? test::randomRuleset(random) : test::mutated(current, random);
    const auto outcome = kernel.commit(diff(current, next));
    const auto* committed = std::get_if<Committed>(&outcome);
    ASSERT_NE(committed, nullptr) << std::get<Rejected>(outcome).message;
    if (committed->batches > 1) ++splits;
    ASSERT_EQ(kernel.readBack(), next);
    current = next;
  }
  EXPECT_GT(splits, 50U);
}

TEST_F(KernelProperty, SplitCommitsGiveTheSameTable) {
  commitSplit({.maxBatchBytes = 2048}, seeded());
}

TEST_F(KernelProperty, CommitsSplitByMessagesGiveTheSameTable) {
  commitSplit({.maxBatchMessages = 1}, seeded());
}

TEST_F(KernelProperty, CommitsWithSeparateElementsGiveTheSameTable) {
  commitSplit({.maxBatchMessages = 1,
               .maxChangeBytes = 0,
               .admits = [](const std::string& set) { return set.starts_with("s"); }},
              seeded());
}

}  // namespace
}  // namespace kpol::nft
