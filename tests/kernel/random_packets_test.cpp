// SPDX-License-Identifier: Apache-2.0
// Random clusters and policies: pods made by the plugin, policies read by kpold, and packets that
// must do what evaluate() says. KPOL_PACKET_CLUSTERS says how many (default 25).
#include "kube/manifest.hpp"
#include "policy/evaluate.hpp"
#include "tests/support/manifest_text.hpp"
#include "tests/support/node.hpp"
#include "tests/support/prober.hpp"
#include "tests/support/random_policy.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/shrink_policy.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace kpol::test {
namespace {

using base::Family;
using nlohmann::json;

// What of a random cluster can be made real: one sandbox a known pod, and policies that a manifest
// can say.
policy::Snapshot realisable(policy::Snapshot snapshot) {
  std::set<base::ObjectKey> seen;
  std::erase_if(snapshot.endpoints, [&](const policy::Endpoint& endpoint) {
    return policy::findPod(snapshot, endpoint.pod) == nullptr || !seen.insert(endpoint.pod).second;
  });
  std::erase_if(snapshot.policies, [](const policy::NetworkPolicy& policy) {
    return kube::readManifests(toYaml(kube::Object(policy)), "policy.yaml").broken();
  });
  for (auto& pod : snapshot.pods)
    if (pod.hostNetwork) pod.ips = {Node::nodeIp(Family::V4)};
  snapshot.nodeIps = {Node::nodeIp(Family::V4), Node::nodeIp(Family::V6)};
  snapshot.podToNode = policy::PodToNode::Allow;
  return snapshot;
}

// A network config that gives a pod these addresses and no others. The subnets are so wide that
// none of them is an end of its subnet.
std::string configFor(const Node& node, const policy::Endpoint& endpoint) {
  auto config = json::parse(node.networkConfig());
  auto ranges = json::array();
  for (const auto& ip : endpoint.ips) {
    const auto text = toString(ip);
    ranges.push_back(json::array({{{"subnet", ip.isV4() ? "8.0.0.0/6" : "fc00::/7"},
                                   {"rangeStart", text},
                                   {"rangeEnd", text}}}));
  }
  config["ipam"]["ranges"] = ranges;
  return config.dump();
}

class RandomPackets : public ::testing::Test {
 protected:
  RandomPackets() {
    prober_.addHost("node", netlink::Netns::current());
    prober_.addHost("outside", node_.outside().open());
    node_.startKpold();
  }

  void write(const policy::Snapshot& snapshot) {
    node_.apply("cluster.yaml", toYaml(objectsOf(snapshot)));
  }

  // Makes the cluster real; the host interfaces become those the plugin chose.
  void realise(policy::Snapshot& snapshot) {
    auto withoutPolicies = snapshot;
    withoutPolicies.policies.clear();
    write(withoutPolicies);
    for (auto& endpoint : snapshot.endpoints) {
      sandboxes_.push_back({node_.makePod(endpoint.pod), configFor(node_, endpoint)});
      auto& [pod, config] = sandboxes_.back();
      const auto result = Node::plugin("ADD", pod, config.c_str());
      ASSERT_EQ(result.status, 0) << result.out << result.err;
      const auto answer = json::parse(result.out);
      endpoint.hostInterface =
          *base::IfName::parse(answer.at("interfaces").at(0).at("name").get<std::string>());
      prober_.addHost(toString(endpoint.pod), pod.netns->open());
    }
    write(snapshot);
    node_.sync();
  }

  void dismantle() {
    for (auto& [pod, config] : sandboxes_) {
      const auto result = Node::plugin("DEL", pod, config.c_str());
      EXPECT_EQ(result.status, 0) << result.out << result.err;
      prober_.removeHost(toString(pod.key));
    }
    sandboxes_.clear();
  }

  // Where an attempt can come from or go to.
  struct End {
    std::string host;
    base::IpAddress ip;
  };
  static std::vector<End> endsOf(const policy::Snapshot& snapshot) {
    std::vector<End> ends;
    for (const auto family : {Family::V4, Family::V6}) {
      ends.push_back({"node", Node::nodeIp(family)});
      ends.push_back({"outside", Node::outsideIp(family)});
    }
    for (const auto& endpoint : snapshot.endpoints)
      for (const auto& ip : endpoint.ips) ends.push_back({toString(endpoint.pod), ip});
    return ends;
  }

  // A cluster worth making: some pods to talk, some policies to forbid it.
  static policy::Snapshot randomCluster(Random& random) {
    while (true) {
      auto snapshot = realisable(randomSnapshot(random));
      if (snapshot.endpoints.size() >= 3 && snapshot.policies.size() >= 3) return snapshot;
    }
  }

  static std::vector<Attempt> randomAttempts(Random& random, const policy::Snapshot& snapshot) {
    const auto ends = endsOf(snapshot);
    std::vector<Attempt> attempts;
    while (attempts.size() < 60) {
      const auto& from = random.pick(ends);
      const auto& to = random.pick(ends);
      const bool v4 = from.ip.isV4();
      // Between the node and outside no pod is concerned; a host to itself meets no hook.
      if (v4 != to.ip.isV4() || from.host == to.host) continue;
      if (from.host == "node" && to.host == "outside") continue;
      const auto icmp = static_cast<std::uint8_t>(v4 ? 1 : 58);
      const auto protocol = random.pick<std::uint8_t>({6, 6, 17, 17, 132, icmp});
      attempts.push_back({from.host, {from.ip, to.ip, protocol, random.pick(kListenPorts)}});
    }
    return attempts;
  }

  Node node_;
  Prober prober_;
  std::vector<std::pair<NodePod, std::string>> sandboxes_;
};

TEST_F(RandomPackets, DoWhatThePoliciesMean) {
  const auto seed = seedOfThisRun();
  Random random(seed);
  std::size_t packets = 0;
  std::size_t allowed = 0;
  for (std::uint64_t i = 0; i < fromEnvironment("KPOL_PACKET_CLUSTERS").value_or(25); ++i) {
    auto snapshot = randomCluster(random);
    ASSERT_NO_FATAL_FAILURE(realise(snapshot)) << describe(snapshot);
    std::sort(snapshot.endpoints.begin(), snapshot.endpoints.end());
    const auto attempts = randomAttempts(random, snapshot);
    std::vector<bool> meant;
    for (const auto& attempt : attempts)
      meant.push_back(policy::nodeAllows(snapshot, attempt.flow));
    const auto reach = prober_.run(attempts, meant);
    for (std::size_t a = 0; a < attempts.size(); ++a) {
      const auto expected = !meant[a]                          ? Reach::None
                            : attempts[a].flow.protocol == 132 ? Reach::OneWay
                                                               : Reach::Both;
      ++packets;
      allowed += meant[a] ? 1 : 0;
      ASSERT_EQ(static_cast<int>(reach[a]), static_cast<int>(expected))
          << "seed " << seed << ", cluster " << i << ": " << describe(attempts[a].flow) << "\n"
          << describe(snapshot) << node_.log();
    }
    dismantle();
  }
  std::printf("%zu packets, %zu allowed\n", packets, allowed);
  EXPECT_GT(allowed, packets / 10);
  EXPECT_LT(allowed, packets / 10 * 8);
}

}  // namespace
}  // namespace kpol::test
