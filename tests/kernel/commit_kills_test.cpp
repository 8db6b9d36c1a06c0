// SPDX-License-Identifier: Apache-2.0
// Kills a large commit before each of its batches. Real packets must find the table in a state that
// the stages (nft/batch_split.hpp) allow, and the next commit must complete it.
#include "netlink/route_socket.hpp"
#include "nft/diff.hpp"
#include "nft/kernel.hpp"
#include "policy/compile.hpp"
#include "policy/peer_sets.hpp"
#include "tests/support/interpreter.hpp"
#include "tests/support/node.hpp"
#include "tests/support/policy_builders.hpp"
#include "tests/support/prober.hpp"
#include "tests/support/random_policy.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/shrink_policy.hpp"
#include "tests/support/traced.hpp"

#include <gtest/gtest.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace kpol::test {
namespace {

using Table = std::optional<nft::Ruleset>;

const char* const kTeams[] = {"red", "blue"};
const char* const kLocal[] = {"a", "b", "c"};

// Batches of very few messages, and everything apart that can be.
nft::Kernel::Options tinyBatches() {
  nft::Kernel::Options options;
  options.maxBatchMessages = 3;
  options.maxChangeBytes = 0;
  options.admits = policy::holdsPods;
  return options;
}

bool sendsABatch(const TracedCall& call) {
  if (std::string_view(call.name()) != "sendto") return false;
  const auto bytes = call.bytes(call.arguments[1], sizeof(nlmsghdr));
  nlmsghdr header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  return header.nlmsg_type == NFNL_MSG_BATCH_BEGIN;
}

NodeOptions withoutKpold() {
  NodeOptions options;
  options.policy = "none";
  return options;
}

void commit(const nft::ChangeSet& changes) {
  nft::Kernel kernel({});
  const auto outcome = kernel.commit(changes);
  if (const auto* rejected = std::get_if<nft::Rejected>(&outcome))
    throw std::runtime_error(rejected->message);
}

Table held() {
  return nft::Kernel({}).readBack();
}

// Three pods of this node and one of another (the host outside), each in a team.
class CommitKills : public ::testing::Test {
 protected:
  CommitKills() : node_(withoutKpold()) {
    for (const char* name : kLocal) {
      auto& pod = node_.add({"shop", name});
      cluster_.endpoints.push_back({pod.key, newInterface(), pod.ips});
      addPod(name, pod.ips);
      prober_.addHost(name, pod.netns->open());
    }
    addPod("outside", {Node::outsideIp(base::Family::V4), Node::outsideIp(base::Family::V6)});
    prober_.addHost("outside", node_.outside().open());
    cluster_.namespaces = {{"shop", {}}};
    cluster_.nodeIps = {Node::nodeIp(base::Family::V4), Node::nodeIp(base::Family::V6)};
    addAttempts();
  }
  void TearDown() override {
    if (held()) commit({"kpol", {nft::DeleteTable{}}});
  }

  policy::Snapshot randomTeams(Random& random) {
    auto cluster = cluster_;
    for (auto& pod : cluster.pods)
      pod.labels = labels(
          {{"app", pod.key.name == "outside" ? "remote" : "local"}, {"team", random.pick(kTeams)}});
    const auto team = [&] { return pods(is("team", random.pick(kTeams))); };
    const auto local = is("app", "local");
    cluster.policies = {bothWays("shop/a", local, {rule({team()})}, {rule({team()}, {port(81)})})};
    if (random.oneIn(2))
      cluster.policies.push_back(
          ingress("shop/b", is("team", "red"), {rule({team()}, {port(80)})}));
    return cluster;
  }

  // Kills the commit that leads from the one to the other before each batch.
  void killEverywhere(const Table& from, const nft::Ruleset& to) {
    const auto changes = nft::diff(from, to);
    const auto before = verdicts(from);
    const auto after = verdicts(to);
    for (std::size_t at = 0;; ++at) {
      SCOPED_TRACE("batch " + std::to_string(at));
      startFrom(from);
      FaultPoint point(at, FaultPoint::Moment::Entry, {Interference::Kill, 0}, sendsABatch);
      runTraced([&] { nft::Kernel(tinyBatches()).commit(changes); }, std::ref(point));
      const auto table = held();
      if (!point.reached()) {
        EXPECT_TRUE(table == to);
        return;
      }
      ++kills_;
      const auto now = verdicts(table);
      EXPECT_TRUE(notMore(now, before) || notMore(now, after));
      if (now != before && now != after) ++inBetween_;
      expectPackets(now);
      commit(nft::diff(table, to));
      EXPECT_TRUE(held() == to);
      if (HasFailure()) return;
    }
  }

  int kills_ = 0;
  int inBetween_ = 0;

 private:
  void addPod(const std::string& name, std::vector<base::IpAddress> ips) {
    policy::Pod pod;
    pod.key = {"shop", name};
    pod.phase = policy::PodPhase::Running;
    pod.ips = std::move(ips);
    cluster_.pods.push_back(std::move(pod));
  }

  base::IfName newInterface() {
    netlink::RouteSocket socket;
    for (const auto& link : socket.links())
      if (link.name.text().starts_with("kpol") && known_.insert(link.name.text()).second)
        return link.name;
    throw std::runtime_error("the plugin made no interface");
  }

  void addAttempts() {
    for (const auto& from : cluster_.pods)
      for (const auto& to : cluster_.pods)
        for (const std::size_t family : {0U, 1U})
          for (const std::uint16_t number : {std::uint16_t{80}, std::uint16_t{81}})
            if (from.key != to.key)
              attempts_.push_back({from.key.name, {from.ips[family], to.ips[family], 6, number}});
  }

  void startFrom(const Table& from) {
    if (held()) commit({"kpol", {nft::DeleteTable{}}});
    if (from) commit(nft::diff(std::nullopt, *from));
  }

  std::vector<bool> verdicts(const Table& table) {
    std::vector<bool> all;
    for (const auto& attempt : attempts_)
      all.push_back(!table || passes(*table, cluster_, attempt.flow));
    return all;
  }

  static bool notMore(const std::vector<bool>& now, const std::vector<bool>& than) {
    return std::equal(now.begin(), now.end(), than.begin(),
                      [](bool is, bool was) { return !is || was; });
  }

  void expectPackets(const std::vector<bool>& expected) {
    const auto reach = prober_.run(attempts_, expected);
    for (std::size_t i = 0; i < reach.size(); ++i)
      EXPECT_EQ(reach[i], expected[i] ? Reach::Both : Reach::None) << describe(attempts_[i].flow);
  }

  Node node_;
  Prober prober_;
  policy::Snapshot cluster_;
  std::vector<Attempt> attempts_;
  std::set<std::string> known_;
};

TEST_F(CommitKills, AcceptOnlyPacketsThatAnEndStateAccepts) {
  Random random(seedOfThisRun());
  Table from;  // the first start: no table
  for (int change = 0; change < 12; ++change) {
    SCOPED_TRACE("change " + std::to_string(change));
    const auto cluster = randomTeams(random);
    auto to = policy::compile(cluster).ruleset;
    killEverywhere(from, to);
    if (HasFailure()) return;
    from = std::move(to);
  }
  std::printf("%d kills, %d of them between old and new verdicts\n", kills_, inBetween_);
  EXPECT_GT(kills_, 50);
  EXPECT_GT(inBetween_, 0);
}

}  // namespace
}  // namespace kpol::test
