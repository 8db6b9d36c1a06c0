// SPDX-License-Identifier: Apache-2.0
// Established connections that a change forbids are cut, those that a later change allows live
// again, and all others lose nothing. TCP, UDP and ICMP echo, IPv4 and IPv6, with real packets.
#include "tests/support/connection.hpp"
#include "tests/support/node.hpp"
#include "tests/support/site.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kpol::test {
namespace {

using base::Family;

constexpr const char* kCutPods = R"(
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: one}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: a, labels: {app: a}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: b, labels: {app: b}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: c, labels: {app: c}}}
)";

// b is reached by pods with app=c only.
constexpr const char* kOnlyC = R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: only-c}
spec:
  podSelector: {matchLabels: {app: b}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: c}}}]
)";

// a opens connections only to `to`.
std::string egressOfA(const std::string& to) {
  return R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: egress-of-a}
spec:
  podSelector: {matchLabels: {app: a}}
  policyTypes: [Egress]
  egress: [)" +
         to + "]\n";
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

class Cut : public ::testing::Test {
 protected:
  void start(const std::string& fields = {}, const std::string& mappings = {}) {
    NodeOptions options;
    options.name = "cut";
    if (!fields.empty()) {
      file_ = std::filesystem::temp_directory_path() /
              ("kpol-cut-" + std::to_string(::getpid()) + ".yaml");
      configure(fields);
      options.kpoldArguments = {"--config", file_};
    }
    node_.emplace(std::move(options));
    node_->apply("pods.yaml", kCutPods);
    node_->startKpold();
    for (const char* name : {"a", "b", "c"})
      node_->add({"shop", name}, std::string(name) == "b" ? mappings : "");
  }
  void configure(const std::string& fields) const {
    std::ofstream(file_) << "apiVersion: kpol.io/v1alpha1\nkind: KpoldConfiguration\n" << fields;
  }
  void TearDown() override {
    if (!file_.empty()) std::filesystem::remove(file_);
  }
  void apply(const std::string& file, const std::string& text) {
    node_->apply(file, text);
    node_->sync();
  }
  void remove(const std::string& file) {
    node_->remove(file);
    node_->sync();
  }

  ConnectionHost place(const std::string& host, Family family) {
    if (host == "outside") return {node_->outside().open(), Node::outsideIp(family)};
    const auto* pod = node_->find({"shop", host});
    return {pod->netns->open(), pod->ip(family)};
  }
  // Six connections, to another port each time.
  Connections connect(const std::string& from, const std::string& to) {
    Connections all;
    for (const auto family : {Family::V4, Family::V6}) {
      const auto client = place(from, family);
      const auto server = place(to, family);
      ++port_;
      all.push_back(connectTcp(client, server, {server.ip, port_, port_}));
      all.push_back(connectUdp(client, server, {server.ip, port_, port_}));
      all.push_back(connectEcho(client, server.ip));
    }
    return all;
  }
  // TCP and UDP to `to`:`toPort`, which leads to port 8080 of b.
  Connections connectTo(const std::string& from, Family family, const base::IpAddress& to,
                        std::uint16_t toPort) {
    Connections all;
    const auto client = place(from, family);
    all.push_back(connectTcp(client, place("b", family), {to, toPort, 8080}));
    all.push_back(connectUdp(client, place("b", family), {to, toPort, 8080}));
    return all;
  }
  static void expectCut(const Connections& connections) {
    EXPECT_TRUE(soon([&] { return !anyLeaks(connections); }));
    EXPECT_FALSE(anyLeaks(connections));
  }
  static void expectAlive(const Connections& connections) {
    EXPECT_TRUE(soon([&] { return allWork(connections); }));
  }
  std::uint64_t count(const char* field) {
    return nlohmann::json::parse(node_->get("/v1/status")).at("established").at(field);
  }

  std::optional<Node> node_;
  std::filesystem::path file_;
  std::uint16_t port_ = 7000;
};

TEST_F(Cut, ByANewIngressPolicyAndRevivedByItsRemoval) {
  start();
  const auto fromA = connect("a", "b");
  const auto fromC = connect("c", "b");
  const auto fromOutside = connect("outside", "b");
  const auto fromB = connect("b", "a");
  apply("policy.yaml", kOnlyC);
  expectCut(fromA);
  expectCut(fromOutside);
  EXPECT_TRUE(allWork(fromC));
  EXPECT_TRUE(allWork(fromB)) << "b may still open connections";
  EXPECT_EQ(count("cut"), 12U);
  const auto status = node_->kpolctl({"status"}).out;
  EXPECT_NE(status.find("cut when forbidden: 12 cut, 0 restored"), std::string::npos) << status;
  remove("policy.yaml");
  expectAlive(fromA);
  expectAlive(fromOutside);
  EXPECT_TRUE(allWork(fromC));
  EXPECT_EQ(count("restored"), 12U);
}

TEST_F(Cut, ByEgressPoliciesAsTheyAreEdited) {
  start();
  const auto toB = connect("a", "b");
  const auto toOutside = connect("a", "outside");
  const auto fromOutside = connect("outside", "a");
  apply("policy.yaml", egressOfA(""));
  expectCut(toB);
  expectCut(toOutside);
  EXPECT_TRUE(allWork(fromOutside)) << "replies are no egress";
  apply("policy.yaml", egressOfA("{to: [{ipBlock: {cidr: 192.0.2.0/24}}, "
                                 "{ipBlock: {cidr: '2001:db8:2::/64'}}]}"));
  expectAlive(toOutside);
  expectCut(toB);
  apply("policy.yaml", egressOfA("{to: [{podSelector: {}}]}"));
  expectCut(toOutside);
  EXPECT_TRUE(allWork(toB));
}

