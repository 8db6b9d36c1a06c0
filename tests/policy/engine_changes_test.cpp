// SPDX-License-Identifier: Apache-2.0
// What random histories (tests/property/engine_history_test.cpp) are too small or too seldom to
// meet: each change of the engine's table, taken one by one, leads to the compiled one.
#include "nft/change_set.hpp"
#include "policy/compile.hpp"
#include "policy/engine.hpp"
#include "tests/support/policy_builders.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace kpol::policy {
namespace {

namespace t = kpol::test;

class EngineChanges : public ::testing::Test {
 protected:
  EngineChanges() {
    Pod pod = podOf("shop/web", {{"app", "web"}}, "10.0.0.1");
    engine_.put(pod);
    engine_.setEndpoints(pod.key, {{pod.key, *base::IfName::parse("kpol1"), pod.ips}});
    expectCompiled();
  }

  static Pod podOf(const std::string& key,
                   std::initializer_list<std::pair<std::string, std::string>> labels,
                   const std::string& ip) {
    Pod pod;
    pod.key = t::keyOf(key);
    pod.phase = PodPhase::Running;
    pod.labels = t::labels(labels);
    pod.ips = {t::ip(ip)};
    return pod;
  }

  void nameTeam(const std::string& ns, const std::string& team) {
    engine_.put(Namespace{ns, t::labels({{"kubernetes.io/metadata.name", ns}, {"team", team}})});
  }

  // nft::apply() rejects what the kernel rejects, such as deleting a set that a rule looks up.
  void expectCompiled() {
    held_ = nft::apply(engine_.takeChanges(), std::move(held_));
    EXPECT_EQ(*held_, compile(engine_.snapshot()).ruleset);
  }

  // The declared size of the one set of peers.
  std::optional<std::uint32_t> peerSetSize() {
    for (const auto& [name, set] : held_->sets)
      if (name.starts_with("sel4-")) return set.size;
    return std::nullopt;
  }

