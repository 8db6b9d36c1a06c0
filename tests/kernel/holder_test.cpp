// SPDX-License-Identifier: Apache-2.0
// `kpold hold` keeps the table owned while no kpold runs, with real packets. Needs Linux 6.9.
#include "netlink/netns.hpp"
#include "netlink/socket.hpp"
#include "node/holder_connection.hpp"
#include "tests/support/node.hpp"
#include "tests/support/prober.hpp"
#include "tests/support/site.hpp"

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace kpol::test {
namespace {

using base::Family;

constexpr const char* kTwoPods = R"(
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: a, labels: {app: a}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: b, labels: {app: b}}}
)";
std::string allowsFrom(const std::string& peer) {
  return R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: a}
spec: {podSelector: {matchLabels: {app: a}}, ingress: [{from: [)" +
         peer + "]}]}\n";
}
const std::string kPods = "{podSelector: {matchLabels: {app: b}}}";
const std::string kEverybody = "{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: '::/0'}}";

class HolderTest : public ::testing::Test {
 protected:
  HolderTest() {
    node_.apply("pods.yaml", kTwoPods);
    node_.apply("policy.yaml", allowsFrom(kPods));
  }
  ~HolderTest() override {
    holders_.clear();
    run({"nft", "delete", "table", "inet", "kpol"});
  }

  // As in its container: without capabilities, and read-only except for the socket's directory.
  Background& startHolder() {
    const auto log = node_.directory() / ("holder" + std::to_string(holders_.size()));
    holders_.push_back(std::make_unique<Background>(
        std::vector<std::string>{CONFINED_BINARY, "--no-capabilities", "--write", node_.directory(),
                                 "--", KPOLD_BINARY, "hold", "--socket", node_.socket()},
        log));
    EXPECT_TRUE(soon([&] { return text(log).find("holder started") != std::string::npos; }))
        << text(log);
    return *holders_.back();
  }
  void startKpoldWithPods() {
    node_.startKpold();
    for (const char* name : {"a", "b"})
      prober_.addHost(name, node_.add({"shop", name}).netns->open());
    prober_.addHost("outside", node_.outside().open());
    node_.sync();
  }
  static std::string text(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  [[nodiscard]] nlohmann::json table() const {
    return nlohmann::json::parse(node_.get("/v1/status")).at("table");
  }
  [[nodiscard]] bool isHeld() const { return table().at("held").get<bool>(); }
  void expectHeld() const {
    EXPECT_TRUE(soon([&] { return isHeld(); })) << node_.log();
    EXPECT_EQ(table().at("owned"), true);
  }
  void killKpold() { ASSERT_EQ(node_.stopKpold(SIGKILL), 128 + SIGKILL); }

  static bool exists() { return run({"nft", "list", "table", "inet", "kpol"}).status == 0; }
  // What other programs try while no kpold runs.
  void expectUntouchable() {
    EXPECT_EQ(run({"nft", "flush", "ruleset"}).status, 0);
    EXPECT_NE(run({"nft", "delete", "table", "inet", "kpol"}).status, 0);
    EXPECT_NE(run({"nft", "flush", "table", "inet", "kpol"}).status, 0);
    EXPECT_TRUE(exists());
    expectPackets(false);
  }
  // The pod "b" may always reach "a".
  void expectPackets(bool outsideToo) {
    std::vector<Attempt> attempts;
    std::vector<bool> expected;
    const auto add = [&](const std::string& from, Family family, const base::IpAddress& ip) {
      attempts.push_back({from, {ip, node_.find({"shop", "a"})->ip(family), 6, 80}});
      expected.push_back(from == "b" || outsideToo);
    };
    for (const auto family : {Family::V4, Family::V6}) {
      add("b", family, node_.find({"shop", "b"})->ip(family));
      add("outside", family, Node::outsideIp(family));
    }
    const auto seen = prober_.run(attempts, expected);
    for (std::size_t i = 0; i < seen.size(); ++i)
      EXPECT_EQ(seen[i], expected[i] ? Reach::Both : Reach::None) << attempts[i].from << i;
  }
  // A new kpold owns the table, changes it, and has it held.
  void expectWorksAgain() {
    node_.startKpold();
    expectHeld();
    node_.apply("policy.yaml", allowsFrom(kEverybody));
    node_.sync();
    expectPackets(true);
  }

  Node node_;
  Prober prober_;
  std::vector<std::unique_ptr<Background>> holders_;
};

TEST_F(HolderTest, TableIsUntouchableWhileKpoldIsDead) {
  startHolder();
  startKpoldWithPods();
  expectHeld();
  EXPECT_NE(node_.kpolctl({"status"}).out.find("owned by kpold and held"), std::string::npos);
  killKpold();
  expectUntouchable();
  node_.startKpold();
  node_.sync();
  const auto status = nlohmann::json::parse(node_.get("/v1/status"));
  EXPECT_EQ(status.at("commits").at("batches"), 0) << "not even an adoption";
  for (const char* late : {"using the holder's socket", "not owned", "not held"})
    EXPECT_EQ(node_.log().find(late), std::string::npos) << node_.log();
  EXPECT_EQ(node_.stopKpold(SIGTERM), 0);
  expectUntouchable();
  expectWorksAgain();
}

TEST_F(HolderTest, NewHolderTakesOverFromTheOldWithoutKpold) {
  auto& old = startHolder();
  startKpoldWithPods();
  expectHeld();
  killKpold();
  startHolder();
  old.signal(SIGTERM);
  EXPECT_EQ(old.wait(), 0);
  expectUntouchable();
  expectWorksAgain();
}

TEST_F(HolderTest, KpoldHandsTheSocketToANewHolder) {
  startKpoldWithPods();  // before there is a holder
  auto& first = startHolder();
  expectHeld();
  first.signal(SIGKILL);
  first.wait();
  EXPECT_TRUE(soon([&] { return !isHeld(); }));
  EXPECT_NE(node_.kpolctl({"status"}).out.find("owned by kpold, not held"), std::string::npos);
  EXPECT_TRUE(soon([&] { return node_.log().find("table not held") != std::string::npos; }));
  EXPECT_EQ(table().at("owned"), true);
  startHolder();
  expectHeld();
  killKpold();
  expectUntouchable();
  expectWorksAgain();
}

TEST_F(HolderTest, WithNeitherTheTableHasNoOwner) {
  auto& holder = startHolder();
  startKpoldWithPods();
  expectHeld();
  killKpold();
  holder.signal(SIGTERM);
  EXPECT_EQ(holder.wait(), 0);
  EXPECT_TRUE(exists());
  expectPackets(false);
  EXPECT_EQ(run({"nft", "flush", "ruleset"}).status, 0);
  EXPECT_FALSE(exists());
  node_.startKpold();
  node_.sync();
  expectPackets(false);
}

// A kpold that starts meanwhile cannot change the table, and uses the socket as soon as it can.
TEST_F(HolderTest, HolderThatDoesNotReplyInTimeStillHolds) {
  auto& holder = startHolder();
  startKpoldWithPods();
  expectHeld();
  killKpold();
  holder.signal(SIGSTOP);
  node_.apply("policy.yaml", allowsFrom(kEverybody));
  std::thread later([&] {
    EXPECT_TRUE(soon([&] { return node_.log().find("commit failed") != std::string::npos; }));
    EXPECT_NE(run({"nft", "delete", "table", "inet", "kpol"}).status, 0);
    holder.signal(SIGCONT);
  });
  node_.startKpold();  // returns when it is ready
  later.join();
  expectHeld();
  node_.sync();
  expectPackets(true);
}

// The socket of a former node in the same directory is not used.
TEST_F(HolderTest, SocketOfAnotherNetworkNamespaceIsNotUsed) {
  startHolder();
  {
    const auto there = node_.outside().open();
    const auto inside = there.enter();
    const netlink::Socket foreign(NETLINK_NETFILTER);
    auto connection = node::HolderConnection::open(node::holderPath(node_.socket()));
    ASSERT_TRUE(connection);
    ASSERT_TRUE(connection->send(node::HolderConnection::Word::Keep, foreign.fd()));
    EXPECT_TRUE(soon([&] { return !!node::fetchHeldSocket(node::holderPath(node_.socket())); }));
  }
  startKpoldWithPods();
  expectHeld();
  killKpold();
  expectUntouchable();
}

}  // namespace
}  // namespace kpol::test
