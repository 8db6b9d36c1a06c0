// SPDX-License-Identifier: Apache-2.0
// kpol behind other main plugins, and before other chained ones: Debian's reference plugins, real
// pods, real packets.
#include "conf/cni_error.hpp"
#include "tests/support/node.hpp"
#include "tests/support/prober.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
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

NodeOptions withMetricsOfChain() {
  NodeOptions options;
  options.metricsListen = "127.0.0.1:9464";
  return options;
}

class Chained : public ::testing::Test {
 protected:
  Chained() : node_(withMetricsOfChain()) {}
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
              {"routes", routes_},
              {"ranges", ranges_}}}};
  }
  // From now on, pods of the main plugin have an IPv6 address, too.
  void useBothFamilies() {
    ranges_.push_back(json::array({{{"subnet", "fd00:210::/64"}}}));
    routes_.push_back({{"dst", "::/0"}});
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
    for (const auto& ip : results_.back().at("ips")) {
      const auto text = ip.at("address").get<std::string>();
      pod.ips.push_back(*base::IpAddress::parse(text.substr(0, text.find('/'))));
    }
    prober_.addHost(name, pod.netns->open());
    return second;
  }
  void expectGuarded(base::Family family = base::Family::V4) {
    const auto ipOf = [&](std::size_t i) { return pods_.at(i).ip(family); };
    const auto icmp = static_cast<std::uint8_t>(family == base::Family::V4 ? 1 : 58);
    const std::vector<Attempt> attempts{{"friend", {ipOf(1), ipOf(0), 6, 80}},
                                        {"friend", {ipOf(1), ipOf(0), 6, 81}},
                                        {"stranger", {ipOf(2), ipOf(0), 6, 80}},
                                        {"stranger", {ipOf(2), ipOf(0), icmp, 0}},
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

  // Writes the pods as their kubelet reports them: on this node, with their addresses.
  void reportStatus() const {
    json list{{"apiVersion", "v1"}, {"kind", "PodList"}, {"items", json::array()}};
    for (const auto& pod : pods_) {
      json ips = json::array();
      for (const auto& ip : pod.ips) ips.push_back({{"ip", toString(ip)}});
      list["items"].push_back({{"apiVersion", "v1"},
                               {"kind", "Pod"},
                               {"metadata",
                                {{"namespace", pod.key.ns},
                                 {"name", pod.key.name},
                                 {"labels", {{"app", pod.key.name}}}}},
                               {"spec", {{"nodeName", node_.name()}}},
                               {"status", {{"phase", "Running"}, {"podIPs", std::move(ips)}}}});
    }
    node_.apply("pods.yaml", list.dump());
    node_.sync();
  }
  // A new kpold process without the attachments of its predecessor.
  void loseAttachments() {
    node_.stopKpold(SIGKILL);
    std::filesystem::remove_all(node_.stateDirectory() / "attachments");
    node_.startKpold();
    node_.sync();
  }
  std::string status() const { return node_.kpolctl({"status"}).out; }
  // Whether the metrics have this line within some seconds; kpold keeps a response for one second.
  static bool metricsSoonHave(const std::string& line) {
    for (int i = 0; i < 60; ++i) {
      const auto text = run({"curl", "-sS", "http://127.0.0.1:9464/metrics"}).out;
      if (text.find("\n" + line + "\n") != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }
  // kpold looks after its commits, at most every second, so there is a commit every time.
  bool logsSoon(const std::string& text) const {
    for (int i = 0; i < 50; ++i) {
      if (node_.log().find(text) != std::string::npos) return true;
      std::string other = kGuard;
      other.replace(other.find("name: guard"), 11, "name: another-" + std::to_string(i));
      node_.apply("another.yaml", other);
      node_.sync();
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    return false;
  }

  Node node_;
  Prober prober_;
  std::vector<NodePod> pods_;
  std::vector<json> results_;
  json ranges_ = json::array({json::array({{{"subnet", "10.210.0.0/24"}}})});
  json routes_ = json::array({{{"dst", "0.0.0.0/0"}}});
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

// As after the state directory was lost, or for pods that started before kpol was chained.
TEST_F(Chained, PodsWithoutAttachmentArePolicedByTheAddressesOfTheirStatus) {
  useBothFamilies();
  for (const char* name : {"web", "friend", "stranger"}) {
    const auto result = addAfter("ptp", name);
    ASSERT_EQ(result.status, 0) << result.out << result.err;
  }
  reportStatus();
  EXPECT_EQ(status().find("not registered"), std::string::npos) << status();
  EXPECT_TRUE(metricsSoonHave("kpold_unattached_pods 0"));
  loseAttachments();
  for (const auto family : {base::Family::V4, base::Family::V6}) expectGuarded(family);
  EXPECT_NE(status().find("Unattached    3 pods"), std::string::npos) << status();
  EXPECT_NE(status().find("Pod shop/web: was not registered"), std::string::npos) << status();
  EXPECT_TRUE(metricsSoonHave("kpold_unattached_pods 3"));
  EXPECT_TRUE(logsSoon("object=\"Pod shop/web\"")) << node_.log();
}

TEST_F(Chained, BridgeNetfilterThatIsSwitchedOffLaterIsReported) {
  const auto set = [](const char* v4, const char* v6) {
    writeSysctl("bridge/bridge-nf-call-iptables", v4);
    writeSysctl("bridge/bridge-nf-call-ip6tables", v6);
  };
  set("1", "1");
  const auto result = addAfter("bridge", "web");
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  reportStatus();
  const std::string warning = "bridge chained0: policies do not apply between its pods";
  const auto expectReported = [&](bool reported) {
    EXPECT_EQ(status().find(warning) != std::string::npos, reported) << status();
    EXPECT_TRUE(
        metricsSoonHave(reported ? "kpold_unfiltered_bridges 1" : "kpold_unfiltered_bridges 0"));
  };
  expectReported(false);
  set("0", "1");
  expectReported(true);
  set("1", "0");
  expectReported(true);
  EXPECT_TRUE(logsSoon("object=\"bridge chained0\"")) << node_.log();
  loseAttachments();
  expectReported(true);
  set("1", "1");
  expectReported(false);
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
