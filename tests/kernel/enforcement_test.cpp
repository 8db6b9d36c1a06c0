// SPDX-License-Identifier: Apache-2.0
// Invariants whatever happens to kpold: no packet passes that is not allowed.
#include "ipam/lease_store.hpp"
#include "netlink/route_socket.hpp"
#include "nft/diff.hpp"
#include "nft/kernel.hpp"
#include "tests/support/node.hpp"
#include "tests/support/prober.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace kpol::test {
namespace {

using base::Family;

constexpr const char* kEnforcedPods = R"(
apiVersion: v1
kind: PodList
items:
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: a, labels: {app: a}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: b, labels: {app: b}}}
)";

// a may not be reached, and reaches b only.
constexpr const char* kPolicy = R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: guard}
spec:
  podSelector: {matchLabels: {app: a}}
  policyTypes: [Ingress, Egress]
  egress:
  - to: [{podSelector: {matchLabels: {app: b}}}]
)";

std::string nft(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "nft");
  const auto result = run(arguments);
  return result.out + result.err;
}

// The table without its counters' values, and without who owns it now.
std::string table() {
  const auto text = nft({"-s", "list", "table", "inet", "kpol"});
  return run({"sed", "-e", "s/ # progname.*//", "-e", "/^\tflags/d"}, text).out;
}

class Enforcement : public ::testing::Test {
 protected:
  void start() {
    node_.apply("pods.yaml", kEnforcedPods);
    node_.startKpold();
    for (const char* name : {"a", "b"}) addHost(node_.add({"shop", name}));
    prober_.addHost("outside", node_.outside().open());
    prober_.addHost("node", netlink::Netns::current());
  }
  void addHost(const NodePod& pod) { prober_.addHost(toString(pod.key), pod.netns->open()); }

  // Whether TCP, UDP and ICMP get from `from` to `to`, in both families.
  std::vector<Reach> tryAll(const std::string& from, const std::string& to, bool expected) {
    std::vector<Attempt> attempts;
    for (const auto family : {Family::V4, Family::V6})
      for (const int protocol : {6, 17, family == Family::V4 ? 1 : 58})
        attempts.push_back(
            {from,
             {ipOf(from, family), ipOf(to, family), static_cast<std::uint8_t>(protocol), 80}});
    return prober_.run(attempts, std::vector<bool>(attempts.size(), expected));
  }
  void expectOpen(const std::string& from, const std::string& to) {
    EXPECT_EQ(tryAll(from, to, true), std::vector<Reach>(6, Reach::Both)) << from << " -> " << to;
  }
  void expectClosed(const std::string& from, const std::string& to) {
    EXPECT_EQ(tryAll(from, to, false), std::vector<Reach>(6, Reach::None)) << from << " -> " << to;
  }
  void expectGuarded() {
    expectClosed("shop/b", "shop/a");
    expectClosed("outside", "shop/a");
    expectClosed("shop/a", "outside");
    expectOpen("shop/a", "shop/b");
    expectOpen("shop/b", "outside");
    expectOpen("node", "shop/a");
  }

  base::IpAddress ipOf(const std::string& host, Family family) {
    if (host == "outside") return Node::outsideIp(family);
    if (host == "node") return Node::nodeIp(family);
    if (host == "stranger") return stranger_->ip(family);
    return node_.find({host.substr(0, host.find('/')), host.substr(host.find('/') + 1)})
        ->ip(family);
  }

  // Adds a pod with an interface and addresses that is not registered with kpold.
  void addStranger() {
    stranger_ = node_.makePod({"shop", "stranger"});
    const auto result = Node::plugin("ADD", *stranger_, node_.networkConfig({}, "none").c_str());
    ASSERT_EQ(result.status, 0) << result.out << result.err;
    const auto answer = nlohmann::json::parse(result.out);
    for (const auto& ip : answer.at("ips")) {
      const auto text = ip.at("address").get<std::string>();
      stranger_->ips.push_back(*base::IpAddress::parse(text.substr(0, text.find('/'))));
    }
    prober_.addHost("stranger", stranger_->netns->open());
  }

