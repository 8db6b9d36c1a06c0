// SPDX-License-Identifier: Apache-2.0
// The node's default policy and the metadata guard, with real packets.
#include "tests/support/node.hpp"
#include "tests/support/prober.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace kpol::test {
namespace {

using base::Family;

constexpr const char* kPods = R"(
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
- {apiVersion: v1, kind: Namespace, metadata: {name: open, labels: {kpol.io/default-policy: allow}}}
- {apiVersion: v1, kind: Namespace, metadata: {name: kube-system}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: a, labels: {app: a}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: open, name: a}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: kube-system, name: a}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: unseen, name: a}}
)";

class Posture : public ::testing::Test {
 protected:
  void start(const std::string& fields) {
    NodeOptions options;
    const auto file = std::filesystem::temp_directory_path() /
                      ("kpol-posture-" + std::to_string(::getpid()) + ".yaml");
    std::ofstream(file) << "apiVersion: kpol.io/v1alpha1\nkind: KpoldConfiguration\n" << fields;
    options.kpoldArguments = {"--config", file};
    node_.emplace(std::move(options));
    node_->apply("pods.yaml", kPods);
    node_->startKpold();
    std::filesystem::remove(file);
    for (const char* ns : {"shop", "open", "kube-system", "unseen"})
      prober_.addHost(ns, node_->add({ns, "a"}).netns->open());
    prober_.addHost("outside", node_->outside().open());
  }
  base::IpAddress ipOf(const std::string& host, Family family) {
    return host == "outside" ? Node::outsideIp(family) : node_->find({host, "a"})->ip(family);
  }
  bool reaches(const std::string& from, const std::string& to, bool expected) {
    std::vector<Attempt> attempts;
    for (const auto family : {Family::V4, Family::V6})
      for (const std::uint8_t protocol : {std::uint8_t{6}, std::uint8_t{17}})
        attempts.push_back({from, {ipOf(from, family), ipOf(to, family), protocol, 80}});
    const auto seen = prober_.run(attempts, std::vector<bool>(attempts.size(), expected));
    const bool all = seen == std::vector<Reach>(4, Reach::Both);
    EXPECT_TRUE(all || seen == std::vector<Reach>(4, Reach::None)) << from << " -> " << to;
    return all;
  }

  std::optional<Node> node_;
  Prober prober_;
};

TEST_F(Posture, DenyAppliesExceptByLabelOrSystemNamespaces) {
  start("defaultPolicy: deny\n");
  EXPECT_FALSE(reaches("outside", "shop", false));
  EXPECT_FALSE(reaches("shop", "outside", false));
  EXPECT_FALSE(reaches("outside", "unseen", false));
  EXPECT_TRUE(reaches("outside", "open", true));
  EXPECT_TRUE(reaches("open", "kube-system", true));
  node_->apply("policy.yaml", R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: web}
spec: {podSelector: {matchLabels: {app: a}}, ingress: [{}]}
)");
  node_->sync();
  EXPECT_TRUE(reaches("outside", "shop", true));  // policies add to it
  EXPECT_FALSE(reaches("shop", "outside", false));
}

TEST_F(Posture, LabelChangesApplyAtOnce) {
  start("");
  EXPECT_TRUE(reaches("outside", "shop", true));
  const std::string flipped =
      std::string(kPods).replace(std::string(kPods).find("{name: shop}"), 12,
                                 "{name: shop, labels: {kpol.io/default-policy: deny-ingress}}");
  node_->apply("pods.yaml", flipped);
  node_->sync();
  EXPECT_FALSE(reaches("outside", "shop", false));
  EXPECT_TRUE(reaches("shop", "outside", true));
  const auto explained = node_->kpolctl({"explain", "192.0.2.2", "shop/a", "80"});
  EXPECT_EQ(explained.status, 3);
  EXPECT_NE(explained.out.find("shop/(default-policy)"), std::string::npos) << explained.out;
}

// Outside plays the cloud: it has the service's address.
class Metadata : public Posture {
 protected:
  void startCloud(const std::string& fields) {
    start(fields);
    const auto inside = node_->outside().open().enter();
    for (const auto& command : std::vector<std::vector<std::string>>{
             {"ip", "addr", "add", "169.254.169.254/32", "dev", "lo"},
             {"ip", "addr", "add", "fd00:ec2::254/128", "dev", "lo", "nodad"}})
      ASSERT_EQ(run(command).status, 0);
  }
  void routeToCloud() {
    for (const auto& command : std::vector<std::vector<std::string>>{
             {"ip", "route", "add", "169.254.169.254/32", "via", "192.0.2.2"},
             {"ip", "route", "add", "fd00:ec2::254/128", "via", "2001:db8:2::2"}})
      ASSERT_EQ(run(command).status, 0);
  }
  bool reachesCloud(const std::string& from, bool expected) {
    std::vector<Attempt> attempts;
    for (const auto family : {Family::V4, Family::V6})
      attempts.push_back(
          {from,
           {ipOf(from, family),
            *base::IpAddress::parse(family == Family::V4 ? "169.254.169.254" : "fd00:ec2::254"), 6,
            80}});
    const auto seen = prober_.run(attempts, {expected, expected});
    return seen == std::vector<Reach>(2, Reach::Both);
  }
};

TEST_F(Metadata, IsDeniedUnlessAllowed) {
  startCloud("");
  routeToCloud();
  EXPECT_FALSE(reachesCloud("shop", false));
  EXPECT_TRUE(reachesCloud("kube-system", true));
  const auto explained = node_->kpolctl({"explain", "shop/a", "169.254.169.254", "80"});
  EXPECT_EQ(explained.status, 3);
  EXPECT_NE(explained.out.find("metadataGuard"), std::string::npos) << explained.out;
  node_->apply("policy.yaml", R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: cloud}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - to: [{ipBlock: {cidr: 169.254.169.254/32}}, {ipBlock: {cidr: "fd00:ec2::254/128"}}]
)");
  node_->sync();
  EXPECT_FALSE(reachesCloud("shop", false));
  node_->apply("access.yaml", R"(
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {kpol.io/metadata-access: allow}}
)");
  node_->sync();
  EXPECT_TRUE(reachesCloud("shop", true));
}

TEST_F(Metadata, GivenAddressesReplaceTheKnownOnes) {
  startCloud("metadataAddresses: '192.0.2.2, 2001:db8:2::2'\n");
  routeToCloud();
  EXPECT_TRUE(reachesCloud("shop", true));
  EXPECT_FALSE(reaches("shop", "outside", false));
  EXPECT_TRUE(reaches("kube-system", "outside", true));
}

TEST_F(Metadata, KnownAddressesOfPodsAreNotGuarded) {
  startCloud("clusterCIDRs: '169.254.169.0/24, fd00:ec2::/64'\n");
  routeToCloud();
  EXPECT_TRUE(reachesCloud("shop", true));
}

TEST_F(Metadata, OneSettingDisablesTheGuard) {
  startCloud("metadataGuard: false\n");
  routeToCloud();
  EXPECT_TRUE(reachesCloud("shop", true));
}

}  // namespace
}  // namespace kpol::test
