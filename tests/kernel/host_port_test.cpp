// SPDX-License-Identifier: Apache-2.0
// Ports of the node that lead to pods: who reaches them, and that policies judge who really sent.
#include "tests/support/node.hpp"
#include "tests/support/prober.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace kpol::test {
namespace {

using base::Family;

constexpr const char* kPods = R"(
apiVersion: v1
kind: PodList
items:
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: web, labels: {app: web}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: other, labels: {app: other}}}
)";

constexpr const char* kMappings = R"({"portMappings":[
  {"hostPort":18080,"containerPort":8080,"protocol":"tcp"},
  {"hostPort":18053,"containerPort":53,"protocol":"udp","hostIP":""}]})";

class HostPorts : public ::testing::Test {
 protected:
  void SetUp() override {
    node_.apply("pods.yaml", kPods);
    node_.startKpold();
    prober_.addHost("web", node_.add({"shop", "web"}, kMappings).netns->open());
    prober_.addHost("other", node_.add({"shop", "other"}).netns->open());
    prober_.addHost("outside", node_.outside().open());
    prober_.addHost("node", netlink::Netns::current());
  }

  base::IpAddress ipOf(const std::string& host, Family family) {
    if (host == "outside") return Node::outsideIp(family);
    if (host == "node") return Node::nodeIp(family);
    return node_.find({"shop", host})->ip(family);
  }
  // TCP and UDP, IPv4 and IPv6, from `host` to the mapped ports of the node.
  std::vector<Reach> tryPorts(const std::string& from, bool expected) {
    std::vector<Attempt> attempts;
    for (const auto family : {Family::V4, Family::V6}) {
      const auto from_ = ipOf(from, family);
      attempts.push_back({from, {from_, Node::nodeIp(family), 6, 18080}});
      attempts.push_back({from, {from_, Node::nodeIp(family), 17, 18053}});
    }
    return prober_.run(attempts, std::vector<bool>(attempts.size(), expected));
  }
  void expectOpen(const std::string& from) {
    EXPECT_EQ(tryPorts(from, true), std::vector<Reach>(4, Reach::Both)) << from;
  }
  void expectClosed(const std::string& from) {
    EXPECT_EQ(tryPorts(from, false), std::vector<Reach>(4, Reach::None)) << from;
  }

  Node node_;
  Prober prober_;
};

TEST_F(HostPorts, AreReachedFromOutsideFromTheNodeFromPodsAndFromThePodItself) {
  for (const char* from : {"outside", "node", "other", "web"}) expectOpen(from);
}

TEST_F(HostPorts, PoliciesJudgeTheTrueClient) {
  node_.apply("policy.yaml", R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: guard}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from: [{ipBlock: {cidr: 192.0.2.2/32}}, {ipBlock: {cidr: "2001:db8:2::2/128"}}]
)");
  node_.sync();
  expectOpen("outside");
  expectClosed("other");
  expectOpen("node");  // the node is always let in
  expectOpen("web");   // and so is the pod itself
  node_.apply("policy.yaml", R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: guard}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: other}}}]
)");
  node_.sync();
  expectClosed("outside");
  expectOpen("other");
}

TEST_F(HostPorts, SurviveAFlushAndEndWithThePod) {
  run({"nft", "flush", "ruleset"});
  expectOpen("outside");
  node_.del({"shop", "web"});
  const auto text = run({"nft", "list", "table", "inet", "kpol"}).out;
  EXPECT_EQ(text.find("type nat"), std::string::npos);
}

TEST_F(HostPorts, OfAnotherPodAreRefused) {
  const auto late = node_.makePod({"shop", "other"});
  const auto result = Node::plugin("ADD", late, node_.networkConfig({}, {}, kMappings).c_str());
  EXPECT_NE(result.status, 0);
  const auto error = nlohmann::json::parse(result.out);
  EXPECT_NE(error.at("msg").get<std::string>().find("host port TCP 18080"), std::string::npos)
      << result.out;
}

}  // namespace
}  // namespace kpol::test
