// SPDX-License-Identifier: Apache-2.0
// The network between nodes: three of them, with pods that speak to one another.
#include "tests/support/prober.hpp"
#include "tests/support/site.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <map>
#include <string>
#include <vector>

namespace kpol::test {
namespace {

using base::Family;
using nlohmann::json;

const std::vector<std::string> kPodNames{"a", "b", "c"};  // one on each node

class NodeNetwork : public ::testing::Test {
 protected:
  void start(const std::string& routing, std::vector<std::string> arguments = {}) {
    site_.announceNodes();
    site_.apply("pods.yaml", podsText());
    arguments.insert(arguments.begin(), {"--routing", routing});
    site_.start(arguments);
    for (std::size_t i = 0; i < Site::kNodes; ++i) {
      auto& pod = site_.add(i, {"shop", kPodNames[i]});
      pods_[kPodNames[i]] = &pod;
      prober_.addHost(kPodNames[i], pod.netns->open());
    }
    site_.apply("pods.yaml", podsText());  // with their addresses
    sync();
  }
  void sync() {
    for (std::size_t i = 0; i < Site::kNodes; ++i) site_.node(i).sync();
  }

  std::string podsText() const {
    std::string text;
    for (const auto& name : kPodNames) {
      text += "---\napiVersion: v1\nkind: Pod\nmetadata: {namespace: shop, name: " + name +
              ", labels: {app: " + name + "}}\n";
      const auto pod = pods_.find(name);
      if (pod == pods_.end()) continue;
      text += "status:\n  phase: Running\n  podIPs:\n";
      for (const auto& ip : pod->second->ips) text += "  - {ip: '" + toString(ip) + "'}\n";
    }
    return text;
  }

  json network(std::size_t node) {
    return json::parse(site_.node(node).get("/v1/status")).at("network");
  }
  // How `node` reaches the pods of the others: "beta direct eth0", sorted, of one family.
  std::vector<std::string> ways(std::size_t node, Family family = Family::V4) {
    std::vector<std::string> all;
    const auto peers = network(node).at("peers");
    for (const auto& peer : peers) {
      const auto cidr = peer.at("podCIDR").get<std::string>();
      if ((cidr.find(':') == cidr.npos) != (family == Family::V4)) continue;
      all.push_back(peer.at("node").get<std::string>() + " " + peer.at("how").get<std::string>() +
                    " " + peer.at("link").get<std::string>());
    }
    return all;
  }

  // What is held against each other: TCP, UDP and echo, in both families.
  std::vector<Reach> tryAll(const std::string& from, const std::string& to, bool expected) {
    std::vector<Attempt> attempts;
    for (const auto family : {Family::V4, Family::V6})
      for (const int protocol : {6, 17, family == Family::V4 ? 1 : 58})
        attempts.push_back({from,
                            {pods_.at(from)->ip(family), pods_.at(to)->ip(family),
                             static_cast<std::uint8_t>(protocol), 80}});
    return prober_.run(attempts, std::vector<bool>(attempts.size(), expected));
  }
  void expectOpen(const std::string& from, const std::string& to) {
    EXPECT_EQ(tryAll(from, to, true), std::vector<Reach>(6, Reach::Both)) << from << " -> " << to;
  }
  void expectClosed(const std::string& from, const std::string& to) {
    EXPECT_EQ(tryAll(from, to, false), std::vector<Reach>(6, Reach::None)) << from << " -> " << to;
  }
  void expectAllOpen() {
    for (const auto& from : kPodNames)
      for (const auto& to : kPodNames)
        if (from != to) expectOpen(from, to);
  }

  std::string routes(std::size_t node, Family family) {
    return site_.in(node,
                    {"ip", family == Family::V4 ? "-4" : "-6", "route", "show", "proto", "107"});
  }
  std::string diagnostics(std::size_t node) {
    return json::parse(site_.node(node).get("/v1/status")).at("diagnostics").dump();
  }

