// SPDX-License-Identifier: Apache-2.0
// In random histories, no flow whose verdict changes is missing in Engine::takeChangedFlows(), and
// FlowVerdicts, which looks at few objects, agrees with nodeAllows(), which looks at all.
#include "policy/flow_verdicts.hpp"
#include "tests/support/random_history.hpp"
#include "tests/support/seed.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kpol::test {
namespace {

constexpr int kFlowHistories = 12;
constexpr int kFlowSteps = 120;
constexpr int kFlowsPerBurst = 40;

struct Tally {
  int forbidden = 0;  // flows that a step forbade
  int allowed = 0;
  int unchanged = 0;  // flows that no step concerned
};

std::string toString(const policy::Flow& flow) {
  return base::toString(flow.source) + " -> " + base::toString(flow.destination) + " protocol " +
         std::to_string(flow.protocol) + " port " + std::to_string(flow.destinationPort);
}

// Compares the verdicts before and after a burst of events for random flows of both clusters.
void checkBurst(Random& random, RandomHistory& history, const policy::Snapshot& before,
                Tally& tally) {
  history.engine().takeChanges();
  const auto changed = history.engine().takeChangedFlows();
  const auto after = history.snapshot();
  policy::FlowVerdicts verdicts(history.engine());
  for (int i = 0; i < kFlowsPerBurst; ++i) {
    const auto flow = randomFlow(random, random.oneIn(2) ? before : after);
    const bool was = policy::nodeAllows(before, flow);
    const bool is = policy::nodeAllows(after, flow);
    const auto effect = changed.on(flow.source, flow.destination);
    EXPECT_TRUE(is || !was || effect.tightens) << toString(flow);
    EXPECT_TRUE(was || !is || effect.loosens) << toString(flow);
    // Flows from loopback addresses are the node's own, which nodeAllows() does not know.
    const bool fromLoopback = flow.source.isV4() && flow.source.bytes()[0] == 127;
    EXPECT_EQ(verdicts.allows(flow), is || fromLoopback) << toString(flow);
    tally.forbidden += was && !is ? 1 : 0;
    tally.allowed += !was && is ? 1 : 0;
    tally.unchanged += effect.any() ? 0 : 1;
  }
}

TEST(ChangedFlowsHistory, MissesNoFlowWhoseVerdictChanges) {
  Tally tally;
  const auto first = seedOfThisRun();
  for (std::uint64_t seed = first; seed < first + kFlowHistories; ++seed) {
    Random random(seed);
    RandomHistory history(random, RandomHistory::Order::Plausible);
    const std::size_t burst = random.pick({1U, 2U, 5U, 30U});
    auto before = history.snapshot();
    std::string events;
    for (int step = 0; step < kFlowSteps; ++step) {
      events += "\n" + history.step();
      if (!random.oneIn(burst)) continue;
      checkBurst(random, history, before, tally);
      if (testing::Test::HasFailure()) FAIL() << "seed " << seed << " step " << step << events;
      before = history.snapshot();
      events = "";
    }
  }
  EXPECT_GT(tally.forbidden, 50);
  EXPECT_GT(tally.allowed, 50);
  EXPECT_GT(tally.unchanged, 4000) << "not everything is concerned";
}

}  // namespace
}  // namespace kpol::test
