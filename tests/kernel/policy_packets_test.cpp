// SPDX-License-Identifier: Apache-2.0
// Every case of the table, with pods added by the plugin, policies read by kpold from a directory,
// and packets through the kernel.
#include "tests/kernel/case_node.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace kpol::test {
namespace {

class PolicyPackets : public ::testing::TestWithParam<policy::PodToNode> {};

std::string nameOf(Reach reach) {
  switch (reach) {
    case Reach::None: return "nothing arrived";
    case Reach::OneWay: return "it arrived, but no answer came back";
    case Reach::Both: return "it arrived and was answered";
  }
  return "?";
}

// The result of an allowed probe: nothing replies to SCTP here.
Reach expectedReach(const Probe& probe) {
  if (!probe.allowed) return Reach::None;
  return probe.protocol == 132 ? Reach::OneWay : Reach::Both;
}

void runCase(CaseNode& node, const PolicyCase& policyCase, std::size_t& packets) {
  SCOPED_TRACE(policyCase.name);
  const auto setting = node.realise(policyCase);
  std::vector<Attempt> attempts;
  std::vector<bool> allowed;
  std::vector<const Probe*> probes;
  for (const auto& probe : policyCase.probes) {
    for (const auto family : familiesOf(probe)) {
      attempts.push_back({toString(probe.from), flowOf(probe, setting, family)});
      allowed.push_back(probe.allowed);
      probes.push_back(&probe);
    }
  }
  const auto reach = node.reach(attempts, allowed);
  for (std::size_t i = 0; i < attempts.size(); ++i)
    EXPECT_EQ(nameOf(reach[i]), nameOf(expectedReach(*probes[i])))
        << toString(*probes[i]) << ", " << toString(attempts[i].flow.source) << " -> "
        << toString(attempts[i].flow.destination);
  packets += attempts.size();
}

TEST_P(PolicyPackets, HaveTheVerdictOfEveryCase) {
  CaseNode node(GetParam());
  std::size_t packets = 0;
  std::size_t cases = 0;
  std::size_t unwritable = 0;
  for (const auto& policyCase : policyCases()) {
    if (policyCase.podToNode != GetParam()) continue;
    if (!CaseNode::isWritable(policyCase)) {
      std::printf("no manifest can say: %s\n", policyCase.name.c_str());
      ++unwritable;
      continue;
    }
    runCase(node, policyCase, packets);
    ++cases;
  }
  RecordProperty("cases", static_cast<int>(cases));
  RecordProperty("packets", static_cast<int>(packets));
  std::printf("%zu situations, %zu packets\n", cases, packets);
  EXPECT_GE(cases, GetParam() == policy::PodToNode::Allow ? 150U : 1U);
  EXPECT_EQ(unwritable, GetParam() == policy::PodToNode::Allow ? 8U : 0U);
}

INSTANTIATE_TEST_SUITE_P(PodToNode, PolicyPackets,
                         ::testing::Values(policy::PodToNode::Allow, policy::PodToNode::Policy),
                         [](const auto& mode) {
                           return mode.param == policy::PodToNode::Allow ? "Allow" : "Policy";
                         });

}  // namespace
}  // namespace kpol::test
