// SPDX-License-Identifier: Apache-2.0
// kpold as its container runs it: CAP_NET_ADMIN alone, a read-only root, no new privileges, and a
// seccomp filter that kills it at the first call that a runtime's default profile forbids.
#include "netlink/route_socket.hpp"
#include "node/atomic_file.hpp"
#include "tests/support/node.hpp"
#include "tests/support/prober.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <csignal>
#include <fstream>
#include <regex>
#include <thread>

namespace kpol::test {
namespace {

using namespace std::chrono_literals;
using base::Family;
using nlohmann::json;
using Strings = std::vector<std::string>;

constexpr const char* kObjects = R"(
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Node
  metadata: {name: node}
  spec: {podCIDRs: [10.244.1.0/24, 'fd00:10:244:1::/64']}
  status: {addresses: [{type: InternalIP, address: 192.0.2.1}, {type: InternalIP, address: '2001:db8:2::1'}]}
- apiVersion: v1
  kind: Node
  metadata: {name: other}
  spec: {podCIDRs: [10.244.2.0/24, 'fd00:10:244:2::/64']}
  status: {addresses: [{type: InternalIP, address: 192.0.2.2}, {type: InternalIP, address: '2001:db8:2::2'}]}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: a, labels: {app: a}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: b, labels: {app: b}}}
)";
// a is reached by b only.
constexpr const char* kConfinedPolicy = R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: guard}
spec:
  podSelector: {matchLabels: {app: a}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: b}}}]
)";

Strings confined(Strings options, const Strings& program) {
  options.insert(options.begin(), CONFINED_BINARY);
  options.emplace_back("--");
  options.insert(options.end(), program.begin(), program.end());
  return options;
}

ProcessResult runConfined(const Strings& options, const Strings& program) {
  return run(confined(options, program));
}

NodeOptions confinedNode() {
  NodeOptions options;
  options.launcher = [](const std::filesystem::path& directory) {
    return confined({"--write", directory, "--read", directory / "manifests"}, {});
  };
  return options;
}

void setForwarding(const char* value) {
  for (const char* file : {"ipv4/ip_forward", "ipv6/conf/all/forwarding"})
    std::ofstream(std::string("/proc/sys/net/") + file) << value;
}

class LeastPrivilege : public testing::Test {
 protected:
  LeastPrivilege() : node_(confinedNode()) {
    setForwarding("1");
    node_.apply("objects.yaml", kObjects);
    node_.apply("policy.yaml", kConfinedPolicy);
  }
  void start(const Strings& extra = {}) {
    Strings arguments{"--cni-conf-dir", node_.directory() / "net.d"};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    node_.startKpold(arguments);
  }
  void addPods() {
    for (const char* name : {"a", "b"})
      prober_.addHost(name, node_.add({"shop", name}).netns->open());
    prober_.addHost("outside", node_.outside().open());
    node_.apply("objects.yaml", objectsWithAddresses());
    node_.sync();
  }
  // The pods' addresses are from the cluster's Pod objects.
  std::string objectsWithAddresses() {
    std::string text = kObjects;
    for (const char* name : {"a", "b"}) {
      std::string ips;
      for (const auto& ip : node_.find({"shop", name})->ips)
        ips += (ips.empty() ? "" : ", ") + ("{ip: '" + toString(ip) + "'}");
      const std::string label = std::string("labels: {app: ") + name + "}}";
      text.replace(text.find(label), label.size(), label + ", status: {podIPs: [" + ips + "]}");
    }
    return text;
  }
  bool reaches(const std::string& from, const std::string& to, bool expected) {
    const auto ipOf = [&](const std::string& host, Family family) {
      return host == "outside" ? Node::outsideIp(family) : node_.find({"shop", host})->ip(family);
    };
    std::vector<Attempt> attempts;
    for (const auto family : {Family::V4, Family::V6})
      for (const std::uint8_t protocol : {std::uint8_t{6}, std::uint8_t{17}})
        attempts.push_back({from, {ipOf(from, family), ipOf(to, family), protocol, 80}});
    const auto seen = prober_.run(attempts, std::vector<bool>(attempts.size(), expected));
    return seen == std::vector<Reach>(4, expected ? Reach::Both : Reach::None);
  }
  void expectGuarded() {
    EXPECT_TRUE(reaches("b", "a", true));
    EXPECT_TRUE(reaches("a", "b", true));
    EXPECT_TRUE(reaches("outside", "a", false));
    EXPECT_TRUE(reaches("outside", "b", true));
  }
  [[nodiscard]] json status() const { return json::parse(node_.get("/v1/status")); }
  template <class Condition>
  static bool comes(Condition condition) {
    for (const auto deadline = std::chrono::steady_clock::now() + 20s;
         std::chrono::steady_clock::now() < deadline; std::this_thread::sleep_for(5ms))
      if (condition()) return true;
    return false;
  }
  static std::size_t podLinks() {
    std::size_t count = 0;
    for (const auto& link : netlink::RouteSocket().links())
      if (link.name.text().starts_with("kp")) ++count;
    return count;
  }

