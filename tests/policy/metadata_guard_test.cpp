// SPDX-License-Identifier: Apache-2.0
// Who may reach the cloud's metadata service; the meaning and the compiled table must agree.
#include "policy/metadata_guard.hpp"

#include "policy/compile.hpp"
#include "policy/evaluate.hpp"
#include "tests/support/interpreter.hpp"
#include "tests/support/policy_builders.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace kpol::policy {
namespace {

namespace t = kpol::test;

class MetadataGuardTest : public ::testing::Test {
 protected:
  MetadataGuardTest() {
    snapshot_.metadataGuard.on = true;
    snapshot_.metadataGuard.exemptNamespaces = {"kube-system"};
    snapshot_.nodeIps = {t::ip("192.0.2.1")};
    addPod("shop", "10.0.0.1", "fd00::1");
    addPod("kube-system", "10.0.0.2", "fd00::2");
    addPod("trusted", "10.0.0.3", "fd00::3");
    snapshot_.namespaces[2].labels = t::labels({{kMetadataAccessLabel, "allow"}});
    std::ranges::sort(snapshot_.namespaces);
    std::ranges::sort(snapshot_.pods);
    std::ranges::sort(snapshot_.endpoints);
  }
  void addPod(const char* ns, const char* v4, const char* v6) {
    snapshot_.namespaces.push_back({ns, {}});
    Pod pod;
    pod.key = {ns, "pod"};
    pod.phase = PodPhase::Running;
    pod.ips = {t::ip(v4), t::ip(v6)};
    const auto interface = "kpol" + std::to_string(snapshot_.pods.size());
    snapshot_.endpoints.push_back({pod.key, *base::IfName::parse(interface), pod.ips});
    snapshot_.pods.push_back(pod);
  }
  void addPolicy(NetworkPolicy policy) { snapshot_.policies.push_back(std::move(policy)); }

  bool reaches(const char* from, const char* to, std::uint8_t protocol = 6) {
    const Flow flow{t::ip(from), t::ip(to), protocol, static_cast<std::uint16_t>(80)};
    const bool meant = nodeAllows(snapshot_, flow);
    EXPECT_EQ(test::passes(compile(snapshot_).ruleset, snapshot_, flow), meant) << from << to;
    return meant;
  }
  bool reaches4(const char* from) { return reaches(from, "169.254.169.254"); }
  bool reaches6(const char* from) { return reaches(from, "fd00:ec2::254"); }

  Snapshot snapshot_;
};

TEST_F(MetadataGuardTest, DeniesPodsOfOrdinaryNamespaces) {
  EXPECT_FALSE(reaches4("10.0.0.1"));
  EXPECT_FALSE(reaches6("fd00::1"));
  EXPECT_FALSE(reaches("10.0.0.1", "169.254.169.254", 1));
  EXPECT_TRUE(reaches("10.0.0.1", "169.254.169.253"));
  EXPECT_TRUE(evaluate(snapshot_, {t::ip("10.0.0.1"), t::ip("169.254.169.254"), 6, 80}).guarded);
}

TEST_F(MetadataGuardTest, AllowsExemptAndLabelledNamespaces) {
  for (const char* from : {"10.0.0.2", "10.0.0.3"}) EXPECT_TRUE(reaches4(from)) << from;
  for (const char* from : {"fd00::2", "fd00::3"}) EXPECT_TRUE(reaches6(from)) << from;
}

TEST_F(MetadataGuardTest, NoPolicyOpensTheService) {
  addPolicy(t::egress("shop/p", t::everything(),
                      {t::rule({t::block(t::cidr("169.254.169.254/32"))}, {t::port(80)}),
                       t::rule({t::block(t::cidr("fd00:ec2::254/128"))}),
                       t::rule({t::block(t::cidr("0.0.0.0/0"))}), t::anyPeer()}));
  EXPECT_FALSE(reaches4("10.0.0.1"));
  EXPECT_FALSE(reaches6("fd00::1"));
  EXPECT_TRUE(reaches("10.0.0.1", "198.51.100.1"));
}

TEST_F(MetadataGuardTest, PoliciesOfAnExemptNamespaceDecide) {
  addPolicy(t::egress("trusted/p", t::everything(),
                      {t::rule({t::block(t::cidr("169.254.169.254/32"))}, {t::port(80)})}));
  EXPECT_TRUE(reaches4("10.0.0.3"));
  EXPECT_FALSE(reaches("10.0.0.3", "169.254.169.254", 17));
  EXPECT_FALSE(reaches6("fd00::3"));
}

TEST_F(MetadataGuardTest, CoversTheKnownClouds) {
  for (const char* to : {"100.100.100.200", "192.0.0.192", "169.254.0.23", "169.254.42.42"})
    EXPECT_FALSE(reaches("10.0.0.1", to)) << to;
  for (const char* to : {"fd20:ce::254", "fd00:42::42"}) EXPECT_FALSE(reaches("fd00::1", to)) << to;
  // DNS and health checks of Azure, and credentials that EKS makes for pods.
  EXPECT_TRUE(reaches("10.0.0.1", "168.63.129.16"));
  EXPECT_TRUE(reaches("10.0.0.1", "169.254.170.23"));
}

TEST_F(MetadataGuardTest, GivenAddressesReplaceTheKnownOnes) {
  snapshot_.metadataGuard.addresses = {t::ip("192.0.2.7")};
  EXPECT_FALSE(reaches("10.0.0.1", "192.0.2.7"));
  EXPECT_TRUE(reaches4("10.0.0.1"));
  EXPECT_TRUE(reaches6("fd00::1"));
}

TEST_F(MetadataGuardTest, DeniesAnAddressOfTheNodeItself) {
  snapshot_.nodeIps.push_back(t::ip("169.254.169.254"));
  EXPECT_FALSE(reaches4("10.0.0.1"));
  EXPECT_TRUE(reaches4("10.0.0.2"));
}

TEST_F(MetadataGuardTest, DisabledGuardHasNoRules) {
  snapshot_.metadataGuard.on = false;
  EXPECT_TRUE(reaches4("10.0.0.1"));
  EXPECT_FALSE(compile(snapshot_).ruleset.sets.contains("metadata4"));
}

}  // namespace
}  // namespace kpol::policy
