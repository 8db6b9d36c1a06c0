// SPDX-License-Identifier: Apache-2.0
#include "policy/evaluate.hpp"

#include "tests/support/policy_builders.hpp"
#include "tests/support/policy_cases.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace kpol::policy {
namespace {

using test::anyPeer;
using test::anyPort;
using test::egress;
using test::everything;
using test::ingress;
using test::ip;
using test::is;
using test::keyOf;
using test::labels;
using test::PolicyCase;
using test::Probe;
using test::rule;
using test::Setting;

// ---- the table of situations -----------------------------------------------------------------

class PolicyCases : public testing::TestWithParam<PolicyCase> {};

void checkAll(const PolicyCase& policyCase, const Setting& setting) {
  const Snapshot snapshot = snapshotOf(policyCase, setting);
  for (const Probe& probe : policyCase.probes) {
    for (const base::Family family : familiesOf(probe)) {
      const Flow flow = flowOf(probe, setting, family);
      EXPECT_EQ(evaluate(snapshot, flow).allowed(), probe.allowed)
          << toString(probe) << " IPv" << static_cast<int>(family);
      // Every pod of a case is local, so the node evaluates both ends.
      EXPECT_EQ(nodeAllows(snapshot, flow), probe.allowed)
          << toString(probe) << " IPv" << static_cast<int>(family);
    }
  }
}

TEST_P(PolicyCases, HaveTheExpectedVerdicts) {
  checkAll(GetParam(), settingOf(GetParam(), {ip("10.244.1.2"), ip("fd00:10:244:1::2")}));
}

TEST_P(PolicyCases, HaveTheExpectedVerdictsAcrossAPrefixBoundary) {
  checkAll(GetParam(), settingOf(GetParam(), {ip("10.127.255.252"), ip("fd00::7fff:fffc")}));
}

std::string caseName(const testing::TestParamInfo<PolicyCase>& info) {
  std::string name;
  for (const char c : info.param.name)
    name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, PolicyCases, testing::ValuesIn(test::policyCases()), caseName);

TEST(PolicyCaseTable, FitsTheTestNetwork) {
  std::set<std::string> names;
  for (const PolicyCase& policyCase : test::policyCases()) {
    SCOPED_TRACE(policyCase.name);
    EXPECT_TRUE(names.insert(policyCase.name).second);
    EXPECT_FALSE(policyCase.semantics.empty());
    EXPECT_LE(policyCase.pods.size(), 9U);
    EXPECT_LE(policyCase.namespaces.size(), 3U);
    for (const Probe& probe : policyCase.probes) {
      const bool portless = probe.protocol == 1;
      const bool fixed =
          std::ranges::find(test::kProbePorts, probe.port) != std::ranges::end(test::kProbePorts);
      EXPECT_TRUE(portless ? probe.port == 0 : fixed) << toString(probe);
    }
  }
}

TEST(PolicyCaseTable, CoversEveryItemThatOneSnapshotCanExpress) {
  std::set<int> covered;
  for (const PolicyCase& policyCase : test::policyCases()) {
    covered.insert(policyCase.semantics.begin(), policyCase.semantics.end());
  }
  // 36 is undefined upstream, 46 is about connections that exist already.
  std::set<int> expected;
  for (int item = 1; item <= 48; ++item) {
    if (item != 36 && item != 46) expected.insert(item);
  }
  EXPECT_EQ(covered, expected);
  EXPECT_GE(test::policyCases().size(), 75U);
}

// ---- the other fields of a verdict -----------------------------------------------------------

// Two namespaces; x/a and y/b on this node, x/far elsewhere.
Snapshot twoNamespaces(std::vector<NetworkPolicy> policies) {
  const auto pod = [](const char* key, const char* name, std::vector<base::IpAddress> ips) {
    Pod made;
    made.key = keyOf(key);
    made.phase = PodPhase::Running;
    made.labels = labels({{"pod", name}});
    made.ips = std::move(ips);
    return made;
  };
  Snapshot snapshot;
  snapshot.namespaces = {{"x", labels({{"ns", "x"}})}, {"y", labels({{"ns", "y"}})}};
  snapshot.pods = {pod("x/a", "a", {ip("10.0.0.1"), ip("fd00::1")}),
                   pod("x/far", "far", {ip("10.0.9.1")}), pod("y/b", "b", {ip("10.0.0.2")})};
  snapshot.policies = std::move(policies);
  snapshot.endpoints = {
      {keyOf("x/a"), *base::IfName::parse("kpol1"), {ip("10.0.0.1"), ip("fd00::1")}},
      {keyOf("y/b"), *base::IfName::parse("kpol2"), {ip("10.0.0.2")}}};
  snapshot.nodeIps = {ip("192.168.7.1")};
  return snapshot;
}

Flow tcpTo(std::uint16_t port, const char* source = "10.0.0.2",
           const char* destination = "10.0.0.1") {
  return {ip(source), ip(destination), 6, port};
}

TEST(Evaluate, AllowsUnselectedPods) {
  EXPECT_EQ(evaluate(twoNamespaces({}), tcpTo(80)), Verdict{});
}

TEST(Evaluate, AllowsFlowsWithoutPods) {
  const Snapshot snapshot = twoNamespaces({test::bothWays("x/deny", everything())});
  EXPECT_EQ(evaluate(snapshot, tcpTo(80, "8.8.8.8", "192.168.7.1")), Verdict{});
}

TEST(Evaluate, NamesThePolicyAndTheRuleThatAllow) {
  const Snapshot snapshot = twoNamespaces(
      {ingress("x/deny", everything()),
       ingress("x/p", is("pod", "a"), {anyPeer({test::port(81)}), anyPeer({test::port(80)})}),
       ingress("x/q", is("pod", "a"), {anyPeer()})});
  const Verdict expected{
      {}, {true, true, {keyOf("x/deny"), keyOf("x/p"), keyOf("x/q")}, keyOf("x/p"), 1}, false};
  EXPECT_EQ(evaluate(snapshot, tcpTo(80)), expected);
  EXPECT_TRUE(expected.allowed());
}

TEST(Evaluate, NamesTheIsolatingPoliciesOfADenial) {
  const Snapshot snapshot =
      twoNamespaces({ingress("x/deny", everything()), egress("x/other-way", everything()),
                     ingress("y/elsewhere", everything())});
  const Verdict expected{{}, {true, false, {keyOf("x/deny")}, {}, {}}, false};
  EXPECT_EQ(evaluate(snapshot, tcpTo(80)), expected);
  EXPECT_FALSE(expected.allowed());
}

TEST(Evaluate, EvaluatesEachEndByItsOwnPolicies) {
  const Snapshot snapshot = twoNamespaces(
      {ingress("x/in", everything(), {anyPeer({anyPort()})}), egress("y/out", everything())});
  const Verdict expected{{true, false, {keyOf("y/out")}, {}, {}},
                         {true, true, {keyOf("x/in")}, keyOf("x/in"), 0},
                         false};
  EXPECT_EQ(evaluate(snapshot, tcpTo(80)), expected);
}

TEST(Evaluate, KeepsThePoliciesVerdictOfExemptTraffic) {
  const Snapshot snapshot = twoNamespaces({ingress("x/deny", everything())});
  const DirectionVerdict denied{true, false, {keyOf("x/deny")}, {}, {}};
  for (const char* source : {"192.168.7.1", "10.0.0.1"}) {
    const Verdict expected{{}, denied, true};
    EXPECT_EQ(evaluate(snapshot, tcpTo(80, source)), expected) << source;
    EXPECT_TRUE(expected.allowed());
  }
}

TEST(Evaluate, EvaluatesPodsOfOtherNodes) {
  const Snapshot snapshot = twoNamespaces({ingress("x/deny", everything())});
  EXPECT_FALSE(evaluate(snapshot, tcpTo(80, "10.0.0.2", "10.0.9.1")).allowed());
  // This node is not the pod's own.
  EXPECT_FALSE(evaluate(snapshot, tcpTo(80, "192.168.7.1", "10.0.9.1")).allowed());
}

TEST(Evaluate, EveryAddressOfAPodMeansThePod) {
  Snapshot snapshot = twoNamespaces({test::bothWays("x/deny", everything())});
  snapshot.endpoints.insert(snapshot.endpoints.begin() + 1,
                            {keyOf("x/a"), *base::IfName::parse("kpol3"), {ip("10.0.5.1")}});
  EXPECT_TRUE(evaluate(snapshot, tcpTo(80, "10.0.0.1", "10.0.5.1")).exempt);
  EXPECT_TRUE(evaluate(snapshot, tcpTo(80, "10.0.5.1", "10.0.5.1")).exempt);
  EXPECT_FALSE(evaluate(snapshot, tcpTo(80, "10.0.0.2", "10.0.5.1")).allowed());
}

TEST(Evaluate, UsesEndpointAddressesNotTheStatus) {
  Snapshot snapshot = twoNamespaces(
      {ingress("x/deny", is("pod", "a")),
       ingress("y/p", everything(), {rule({test::podsIn(everything(), is("pod", "a"))})})});
  snapshot.pods[0].ips.clear();  // the kubelet has not reported them yet
  EXPECT_FALSE(evaluate(snapshot, tcpTo(80)).allowed());
  EXPECT_TRUE(evaluate(snapshot, tcpTo(80, "10.0.0.1", "10.0.0.2")).allowed());
}

TEST(Evaluate, EvaluatesOtherProtocolsLikeIcmp) {
  const Snapshot snapshot = twoNamespaces({ingress("x/p", everything(), {anyPeer({anyPort()})}),
                                           ingress("y/p", everything(), {anyPeer()})});
  const std::uint8_t gre = 47;
  EXPECT_FALSE(evaluate(snapshot, {ip("10.0.0.2"), ip("10.0.0.1"), gre, 0}).allowed());
  EXPECT_TRUE(evaluate(snapshot, {ip("10.0.0.1"), ip("10.0.0.2"), gre, 0}).allowed());
}

TEST(Evaluate, EmptyPortNameMatchesNoPort) {
  Snapshot snapshot = twoNamespaces({ingress("x/p", everything(), {anyPeer({test::named("")})})});
  snapshot.pods[0].ports = {{"", base::Protocol::Tcp, 80}};
  EXPECT_FALSE(evaluate(snapshot, tcpTo(80)).allowed());
}

// ---- this node's part ------------------------------------------------------------------------

TEST(NodeAllows, IgnoresPoliciesOfRemotePods) {
  const Snapshot snapshot =
      twoNamespaces({test::bothWays("x/deny", is("pod", "far")), ingress("y/deny", everything())});
  EXPECT_FALSE(evaluate(snapshot, tcpTo(80, "10.0.0.1", "10.0.9.1")).allowed());
  EXPECT_TRUE(nodeAllows(snapshot, tcpTo(80, "10.0.0.1", "10.0.9.1")));
  EXPECT_FALSE(evaluate(snapshot, tcpTo(80, "10.0.9.1", "10.0.0.1")).allowed());
  EXPECT_TRUE(nodeAllows(snapshot, tcpTo(80, "10.0.9.1", "10.0.0.1")));
  EXPECT_FALSE(nodeAllows(snapshot, tcpTo(80, "10.0.9.1", "10.0.0.2")));
  EXPECT_TRUE(nodeAllows(snapshot, tcpTo(80, "8.8.8.8", "10.0.9.1")));
}

// An endpoint whose policies are unknown: its pod is unknown, terminated or in the host network.
class UnaccountedEndpoint : public testing::TestWithParam<const char*> {
 protected:
  static Snapshot snapshot() {
    Snapshot made = twoNamespaces({});
    const std::string why = GetParam();
    if (why == "Unknown") made.pods.erase(made.pods.begin());
    if (why == "Succeeded") made.pods[0].phase = PodPhase::Succeeded;
    if (why == "Failed") made.pods[0].phase = PodPhase::Failed;
    if (why == "HostNetwork") made.pods[0].hostNetwork = true;
    return made;
  }
};

TEST_P(UnaccountedEndpoint, SendsAndReceivesNothing) {
  for (const char* other : {"10.0.0.2", "10.0.9.1", "8.8.8.8", "10.0.0.1", "192.168.7.1"}) {
    EXPECT_FALSE(nodeAllows(snapshot(), tcpTo(80, other, "10.0.0.1"))) << other;
    EXPECT_FALSE(nodeAllows(snapshot(), tcpTo(80, "10.0.0.1", other))) << other;
  }
  EXPECT_TRUE(nodeAllows(snapshot(), tcpTo(80, "8.8.8.8", "10.0.0.2")));
}

TEST_P(UnaccountedEndpoint, IsReplacedByARunningPodWithItsAddress) {
  Snapshot made = snapshot();
  made.endpoints[1].ips = {ip("10.0.0.1"), ip("10.0.0.2")};
  EXPECT_TRUE(nodeAllows(made, tcpTo(80, "8.8.8.8", "10.0.0.1")));
}

INSTANTIATE_TEST_SUITE_P(Why, UnaccountedEndpoint,
                         testing::Values("Unknown", "Succeeded", "Failed", "HostNetwork"),
                         [](const auto& why) { return std::string(why.param); });

}  // namespace
}  // namespace kpol::policy
