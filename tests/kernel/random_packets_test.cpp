// SPDX-License-Identifier: Apache-2.0
// Random clusters and policies: pods added by the plugin, policies read by kpold, and packets that
// must have the verdict of evaluate(). KPOL_PACKET_CLUSTERS is the number of each kind (default
// 15).
#include "tests/kernel/random_packets.hpp"

#include "tests/support/seed.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace kpol::test {
namespace {

void prove(policy::PodToNode podToNode) {
  const auto seed = seedOfThisRun();
  RandomPackets packets(podToNode);
  ProofCounts counts;
  for (std::uint64_t i = 0; i < fromEnvironment("KPOL_PACKET_CLUSTERS").value_or(15); ++i) {
    const auto counterexample = packets.prove(seed + i, counts);
    if (counterexample)
      FAIL() << "seed " << seed + i << "\n" << toText(*counterexample) << packets.log();
  }
  std::printf("%llu packets, %llu allowed, %llu of IPv6\n",
              static_cast<unsigned long long>(counts.verdicts),
              static_cast<unsigned long long>(counts.allowed),
              static_cast<unsigned long long>(counts.ipv6));
  EXPECT_GT(counts.allowed, counts.verdicts / 10);
  EXPECT_LT(counts.allowed, counts.verdicts / 10 * 8);
  EXPECT_GT(counts.ipv6, counts.verdicts / 10);
}

TEST(RandomPackets, HaveTheVerdictOfThePolicies) {
  prove(policy::PodToNode::Allow);
}

TEST(RandomPackets, HaveTheVerdictOfThePoliciesToTheNode) {
  prove(policy::PodToNode::Policy);
}

}  // namespace
}  // namespace kpol::test