  Engine engine_{{}};
  std::optional<nft::Ruleset> held_ = nft::Ruleset();
};

TEST_F(EngineChanges, SetThatOutgrowsItsSizeIsRecreatedWithItsRules) {
  engine_.put(t::ingress("shop/p", t::everything(), {t::rule({t::pods(t::everything())})}));
  expectCompiled();
  const auto small = peerSetSize();
  std::vector<base::ObjectKey> keys;
  for (int i = 0; i < 150; ++i) {
    const auto name = std::to_string(i);
    const Pod pod = podOf("shop/peer-" + name, {}, "10.1.0." + name);
    keys.push_back(pod.key);
    engine_.put(pod);
    expectCompiled();
  }
  EXPECT_GT(peerSetSize(), small);
  for (const auto& key : keys) {
    engine_.removePod(key);
    expectCompiled();
  }
  EXPECT_EQ(peerSetSize(), small);
}

TEST_F(EngineChanges, OutgrownByABurst) {
  engine_.put(t::ingress("shop/p", t::everything(), {t::rule({t::pods(t::everything())})}));
  expectCompiled();
  for (int i = 0; i < 150; ++i) {
    const auto name = std::to_string(i);
    engine_.put(podOf("shop/peer-" + name, {}, "10.1.0." + name));
  }
  expectCompiled();
  for (int i = 0; i < 150; i += 2) engine_.removePod(t::keyOf("shop/peer-" + std::to_string(i)));
  expectCompiled();
}

TEST_F(EngineChanges, NamespaceMovesBetweenSelectors) {
  engine_.put(t::ingress("shop/p", t::everything(),
                         {t::rule({t::namespaces(t::is("team", "red"))}, {t::port(80)}),
                          t::rule({t::namespaces(t::is("team", "blue"))}, {t::port(81)})}));
  engine_.put(podOf("bank/db", {}, "10.1.0.1"));
  for (const char* team : {"red", "blue", "green", "red", "blue"}) {
    nameTeam("bank", team);
    expectCompiled();
  }
  engine_.removeNamespace("bank");
  expectCompiled();
}

// A pod may arrive before its Namespace does.
TEST_F(EngineChanges, UnknownNamespaceMatchesByItsNameOnly) {
  engine_.put(t::ingress("shop/p", t::everything(),
                         {t::rule({t::namespaces(t::notIn("team", {"red"}))}, {t::port(80)})}));
  expectCompiled();
  const auto peers = [&] {
    std::size_t count = 0;
    for (const auto& [name, set] : held_->sets)
      if (name.starts_with("sel4-")) count += set.elements.size();
    return count;
  };
  engine_.put(podOf("bank/db", {}, "10.1.0.1"));
  expectCompiled();
  EXPECT_EQ(peers(), 0U) << "neither namespace is known";
  nameTeam("bank", "blue");
  expectCompiled();
  EXPECT_EQ(peers(), 1U);
  engine_.removeNamespace("bank");
  expectCompiled();
  EXPECT_EQ(peers(), 0U);
  nameTeam("bank", "red");
  expectCompiled();
  EXPECT_EQ(peers(), 0U);
}

// The address of a pod that is deleted goes to another pod before its object is gone.
TEST_F(EngineChanges, AddressBelongsToThePodThatStaysThenToTheNewer) {
  engine_.put(t::ingress("shop/p", t::everything(), {t::rule({t::pods(t::is("app", "old"))})}));
  auto old = podOf("shop/a-old", {{"app", "old"}}, "10.1.0.1");
  auto next = podOf("shop/b-new", {{"app", "new"}}, "10.1.0.1");
  old.created = 8;
  next.created = 7;
  engine_.put(old);
  engine_.put(next);
  const auto admitsOld = [&] {
    expectCompiled();
    for (const auto& [name, set] : held_->sets)
      if (name.starts_with("sel4-")) return !set.elements.empty();
    return false;
  };
  EXPECT_TRUE(admitsOld());
  old.terminating = true;
  engine_.put(old);
  EXPECT_FALSE(admitsOld());
  next.terminating = true;
  engine_.put(next);
  EXPECT_TRUE(admitsOld());
  next.created = 9;
  engine_.put(next);
  EXPECT_FALSE(admitsOld());
  engine_.removePod(next.key);
  EXPECT_TRUE(admitsOld());
}

TEST_F(EngineChanges, NamedPortsWithinABlockUpToItsEdges) {
  engine_.put(t::egress("shop/p", t::everything(),
                        {t::rule({t::block(t::cidr("10.1.0.0/30"))}, {t::named("http")})}));
  for (const char* last : {"0", "3", "4"}) {
    Pod pod = podOf(std::string("bank/peer-") + last, {}, std::string("10.1.0.") + last);
    pod.ports = {{"http", base::Protocol::Tcp, 8080}};
    engine_.put(pod);
    expectCompiled();
  }
}

// DEL and the end of the Pod object, in either order, before anything of it is committed.
TEST_F(EngineChanges, EndpointsRemovedTwiceInABurstAreRemoved) {
  engine_.put(t::ingress("shop/p", t::everything(), {t::rule({t::pods(t::is("app", "db"))})}));
  expectCompiled();
  const auto pod = t::keyOf("shop/web");
  EXPECT_TRUE(engine_.setEndpoints(pod, {}));
  EXPECT_FALSE(engine_.setEndpoints(pod, {}));
  engine_.removePod(pod);
  EXPECT_FALSE(engine_.setEndpoints(pod, {}));
  expectCompiled();
  EXPECT_EQ(engine_.size().elements, 0U);
}

TEST_F(EngineChanges, RevertedChangeInABurstIsNoChange) {
  engine_.put(t::ingress("shop/p", t::everything(), {t::rule({t::pods(t::is("app", "db"))})}));
  engine_.put(podOf("shop/db", {{"app", "db"}}, "10.1.0.1"));
  expectCompiled();
  engine_.put(podOf("shop/db", {{"app", "cache"}}, "10.1.0.1"));
  engine_.put(podOf("shop/db", {{"app", "db"}}, "10.1.0.1"));
  engine_.put(podOf("shop/late", {{"app", "db"}}, "10.1.0.2"));
  engine_.removePod(t::keyOf("shop/late"));
  EXPECT_TRUE(engine_.takeChanges().empty());
}

}  // namespace
}  // namespace kpol::policy
