// SPDX-License-Identifier: Apache-2.0
// Whose address a pod's packets bear outside the cluster and inside, and who may send VXLAN.
#include "node/plan.hpp"
#include "tests/support/site.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace kpol::test {
namespace {

using base::Family;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uint16_t kVxlanPort = 8472;
const std::vector<std::string> kMasqueradedPods{"a", "b", "c"};  // one on each node

// A UDP socket of a namespace, of both families.
class Udp {
 public:
  explicit Udp(const netlink::Netns& netns, std::uint16_t port = 0) {
    const auto inside = netns.enter();
    fd_ = base::UniqueFd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(port);
    if (::bind(fd_.value(), reinterpret_cast<sockaddr*>(&any), sizeof any) != 0)
      throw base::SystemError("bind a UDP socket", errno);
  }
  void send(const base::IpAddress& to, std::uint16_t port, const Bytes& what) const {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    auto* bytes = address.sin6_addr.s6_addr;
    if (to.isV4()) bytes[10] = bytes[11] = 0xFF;
    std::memcpy(bytes + (to.isV4() ? 12 : 0), to.bytes().data(), to.bytes().size());
    ::sendto(fd_.value(), what.data(), what.size(), 0, reinterpret_cast<sockaddr*>(&address),
             sizeof address);
  }
  struct Received {
    std::string from;  // its address; "" when nothing came
    std::uint16_t port = 0;
    base::IpAddress address;
  };
  Received receive(int milliseconds) const {
    pollfd poll{fd_.value(), POLLIN, 0};
    if (::poll(&poll, 1, milliseconds) != 1) return {};
    sockaddr_in6 from{};
    socklen_t length = sizeof from;
    std::array<char, 512> buffer{};
    if (::recvfrom(fd_.value(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from),
                   &length) < 0)
      return {};
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&from.sin6_addr);
    const std::span all(from.sin6_addr.s6_addr);
    const auto address = *base::IpAddress::fromBytes(mapped ? all.subspan(12) : all);
    return {toString(address), ntohs(from.sin6_port), address};
  }

 private:
  base::UniqueFd fd_;
};

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

  // The address that `server`, in its namespace at `to`, sees when pod `from` sends, and that the
  // answer finds its way back.
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

TEST_F(Masquerade, OutsideTheNodesAddressInsideThePods) {
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
        << "the underlay knows nodes, and no pods";
  }
}

// What is answered must come back the way it went.
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

TEST_F(Masquerade, NotWhereTheConfigurationSaysSo) {
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

TEST_F(Masquerade, CanBeOff) {
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
  Udp(site_.netns(kGamma)).send(alpha, kVxlanPort, packet);
  EXPECT_EQ(listener.receive(3000).from, toString(ip("c", Family::V4)))
      << "the packet is as a node would send it";
  ASSERT_EQ(dropped(kAlpha), 0);
  Udp(site_.fabric()).send(alpha, kVxlanPort, packet);
  EXPECT_TRUE(soon([&] { return dropped(kAlpha) == 1; })) << "no node";
  // A pod's would come from its node's address.
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
    Udp(site_.netns(kGamma)).send(alpha, kVxlanPort, packet);
    return dropped(kAlpha) > 3;
  }));
}

}  // namespace
}  // namespace kpol::test
