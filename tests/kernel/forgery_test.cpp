// SPDX-License-Identifier: Apache-2.0
// Packets with a forged source address, and router advertisements. The tests do not depend on the
// kernel's source check (rp_filter), which is turned off.
#include "netlink/route_socket.hpp"
#include "tests/support/node.hpp"
#include "tests/support/raw_packet.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace kpol::test {
namespace {

using base::Family;

constexpr std::uint16_t kClientPort = 15000;
constexpr std::uint16_t kServerPort = 80;
constexpr std::array<std::uint8_t, 6> kAllNodes{0x33, 0x33, 0, 0, 0, 1};

// Only pod c reaches b; a neither sends nor receives.
constexpr const char* kForgeryPods = R"(
apiVersion: v1
kind: PodList
items:
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: a, labels: {app: a}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: b, labels: {app: b}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: c, labels: {app: c}}}
)";
constexpr const char* kForgeryPolicies = R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: only-c}
spec:
  podSelector: {matchLabels: {app: b}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: c}}}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: silent}
spec:
  podSelector: {matchLabels: {app: a}}
  policyTypes: [Ingress, Egress]
)";

void setSysctl(const std::string& path, const std::string& value) {
  std::ofstream file("/proc/sys/net/" + path);
  file << value;
  file.flush();
  ASSERT_TRUE(file.good()) << path;
}
std::string sysctl(const std::string& path) {
  std::string value;
  std::ifstream("/proc/sys/net/" + path) >> value;
  return value;
}

std::vector<std::string> podInterfaces() {
  std::vector<std::string> names;
  for (const auto& link : netlink::RouteSocket().links())
    if (link.name.text().starts_with("kpol")) names.push_back(link.name.text());
  return names;
}

class Forgery : public ::testing::Test {
 protected:
  void SetUp() override {
    node_.apply("pods.yaml", kForgeryPods);
    node_.apply("policies.yaml", kForgeryPolicies);
    node_.startKpold();
    for (const char* name : {"a", "b", "c"}) node_.add({"shop", name});
    node_.sync();
    auto links = podInterfaces();
    links.insert(links.end(), {"all", "default", "eth0"});
    for (const auto& link : links) setSysctl("ipv4/conf/" + link + "/rp_filter", "0");
  }
  netlink::Netns pod(const std::string& name) { return node_.find({"shop", name})->netns->open(); }
  base::IpAddress ip(const std::string& name, Family family) {
    return node_.find({"shop", name})->ip(family);
  }
  // A flow that is allowed, with packets in both directions.
  void establish(const Udp& client, const Udp& server, Family family) {
    client.send(ip("b", family), kServerPort, {1});
    const auto got = server.receive(3000);
    ASSERT_EQ(got.from, toString(ip("c", family)));
    server.send(got.address, got.port, {2});
    ASSERT_EQ(client.receive(3000).from, toString(ip("b", family)));
  }
  // The next datagram that the server gets, when only forged ones were sent.
  void expectNothing(const Udp& server, const char* what) {
    EXPECT_EQ(server.receive(300).from, "") << what;
  }

  Node node_;
};

TEST_F(Forgery, PodsCannotJoinAnEstablishedFlow) {
  for (const auto family : {Family::V4, Family::V6}) {
    const Udp server(pod("b"), kServerPort);
    const Udp client(pod("c"), kClientPort);
    establish(client, server, family);
    const auto forged =
        rawPacket(ip("c", family), ip("b", family), 17, udpDatagram(kClientPort, kServerPort, {3}));
    sendRaw(pod("a"), forged);
    expectNothing(server, "from another pod");
    sendRaw(node_.outside().open(), forged);
    expectNothing(server, "from outside");
    const auto reply =
        rawPacket(ip("b", family), ip("c", family), 17, udpDatagram(kServerPort, kClientPort, {4}));
    sendRaw(pod("a"), reply);
    sendRaw(node_.outside().open(), reply);
    expectNothing(client, "the other way");
    establish(client, server, family);
  }
}

TEST_F(Forgery, PodsCannotStartAFlowForAnotherPod) {
  for (const auto family : {Family::V4, Family::V6}) {
    const Udp server(pod("b"), kServerPort);
    const Udp outside(node_.outside().open(), kServerPort);
    const Udp onNode(netlink::Netns::current(), kServerPort);
    const auto send = [&](const netlink::Netns& from, const base::IpAddress& source,
                          const base::IpAddress& to) {
      sendRaw(from, rawPacket(source, to, 17, udpDatagram(2000, kServerPort, {5})));
    };
    send(pod("a"), ip("c", family), ip("b", family));
    send(node_.outside().open(), ip("c", family), ip("b", family));
    expectNothing(server, "as the client that may");
    for (const auto& from : {pod("a"), node_.outside().open()})
      send(from, ip("b", family), ip("b", family));
    expectNothing(server, "as the server itself");
    send(pod("a"), ip("c", family), Node::outsideIp(family));
    send(pod("a"), Node::nodeIp(family), Node::outsideIp(family));
    expectNothing(outside, "to outside");
    send(pod("a"), ip("c", family), Node::nodeIp(family));
    expectNothing(onNode, "to the node");
    send(pod("c"), ip("c", family), ip("b", family));
    EXPECT_EQ(server.receive(3000).from, toString(ip("c", family))) << "what may pass, does";
    send(pod("c"), ip("c", family), Node::nodeIp(family));
    EXPECT_EQ(onNode.receive(3000).from, toString(ip("c", family)));
  }
}

