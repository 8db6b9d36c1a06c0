// SPDX-License-Identifier: Apache-2.0
// Whose address a pod's packets bear outside the cluster and inside, and who may send VXLAN.
#include "node/plan.hpp"
#include "tests/support/raw_packet.hpp"
#include "tests/support/site.hpp"
#include "tests/support/udp.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace kpol::test {
namespace {

using base::Family;

constexpr std::uint16_t kVxlanPort = 8472;
constexpr std::uint16_t kPrivilegedPort = 700;                   // as VXLAN devices use
const std::vector<std::string> kMasqueradedPods{"a", "b", "c"};  // one on each node

class Masquerade : public ::testing::Test {
 protected:
  void start(const std::string& config) {
    const auto file = site_.node(kAlpha).directory() / "kpold.yaml";
    std::ofstream(file) << "apiVersion: kpol.io/v1alpha1\nkind: KpoldConfiguration\n" << config;
    std::string pods;
    for (const auto& name : kMasqueradedPods)
      pods += "---\napiVersion: v1\nkind: Pod\nmetadata: {namespace: shop, name: " + name + "}\n";
    site_.announceNodes();
    site_.apply("pods.yaml", pods);
    site_.start({"--config", file});
    for (std::size_t i = 0; i < Site::kNodes; ++i)
      pods_[kMasqueradedPods[i]] = &site_.add(i, {"shop", kMasqueradedPods[i]});
  }
  netlink::Netns pod(const std::string& name) const { return pods_.at(name)->netns->open(); }
  base::IpAddress ip(const std::string& pod, Family family) const {
    return pods_.at(pod)->ip(family);
  }

  // Returns the address that `server`, in its namespace at `to`, sees when pod `from` sends, and
  // checks that the reply arrives.
  std::string seenFrom(const std::string& from, const netlink::Netns& server,
                       const base::IpAddress& to) {
    return seenFrom(pod(from), server, to);
  }
  static std::string seenFrom(const netlink::Netns& from, const netlink::Netns& server,
                              const base::IpAddress& to) {
    const Udp there(server, 5300);
    const Udp here(from);
    here.send(to, 5300, {1});
    const auto got = there.receive(3000);
    if (got.from.empty()) return "nothing";
    there.send(got.address, got.port, {2});
    return here.receive(3000).from == toString(to) ? got.from : got.from + ", unanswered";
  }

  // Packets that the guard has dropped on the node.
  int dropped(std::size_t node) {
    const auto text = site_.in(node, {"nft", "-j", "list", "counters", "table", "inet", "kpol"});
    const auto listed = nlohmann::json::parse(text);
    for (const auto& entry : listed.at("nftables"))
      if (entry.contains("counter") && entry.at("counter").at("name") == "vxlan-guard")
        return entry.at("counter").at("packets");
    return -1;
  }

  // A UDP packet from pod c to port 5300 of pod a, as node gamma would send it to alpha.
  Bytes forged() const {
    const auto source = ip("c", Family::V4);
    const auto destination = ip("a", Family::V4);
    Bytes ip4{0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0, 0};
    ip4.insert(ip4.end(), source.bytes().begin(), source.bytes().end());
    ip4.insert(ip4.end(), destination.bytes().begin(), destination.bytes().end());
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < ip4.size(); i += 2) sum += ip4[i] * 256U + ip4[i + 1];
    sum = (sum & 0xFFFFU) + (sum >> 16U);
    ip4[10] = static_cast<std::uint8_t>(~sum >> 8U);
    ip4[11] = static_cast<std::uint8_t>(~sum);
    Bytes packet{8, 0, 0, 0, 0, 0x10, 0x0B, 0};  // VNI 4107
    for (const char* name : {"alpha", "gamma"}) {
      const auto mac = node::vxlanMac(name);
      packet.insert(packet.end(), mac.bytes.begin(), mac.bytes.end());
    }
    packet.insert(packet.end(), {8, 0});
    packet.insert(packet.end(), ip4.begin(), ip4.end());
    packet.insert(packet.end(), {0x30, 0x39, 0x14, 0xB4, 0, 9, 0, 0, 'x'});  // 12345 -> 5300
    return packet;
  }

  Site site_;
  std::map<std::string, NodePod*> pods_;
};

TEST_F(Masquerade, HidesPodAddressesOnlyOutside) {
  start("routing: auto\n");
  for (const auto family : {Family::V4, Family::V6}) {
    EXPECT_EQ(seenFrom("a", site_.fabric(), Site::fabricIp(family)),
              toString(Site::nodeIp(kAlpha, family)));
    EXPECT_EQ(seenFrom("b", site_.fabric(), Site::fabricIp(family)),
              toString(Site::nodeIp(kBeta, family)));
    const auto own = toString(ip("a", family));
    EXPECT_EQ(seenFrom("a", pod("b"), ip("b", family)), own) << "directly";
    EXPECT_EQ(seenFrom("a", pod("c"), ip("c", family)), own) << "by VXLAN";
    EXPECT_EQ(seenFrom("a", site_.netns(kAlpha), Site::nodeIp(kAlpha, family)), own);
    EXPECT_EQ(seenFrom("a", site_.netns(kGamma), Site::nodeIp(kGamma, family)),
              toString(Site::nodeIp(kAlpha, family)))
        << "the underlay has routes to nodes, not to pods";
  }
}

