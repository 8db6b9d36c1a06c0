// SPDX-License-Identifier: Apache-2.0
// Nodes with wrong addresses, and what other programs do to the routes of pods: with real packets.
#include "node/host_firewall.hpp"
#include "tests/support/prober.hpp"
#include "tests/support/site.hpp"
#include "tests/support/udp.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace kpol::test {
namespace {

using base::Family;
using nlohmann::json;

const std::vector<std::string> kOddPods{"a", "b", "c"};  // one on each node

class OddNode : public ::testing::Test {
 protected:
  void start(const std::vector<std::string>& arguments = {"--routing", "auto"}) {
    site_.announceNodes();
    std::string text;
    for (const auto& name : kOddPods)
      text += "---\napiVersion: v1\nkind: Pod\nmetadata: {namespace: shop, name: " + name + "}\n";
    site_.apply("pods.yaml", text);
    site_.start(arguments);
    for (std::size_t i = 0; i < Site::kNodes; ++i) {
      auto& pod = site_.add(i, {"shop", kOddPods[i]});
      pods_[kOddPods[i]] = &pod;
      prober_.addHost(kOddPods[i], pod.netns->open());
    }
    sync();
  }
  void sync() {
    for (std::size_t i = 0; i < Site::kNodes; ++i) site_.node(i).sync();
  }

  // UDP and TCP in both families.
  std::vector<Reach> tryAll(const std::string& from, const std::string& to, bool expected) {
    std::vector<Attempt> attempts;
    for (const auto family : {Family::V4, Family::V6})
      for (const std::uint8_t protocol : {std::uint8_t{6}, std::uint8_t{17}})
        attempts.push_back(
            {from, {pods_.at(from)->ip(family), pods_.at(to)->ip(family), protocol, 80}});
    return prober_.run(attempts, std::vector<bool>(attempts.size(), expected));
  }
  void expectOpen(const std::string& from, const std::string& to, const std::string& when) {
    EXPECT_EQ(tryAll(from, to, true), std::vector<Reach>(4, Reach::Both))
        << from << " -> " << to << " " << when;
  }
  void expectClosed(const std::string& from, const std::string& to, const std::string& when) {
    EXPECT_EQ(tryAll(from, to, false), std::vector<Reach>(4, Reach::None))
        << from << " -> " << to << " " << when;
  }

  // The address that a server in `netns` at `to` sees if pod `from` sends; "" if nothing arrives.
  std::string seenFrom(const std::string& from, const netlink::Netns& netns,
                       const base::IpAddress& to, int patience = 3000) {
    const Udp there(netns, 5300);
    const Udp here(pods_.at(from)->netns->open());
    here.send(to, 5300, {1});
    return there.receive(patience).from;
  }

  json status(std::size_t node) { return json::parse(site_.node(node).get("/v1/status")); }
  std::string diagnostics(std::size_t node) { return status(node).at("diagnostics").dump(); }
  std::string hostInterface(std::size_t node) {
    return site_.in(node, {"sh", "-c", "ip -br link | grep -o '^kpol[0-9a-f]*' | tr -d '\\n'"});
  }
  std::string podRoutes(std::size_t node) {
    return site_.in(node, {"sh", "-c",
                           "for f in -4 -6; do ip $f route show dev " + hostInterface(node) +
                               " | grep -v fe80; ip $f neighbour show dev " + hostInterface(node) +
                               " nud permanent; done"});
  }