// As kube-proxy in IPVS mode, and proxies with IP_TRANSPARENT, send for others.
TEST_F(Forgery, WhatTheNodeSendsForOthersIsEvaluatedLikeForwardedPackets) {
  for (const auto family : {Family::V4, Family::V6}) {
    const Udp server(pod("b"), kServerPort);
    const Udp open(pod("c"), kServerPort);
    const Udp outside(node_.outside().open(), kServerPort);
    const auto relay = [&](const base::IpAddress& source, const base::IpAddress& to,
                           std::uint16_t port = 2000) {
      try {
        sendRaw(netlink::Netns::current(),
                rawPacket(source, to, 17, udpDatagram(port, kServerPort, {6})));
      } catch (const base::SystemError& error) {
        EXPECT_EQ(error.code(), EPERM) << "dropped at output";
      }
    };
    const auto outsideIp = Node::outsideIp(family);
    relay(ip("a", family), outsideIp);
    expectNothing(outside, "from a pod that may send nothing");
    relay(ip("a", family), ip("c", family));
    relay(ip("a", family), ip("b", family));
    relay(outsideIp, ip("b", family));
    expectNothing(server, "from senders that the server does not admit");
    expectNothing(open, "from a pod that may send nothing");
    relay(ip("c", family), outsideIp);
    EXPECT_EQ(outside.receive(3000).from, toString(ip("c", family))) << "what may pass, does";
    relay(outsideIp, ip("c", family));
    EXPECT_EQ(open.receive(3000).from, toString(outsideIp));
    relay(Node::nodeIp(family), ip("b", family));
    EXPECT_EQ(server.receive(3000).from, toString(Node::nodeIp(family))) << "the node's own";
    for (int i = 0; i < 2; ++i) {  // the second time within the established flow
      relay(ip("c", family), ip("b", family), 2001);
      const auto got = server.receive(3000);
      EXPECT_EQ(got.from, toString(ip("c", family))) << "packet " << i;
      if (!got.from.empty()) server.send(got.address, got.port, {7});
    }
  }
}

// ICMPv6 134 with a default route and a prefix for addresses.
Bytes routerAdvertisement() {
  const auto prefix = *base::IpAddress::parse("2001:db8:bad::");
  Bytes message{134, 0, 0, 0, 64, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0};
  const Bytes option{3, 4, 64, 0xC0, 0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0};
  message.insert(message.end(), option.begin(), option.end());
  message.insert(message.end(), prefix.bytes().begin(), prefix.bytes().end());
  return rawPacket(*base::IpAddress::parse("fe80::bad"), *base::IpAddress::parse("ff02::1"), 58,
                   message, 255);
}

// What the node has taken from advertisements.
std::string learnt() {
  return run({"ip", "-6", "route", "show", "proto", "ra"}).out +
         run({"ip", "-6", "route", "show", "default"}).out +
         run({"ip", "-6", "address", "show", "to", "2001:db8:bad::/64"}).out;
}
bool learnsSoon() {
  for (int i = 0; i < 50 && learnt().empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return !learnt().empty();
}

// Families of the pod's addresses.
class RouterAdvertisement : public ::testing::TestWithParam<std::string> {};

TEST_P(RouterAdvertisement, FromAPodChangesNoRouteOfTheNode) {
  NodeOptions options;
  if (GetParam() == "IPv4") options.ipv6 = "";
  Node node(options);
  // As kpol of an earlier version, or an administrator, may have left it.
  for (const char* which : {"all", "default"})
    setSysctl(std::string("ipv6/conf/") + which + "/accept_ra", "2");
  node.apply("pods.yaml", kForgeryPods);
  node.startKpold();
  const auto& pod = node.add({"shop", "a"});
  node.sync();
  const auto link = podInterfaces().front();
  for (const char* key : {"accept_ra", "accept_redirects"})
    EXPECT_EQ(sysctl("ipv6/conf/" + link + "/" + key), "0");
  EXPECT_EQ(sysctl("ipv4/conf/" + link + "/accept_redirects"), "0");
  // Not even then, because the table drops them.
  setSysctl("ipv6/conf/" + link + "/accept_ra", "2");
  sendOnLink(pod.netns->open(), "eth0", kAllNodes, routerAdvertisement());
  EXPECT_FALSE(learnsSoon()) << learnt();
  // The same message from where routers are.
  setSysctl("ipv6/conf/eth0/accept_ra", "2");
  const auto outside = node.outside().open();
  sendOnLink(outside, "eth0", kAllNodes, routerAdvertisement());
  EXPECT_TRUE(learnsSoon()) << "the message is a good one";
}
INSTANTIATE_TEST_SUITE_P(Families, RouterAdvertisement, ::testing::Values("IPv4", "DualStack"));

}  // namespace
}  // namespace kpol::test