// Replies must take the same path back.
TEST_F(Masquerade, NodesReachPods) {
  start("routing: auto\n");
  for (const auto family : {Family::V4, Family::V6}) {
    const auto node = toString(Site::nodeIp(kAlpha, family));
    EXPECT_EQ(seenFrom(site_.netns(kAlpha), pod("a"), ip("a", family)), node);
    EXPECT_EQ(seenFrom(site_.netns(kAlpha), pod("b"), ip("b", family)), node);
    EXPECT_EQ(seenFrom(site_.netns(kAlpha), pod("c"), ip("c", family)),
              family == Family::V4 ? "10.244.1.0" : "fd00:10:244:1::")
        << "by VXLAN";
  }
}

TEST_F(Masquerade, ExceptsConfiguredCidrs) {
  start("routing: auto\nnonMasqueradeCIDRs: 192.0.2.0/24, 2001:db8:2::/64\n");
  site_.inFabric({"ip", "route", "add", "10.244.1.0/24", "via", "192.0.2.11"});
  site_.inFabric({"ip", "route", "add", "fd00:10:244:1::/64", "via", "2001:db8:2::11"});
  for (const auto family : {Family::V4, Family::V6}) {
    const auto own = toString(ip("a", family));
    EXPECT_EQ(seenFrom("a", site_.fabric(), Site::fabricIp(family)), own);
    EXPECT_EQ(seenFrom("a", site_.netns(kBeta), Site::nodeIp(kBeta, family)), own);
    EXPECT_EQ(seenFrom("a", site_.netns(kGamma), Site::nodeIp(kGamma, family)),
              toString(Site::nodeIp(kAlpha, family)));
  }
}

TEST_F(Masquerade, CanBeDisabled) {
  start("routing: auto\nmasquerade: false\n");
  EXPECT_EQ(seenFrom("a", site_.fabric(), Site::fabricIp(Family::V4)),
            toString(ip("a", Family::V4)) + ", unanswered");
  EXPECT_EQ(site_.in(kAlpha, {"nft", "list", "table", "inet", "kpol"}).find("masquerade\n"),
            std::string::npos);
}

TEST_F(Masquerade, OnlyNodesSendVxlan) {
  start("routing: auto\n");
  const Udp listener(pod("a"), 5300);
  const auto packet = forged();
  const auto alpha = Site::nodeIp(kAlpha, Family::V4);
  Udp(site_.netns(kGamma), kPrivilegedPort).send(alpha, kVxlanPort, packet);
  EXPECT_EQ(listener.receive(3000).from, toString(ip("c", Family::V4)))
      << "the packet is as a node would send it";
  ASSERT_EQ(dropped(kAlpha), 0);
  Udp(site_.fabric()).send(alpha, kVxlanPort, packet);
  EXPECT_TRUE(soon([&] { return dropped(kAlpha) == 1; })) << "no node";
  // A packet of a pod would have its node's address.
  Udp(pod("c")).send(alpha, kVxlanPort, packet);
  EXPECT_TRUE(soon([&] { return dropped(kGamma) == 1; })) << "a pod of another node";
  Udp(pod("a")).send(alpha, kVxlanPort, packet);
  EXPECT_TRUE(soon([&] { return dropped(kAlpha) == 2; })) << "a pod of this node";
  Udp(pod("a")).send(Site::nodeIp(kGamma, Family::V6), kVxlanPort, packet);
  EXPECT_TRUE(soon([&] { return dropped(kAlpha) == 3; })) << "IPv6";
  EXPECT_EQ(listener.receive(200).from, "");
  // A node that is gone from the cluster is none any more.
  site_.node(kAlpha).remove("node-gamma.yaml");
  site_.node(kAlpha).sync();
  EXPECT_TRUE(soon([&] {
    Udp(site_.netns(kGamma), kPrivilegedPort).send(alpha, kVxlanPort, packet);
    return dropped(kAlpha) > 3;
  }));
}

// They cannot have the source port of the VXLAN device.
TEST_F(Masquerade, UnprivilegedProcessesOfNodesCannotSendVxlan) {
  start("routing: auto\n");
  auto listener = std::make_unique<Udp>(pod("a"), 5300);
  const auto packet = forged();
  int drops = 0;
  for (const auto family : {Family::V4, Family::V6}) {
    Udp(site_.netns(kGamma)).send(Site::nodeIp(kAlpha, family), kVxlanPort, packet);
    EXPECT_TRUE(soon([&] { return dropped(kGamma) == drops + 1; })) << "to another node";
    Udp(site_.netns(kGamma)).send(Site::nodeIp(kGamma, family), kVxlanPort, packet);
    EXPECT_TRUE(soon([&] { return dropped(kGamma) == drops + 2; })) << "to its own";
    drops += 2;
  }
  EXPECT_EQ(listener->receive(300).from, "");
  listener.reset();
  for (const auto family : {Family::V4, Family::V6})
    EXPECT_EQ(seenFrom("c", pod("a"), ip("a", family)), toString(ip("c", family))) << "by VXLAN";
  EXPECT_EQ(dropped(kGamma), drops);
}