  Site site_;
  Prober prober_;
  std::map<std::string, NodePod*> pods_;
};

// Gamma behind a router: its addresses are on `lo`, only the router knows those of its link, and it
// has a multipath default route.
TEST_F(OddNode, AddressOnLoopbackIsTheSourceAndHasTheUplinksMtu) {
  for (
      const char* command :
      {"ip address del 198.51.100.13/24 dev eth0", "ip address add 198.51.100.13/32 dev lo",
       "ip -6 address del 2001:db8:3::13/64 dev eth0",
       "ip -6 address add 2001:db8:3::13/128 dev lo nodad",
       "ip address add 203.0.113.2/29 dev eth0",
       "ip -6 address add 2001:db8:9::2/64 dev eth0 nodad", "ip link set eth0 mtu 1480",
       "ip route replace default nexthop via 203.0.113.1 dev eth0 nexthop via 203.0.113.3 dev eth0",
       "ip -6 route replace default via 2001:db8:9::1"})
    EXPECT_EQ(site_.in(kGamma, {"sh", "-c", command}), "") << command;
  for (const char* command :
       {"ip address add 203.0.113.1/29 dev gamma", "ip address add 203.0.113.3/29 dev gamma",
        "ip -6 address add 2001:db8:9::1/64 dev gamma nodad",
        "ip route add 198.51.100.13 via 203.0.113.2",
        "ip -6 route add 2001:db8:3::13 via 2001:db8:9::2"})
    EXPECT_EQ(site_.inFabric({"sh", "-c", command}), "") << command;
  start();
  EXPECT_TRUE(soon([&] { return status(kGamma).at("network").at("mtu") == 1430; }));
  const auto network = status(kGamma).at("network");
  EXPECT_EQ(network.at("vxlan").at("local"), "198.51.100.13");
  for (const auto family : {Family::V4, Family::V6})
    EXPECT_EQ(seenFrom("c", site_.netns(kAlpha), Site::nodeIp(kAlpha, family)),
              toString(Site::nodeIp(kGamma, family)));
  expectOpen("a", "c", "although gamma's address is on lo");
  expectOpen("c", "b", "although gamma's address is on lo");
}

TEST_F(OddNode, AddressThatIsAwayForAMomentChangesNothing) {
  start({"--routing", "vxlan"});
  const auto device = [&] {
    return site_.in(kAlpha, {"sh", "-c", "ip -o -d link show vxlan.kpol; ip route show proto 107"});
  };
  const auto before = device();
  site_.in(kAlpha, {"ip", "address", "del", "192.0.2.11/24", "dev", "eth0"});
  EXPECT_TRUE(soon([&] {
    return diagnostics(kAlpha).find("192.0.2.11 is on none of this node's interfaces") !=
           std::string::npos;
  }));
  EXPECT_EQ(device(), before);
  EXPECT_EQ(status(kAlpha).at("network").at("mtu"), 1450);
  const auto inside = site_.netns(kAlpha).enter();
  site_.node(kAlpha).stopKpold(SIGTERM);
  site_.node(kAlpha).startKpold({"--routing", "vxlan"});
  EXPECT_TRUE(soon([&] { return status(kAlpha).at("network").at("mtu") == 1450; }))
      << "also after a restart";
  EXPECT_EQ(device(), before);
  site_.in(kAlpha, {"ip", "address", "add", "192.0.2.11/24", "dev", "eth0"});
  site_.in(kAlpha, {"ip", "route", "replace", "default", "via", "192.0.2.254"});
  EXPECT_TRUE(soon([&] {
    return diagnostics(kAlpha).find("is on none of this node's interfaces") == std::string::npos;
  }));
  expectOpen("a", "b", "after the address came back");
}

// Gamma's Node names addresses of beta's pods, as a kubelet with a wrong --node-ip does.
TEST_F(OddNode, AddressInsideAnotherNodesPodCidrsCostsItsOwnPodsAtMost) {
  start();
  auto text = Site::nodeText(kGamma);
  const std::string list = "addresses: [";
  text.insert(text.find(list) + list.size(),
              "{type: InternalIP, address: 10.244.2.7}, "
              "{type: InternalIP, address: 'fd00:10:244:2::7'}, ");
  site_.apply("node-gamma.yaml", text);
  sync();
  for (std::size_t node = 0; node < Site::kNodes; ++node)
    EXPECT_TRUE(soon([&] {
      return diagnostics(node).find(
                 "10.244.2.7 is inside the pod CIDR 10.244.2.0/24 of node "
                 "beta") != std::string::npos;
    })) << diagnostics(node);
  for (const char* from : {"a", "b", "c"})
    for (const char* to : {"a", "b", "c"})
      if (*from != *to) expectOpen(from, to, "although gamma names other addresses as well");
  for (const auto family : {Family::V4, Family::V6})
    EXPECT_EQ(seenFrom("b", site_.fabric(), Site::fabricIp(family)),
              toString(Site::nodeIp(kBeta, family)));

  const auto only = text.find("{type: InternalIP, address: 198.51.100.13}");
  text.erase(only, text.find("]}\n", only) - only);
  site_.apply("node-gamma.yaml", text);
  sync();
  EXPECT_TRUE(soon([&] {
    return site_.in(kAlpha, {"ip", "route", "show", "10.244.3.0/24"}).empty();
  }));
  expectOpen("a", "b", "although gamma names no other address");
  expectOpen("b", "a", "although gamma names no other address");
  expectClosed("a", "c", "as gamma has no valid address");
}

TEST_F(OddNode, AddressesOutsideNodeCidrsMayNotSendVxlan) {
  const auto file = site_.node(kAlpha).directory() / "kpold.yaml";
  std::ofstream(file) << "apiVersion: kpol.io/v1alpha1\nkind: KpoldConfiguration\nrouting: vxlan\n"
                         "nodeCIDRs: 192.0.2.0/24, 2001:db8::/32\n"
                         "clusterCIDRs: 10.244.0.0/16, fd00:10:244::/48\n";
  start({"--config", file});
  const auto nodes = [&](const char* set) {
    return site_.in(kAlpha, {"nft", "list", "set", "inet", "kpol", set});
  };
  EXPECT_NE(nodes("nodes4").find("192.0.2.12"), std::string::npos) << nodes("nodes4");
  EXPECT_EQ(nodes("nodes4").find("198.51.100.13"), std::string::npos) << nodes("nodes4");
  expectOpen("a", "b", "as both are inside");
  EXPECT_NE(diagnostics(kAlpha).find("198.51.100.13 is outside nodeCIDRs"), std::string::npos)
      << diagnostics(kAlpha);
}

// An input chain of another firewall on alpha, with and without a rule for the port.
TEST_F(OddNode, InputChainsThatDropVxlanAreFound) {
  start({"--routing", "vxlan"});
  const auto inside = site_.netns(kAlpha).enter();
  const node::VxlanPackets vxlan{
      Family::V4, 8472, {Site::nodeIp(kBeta, Family::V4), Site::nodeIp(kGamma, Family::V4)}};
  const auto found = [&] { return node::judge(node::readHostFirewalls(), {}, vxlan); };
  EXPECT_TRUE(found().empty());
  struct Firewall {
    const char* on;
    const char* port;
    const char* off;
  };
  for (const auto& [on, port, off] :
       {Firewall{"nft add table inet mine; nft add chain inet mine in '{ type filter hook input "
                 "priority 0; policy drop; }'; nft add rule inet mine in iifname lo accept; nft "
                 "add rule inet mine in tcp dport 22 accept",
                 "nft insert rule inet mine in udp dport 8472 accept",
                 "nft delete table inet mine"},
        Firewall{"nft add table inet mine; nft add chain inet mine in '{ type filter hook input "
                 "priority 0; policy drop; }'",
                 "nft insert rule inet mine in udp dport 8000-9000 accept",
                 "nft delete table inet mine"},
        Firewall{"nft add table ip mine; nft add chain ip mine in '{ type filter hook input "
                 "priority 0; policy drop; }'",
                 "nft insert rule ip mine in ip saddr { 192.0.2.0/24 } accept; nft insert rule ip "
                 "mine in ip saddr 192.0.0.0/2 ip protocol udp accept",
                 "nft delete table ip mine"},
        Firewall{"iptables-nft -P INPUT DROP; iptables-nft -A INPUT -i lo -j ACCEPT; iptables-nft "
                 "-A INPUT -p tcp --dport 22 -j ACCEPT",
                 "iptables-nft -I INPUT -p udp --dport 8472 -j ACCEPT",
                 "iptables-nft -P INPUT ACCEPT; iptables-nft -F INPUT"},
        Firewall{"iptables-legacy -P INPUT DROP; iptables-legacy -A INPUT -p tcp -j ACCEPT",
                 "iptables-legacy -I INPUT -p udp --dport 8472 -j ACCEPT",
                 "iptables-legacy -P INPUT ACCEPT; iptables-legacy -F INPUT"}}) {
    SCOPED_TRACE(on);
    ASSERT_EQ(run({"sh", "-ec", on}).status, 0);
    const auto dropping = found();
    ASSERT_EQ(dropping.size(), 1U);
    EXPECT_EQ(dropping[0].effect, "drops VXLAN packets from other nodes");
    EXPECT_TRUE(dropping[0].certain);
    expectClosed("c", "a", "as the chain drops it");
    ASSERT_EQ(run({"sh", "-ec", port}).status, 0);
    EXPECT_TRUE(found().empty());
    expectOpen("c", "a", "as the port is open");
    ASSERT_EQ(run({"sh", "-ec", off}).status, 0);
  }
}

TEST_F(OddNode, RoutesOfPodsAreRestored) {
  start();
  const auto before = podRoutes(kAlpha);
  EXPECT_NE(before.find("PERMANENT"), std::string::npos) << before;
  const auto link = hostInterface(kAlpha);
  const std::vector<std::string> harms{
      "ip link set " + link + " down; ip link set " + link + " up",
      "ip route flush dev " + link,
      "ip -6 route flush dev " + link,
      "ip route del " + toString(pods_.at("a")->ip(Family::V4)),
      "ip neighbour flush dev " + link + " nud permanent",
      "ip neighbour replace " + toString(pods_.at("a")->ip(Family::V6)) +
          " lladdr 02:00:00:00:00:99 nud permanent dev " + link,
  };
  for (const auto& harm : harms) {
    const auto said = site_.in(kAlpha, {"sh", "-c", harm});
    EXPECT_TRUE(soon([&] { return podRoutes(kAlpha) == before; })) << harm << said << "\nwanted:\n"
                                                                   << before << "\ngot:\n"
                                                                   << podRoutes(kAlpha);
    expectOpen("b", "a", "after " + harm);
    expectOpen("a", "b", "after " + harm);
  }
}

// A route that is restored during DEL would stay in the way of the next pod with the address.
TEST_F(OddNode, RoutesOfEndedPodsStayDeleted) {
  start();
  const auto inside = site_.netns(kAlpha).enter();
  for (int i = 0; i < 20; ++i) {
    const base::ObjectKey key{"shop", "a"};
    prober_.removeHost("a");
    site_.node(kAlpha).del(key);
    EXPECT_EQ(site_.in(kAlpha, {"sh", "-c", "ip route show | grep 'dev kpol'"}), "");
    pods_["a"] = &site_.node(kAlpha).add(key);
    prober_.addHost("a", pods_.at("a")->netns->open());
  }
  expectOpen("b", "a", "after many pods of the same name");
}

// The fabric sends the whole pod CIDR back to the node: a packet to an unused address would go back
// and forth until its TTL is over.
TEST_F(OddNode, PacketsToUnusedAddressesOfTheNodeGoNowhere) {
  start();
  for (const auto family : {Family::V4, Family::V6}) {
    const auto unused =
        *base::IpAddress::parse(family == Family::V4 ? "10.244.1.200" : "fd00:10:244:1::c8");
    site_.inFabric({"ip", "address", "add", toString(unused), "dev", "lo"});
    EXPECT_EQ(seenFrom("a", site_.fabric(), unused, 300), "") << toString(unused);
    const auto answer = site_.in(kAlpha, {"ip", "route", "get", toString(unused)});
    EXPECT_NE(answer.find("No route to host"), std::string::npos) << answer;
  }
  expectOpen("b", "a", "because the pods' own routes come first");
}

}  // namespace
}  // namespace kpol::test