  Node node_;
  Prober prober_;
  std::optional<NodePod> stranger_;
};

TEST_F(Enforcement, WithoutPoliciesEverythingIsAllowed) {
  start();
  expectOpen("shop/a", "shop/b");
  expectOpen("outside", "shop/a");
  expectOpen("shop/a", "outside");
  expectOpen("shop/a", "node");
  expectOpen("node", "shop/a");
  expectOpen("shop/a", "shop/a");
}

TEST_F(Enforcement, PolicyAppliesUntilItIsDeleted) {
  start();
  node_.apply("policy.yaml", kPolicy);
  node_.sync();
  expectGuarded();
  node_.remove("policy.yaml");
  node_.sync();
  expectOpen("outside", "shop/a");
}

// `rules` nested port ranges with a different peer each; all admit port 80, the last one b.
std::string nestedRules(int rules) {
  std::string text = R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: nested}
spec:
  podSelector: {matchLabels: {app: a}}
  policyTypes: [Ingress]
  ingress:
)";
  for (int i = 1; i <= rules; ++i)
    text += "  - {from: [{podSelector: {matchLabels: {app: " +
            (i == rules ? "b" : "x" + std::to_string(i)) +
            "}}}], ports: [{port: " + std::to_string(1 + i * 79 / rules) +
            ", endPort: " + std::to_string(60000 - i) + "}, " +
            "{protocol: UDP, port: " + std::to_string(i) + "}, {protocol: UDP, port: 80}]}\n";
  return text;
}

TEST_F(Enforcement, PolicyThatIsTooLargeIsolatesItsPodsOnly) {
  start();
  std::vector<Attempt> b;
  for (const auto family : {Family::V4, Family::V6})
    for (const std::uint8_t protocol : {std::uint8_t{6}, std::uint8_t{17}})
      b.push_back({"shop/b", {ipOf("shop/b", family), ipOf("shop/a", family), protocol, 80}});
  node_.apply("policy.yaml", nestedRules(60));
  node_.sync();
  EXPECT_EQ(prober_.run(b, std::vector<bool>(4, true)), std::vector<Reach>(4, Reach::Both));
  node_.apply("policy.yaml", nestedRules(800));
  node_.sync();
  EXPECT_EQ(prober_.run(b, std::vector<bool>(4, false)), std::vector<Reach>(4, Reach::None));
  expectOpen("shop/a", "shop/b");
  expectOpen("outside", "shop/b");
  const auto status = node_.kpolctl({"status"});
  EXPECT_NE(status.out.find("NetworkPolicy shop/nested"), std::string::npos) << status.out;
  EXPECT_NE(status.out.find("no packet reaches shop/a"), std::string::npos) << status.out;
  node_.apply("policy.yaml", nestedRules(60));
  node_.sync();
  EXPECT_EQ(prober_.run(b, std::vector<bool>(4, true)), std::vector<Reach>(4, Reach::Both));
}

TEST_F(Enforcement, PodThatKpoldDoesNotKnowExchangesNoPacket) {
  start();
  addStranger();
  for (const char* other : {"shop/b", "outside", "node"}) {
    expectClosed("stranger", other);
    expectClosed(other, "stranger");
  }
}

TEST_F(Enforcement, PodMayNotUseAnotherAddress) {
  start();
  const auto stolen = ipOf("shop/b", Family::V4);
  {
    const auto guard = node_.find({"shop", "a"})->netns->open().enter();
    netlink::RouteSocket socket;
    const auto link = socket.findLink(*base::IfName::parse("eth0"))->index;
    socket.addAddress({link, stolen, 32});
  }
  const auto reach = prober_.run({{"shop/a", {stolen, Node::outsideIp(Family::V4), 17, 80}},
                                  {"shop/a", {stolen, Node::nodeIp(Family::V4), 17, 80}}},
                                 {false, false});
  EXPECT_EQ(reach, std::vector<Reach>(2, Reach::None));
}

