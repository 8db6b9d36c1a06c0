// SPDX-License-Identifier: Apache-2.0
// kpol behind other main plugins, and before other chained ones: Debian's reference plugins, real
// pods, real packets.
#include "conf/cni_error.hpp"
#include "tests/support/node.hpp"
#include "tests/support/prober.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace kpol::test {
namespace {

using nlohmann::json;

constexpr const char* kReference = "/usr/lib/cni";

constexpr const char* kChainedPods = R"(
apiVersion: v1
kind: PodList
items:
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: web, labels: {app: web}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: friend, labels: {app: friend}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: stranger, labels: {app: stranger}}}
)";
constexpr const char* kGuard = R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: guard}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: friend}}}]
    ports: [{port: 80}]
)";

void writeSysctl(const std::string& key, const std::string& value) {
  std::ofstream("/proc/sys/net/" + key) << value;
}

class Chained : public ::testing::Test {
 protected:
  void SetUp() override {
    writeSysctl("ipv4/ip_forward", "1");
    node_.apply("pods.yaml", kChainedPods);
    node_.apply("guard.yaml", kGuard);
    node_.startKpold();
  }
  void TearDown() override { run({"ip", "link", "delete", "chained0"}); }

  json reference(const std::string& type) const {
    return {{"cniVersion", "1.0.0"},
            {"name", "chain"},
            {"type", type},
            {"bridge", "chained0"},
            {"isGateway", true},
            {"ipam",
             {{"type", "host-local"},
              {"dataDir", (node_.directory() / "host-local").string()},
              {"routes", json::array({{{"dst", "0.0.0.0/0"}}})},
              {"ranges", {{{{"subnet", "10.210.0.0/24"}}}}}}}};
  }
  json ours(const json& previous) const {
    json config = json::parse(node_.networkConfig());
    config["name"] = "chain";
    config.erase("ipam");
    config.erase("mtu");
    if (!previous.is_null()) config["prevResult"] = previous;
    return config;
  }
  static ProcessResult call(const std::string& command, const std::string& binary,
                            const NodePod& pod, const json& config) {
    return run({binary}, config.dump(),
               {{"CNI_COMMAND", command},
                {"CNI_CONTAINERID", pod.containerId},
                {"CNI_NETNS", pod.netns->path()},
                {"CNI_IFNAME", "eth0"},
                {"CNI_PATH", kReference},
                {"CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAMESPACE=" + pod.key.ns +
                                 ";K8S_POD_NAME=" + pod.key.name}});
  }
  std::string kpol() const { return KPOL_BINARY; }

  // The main plugin, then kpol.
  ProcessResult addAfter(const std::string& type, const std::string& name) {
    auto& pod = pods_.emplace_back(node_.makePod({"shop", name}));
    const auto first = call("ADD", std::string(kReference) + "/" + type, pod, reference(type));
    if (first.status != 0) return first;
    results_.push_back(json::parse(first.out));
    auto second = call("ADD", kpol(), pod, ours(results_.back()));
    if (second.status != 0) return second;
    const auto text = results_.back().at("ips").at(0).at("address").get<std::string>();
    pod.ips = {*base::IpAddress::parse(text.substr(0, text.find('/')))};
    prober_.addHost(name, pod.netns->open());
    return second;
  }
  void expectGuarded() {
    const auto ipOf = [&](std::size_t i) { return pods_.at(i).ip(base::Family::V4); };
    const std::vector<Attempt> attempts{{"friend", {ipOf(1), ipOf(0), 6, 80}},
                                        {"friend", {ipOf(1), ipOf(0), 6, 81}},
                                        {"stranger", {ipOf(2), ipOf(0), 6, 80}},
                                        {"stranger", {ipOf(2), ipOf(0), 1, 0}},
                                        {"web", {ipOf(0), ipOf(2), 6, 80}}};
    const std::vector<bool> expected{true, false, false, false, true};
    const auto seen = prober_.run(attempts, expected);
    for (std::size_t i = 0; i < attempts.size(); ++i)
      EXPECT_EQ(seen[i] == Reach::Both, expected[i]) << "attempt " << i;
  }
  void delAll(const std::string& type) {
    for (std::size_t i = 0; i < pods_.size(); ++i) {
      EXPECT_EQ(call("CHECK", kpol(), pods_[i], ours(results_[i])).status, 0);
      EXPECT_EQ(call("DEL", kpol(), pods_[i], ours(results_[i])).status, 0);
      EXPECT_EQ(call("DEL", std::string(kReference) + "/" + type, pods_[i], reference(type)).status,
                0);
    }
    EXPECT_TRUE(json::parse(node_.get("/v1/attachments")).at("items").empty());
  }