  Site site_;
  Prober prober_;
  std::map<std::string, NodePod*> pods_;
};

using Ways = std::vector<std::string>;

TEST_F(NodeNetwork, NeighboursAreReachedDirectly) {
  start("direct");
  for (const auto family : {Family::V4, Family::V6}) {
    EXPECT_EQ(ways(kAlpha, family), (Ways{"beta direct eth0", "gamma none "}));
    EXPECT_EQ(ways(kGamma, family), (Ways{"alpha none ", "beta none "}));
  }
  expectOpen("a", "b");
  expectOpen("b", "a");
  expectClosed("a", "c");
  EXPECT_NE(diagnostics(kAlpha).find("Node gamma"), std::string::npos) << diagnostics(kAlpha);
  EXPECT_EQ(site_.in(kAlpha, {"ip", "-br", "link"}).find("vxlan.kpol"), std::string::npos);
}

TEST_F(NodeNetwork, AutoUsesVxlanIfANodeIsNotANeighbour) {
  start("auto");
  for (const auto family : {Family::V4, Family::V6}) {
    EXPECT_EQ(ways(kAlpha, family), (Ways{"beta direct eth0", "gamma vxlan vxlan.kpol"}));
    EXPECT_EQ(ways(kGamma, family), (Ways{"alpha vxlan vxlan.kpol", "beta vxlan vxlan.kpol"}));
  }
  expectAllOpen();
  EXPECT_EQ(network(kAlpha).at("mtu"), 1450);
}

TEST_F(NodeNetwork, VxlanReachesAll) {
  start("vxlan");
  EXPECT_EQ(ways(kAlpha), (Ways{"beta vxlan vxlan.kpol", "gamma vxlan vxlan.kpol"}));
  expectAllOpen();
}

TEST_F(NodeNetwork, VxlanOverIpv6) {
  start("vxlan");
  // VXLAN uses the first of a Node's addresses.
  for (std::size_t i = 0; i < Site::kNodes; ++i) {
    auto text = Site::nodeText(i);
    const auto v4 = "{type: InternalIP, address: " + toString(Site::nodeIp(i, Family::V4)) + "}, ";
    text.erase(text.find(v4), v4.size());
    site_.apply("node-" + site_.node(i).name() + ".yaml", text);
  }
  EXPECT_TRUE(soon([&] {
    for (std::size_t i = 0; i < Site::kNodes; ++i)
      if (network(i).at("vxlan").at("local") != toString(Site::nodeIp(i, Family::V6))) return false;
    return true;
  }));
  EXPECT_TRUE(soon([&] { return network(kAlpha).at("mtu") == 1430; })) << network(kAlpha);
  expectAllOpen();
}

TEST_F(NodeNetwork, PoliciesApplyAcrossNodes) {
  start("auto");
  site_.apply("policy.yaml", R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: guard}
spec:
  podSelector: {matchLabels: {app: c}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: a}}}]
)");
  sync();
  expectOpen("a", "c");    // by VXLAN
  expectClosed("b", "c");  // by VXLAN
  expectOpen("c", "b");
  site_.apply("policy.yaml", R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: guard}
spec:
  podSelector: {matchLabels: {app: a}}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{podSelector: {matchLabels: {app: c}}}]}]
  egress: [{to: [{podSelector: {matchLabels: {app: b}}}]}]
)");
  sync();
  expectOpen("a", "b");  // directly
  expectClosed("b", "a");
  expectOpen("c", "a");
  expectClosed("a", "c");
}

// A node's own processes send to the pods behind VXLAN from the first address of its pod CIDR, and
// are admitted, and reached there, as the node.
TEST_F(NodeNetwork, BlocksWithANodesAddressAdmitWhatItSendsByVxlan) {
  start("vxlan");
  for (const auto node : {kAlpha, kBeta})
    prober_.addHost(site_.node(node).name(), site_.netns(node));
  const auto blocks = "[{ipBlock: {cidr: " + toString(Site::nodeIp(kAlpha, Family::V4)) +
                      "/32}}, {ipBlock: {cidr: '" + toString(Site::nodeIp(kAlpha, Family::V6)) +
                      "/128'}}]";
  site_.apply("policy.yaml",
              "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
              "metadata: {namespace: shop, name: guard}\n"
              "spec: {podSelector: {matchLabels: {app: c}}, policyTypes: [Ingress, Egress],\n"
              "  ingress: [{from: " +
                  blocks + "}], egress: [{to: " + blocks + "}]}\n");
  sync();
  const auto tunnel = [](std::size_t node, Family family) {
    return base::Prefix::parse(Site::podCidr(node, family))->first();
  };
  std::vector<Attempt> attempts;
  std::vector<bool> expected;
  for (const auto node : {kAlpha, kBeta})
    for (const auto family : {Family::V4, Family::V6}) {
      const auto pod = pods_.at("c")->ip(family);
      const auto own = tunnel(node, family);
      attempts.push_back({site_.node(node).name(), {own, pod, 6, 80}});
      attempts.push_back({"c", {pod, own, 6, 80}});
      expected.insert(expected.end(), 2, node == kAlpha);
    }
  const auto seen = prober_.run(attempts, expected);
  for (std::size_t i = 0; i < attempts.size(); ++i)
    EXPECT_EQ(seen[i], expected[i] ? Reach::Both : Reach::None) << attempts[i].from << " " << i;
  const auto explained =
      site_.node(kGamma).kpolctl({"explain", toString(tunnel(kAlpha, Family::V4)), "shop/c", "80"});
  EXPECT_EQ(explained.status, 0) << explained.out;
}