// The successor of a pod on its address must not inherit what was allowed to it.
TEST(EnforcementOfReusedAddresses, ConntrackEntriesAreDeletedWithTheirPod) {
  NodeOptions options;
  options.ipv4 = "10.244.1.0/30";  // two addresses for pods
  options.ipv6 = "";
  Node node(options);
  node.apply("pods.yaml", kEnforcedPods);
  node.startKpold();
  const auto first = node.add({"shop", "a"}).ip(Family::V4);
  const auto outside = node.outside().open();
  const auto flow = [&](const char* run) {
    // One flow: the same two ports each time.
    const auto guard = outside.enter();
    base::UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_port = htons(15000);
    EXPECT_EQ(bind(fd.value(), reinterpret_cast<sockaddr*>(&local), sizeof local), 0) << run;
    sockaddr_in remote{};
    remote.sin_family = AF_INET;
    remote.sin_port = htons(80);
    std::memcpy(&remote.sin_addr, first.bytes().data(), 4);
    EXPECT_EQ(connect(fd.value(), reinterpret_cast<sockaddr*>(&remote), sizeof remote), 0);
    EXPECT_EQ(send(fd.value(), "ping", 4, 0), 4);
    return fd;
  };
  const auto serverIn = [](const TestNetns& netns) {
    const auto guard = netns.open().enter();
    base::UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(80);
    EXPECT_EQ(bind(fd.value(), reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
    return fd;
  };
  const auto receives = [](const base::UniqueFd& server, sockaddr_in& from) {
    pollfd state{server.value(), POLLIN, 0};
    if (poll(&state, 1, 500) <= 0) return false;
    std::array<char, 16> buffer{};
    socklen_t length = sizeof from;
    return recvfrom(server.value(), buffer.data(), buffer.size(), 0,
                    reinterpret_cast<sockaddr*>(&from), &length) == 4;
  };
  {
    const auto server = serverIn(*node.find({"shop", "a"})->netns);
    const auto client = flow("first");
    sockaddr_in from{};
    ASSERT_TRUE(receives(server, from));
    ASSERT_EQ(sendto(server.value(), "pong", 4, 0, reinterpret_cast<sockaddr*>(&from), sizeof from),
              4);  // now the flow is established
  }
  node.del({"shop", "a"});

  // Pods that kpold does not know, until one has the address.
  std::vector<NodePod> strangers;
  for (int i = 0; i < 2; ++i) {
    strangers.push_back(node.makePod({"shop", "stranger" + std::to_string(i)}));
    const auto result =
        Node::plugin("ADD", strangers.back(), node.networkConfig({}, "none").c_str());
    ASSERT_EQ(result.status, 0) << result.out << result.err;
    if (result.out.find(toString(first) + "/") == std::string::npos) continue;
    const auto server = serverIn(*strangers.back().netns);
    const auto client = flow("second");
    sockaddr_in from{};
    EXPECT_FALSE(receives(server, from));
    return;
  }
  FAIL() << "the address was not reused";
}

TEST_F(Enforcement, FlushByAnotherProcessChangesNothing) {
  start();
  node_.apply("policy.yaml", kPolicy);
  node_.sync();
  const auto before = table();
  nft({"flush", "ruleset"});
  EXPECT_NE(nft({"flush", "table", "inet", "kpol"}), "");
  EXPECT_NE(nft({"delete", "table", "inet", "kpol"}), "");
  EXPECT_EQ(table(), before);
  expectGuarded();
}

TEST_F(Enforcement, KilledKpoldLeavesThePolicyInEffect) {
  start();
  node_.apply("policy.yaml", kPolicy);
  node_.sync();
  const auto before = table();
  EXPECT_EQ(node_.stopKpold(SIGKILL), 128 + SIGKILL);
  EXPECT_EQ(table(), before);
  expectGuarded();
}

TEST_F(Enforcement, WarmRestartWithNothingChangedOnlyAdoptsTheTable) {
  start();
  node_.apply("policy.yaml", kPolicy);
  node_.sync();
  for (const int signal : {SIGKILL, SIGTERM}) {
    const auto before = table();
    EXPECT_EQ(node_.stopKpold(signal), signal == SIGTERM ? 0 : 128 + SIGKILL);
    const auto events = node_.directory() / "events";
    Background monitor({"nft", "monitor"}, events);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));  // until it listens
    node_.startKpold();
    node_.sync();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    monitor.signal(SIGTERM);
    monitor.wait();
    const auto seen = run({"grep", "-vE", "^(add table inet kpol|# new generation)", events}).out;
    EXPECT_EQ(seen, "");
    EXPECT_NE(run({"grep", "-E", "new generation", events}).out, "") << "the monitor saw nothing";
    std::filesystem::remove(events);
    EXPECT_EQ(table(), before);
    expectGuarded();
  }
}

