// SPDX-License-Identifier: Apache-2.0
#include "tests/support/random_policy.hpp"

#include "policy/evaluate.hpp"
#include "policy/selector.hpp"
#include "tests/support/policy_builders.hpp"
#include "tests/support/random_policy_shapes.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/shrink_policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

// Laws of the meaning of policies, for any policies, and conditions on random clusters that make
// these laws worth testing.
namespace kpol::test {
namespace {

using policy::Flow;
using policy::NetworkPolicy;
using policy::Pod;
using policy::Snapshot;

constexpr std::uint64_t kSeeds = 300;
constexpr int kFlowsPerSeed = 20;

std::uint64_t firstSeed() {
  static const std::uint64_t kFirst = seedOfThisRun();
  return kFirst;
}

// Calls `check` with many snapshots and flows, each with the seed to make it again.
void forManyFlows(const std::function<void(const Snapshot&, const Flow&, Random&)>& check) {
  for (std::uint64_t seed = firstSeed(); seed < firstSeed() + kSeeds; ++seed) {
    Random random(seed);
    const Snapshot snapshot = randomSnapshot(random);
    for (int i = 0; i < kFlowsPerSeed; ++i) {
      const Flow flow = randomFlow(random, snapshot);
      check(snapshot, flow, random);
      if (testing::Test::HasFailure()) {
        FAIL() << "seed " << seed << ": " << describe(flow) << "\n" << describe(snapshot);
      }
    }
  }
}

template <typename T>
bool strictlySorted(const std::vector<T>& values) {
  return std::ranges::adjacent_find(values, std::greater_equal{}) == values.end();
}
template <typename T, typename Projection>
bool strictlySorted(const std::vector<T>& values, Projection key) {
  return std::ranges::adjacent_find(values, std::greater_equal{}, key) == values.end();
}

TEST(RandomSnapshot, IsValid) {
  for (std::uint64_t seed = firstSeed(); seed < firstSeed() + kSeeds; ++seed) {
    Random random(seed);
    const Snapshot snapshot = randomSnapshot(random);
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + describe(snapshot));
    EXPECT_TRUE(strictlySorted(snapshot.namespaces, &policy::Namespace::name));
    EXPECT_TRUE(strictlySorted(snapshot.pods, &Pod::key));
    EXPECT_TRUE(strictlySorted(snapshot.policies, &NetworkPolicy::key));
    EXPECT_TRUE(strictlySorted(snapshot.endpoints));
    EXPECT_TRUE(strictlySorted(snapshot.nodeIps));
    std::vector<base::IpAddress> endpointIps;
    for (const auto& endpoint : snapshot.endpoints) {
      EXPECT_TRUE(strictlySorted(endpoint.ips));
      endpointIps.insert(endpointIps.end(), endpoint.ips.begin(), endpoint.ips.end());
    }
    std::ranges::sort(endpointIps);
    EXPECT_TRUE(strictlySorted(endpointIps));
    for (const Pod& pod : snapshot.pods) {
      EXPECT_TRUE(strictlySorted(pod.ips));
      EXPECT_TRUE(strictlySorted(pod.ports));
    }
  }
}

TEST(RandomSnapshot, IsTheSameForTheSameSeed) {
  Random one(7);
  Random two(7);
  const Snapshot first = randomSnapshot(one);
  const Snapshot second = randomSnapshot(two);
  EXPECT_EQ(describe(first), describe(second));
  EXPECT_EQ(randomFlow(one, first), randomFlow(two, second));
}

// A law is trivial if everything is allowed, so every outcome has to be common.
TEST(RandomFlow, HasEveryOutcomeOften) {
  std::map<std::string, int> met;
  int flows = 0;
  forManyFlows([&](const Snapshot& snapshot, const Flow& flow, Random&) {
    const policy::Verdict verdict = evaluate(snapshot, flow);
    ++flows;
    met["exempt"] += verdict.exempt;
    met["egress allowed by a rule"] += verdict.egress.allowedBy.has_value();
    met["egress denied"] += !verdict.egress.allowed;
    met["ingress allowed by a rule"] += verdict.ingress.allowedBy.has_value();
    met["ingress denied"] += !verdict.ingress.allowed;
    met["isolated at both ends"] += verdict.egress.isolated && verdict.ingress.isolated;
    met["refused by the node"] += !nodeAllows(snapshot, flow);
    met["IPv6"] += !flow.source.isV4();
  });
  for (const auto& [outcome, count] : met) EXPECT_GT(count, flows / 40) << outcome;
}

// Each shape by name: a generator that no longer makes one silently weakens all random tests.
TEST(RandomSnapshot, HasEveryShapeOften) {
  std::map<std::string, int> met;
  for (std::uint64_t seed = firstSeed(); seed < firstSeed() + 5 * kSeeds; ++seed) {
    Random random(seed);
    for (const auto& shape : shapesOf(randomSnapshot(random))) ++met[shape];
  }
  int large = 0;
  for (std::uint64_t seed = firstSeed(); seed < firstSeed() + 12; ++seed, ++large) {
    Random random(seed);
    for (const auto& shape : shapesOf(randomLargeSnapshot(random))) ++met[shape + " (large)"];
  }
  for (const auto& shape : allShapes()) {
    const bool isLarge =
        shape == "hundreds of peers in one rule" || shape == "a thousand policies on one local pod";
    if (isLarge) {
      EXPECT_GE(met[shape + " (large)"], 2) << shape;
    } else {
      EXPECT_GE(met[shape], 15) << shape;  // of 1,500 clusters
    }
  }
}

TEST(RandomFlow, HasEveryShapeOften) {
  std::map<std::string, int> met;
  forManyFlows([&](const Snapshot& snapshot, const Flow& flow, Random&) {
    for (const auto& shape : shapesOf(snapshot, flow)) ++met[shape];
  });
  for (const auto& shape : allFlowShapes()) EXPECT_GE(met[shape], 10) << shape;  // of 6,000 flows
  EXPECT_GE(met["allowed"], 6000 / 4);
  EXPECT_GE(met["denied"], 6000 / 4);
}

TEST(Evaluate, DoesNotDependOnTheOrderOfRulesPeersAndPorts) {
  forManyFlows([](const Snapshot& snapshot, const Flow& flow, Random&) {
    Snapshot reversed = snapshot;
    for (NetworkPolicy& policy : reversed.policies) {
      for (auto* rules : {&policy.ingress, &policy.egress}) {
        std::ranges::reverse(*rules);
        for (auto& rule : *rules) {
          std::ranges::reverse(rule.peers);
          std::ranges::reverse(rule.ports);
        }
      }
    }
    EXPECT_EQ(evaluate(reversed, flow).allowed(), evaluate(snapshot, flow).allowed());
  });
}

TEST(Evaluate, DoesNotDependOnTheSpellingOfSelectors) {
  forManyFlows([](const Snapshot& snapshot, const Flow& flow, Random& random) {
    Snapshot other = snapshot;
    for (NetworkPolicy& policy : other.policies) {
      policy.podSelector = respelled(random, policy.podSelector);
      for (auto* rules : {&policy.ingress, &policy.egress}) {
        for (auto& rule : *rules) {
          for (auto& peer : rule.peers) {
            if (peer.podSelector) peer.podSelector = canonical(*peer.podSelector);
            if (peer.namespaceSelector) {
              peer.namespaceSelector = respelled(random, *peer.namespaceSelector);
            }
          }
        }
      }
    }
    EXPECT_EQ(evaluate(other, flow), evaluate(snapshot, flow));
  });
}

TEST(Evaluate, NeverAllowsLessForOneMoreRule) {
  forManyFlows([](const Snapshot& snapshot, const Flow& flow, Random& random) {
    if (snapshot.policies.empty() || !evaluate(snapshot, flow).allowed()) return;
    Snapshot wider = snapshot;
    NetworkPolicy& policy = wider.policies[random.below(wider.policies.size())];
    if (policy.policyTypes.empty()) return;  // an egress rule would change what it isolates
    for (const NetworkPolicy& other : snapshot.policies) {
      policy.ingress.insert(policy.ingress.end(), other.ingress.begin(), other.ingress.end());
      policy.egress.insert(policy.egress.end(), other.egress.begin(), other.egress.end());
    }
    EXPECT_TRUE(evaluate(wider, flow).allowed());
  });
}

TEST(Evaluate, AllowsEverythingWithoutPolicies) {
  forManyFlows([](const Snapshot& snapshot, const Flow& flow, Random&) {
    Snapshot open = snapshot;
    open.policies.clear();
    open.metadataGuard = {};
    EXPECT_TRUE(evaluate(open, flow).allowed());
  });
}

TEST(NodeAllows, DeniesOnlyByPoliciesAndUnaccountedEndpoints) {
  forManyFlows([](const Snapshot& snapshot, const Flow& flow, Random&) {
    const auto unaccounted = [&](const base::IpAddress& address) {
      return isEndpointAddress(snapshot, address) && localPodAt(snapshot, address) == nullptr;
    };
    const bool allowed = evaluate(snapshot, flow).allowed();
    if (unaccounted(flow.source) || unaccounted(flow.destination)) return;
    const bool here = nodeAllows(snapshot, flow);
    EXPECT_TRUE(here || !allowed);
    const bool bothHere =
        isEndpointAddress(snapshot, flow.source) && isEndpointAddress(snapshot, flow.destination);
    EXPECT_TRUE(here == allowed || !bothHere);
  });
}

TEST(Shrink, KeepsOnlyTheFailureCause) {
  // For a random cluster in which some flow is denied: the pod that is isolated, and one policy.
  int shrunk = 0;
  forManyFlows([&](const Snapshot& snapshot, const Flow& flow, Random&) {
    const auto verdict = evaluate(snapshot, flow);
    if (shrunk >= 10 || verdict.allowed() || verdict.guarded) return;
    const Snapshot smaller =
        shrink(snapshot, [&](const Snapshot& s) { return !evaluate(s, flow).allowed(); });
    ++shrunk;
    EXPECT_FALSE(evaluate(smaller, flow).allowed());
    ASSERT_EQ(smaller.policies.size(), 1U) << describe(smaller);
    const NetworkPolicy& policy = smaller.policies[0];
    EXPECT_EQ(policy.podSelector, policy::LabelSelector{});
    EXPECT_LE(policy.ingress.size() + policy.egress.size(), 1U);  // one may keep Egress isolated
    EXPECT_EQ(smaller.pods.size(), 1U);
    EXPECT_LE(smaller.endpoints.size(), 1U);
    EXPECT_TRUE(smaller.namespaces.empty());
  });
  EXPECT_EQ(shrunk, 10);
}

TEST(Shrink, ReachesIntoPeersAndPorts) {
  const auto portCount = [](const Snapshot& s) {
    std::size_t count = 0;
    for (const NetworkPolicy& policy : s.policies) {
      for (const auto& rule : policy.ingress) count += rule.ports.size() * rule.peers.size();
    }
    return count;
  };
  Random random(firstSeed());
  Snapshot snapshot;
  do {
    snapshot = randomSnapshot(random);
  } while (portCount(snapshot) < 2);
  const Snapshot smaller = shrink(snapshot, [&](const Snapshot& s) { return portCount(s) > 0; });
  ASSERT_EQ(smaller.policies.size(), 1U);
  ASSERT_EQ(smaller.policies[0].ingress.size(), 1U);
  EXPECT_EQ(smaller.policies[0].ingress[0].peers.size(), 1U);
  EXPECT_EQ(smaller.policies[0].ingress[0].ports.size(), 1U);
  EXPECT_TRUE(smaller.pods.empty());
}

TEST(Describe, PrintsSnapshotAndFlow) {
  Snapshot snapshot;
  snapshot.namespaces = {{"x", labels({{"ns", "x"}})}};
  EXPECT_EQ(describe(snapshot), "node [] podToNode allow\nnamespace x {ns=x}\n");
  Flow flow;
  flow.destinationPort = 80;
  EXPECT_EQ(describe(flow), "0.0.0.0 -> 0.0.0.0 TCP 80");
}

}  // namespace
}  // namespace kpol::test