TEST_F(NodeNetwork, RoutesFollowTheNodeObject) {
  start("auto");
  const auto both = [&](const std::string& part) {
    return routes(kAlpha, Family::V4).find("10.244." + part) != std::string::npos;
  };
  EXPECT_TRUE(both("2.0/24 via 192.0.2.12")) << routes(kAlpha, Family::V4);
  EXPECT_TRUE(both("3.0/24 via 10.244.3.0 dev vxlan.kpol")) << routes(kAlpha, Family::V4);
  site_.remove("node-beta.yaml");
  site_.remove("node-gamma.yaml");
  for (const auto family : {Family::V4, Family::V6})
    EXPECT_TRUE(soon([&] { return routes(kAlpha, family).find(" via ") == std::string::npos; }));
  EXPECT_EQ(site_.in(kAlpha, {"ip", "neighbour", "show", "dev", "vxlan.kpol"}), "");
  EXPECT_EQ(site_.in(kAlpha, {"bridge", "fdb", "show", "dev", "vxlan.kpol"}), "");
  auto text = Site::nodeText(kBeta);
  text.replace(text.find("10.244.2.0/24"), 13, "10.244.9.0/24");
  site_.apply("node-beta.yaml", text);
  EXPECT_TRUE(soon([&] { return both("9.0/24 via 192.0.2.12"); })) << routes(kAlpha, Family::V4);
  text.replace(text.find("192.0.2.12"), 10, "192.0.2.77");
  site_.apply("node-beta.yaml", text);
  EXPECT_TRUE(soon([&] { return both("9.0/24 via 192.0.2.77"); })) << routes(kAlpha, Family::V4);
}

// kpold restores whatever another program deletes or changes.
TEST_F(NodeNetwork, IsRepaired) {
  start("auto");
  const std::vector<std::vector<std::string>> harms{
      {"ip", "route", "del", "10.244.2.0/24"},
      {"ip", "route", "del", "fd00:10:244:3::/64"},
      {"ip", "route", "del", "unreachable", "10.244.1.0/24"},
      {"ip", "route", "del", "unreachable", "fd00:10:244:1::/64"},
      {"ip", "route", "replace", "10.244.3.0/24", "via", "192.0.2.254", "proto", "107"},
      {"ip", "route", "replace", "fd00:10:244:3::/64", "via", "2001:db8:2::fe", "proto", "107"},
      {"ip", "neighbour", "del", "10.244.3.0", "dev", "vxlan.kpol"},
      {"ip", "neighbour", "replace", "10.244.3.0", "lladdr", "02:00:00:00:00:99", "dev",
       "vxlan.kpol"},
      {"sh", "-c",
       "bridge fdb del $(bridge fdb show dev vxlan.kpol | cut -d' ' -f1) dev "
       "vxlan.kpol dst 198.51.100.13"},
      {"ip", "address", "flush", "dev", "vxlan.kpol"},
      {"ip", "address", "add", "198.51.100.77/24", "dev", "vxlan.kpol"},
      {"ip", "link", "set", "vxlan.kpol", "down"},
      {"ip", "link", "set", "vxlan.kpol", "mtu", "1400"},
      {"ip", "link", "del", "vxlan.kpol"},
      {"sh", "-c",
       "ip link set eth0 down; ip link set eth0 up; ip route add default via "
       "192.0.2.254; ip address replace 2001:db8:2::11/64 dev eth0 nodad; "
       "ip route replace default via 2001:db8:2::fe"},
  };
  const auto state = [&] {
    return routes(kAlpha, Family::V4) + routes(kAlpha, Family::V6) +
           site_.in(kAlpha, {"ip", "neighbour", "show", "dev", "vxlan.kpol", "nud", "permanent"}) +
           site_.in(kAlpha, {"bridge", "fdb", "show", "dev", "vxlan.kpol"}) +
           site_.in(kAlpha, {"sh", "-c",
                             "ip -o address show dev vxlan.kpol | sed 's/^[0-9]*//'; "
                             "ip -o link show dev vxlan.kpol | sed "
                             "'s/^[0-9]*//;s/state .*//'"});
  };
  const auto before = state();
  for (const auto& harm : harms) {
    const auto said = site_.in(kAlpha, harm);
    EXPECT_TRUE(soon([&] { return state() == before; }))
        << json(harm) << ": " << said << "\nwanted:\n"
        << before << "\ngot:\n"
        << state();
  }
  expectAllOpen();
  EXPECT_GE(network(kAlpha).at("repairs").get<int>(), 8);
}