TEST_F(Cut, ByLabelsOfThePeerAndOfItsNamespace) {
  start();
  apply("policy.yaml", kOnlyC);
  const auto fromC = connect("c", "b");
  apply("pods.yaml", replaced(kCutPods, "{app: c}", "{app: d}"));
  expectCut(fromC);
  apply("pods.yaml", kCutPods);
  expectAlive(fromC);
  apply("policy.yaml", replaced(kOnlyC, "podSelector: {matchLabels: {app: c}}",
                                "namespaceSelector: {matchLabels: {team: one}}"));
  EXPECT_TRUE(allWork(fromC));
  apply("pods.yaml", replaced(kCutPods, "team: one", "team: two"));
  expectCut(fromC);
}

TEST_F(Cut, WhenAnAddressMovesToAnotherPod) {
  start();
  const auto remote = [](const char* name, const char* app, const std::string& last) {
    return std::string("apiVersion: v1\nkind: Pod\nmetadata: {namespace: shop, name: ") + name +
           ", labels: {app: " + app +
           "}}\nspec: {nodeName: elsewhere}\nstatus: {podIPs: [{ip: " + "192.0.2." + last +
           "}, {ip: '2001:db8:2::" + last + "'}]}\n";
  };
  apply("remote.yaml", remote("r", "c", "2"));
  apply("policy.yaml", kOnlyC);
  const auto fromRemote = connect("outside", "b");
  apply("remote.yaml", remote("r", "c", "77"));
  expectCut(fromRemote);
  apply("remote.yaml", remote("s", "c", "2"));
  expectAlive(fromRemote);
}

TEST_F(Cut, ThroughHostPortsAndServices) {
  start({}, R"({"portMappings":[{"hostPort":18080,"containerPort":8080,"protocol":"tcp"},
                                {"hostPort":18080,"containerPort":8080,"protocol":"udp"}]})");
  // As kube-proxy does it.
  const auto rule = [&](Family family, const char* ip, const char* service) {
    const auto pod = toString(place("b", family).ip);
    return std::string("add rule inet services pre ") + ip + " daddr " + service +
           " meta l4proto { tcp, udp } th dport 80 dnat " + ip + " to " +
           (family == Family::V4 ? pod : "[" + pod + "]") + ":8080\n";
  };
  const auto loaded =
      run({"nft", "-f", "-"},
          "add table inet services\nadd chain inet services pre "
          "{ type nat hook prerouting priority dstnat; }\n" +
              rule(Family::V4, "ip", "10.96.0.1") + rule(Family::V6, "ip6", "fd00:96::1"));
  ASSERT_EQ(loaded.status, 0) << loaded.err;
  for (const auto family : {Family::V4, Family::V6}) {
    const bool v4 = family == Family::V4;
    const auto service = *base::IpAddress::parse(v4 ? "10.96.0.1" : "fd00:96::1");
    const auto viaService = connectTo("a", family, service, 80);
    const auto allowed = connectTo("c", family, service, 80);
    const auto viaHostPort = connectTo("outside", family, Node::nodeIp(family), 18080);
    apply("policy.yaml", kOnlyC);
    expectCut(viaService);
    expectCut(viaHostPort);
    EXPECT_TRUE(allWork(allowed));
    remove("policy.yaml");
    expectAlive(viaService);
    expectAlive(viaHostPort);
  }
}

TEST_F(Cut, AtStartIfThePolicyChangedMeanwhile) {
  start();
  const auto fromA = connect("a", "b");
  const auto fromC = connect("c", "b");
  node_->stopKpold(SIGKILL);
  node_->apply("policy.yaml", kOnlyC);
  node_->startKpold();
  expectCut(fromA);
  EXPECT_TRUE(allWork(fromC));
  // What the previous process cut is known to the next one.
  node_->stopKpold(SIGKILL);
  node_->remove("policy.yaml");
  node_->startKpold();
  expectAlive(fromA);
}

// Conntrack entries that were added before the table have no space for labels.
TEST_F(Cut, FlowsOlderThanTheTable) {
  start({}, R"({"portMappings":[{"hostPort":18080,"containerPort":8080,"protocol":"tcp"}]})");
  node_->stopKpold(SIGKILL);
  ASSERT_EQ(run({"nft", "-f", "-"},
                "delete table inet kpol\nadd table inet t\nadd chain inet t c "
                "{ type filter hook forward priority 0; }\nadd rule inet t c ct state new accept\n")
                .status,
            0);
  const auto fromA = connect("a", "b");
  const auto fromC = connect("c", "b");
  node_->startKpold();
  EXPECT_TRUE(allWork(fromA));
  apply("policy.yaml", kOnlyC);
  expectCut(fromA);
  EXPECT_EQ(count("failed"), 0U);
  EXPECT_TRUE(allWork(fromC));
  expectCut(fromA);  // not picked up in its midst, in either direction
  remove("policy.yaml");
  expectAlive(fromA);
}

TEST_F(Cut, NotWhenConfiguredToKeep) {
  start("established: keep\n");
  const auto fromA = connect("a", "b");
  apply("policy.yaml", kOnlyC);
  const auto fromC = connect("c", "b");
  EXPECT_TRUE(allWork(fromA));
  EXPECT_EQ(count("cut"), 0U);
  EXPECT_TRUE(allWork(fromC));
}

TEST_F(Cut, IsUndoneByConfiguringToKeep) {
  start("established: cut\n");
  const auto fromA = connect("a", "b");
  apply("policy.yaml", kOnlyC);
  expectCut(fromA);
  node_->stopKpold(SIGTERM);
  configure("established: keep\n");
  node_->startKpold();
  expectAlive(fromA);
}

}  // namespace
}  // namespace kpol::test
