// SPDX-License-Identifier: Apache-2.0
// Who may send what, without a kernel.
#include "policy/compile.hpp"
#include "tests/support/interpreter.hpp"

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

}  // namespace
}  // namespace kpol::policy
