// SPDX-License-Identifier: Apache-2.0
// Tables of random clusters in the kernel: it accepts each one, and each change from one to the
// next, and the table that is read back is the compiled one.
#include "nft/diff.hpp"
#include "nft/kernel.hpp"
#include "nft/print.hpp"
#include "policy/compile.hpp"
#include "tests/nft/kernel_fixture.hpp"
#include "tests/support/random_history.hpp"
#include "tests/support/random_policy.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/shrink_policy.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <optional>
#include <set>
#include <string>

namespace kpol::test {
namespace {

class RandomTables : public ::testing::Test {
 protected:
  void commit(const nft::ChangeSet& changes) {
    const auto outcome = kernel_.commit(changes);
    const auto* rejected = std::get_if<nft::Rejected>(&outcome);
    ASSERT_EQ(rejected, nullptr) << rejected->message;
  }
  // Not as a message of both: they are long, and the difference is in few lines.
  void expectHeld(const nft::Ruleset& table) {
    const auto held = kernel_.readBack();
    ASSERT_TRUE(held.has_value());
    ASSERT_EQ(held->counters, table.counters);
    for (const auto& [name, chain] : table.chains)
      ASSERT_TRUE(held->chains.contains(name) && held->chains.at(name) == chain) << name;
    for (const auto& [name, set] : table.sets)
      ASSERT_TRUE(held->sets.contains(name) && held->sets.at(name) == set) << name;
    ASSERT_EQ(*held == table, true);
  }
  void TearDown() override {
    nft::ChangeSet remove;
    remove.changes = {nft::DeleteTable{}};
    kernel_.commit(remove);
  }

  nft::Kernel kernel_{{}};
};

TEST_F(RandomTables, AreAcceptedAndChangedFromOneToTheNext) {
  Random random(seedOfThisRun());
  std::optional<nft::Ruleset> held;
  for (int i = 0; i < 150; ++i) {
    const auto snapshot = i % 50 == 49 ? randomLargeSnapshot(random) : randomSnapshot(random);
    auto table = policy::compile(snapshot).ruleset;
    ASSERT_NO_FATAL_FAILURE(commit(nft::diff(std::move(held), table))) << describe(snapshot);
    ASSERT_NO_FATAL_FAILURE(expectHeld(table)) << describe(snapshot);
    held = std::move(table);
  }
}

// An operator may save a listing and load it at the next boot (/etc/nftables.conf). If one name is
// a keyword of nft, nothing of that file is loaded.
TEST_F(RandomTables, CanBeLoadedFromTheirListings) {
  Random random(seedOfThisRun());
  std::set<std::string> chains;
  for (int i = 0; i < 40; ++i) {
    auto snapshot = randomSnapshot(random);
    snapshot.network.masqueraded = {*base::Prefix::parse("10.244.1.0/24")};
    if (!snapshot.endpoints.empty())
      snapshot.endpoints.front().hostPorts = {{base::Protocol::Tcp, 8080, {}, 80}};
    const auto table = policy::compile(snapshot).ruleset;
    nftOutput({"-c", "-f", "-"}, print(table));
    ASSERT_FALSE(HasFailure()) << print(table);
    for (const auto& [name, chain] : table.chains) chains.insert(name);
  }
  for (const auto* name : {"hostport-dnat", "hostport-snat", "pod-masquerade"})
    EXPECT_TRUE(chains.contains(name)) << name;
}

TEST_F(RandomTables, BuiltEventByEventEqualTheCompiledTables) {
  for (std::uint64_t seed = seedOfThisRun(), last = seed + 4; seed < last; ++seed) {
    Random random(seed);
    RandomHistory history(random, RandomHistory::Order::Plausible);
    ASSERT_NO_FATAL_FAILURE(commit(nft::diff(std::nullopt, nft::Ruleset())));  // the bare table
    std::string events;
    const std::size_t burst = random.pick({1U, 3U, 20U});
    for (int step = 0; step < 120; ++step) {
      events += "\n" + history.step();
      if (!random.oneIn(burst)) continue;
      SCOPED_TRACE("seed " + std::to_string(seed) + events);
      ASSERT_NO_FATAL_FAILURE(commit(history.engine().takeChanges()));
      ASSERT_NO_FATAL_FAILURE(expectHeld(policy::compile(history.snapshot()).ruleset));
      events = "";
    }
    TearDown();
  }
}

}  // namespace
}  // namespace kpol::test
