// SPDX-License-Identifier: Apache-2.0
// Who may send what, without a kernel.
#include "policy/compile.hpp"
#include "tests/support/interpreter.hpp"
#include "tests/support/policy_builders.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kpol::policy {
namespace {

using nft::BaseChain;
using test::Packet;

constexpr const char* kOwnLink = "kpola";
constexpr const char* kOtherLink = "kpolb";
constexpr const char* kUplink = "eth0";

base::IpAddress address(const std::string& text) {
  return *base::IpAddress::parse(text);
}

// One pod on its interface.
nft::Ruleset tableOfOnePod() {
  Snapshot snapshot;
  Pod pod;
  pod.key = {"shop", "a"};
  pod.ips = {address("10.0.0.1"), address("fd00::1")};
  snapshot.pods.push_back(pod);
  snapshot.endpoints.push_back({pod.key, *base::IfName::parse(kOwnLink), pod.ips, {}});
  return compile(snapshot).ruleset;
}

Packet arriving(const char* link, const std::string& source, std::uint8_t protocol = 17) {
  Packet packet;
  packet.hook = BaseChain::Hook::Prerouting;
  packet.iif = link;
  const bool v4 = source.find(':') == std::string::npos;
  packet.flow = {address(source), address(v4 ? "192.0.2.7" : "2001:db8::7"), protocol, 80};
  return packet;
}

TEST(SourceCheck, PodsSendFromTheirOwnAddressesOnly) {
  const auto table = tableOfOnePod();
  for (const char* own : {"10.0.0.1", "fd00::1"}) {
    EXPECT_TRUE(passes(table, arriving(kOwnLink, own))) << own;
    EXPECT_FALSE(passes(table, arriving(kOtherLink, own))) << "a link without a pod: " << own;
    EXPECT_FALSE(passes(table, arriving(kUplink, own))) << "from elsewhere: " << own;
  }
  for (const char* other : {"10.0.0.2", "192.0.2.1", "fd00::2", "fe80::1"}) {
    EXPECT_FALSE(passes(table, arriving(kOwnLink, other))) << other;
    EXPECT_TRUE(passes(table, arriving(kUplink, other))) << other;
  }
}

TEST(SourceCheck, PodsCannotForward) {
  const auto table = tableOfOnePod();
  for (const int type : {133, 134, 135, 136, 137}) {
    auto packet = arriving(kOwnLink, "fe80::5", 58);
    packet.icmpType = static_cast<std::uint8_t>(type);
    EXPECT_EQ(passes(table, packet), type != 134 && type != 137) << type;
    packet.iif = kUplink;
    EXPECT_TRUE(passes(table, packet)) << "routers are there: " << type;
  }
  auto packet = arriving(kOwnLink, "fd00::1", 58);
  packet.icmpType = 134;
  EXPECT_FALSE(passes(table, packet)) << "whatever its source";
}

// A packet that passed while the pod was still there.
TEST(SourceCheck, DeletedPodsStartNoFlow) {
  const auto table = tableOfOnePod();
  auto packet = arriving(kOtherLink, "10.0.0.2");
  packet.hook = BaseChain::Hook::Forward;
  packet.oif = kUplink;
  EXPECT_FALSE(passes(table, packet));
  packet.iif = kOwnLink;
  packet.flow.source = address("10.0.0.1");
  EXPECT_TRUE(passes(table, packet));
}

// Pods "open", "silent" (isolated for egress) and "closed" (for ingress), on kpol interfaces, on
// those of another plugin, or (`links` empty) on unknown ones.
nft::Ruleset tableOfThree(const std::string& links) {
  Snapshot snapshot;
  int number = 0;
  for (const char* name : {"closed", "open", "silent"}) {
    const auto last = std::to_string(++number);
    Pod pod;
    pod.key = {"shop", name};
    pod.labels = test::labels({{"app", name}});
    pod.ips = {address("10.0.0." + last), address("fd00::" + last)};
    snapshot.pods.push_back(pod);
    const auto link = links.empty() ? std::nullopt : base::IfName::parse(links + last);
    snapshot.endpoints.push_back({pod.key, link, pod.ips, {}});
  }
  snapshot.policies = {test::ingress("shop/closed", test::is("app", "closed")),
                       test::egress("shop/silent", test::is("app", "silent"))};
  return compile(snapshot).ruleset;
}

Packet leaving(const std::string& link, const std::string& source, const std::string& to) {
  Packet packet;
  packet.hook = BaseChain::Hook::Output;
  packet.oif = link;
  packet.relayed = true;
  packet.flow = {address(source), address(to), 6, 80};
  return packet;
}

TEST(SourceCheck, RelayedFlowsAreEvaluatedLikeForwardedOnes) {
  for (const std::string links : {"kpol", "veth", ""}) {
    const auto table = tableOfThree(links);
    for (const std::string net : {"10.0.0.", "fd00::"}) {
      const std::string outside = net == "fd00::" ? "2001:db8::7" : "192.0.2.7";
      SCOPED_TRACE(links + " " + net);
      EXPECT_TRUE(passes(table, leaving(kUplink, net + "2", outside))) << "open to outside";
      EXPECT_FALSE(passes(table, leaving(kUplink, net + "3", outside))) << "silent to outside";
      EXPECT_FALSE(passes(table, leaving(links + "2", net + "3", net + "2"))) << "silent to open";
      EXPECT_FALSE(passes(table, leaving(links + "1", outside, net + "1"))) << "outside to closed";
      EXPECT_TRUE(passes(table, leaving(links + "2", outside, net + "2"))) << "outside to open";
      EXPECT_TRUE(passes(table, leaving(links + "1", net + "1", net + "1"))) << "to itself";
    }
  }
}

TEST(SourceCheck, TheNodesOwnFlowsAndEstablishedOnesAreNot) {
  const auto table = tableOfThree("kpol");
  auto packet = leaving("kpol1", "192.0.2.7", "10.0.0.1");
  packet.relayed = false;
  EXPECT_TRUE(passes(table, packet)) << "the node's own";
  packet.relayed = true;
  packet.ctState = nft::ct_state::kEstablished;
  EXPECT_TRUE(passes(table, packet)) << "established";
  packet.revoked = true;
  EXPECT_FALSE(passes(table, packet)) << "forbidden by a later policy";
}

TEST(SourceCheck, PodsOnUnknownInterfacesAreFoundByAddress) {
  const auto table = tableOfThree("");
  EXPECT_TRUE(table.sets.at("endpoints4").elements.empty());
  for (const std::string net : {"10.0.0.", "fd00::"}) {
    auto packet = leaving("veth1", net + "2", net + "1");
    packet.hook = BaseChain::Hook::Forward;
    packet.iif = "veth2";
    EXPECT_FALSE(passes(table, packet)) << "open to closed";
    packet.flow.destination = address(net + "2");
    EXPECT_TRUE(passes(table, packet)) << "open to open";
    packet.flow.source = address(net + "3");
    EXPECT_FALSE(passes(table, packet)) << "silent to open";
  }
}

TEST(SourceCheck, RelayedPacketsToUnknownPodsAreDropped) {
  const auto table = tableOfThree("kpol");
  EXPECT_FALSE(passes(table, leaving("kpol9", "192.0.2.7", "10.0.0.9")));
  auto discovery = leaving("kpol9", "::", "ff02::1:ff00:1");
  discovery.flow.protocol = 58;
  discovery.icmpType = 135;
  EXPECT_TRUE(passes(table, discovery)) << "duplicate address detection";
}

}  // namespace
}  // namespace kpol::policy