// On a node whose kpold does not run, and whose table is gone.
TEST_F(Masquerade, EncapsulatedPacketsFromUnprivilegedPortsAreNotReceived) {
  start("routing: auto\n");
  const Udp listener(pod("a"), 5300);
  const auto packet = forged();
  site_.node(kGamma).stopKpold(SIGTERM);
  site_.in(kGamma, {"nft", "delete", "table", "inet", "kpol"});
  int drops = 0;
  for (const auto family : {Family::V4, Family::V6}) {
    Udp(site_.netns(kGamma)).send(Site::nodeIp(kAlpha, family), kVxlanPort, packet);
    EXPECT_TRUE(soon([&] { return dropped(kAlpha) == drops + 1; }));
    ++drops;
  }
  EXPECT_EQ(listener.receive(300).from, "");
  Udp(site_.netns(kGamma), kPrivilegedPort)
      .send(Site::nodeIp(kAlpha, Family::V4), kVxlanPort, packet);
  EXPECT_EQ(listener.receive(3000).from, toString(ip("c", Family::V4)));
}

// As an earlier version of kpold made it.
TEST_F(Masquerade, ADeviceThatSendsFromAnyPortIsReplaced) {
  start("routing: auto\n");
  const auto device = [&] { return site_.in(kGamma, {"ip", "-d", "link", "show", "vxlan.kpol"}); };
  EXPECT_NE(device().find("srcport 512 1023"), std::string::npos) << device();
  site_.node(kGamma).stopKpold(SIGTERM);
  site_.in(kGamma, {"ip", "link", "delete", "vxlan.kpol"});
  site_.in(kGamma, {"ip", "link", "add", "vxlan.kpol", "address", toString(node::vxlanMac("gamma")),
                    "type", "vxlan", "id", "4107", "dstport", "8472", "local",
                    toString(Site::nodeIp(kGamma, Family::V4)), "nolearning"});
  EXPECT_NE(device().find("srcport 0 0"), std::string::npos) << device();
  {
    const auto inside = site_.netns(kGamma).enter();
    site_.node(kGamma).startKpold({"--routing", "auto"});
  }
  site_.node(kGamma).sync();
  EXPECT_NE(device().find("srcport 512 1023"), std::string::npos) << device();
  for (const auto family : {Family::V4, Family::V6})
    EXPECT_EQ(seenFrom("c", pod("a"), ip("a", family)), toString(ip("c", family)));
}

// kube-proxy forwards a port of beta to alpha's VXLAN port and masquerades, so the packet would
// come from a node.
TEST_F(Masquerade, PodsCannotSendVxlanThroughAService) {
  start("routing: auto\n");
  const Udp listener(pod("a"), 5300);
  site_.in(kBeta, {"nft",
                   "add table ip service; "
                   "add chain ip service nat-in { type nat hook prerouting priority dstnat; }; "
                   "add rule ip service nat-in udp dport 30000 dnat to 192.0.2.11:8472; "
                   "add chain ip service nat-out { type nat hook postrouting priority srcnat; }; "
                   "add rule ip service nat-out ct status dnat masquerade"});
  const Udp witness(site_.netns(kAlpha), 5301);
  site_.in(kBeta, {"nft", "add rule ip service nat-in udp dport 30001 dnat to 192.0.2.11:5301"});
  Udp(site_.fabric()).send(Site::nodeIp(kBeta, Family::V4), 30001, {1});
  ASSERT_EQ(witness.receive(3000).from, "192.0.2.12") << "the Service works";
  Udp(site_.fabric()).send(Site::nodeIp(kBeta, Family::V4), 30000, forged());
  EXPECT_TRUE(soon([&] { return dropped(kBeta) == 1; }));
  EXPECT_EQ(listener.receive(200).from, "");
}

// NAT leaves out packets that belong to no flow: they would leave with the pod's address.
TEST_F(Masquerade, InvalidPacketsDoNotLeaveWithAPodAddress) {
  start("routing: auto\n");
  for (const auto family : {Family::V4, Family::V6}) {
    // No TCP begins and ends a connection at once.
    const auto invalid = [&](const base::IpAddress& to) {
      sendRaw(pod("a"),
              rawPacket(ip("a", family), to, 6, tcpHeader(4000, 4001, kTcpSyn | kTcpFin)));
    };
    const RawReceiver inside(pod("b"), family, 6);
    invalid(ip("b", family));
    EXPECT_EQ(inside.receive(3000), toString(ip("a", family))) << "between pods it may pass";
    const RawReceiver outside(site_.fabric(), family, 6);
    invalid(Site::fabricIp(family));
    EXPECT_EQ(outside.receive(300), "");
    EXPECT_EQ(seenFrom("a", site_.fabric(), Site::fabricIp(family)),
              toString(Site::nodeIp(kAlpha, family)));
  }
}

}  // namespace
}  // namespace kpol::test