// What an upgrade meets, and in another order a return to the version before.
TEST_F(Enforcement, TableOfAnOlderVersionAppliesUntilAdopted) {
  start();
  node_.apply("policy.yaml", kPolicy);
  node_.sync();
  const auto wanted = nft::Kernel({}).readBack();
  node_.stopKpold(SIGKILL);
  nft({"delete", "table", "inet", "kpol"});
  // As kpold owned it and left it.
  nft::Kernel({}).commit(nft::diff(std::nullopt, nft::Ruleset{}));
  EXPECT_EQ(nft({"-f", KPOL_SOURCE_DIR "/tests/kernel/older_table.nft"}), "");
  EXPECT_NE(nft({"list", "chain", "inet", "kpol", "forward4"}).find("@ingress4"),
            std::string::npos);
  expectGuarded();
  node_.startKpold();
  expectGuarded();
  node_.sync();
  expectGuarded();
  EXPECT_TRUE(nft::Kernel({}).readBack() == wanted) << table();
}

TEST_F(Enforcement, PolicyOfAnInvalidFileAppliesAcrossARestart) {
  start();
  node_.apply("policy.yaml", kPolicy);
  node_.sync();
  node_.apply("policy.yaml", "kind: [");
  node_.sync();
  expectGuarded();
  node_.stopKpold(SIGKILL);
  node_.startKpold();
  node_.sync();
  expectGuarded();
  EXPECT_NE(node_.get("/v1/status").find("policy.yaml"), std::string::npos);
}

TEST_F(Enforcement, AddWithoutKpoldIsRetryableAndLeavesNothingBehind) {
  const auto pod = node_.makePod({"shop", "a"});
  const auto result = node_.plugin("ADD", pod);
  EXPECT_NE(result.status, 0);
  const auto error = nlohmann::json::parse(result.out);
  EXPECT_EQ(error.at("code"), 11);
  EXPECT_FALSE(error.at("msg").get<std::string>().empty());

  netlink::RouteSocket here;
  for (const auto& link : here.links()) EXPECT_FALSE(link.name.text().starts_with("kpol"));
  for (const auto& route : here.routes())
    EXPECT_EQ(toString(route.destination).find("10.244"), std::string::npos);
  const auto guard = pod.netns->open().enter();
  netlink::RouteSocket there;
  EXPECT_EQ(there.links().size(), 1U);  // lo
  EXPECT_TRUE(ipam::LeaseStore::open(node_.stateDirectory()).leases().empty());
}

TEST_F(Enforcement, DeletedPodLeavesNothingBehind) {
  start();
  node_.del({"shop", "a"});
  node_.del({"shop", "b"});
  EXPECT_EQ(nft({"list", "set", "inet", "kpol", "endpoints4"}).find("elements"), std::string::npos);
  const auto podLinks = [] {
    const auto links = netlink::RouteSocket().links();
    return std::count_if(links.begin(), links.end(),
                         [](const auto& link) { return link.name.text().starts_with("kpol"); });
  };
  // The kernel deletes links with a delay, but nothing of the pod reaches them any more.
  for (int i = 0; i < 200 && podLinks() > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(podLinks(), 0);
  EXPECT_TRUE(ipam::LeaseStore::open(node_.stateDirectory()).leases().empty());
  EXPECT_TRUE(std::filesystem::is_empty(node_.stateDirectory() / "attachments"));
}

}  // namespace
}  // namespace kpol::test
