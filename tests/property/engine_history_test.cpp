// SPDX-License-Identifier: Apache-2.0
// After every step of random histories, the table built event by event equals the one compiled from
// scratch, and the reported changes are the real ones.
#include "policy/compile.hpp"
#include "tests/support/random_history.hpp"
#include "tests/support/seed.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

namespace kpol::test {
namespace {

constexpr int kHistories = 25;
constexpr int kSteps = 150;

bool operator==(const policy::Snapshot& a, const policy::Snapshot& b) {
  return a.namespaces == b.namespaces && a.pods == b.pods && a.policies == b.policies &&
         a.endpoints == b.endpoints && a.nodeIps == b.nodeIps && a.hostPortIps == b.hostPortIps;
}

// Names what differs; whole rulesets are too long to read.
std::string difference(const nft::Ruleset& is, const nft::Ruleset& should) {
  std::string text;
  const auto compare = [&](const auto& a, const auto& b, const char* kind) {
    for (const auto& [name, object] : a)
      if (!b.contains(name))
        text += std::string("\nadditional ") + kind + " " + name;
      else if (b.at(name) != object)
        text += std::string("\ndifferent ") + kind + " " + name;
    for (const auto& [name, object] : b)
      if (!a.contains(name)) text += std::string("\nmissing ") + kind + " " + name;
  };
  compare(is.sets, should.sets, "set");
  compare(is.chains, should.chains, "chain");
  if (is.counters != should.counters) text += "\ndifferent counters";
  return text;
}

std::uint64_t firstSeed() {
  static const std::uint64_t kFirst = seedOfThisRun();
  return kFirst;
}

// Calls `check` after every step (or a burst of some) of a history, with what the cluster is then.
template <class Check>
void followHistories(RandomHistory::Order order, Check check) {
  for (std::uint64_t seed = firstSeed(); seed < firstSeed() + kHistories; ++seed) {
    Random random(seed);
    RandomHistory history(random, order);
    auto held = std::optional<nft::Ruleset>(nft::Ruleset());
    std::string events;
    // Events of one burst may undo one another: some histories have long ones.
    const std::size_t burst = random.pick({1U, 2U, 2U, 40U});
    for (int step = 0; step < kSteps; ++step) {
      events += "\n" + history.step();
      if (!random.oneIn(burst)) continue;
      check(history, policy::compile(history.snapshot()).ruleset, held);
      if (testing::Test::HasFailure()) FAIL() << "seed " << seed << " step " << step << events;
      events = "";
    }
  }
}

TEST(EngineHistory, IsCompiledFromScratchAfterEveryStep) {
  followHistories(RandomHistory::Order::Any, [](auto& history, const auto& compiled, auto&) {
    EXPECT_TRUE(history.engine().snapshot() == history.snapshot());
    EXPECT_EQ(difference(history.engine().ruleset(), compiled), "");
  });
}

TEST(EngineHistory, ReportsChanges) {
  followHistories(RandomHistory::Order::Plausible,
                  [](auto& history, const auto& compiled, auto& held) {
                    held = nft::apply(history.engine().takeChanges(), std::move(held));
                    EXPECT_EQ(difference(*held, compiled), "");
                    EXPECT_TRUE(history.engine().takeChanges().empty());
                    EXPECT_EQ(difference(history.engine().ruleset(), compiled), "");
                    const auto size = history.engine().size();
                    EXPECT_EQ(size.chains, compiled.chains.size());
                    EXPECT_EQ(size.sets, compiled.sets.size());
                    std::size_t elements = 0;
                    for (const auto& [name, set] : compiled.sets) elements += set.elements.size();
                    EXPECT_EQ(size.elements, elements);
                  });
}

}  // namespace
}  // namespace kpol::test