TEST_F(NodeNetwork, FollowsTheUplinksMtu) {
  start("auto");
  site_.in(kAlpha, {"ip", "link", "set", "eth0", "mtu", "1400"});
  EXPECT_TRUE(soon([&] { return network(kAlpha).at("mtu") == 1350; })) << network(kAlpha);
  EXPECT_TRUE(soon([&] {
    return site_.in(kAlpha, {"ip", "link", "show", "vxlan.kpol"}).find("mtu 1350") !=
           std::string::npos;
  }));
  site_.in(kAlpha, {"ip", "link", "set", "eth0", "mtu", "1500"});
  EXPECT_TRUE(soon([&] { return network(kAlpha).at("mtu") == 1450; })) << network(kAlpha);
}

// Of several addresses, VXLAN uses the one in the configuration.
TEST_F(NodeNetwork, NodeIpSelectsTheAddress) {
  site_.in(kAlpha, {"ip", "address", "add", "192.0.2.21/24", "dev", "eth0"});
  start("vxlan");
  const auto inside = site_.netns(kAlpha).enter();
  site_.node(kAlpha).stopKpold(SIGTERM);
  site_.node(kAlpha).startKpold({"--routing", "vxlan", "--node-ip", "192.0.2.21"});
  EXPECT_TRUE(soon([&] { return ways(kAlpha).size() == 2; }));
  EXPECT_EQ(network(kAlpha).at("vxlan").at("local"), "192.0.2.21");
  EXPECT_NE(diagnostics(kAlpha).find("do not contain nodeIP 192.0.2.21"), std::string::npos);
  expectClosed("a", "b");  // they do not know it
  auto text = Site::nodeText(kAlpha);
  const std::string known = "{type: InternalIP, address: 192.0.2.11}, ";
  text.insert(text.find(known) + known.size(), "{type: InternalIP, address: 192.0.2.21}, ");
  site_.apply("node-alpha.yaml", text);
  EXPECT_TRUE(
      soon([&] { return diagnostics(kAlpha).find("do not contain nodeIP") == std::string::npos; }));
  sync();
  expectAllOpen();
}

// A configuration that is rolled out: beta sends by VXLAN already, alpha still directly.
TEST_F(NodeNetwork, NodesMayHaveDifferentRouting) {
  site_.in(kAlpha, {"sysctl", "-qw", "net.ipv4.conf.default.rp_filter=1"});
  start("auto");
  const auto inside = site_.netns(kBeta).enter();
  site_.node(kBeta).stopKpold(SIGTERM);
  site_.node(kBeta).startKpold({"--routing", "vxlan"});
  EXPECT_TRUE(soon([&] {
    return ways(kBeta) == Ways{"alpha vxlan vxlan.kpol", "gamma vxlan vxlan.kpol"};
  }));
  for (const auto family : {Family::V4, Family::V6})
    EXPECT_TRUE(soon([&] { return routes(kBeta, family).find("eth0") == std::string::npos; }))
        << routes(kBeta, family);
  expectOpen("a", "b");
  expectOpen("b", "a");
}

