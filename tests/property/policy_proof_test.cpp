// SPDX-License-Identifier: Apache-2.0
// The compiled table means what the policies mean: evaluate(), written from the API text, and the
// interpreter, which knows only nftables, must agree on every flow.
#include "tests/support/policy_proof.hpp"

#include "kube/manifest.hpp"
#include "policy/compile.hpp"
#include "policy/evaluate.hpp"
#include "tests/support/interpreter.hpp"
#include "tests/support/manifest_text.hpp"
#include "tests/support/odd_spelling.hpp"
#include "tests/support/policy_cases.hpp"
#include "tests/support/random_policy.hpp"
#include "tests/support/seed.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace kpol::test {
namespace {

TEST(PolicyProof, EveryCaseHasTheSameVerdictCompiled) {
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

// Random clusters: KPOL_CLUSTERS is their number (default 1,500), KPOL_SEED their seed.
TEST(PolicyProof, RandomClustersHaveTheSameVerdictsCompiled) {
  const auto seed = seedOfThisRun();
  const auto clusters = fromEnvironment("KPOL_CLUSTERS").value_or(1500);
  ProofCounts counts;
  for (std::uint64_t i = 0; i < clusters; ++i) {
    const auto counterexample = proveCompiled(seed + i, 60, counts);
    if (counterexample) FAIL() << "seed " << seed + i << "\n" << toText(*counterexample);
  }
  std::printf("%llu clusters, %llu verdicts, %llu allowed, %llu of IPv6\n",
              static_cast<unsigned long long>(counts.clusters),
              static_cast<unsigned long long>(counts.verdicts),
              static_cast<unsigned long long>(counts.allowed),
              static_cast<unsigned long long>(counts.ipv6));
  // Both verdicts must be common, otherwise the flows miss the deciding parts.
  EXPECT_GT(counts.allowed, counts.verdicts / 4);
  EXPECT_LT(counts.allowed, counts.verdicts / 4 * 3);
}

// However a policy is written down, it is read as the same value.
TEST(PolicyProof, OddSpellingsAreParsedEqually) {
  Random random(seedOfThisRun());
  int read = 0;
  for (int i = 0; i < 500; ++i) {
    for (const auto& policy : randomSnapshot(random).policies) {
      const auto plain = kube::readManifests(toJson(kube::Object(policy)), "plain.json");
      if (plain.broken()) continue;  // objects that the API server would reject
      const auto text = oddlySpelled(random, policy);
      const auto odd = kube::readManifests(text, "odd.json");
      ++read;
      ASSERT_FALSE(odd.broken()) << text;
      ASSERT_EQ(odd.objects, plain.objects) << text;
    }
  }
  EXPECT_GT(read, 1000);
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