  Node node_;
  Prober prober_;
};

// Otherwise the tests below would prove nothing.
TEST(Confinement, IsEffective) {
  const auto state = runConfined({}, {"cat", "/proc/self/status"}).out;
  for (const char* line :
       {"CapInh:\t0000000000001000", "CapPrm:\t0000000000001000", "CapEff:\t0000000000001000",
        "CapBnd:\t0000000000001000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"})
    EXPECT_NE(state.find(line), state.npos) << state;
  EXPECT_NE(runConfined({}, {"touch", "/tmp/kpol-confined"}).err.find("Read-only file system"),
            std::string::npos);
  EXPECT_NE(runConfined({}, {"sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"}).status, 0);
  for (const Strings& forbidden :
       {Strings{"unshare", "-n", "true"}, Strings{"mount", "-t", "tmpfs", "none", "/mnt"},
        Strings{"nsenter", "--net=/proc/self/ns/net", "true"}, Strings{"chroot", "/", "true"}})
    EXPECT_EQ(runConfined({}, forbidden).status, 128 + SIGSYS) << forbidden[0];
}

TEST_F(LeastPrivilege, PoliciesApplyFromStartToRestart) {
  start();
  std::ifstream file("/proc/" + std::to_string(node_.kpoldPid()) + "/status");
  const std::string state(std::istreambuf_iterator<char>(file), {});
  EXPECT_NE(state.find("CapEff:\t0000000000001000"), state.npos) << state;
  addPods();
  expectGuarded();
  EXPECT_EQ(status().at("table").at("owned"), true);
  EXPECT_EQ(status().at("diagnostics"), json::array());

  // Policies and pods that are added later.
  node_.remove("policy.yaml");
  node_.sync();
  EXPECT_TRUE(reaches("outside", "a", true));
  node_.apply("policy.yaml", kConfinedPolicy);
  node_.sync();
  expectGuarded();

  ASSERT_EQ(node_.stopKpold(SIGKILL), 128 + SIGKILL);
  expectGuarded();
  start();
  node_.sync();
  expectGuarded();
  EXPECT_EQ(status().at("commits").at("total"), 0) << "a restart with nothing changed";
  EXPECT_EQ(status().at("attachments"), 2);
  EXPECT_EQ(node_.stopKpold(SIGTERM), 0) << node_.log();
}

TEST_F(LeastPrivilege, PodsWithAllFeaturesAreAddedAndDeleted) {
  start();
  node_.add({"shop", "a"},
            R"({"portMappings":[{"hostPort":18080,"containerPort":80,"protocol":"udp"}],
                "bandwidth":{"ingressRate":80000000,"ingressBurst":80000000,
                             "egressRate":80000000,"egressBurst":80000000}})");
  EXPECT_EQ(podLinks(), 2U);
  // kpold deletes the links, ends the flows and frees the addresses.
  node_.del({"shop", "a"});
  EXPECT_TRUE(comes([] { return podLinks() == 0; })) << node_.log();
  EXPECT_TRUE(comes([&] {
    return json::parse(node_.get("/v1/show/ips")).dump().find("container1") == std::string::npos;
  }));
  // One whose DEL never came.
  node_.add({"shop", "b"});
  EXPECT_EQ(node_.log().find("task failed"), std::string::npos) << node_.log();
}