// kpold adds a narrower route beside a wider third-party route.
TEST_F(NodeNetwork, WiderThirdPartyRoutesAreNoConflict) {
  site_.in(kAlpha, {"ip", "route", "add", "10.0.0.0/8", "via", "192.0.2.254"});
  site_.in(kAlpha, {"ip", "route", "add", "fd00::/8", "via", "2001:db8:2::fe"});
  start("auto");
  for (const auto family : {Family::V4, Family::V6})
    EXPECT_NE(routes(kAlpha, family).find("dev vxlan.kpol"), std::string::npos)
        << routes(kAlpha, family);
  expectAllOpen();
}

TEST_F(NodeNetwork, WarmRestartWritesNothing) {
  start("auto");
  const auto inside = site_.netns(kAlpha).enter();
  for (const int signal : {SIGTERM, SIGKILL}) {
    site_.node(kAlpha).stopKpold(signal);
    expectOpen("a", "b");
    expectOpen("a", "c");
    site_.node(kAlpha).startKpold({"--routing", "auto"});
    EXPECT_TRUE(soon([&] { return ways(kAlpha).size() == 2; }));
    EXPECT_EQ(network(kAlpha).at("changes"), 0);
    const auto status = json::parse(site_.node(kAlpha).get("/v1/status"));
    EXPECT_EQ(status.at("commits").at("total"), 0) << "the table has its part of it from the start";
  }
}

TEST_F(NodeNetwork, ThirdPartyRoutesAreKept) {
  site_.in(kAlpha, {"ip", "route", "add", "10.244.2.0/24", "via", "192.0.2.254"});
  site_.in(kAlpha, {"ip", "route", "add", "10.99.0.0/16", "via", "192.0.2.254"});
  start("auto");
  const auto others = [&] {
    return site_.in(kAlpha, {"ip", "-4", "route", "show", "proto", "boot"});
  };
  EXPECT_NE(others().find("10.244.2.0/24 via 192.0.2.254"), std::string::npos);
  EXPECT_NE(others().find("10.99.0.0/16"), std::string::npos);
  EXPECT_NE(diagnostics(kAlpha).find("another route to 10.244.2.0/24"), std::string::npos)
      << diagnostics(kAlpha);
  // After the third-party route is deleted, kpold adds its own.
  site_.in(kAlpha, {"ip", "route", "del", "10.244.2.0/24"});
  EXPECT_TRUE(soon([&] {
    return routes(kAlpha, Family::V4).find("10.244.2.0/24 via 192.0.2.12") != std::string::npos;
  }));
  EXPECT_TRUE(soon([&] { return diagnostics(kAlpha).find("another route") == std::string::npos; }));
}

TEST_F(NodeNetwork, WithoutTheOwnNodeNothingIsChanged) {
  start("auto");
  const auto before = routes(kAlpha, Family::V4);
  site_.remove("node-alpha.yaml");
  EXPECT_TRUE(soon([&] {
    return diagnostics(kAlpha).find("Node alpha: ") != std::string::npos ||
           diagnostics(kAlpha).find("Node alpha") != std::string::npos;
  }));
  EXPECT_EQ(routes(kAlpha, Family::V4), before);
}

TEST_F(NodeNetwork, RoutingNoneRemovesKpolsObjects) {
  start("auto");
  const auto inside = site_.netns(kAlpha).enter();
  site_.node(kAlpha).stopKpold(SIGTERM);
  site_.node(kAlpha).startKpold({"--routing", "none"});
  EXPECT_TRUE(soon([&] { return routes(kAlpha, Family::V4).empty(); }));
  EXPECT_TRUE(soon([&] { return routes(kAlpha, Family::V6).empty(); }));
  EXPECT_TRUE(soon([&] {
    return site_.in(kAlpha, {"ip", "-br", "link"}).find("vxlan.kpol") == std::string::npos;
  }));
}

TEST_F(NodeNetwork, KpolctlShowsIt) {
  start("auto");
  const auto result = site_.node(kAlpha).kpolctl({"status"});
  EXPECT_NE(result.out.find("auto, MTU 1450; 4 pod CIDRs of other nodes: 2 direct, 2 vxlan"),
            std::string::npos)
      << result.out;
}

}  // namespace
}  // namespace kpol::test
