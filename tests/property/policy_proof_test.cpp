// SPDX-License-Identifier: Apache-2.0
// The compiled table means what the policies mean: evaluate(), written from the API text, and the
// interpreter, which knows only nftables, must agree on every flow.
#include "policy/compile.hpp"
#include "policy/evaluate.hpp"
#include "tests/support/interpreter.hpp"
#include "tests/support/policy_cases.hpp"
#include "tests/support/random_policy.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/shrink_policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

namespace kpol::test {
namespace {

TEST(PolicyProof, EverySituationMeansTheSameCompiled) {
  std::size_t verdicts = 0;
  for (const auto& policyCase : policyCases()) {
    SCOPED_TRACE(policyCase.name);
    const auto setting = settingOf(policyCase, {*base::IpAddress::parse("10.244.1.10"),
                                                *base::IpAddress::parse("fd00:10:244:1::10")});
    const auto snapshot = snapshotOf(policyCase, setting);
    const auto ruleset = policy::compile(snapshot).ruleset;
    for (const auto& probe : policyCase.probes) {
      for (const auto family : familiesOf(probe)) {
        const auto flow = flowOf(probe, setting, family);
        EXPECT_EQ(passes(ruleset, snapshot, flow), policy::nodeAllows(snapshot, flow))
            << toString(probe) << ", " << toString(flow.source) << " -> "
            << toString(flow.destination);
        ++verdicts;
      }
    }
  }
  std::printf("%zu situations, %zu verdicts\n", policyCases().size(), verdicts);
  EXPECT_GE(policyCases().size(), 60U);
}

// Random clusters; KPOL_CLUSTERS says how many (default 1,500), KPOL_SEED with which seed.
TEST(PolicyProof, RandomClustersMeanTheSameCompiled) {
  const auto seed = seedOfThisRun();
  const auto clusters = fromEnvironment("KPOL_CLUSTERS").value_or(1500);
  Random random(seed);
  std::size_t verdicts = 0;
  std::size_t allowed = 0;
  for (std::uint64_t i = 0; i < clusters; ++i) {
    const auto snapshot = randomSnapshot(random);
    const auto ruleset = policy::compile(snapshot).ruleset;
    for (int f = 0; f < 60; ++f) {
      const auto flow = randomFlow(random, snapshot);
      const bool meant = policy::nodeAllows(snapshot, flow);
      ++verdicts;
      allowed += meant ? 1 : 0;
      if (passes(ruleset, snapshot, flow) == meant) continue;
      const auto small = shrink(snapshot, [&](const policy::Snapshot& candidate) {
        return passes(policy::compile(candidate).ruleset, candidate, flow) !=
               policy::nodeAllows(candidate, flow);
      });
      FAIL() << "seed " << seed << ": " << describe(flow) << " should be "
             << (policy::nodeAllows(small, flow) ? "allowed" : "denied") << " in\n"
             << describe(small);
    }
  }
  std::printf("%llu clusters, %zu verdicts, %zu allowed\n",
              static_cast<unsigned long long>(clusters), verdicts, allowed);
  // Both answers are common, or the flows miss what decides.
  EXPECT_GT(allowed, verdicts / 5);
  EXPECT_LT(allowed, verdicts / 5 * 4);
}

TEST(PolicyProof, EqualSnapshotsCompileToEqualTables) {
  Random random(seedOfThisRun());
  for (int i = 0; i < 200; ++i) {
    const auto snapshot = randomSnapshot(random);
    auto later = snapshot;
    later.generation += 1;
    EXPECT_EQ(policy::compile(snapshot).ruleset, policy::compile(later).ruleset);
  }
}

}  // namespace
}  // namespace kpol::test