TEST_F(LeastPrivilege, NodeNetworkAndNetworkConfigWork) {
  start({"--routing", "vxlan"});
  EXPECT_TRUE(comes([&] {
    return run({"ip", "route", "get", "10.244.2.7"}).out.find("vxlan.kpol") != std::string::npos;
  })) << node_.log();
  EXPECT_TRUE(comes(
      [&] { return std::filesystem::exists(node_.directory() / "net.d" / "10-kpol.conflist"); }));
  run({"ip", "route", "flush", "proto", "107"});
  EXPECT_TRUE(comes([&] {
    return run({"ip", "route", "get", "10.244.2.7"}).out.find("vxlan.kpol") != std::string::npos;
  })) << node_.log();
  run({"ip", "link", "del", "vxlan.kpol"});
  EXPECT_TRUE(comes([&] {
    return run({"ip", "route", "get", "10.244.2.7"}).out.find("vxlan.kpol") != std::string::npos;
  })) << node_.log();
  EXPECT_EQ(status().at("diagnostics"), json::array()) << node_.log();
  run({"ip", "link", "del", "vxlan.kpol"});
}

TEST_F(LeastPrivilege, ForwardingThatCannotBeEnabledIsReported) {
  setForwarding("0");
  start();
  const auto told = node_.kpolctl({"status"}).out;
  for (const char* sysctl : {"net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"})
    EXPECT_NE(told.find(std::string("warning: sysctl: ") + sysctl + " is 0"), told.npos) << told;
  setForwarding("1");
  EXPECT_EQ(status().at("diagnostics"), json::array());
}

TEST_F(LeastPrivilege, MissingCapabilityIsNamed) {
  for (const char* verb : {"--source=dir:/nonexistent", "--cleanup"}) {
    const auto refused = runConfined({"--no-capabilities"}, {KPOLD_BINARY, verb});
    EXPECT_EQ(refused.status, 1);
    EXPECT_NE(refused.err.find(R"(kpold failed error="the capability CAP_NET_ADMIN is missing)"),
              refused.err.npos)
        << refused.err;
  }
}

TEST_F(LeastPrivilege, InstallingNeedsNoCapability) {
  const auto bin = node_.directory() / "bin";
  std::filesystem::create_directory(bin);
  const Strings install{KPOLD_BINARY, "--install-cni",   "--cni-bin-dir",
                        bin,          "--plugin-binary", KPOL_BINARY};
  const auto installed = runConfined({"--no-capabilities", "--write", bin}, install);
  EXPECT_EQ(installed.status, 0) << installed.err;
  EXPECT_EQ(node::readFile(bin / "kpol"), node::readFile(KPOL_BINARY));
}

TEST_F(LeastPrivilege, IdlingNeedsNoCapabilityAndStopsOnSigterm) {
  Background idle(confined({"--no-capabilities"}, {KPOLD_BINARY, "--idle"}),
                  node_.directory() / "idle.log");
  const auto waits = [&] {
    const auto status = node::readFile("/proc/" + std::to_string(idle.pid()) + "/status");
    return status && status->find("SigBlk:\t0000000000004002") != status->npos;
  };
  for (int i = 0; i < 500 && !waits(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(idle.running());
  idle.signal(SIGTERM);
  EXPECT_EQ(idle.wait(), 0);
}

TEST_F(LeastPrivilege, CleaningUpNeedsNoMoreCapabilities) {
  start();
  node_.add({"shop", "a"});
  ASSERT_EQ(node_.stopKpold(SIGTERM), 0);
  const auto cleaned =
      runConfined({"--write", node_.directory()},
                  {KPOLD_BINARY, "--cleanup", "--cni-conf-dir", node_.directory() / "net.d",
                   "--cni-bin-dir", node_.directory() / "bin", "--state-dir",
                   node_.stateDirectory(), "--socket", node_.socket()});
  EXPECT_EQ(cleaned.status, 0) << cleaned.err;
  EXPECT_EQ(podLinks(), 0U);
  EXPECT_NE(run({"nft", "list", "table", "inet", "kpol"}).status, 0);
}

}  // namespace
}  // namespace kpol::test