  Node node_;
  Prober prober_;
  std::vector<NodePod> pods_;
  std::vector<json> results_;
};

TEST_F(Chained, AfterPtpPoliciesApply) {
  for (const char* name : {"web", "friend", "stranger"}) {
    const auto result = addAfter("ptp", name);
    ASSERT_EQ(result.status, 0) << result.out << result.err;
    // No interface of ours: the result is the first plugin's.
    EXPECT_EQ(json::parse(result.out).at("ips"), results_.back().at("ips"));
  }
  expectGuarded();
  delAll("ptp");
}

TEST_F(Chained, AfterBridgePoliciesApplyWithinTheBridge) {
  writeSysctl("bridge/bridge-nf-call-iptables", "1");
  writeSysctl("bridge/bridge-nf-call-ip6tables", "1");
  for (const char* name : {"web", "friend", "stranger"}) {
    const auto result = addAfter("bridge", name);
    ASSERT_EQ(result.status, 0) << result.out << result.err;
  }
  expectGuarded();
  delAll("bridge");
}

TEST_F(Chained, AfterBridgeWithoutBridgeNetfilterAddFails) {
  for (const char* key : {"bridge-nf-call-iptables", "bridge-nf-call-ip6tables"}) {
    writeSysctl("bridge/bridge-nf-call-iptables", "1");
    writeSysctl("bridge/bridge-nf-call-ip6tables", "1");
    writeSysctl(std::string("bridge/") + key, "0");
    const auto result = addAfter("bridge", "web");
    ASSERT_NE(result.status, 0);
    const auto error = conf::parseError(result.out);
    EXPECT_EQ(error.code, static_cast<std::uint32_t>(conf::CniCode::NotFiltered));
    EXPECT_NE(error.msg.find(key), std::string::npos) << error.msg;
    EXPECT_NE(error.details.find("sysctl -w"), std::string::npos) << error.details;
  }
  EXPECT_TRUE(json::parse(node_.get("/v1/attachments")).at("items").empty());
}

// kpol first, then the reference plugins that change its interface.
TEST_F(Chained, BeforePortmapBandwidthAndTuning) {
  auto pod = node_.makePod({"shop", "web"});
  json config = json::parse(node_.networkConfig());
  const auto first = call("ADD", kpol(), pod, config);
  ASSERT_EQ(first.status, 0) << first.out;
  json previous = json::parse(first.out);
  json chain = json::array(
      {{{"type", "tuning"}, {"sysctl", {{"net.core.somaxconn", "321"}}}},
       {{"type", "bandwidth"},
        {"runtimeConfig",
         {{"bandwidth",
           {{"ingressRate", 8000000},
            {"ingressBurst", 8000000},
            {"egressRate", 8000000},
            {"egressBurst", 8000000}}}}}},
       {{"type", "portmap"},
        {"snat", true},
        {"runtimeConfig",
         {{"portMappings",
           json::array({{{"hostPort", 18081}, {"containerPort", 80}, {"protocol", "tcp"}}})}}}}});
  for (json plugin : chain) {
    plugin["cniVersion"] = "1.0.0";
    plugin["name"] = "kpol";
    plugin["prevResult"] = previous;
    const auto result = call(
        "ADD", std::string(kReference) + "/" + plugin.at("type").get<std::string>(), pod, plugin);
    ASSERT_EQ(result.status, 0) << plugin.at("type") << result.out;
    previous = json::parse(result.out);
  }
  prober_.addHost("web", pod.netns->open());
  prober_.addHost("outside", node_.outside().open());
  node_.remove("guard.yaml");
  node_.sync();
  const auto reached = prober_.run(
      {{"outside", {Node::outsideIp(base::Family::V4), Node::nodeIp(base::Family::V4), 6, 18081}}},
      {true});
  EXPECT_EQ(reached, std::vector<Reach>{Reach::Both});
  config["prevResult"] = json::parse(first.out);
  EXPECT_EQ(call("CHECK", kpol(), pod, config).status, 0);
  for (auto plugin = chain.rbegin(); plugin != chain.rend(); ++plugin) {
    (*plugin)["cniVersion"] = "1.0.0";
    (*plugin)["name"] = "kpol";
    (*plugin)["prevResult"] = previous;
    EXPECT_EQ(call("DEL", std::string(kReference) + "/" + plugin->at("type").get<std::string>(),
                   pod, *plugin)
                  .status,
              0);
  }
  EXPECT_EQ(call("DEL", kpol(), pod, config).status, 0);
}

}  // namespace
}  // namespace kpol::test
