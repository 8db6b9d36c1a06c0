// SPDX-License-Identifier: Apache-2.0
// What the objects of a tenant may cost, counted in bytes, names and steps, never in seconds.
#include "nft/change_set.hpp"
#include "policy/engine.hpp"
#include "policy/label_table.hpp"
#include "policy/profile.hpp"
#include "tests/support/allocations.hpp"
#include "tests/support/policy_builders.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kpol::policy {
namespace {

namespace t = kpol::test;

constexpr std::size_t kMebibyte = std::size_t{1} << 20U;

base::Prefix network(std::size_t number) {
  return t::cidr("10." + std::to_string(number >> 8U) + "." + std::to_string(number & 255U) +
                 ".0/24");
}

// Rule i admits peer i to the ports 1000+i .. 60000-i, so that each port range has other peers.
NetworkPolicy nested(std::size_t rules) {
  t::Rules all;
  for (std::size_t i = 0; i < rules; ++i)
    all.push_back(t::rule(
        {t::pods(t::is("app", "peer-" + std::to_string(i)))},
        {t::ports(static_cast<std::uint16_t>(1000 + i), static_cast<std::uint16_t>(60000 - i))}));
  return t::ingress("shop/nested", t::everything(), std::move(all));
}

// One rule with `count` ports and as many peers.
NetworkPolicy product(std::size_t count, Direction direction, bool isNamed) {
  PolicyRule rule;
  for (std::size_t i = 0; i < count; ++i) {
    rule.peers.push_back(t::block(network(i)));
    rule.ports.push_back(isNamed ? t::named("port-" + std::to_string(i))
                                 : t::port(static_cast<std::uint16_t>(1 + 2 * i)));
  }
  return direction == Direction::Ingress ? t::ingress("shop/p", t::everything(), {rule})
                                         : t::egress("shop/p", t::everything(), {rule});
}

Pod localPod() {
  Pod pod;
  pod.key = t::keyOf("shop/web");
  pod.phase = PodPhase::Running;
  pod.labels = t::labels({{"app", "web"}});
  pod.ips = {t::ip("10.0.0.1")};
  return pod;
}

std::optional<Profile> profileOf(const NetworkPolicy& policy, const Pod& pod = localPod()) {
  const auto direction =
      isolates(policy, Direction::Ingress) ? Direction::Ingress : Direction::Egress;
  return makeProfile(*profileKey(pod, {&policy}, direction));
}

std::size_t bytesFor(const NetworkPolicy& policy) {
  return t::bytesAllocatedBy([&] {
    if (const auto profile = profileOf(policy)) static_cast<void>(disjointPorts(*profile));
  });
}

class EngineCost : public ::testing::Test {
 protected:
  EngineCost() {
    const auto pod = localPod();
    engine_.put(pod);
    engine_.setEndpoints(pod.key, {{pod.key, *base::IfName::parse("kpol1"), pod.ips}});
    engine_.takeChanges();
  }
  // The pods shop/peer-0 and so on, all with the label role=peer.
  void addPeers(std::size_t count, const std::vector<ContainerPort>& ports = {}) {
    for (std::size_t i = 0; i < count; ++i) {
      auto pod = localPod();
      pod.key.name = "peer-" + std::to_string(i);
      pod.labels = t::labels({{"role", "peer"}});
      pod.ips = {t::ip("10.1." + std::to_string(i >> 8U) + "." + std::to_string(i & 255U))};
      pod.ports = ports;
      engine_.put(pod);
    }
  }
  // Selectors that all match the pods of addPeers().
  static PolicyRule manySelectors(std::size_t count) {
    PolicyRule rule;
    for (std::size_t i = 0; i < count; ++i)
      rule.peers.push_back(t::pods(t::notIn("app", {"none-" + std::to_string(i)})));
    return rule;
  }
  std::size_t bytesOfCommit() {
    return t::bytesAllocatedBy([&] { static_cast<void>(engine_.takeChanges()); });
  }

  Engine engine_{{}};
};

// ---- profiles

TEST(ProfileCost, PortsWithTheSamePeersShareThem) {
  t::Rules rules;
  for (std::size_t i = 0; i < 200; ++i)
    rules.push_back(t::rule({t::pods(t::is("app", i % 2 == 0 ? "a" : "b"))},
                            {t::port(static_cast<std::uint16_t>(100 + i))}));
  const auto profile = profileOf(t::ingress("shop/p", t::everything(), std::move(rules)));
  EXPECT_EQ(profile->peers.size(), 2U);
  const auto table = disjointPorts(*profile);
  EXPECT_EQ(table->ranges.size(), 200U);
  EXPECT_EQ(table->peers.size(), 2U);
}

TEST(ProfileCost, ProductOfPortsAndPeersIsNotMultipliedOut) {
  for (const bool isNamed : {false, true}) {
    const auto direction = isNamed ? Direction::Egress : Direction::Ingress;
    const auto small = bytesFor(product(500, direction, isNamed));
    const auto large = bytesFor(product(4000, direction, isNamed));
    EXPECT_LT(large, 30 * small) << isNamed;
    EXPECT_LT(large, 64 * kMebibyte) << isNamed;
  }
}

TEST(ProfileCost, RepeatedPortsCostNothing) {
  PolicyRule rule{{t::block(network(1))}, std::vector<PolicyPort>(5000, t::named("http"))};
  const auto policy = t::ingress("shop/p", t::everything(), {rule});
  auto pod = localPod();
  for (std::uint16_t number = 1; number <= 1000; ++number)
    pod.ports.push_back({"http", base::Protocol::Tcp, number});
  const auto bytes = t::bytesAllocatedBy([&] {
    const auto profile = profileOf(policy, pod);
    EXPECT_EQ(profile->ports.size(), 1000U);
  });
  EXPECT_LT(bytes, 4 * kMebibyte);
}

TEST(ProfileCost, NestedRangesStopAtTheLimit) {
  EXPECT_TRUE(disjointPorts(*profileOf(nested(100))));
  EXPECT_EQ(disjointPorts(*profileOf(nested(100)))->peers.size(), 100U);
  EXPECT_FALSE(disjointPorts(*profileOf(nested(800))));
  EXPECT_LT(bytesFor(nested(800)), 64 * kMebibyte);
  EXPECT_LT(bytesFor(nested(3200)), 80 * kMebibyte);
}

TEST(ProfileCost, PeersOfLargeSelectorsCountByTheirText) {
  t::Rules rules{t::rule({t::pods(t::is(std::string(100'000, 'k'), ""))})};
  for (std::uint16_t i = 1; i <= 100; ++i)
    rules.push_back(t::rule({t::block(network(i))}, {t::port(i)}));
  const auto policy = t::ingress("shop/p", t::everything(), std::move(rules));
  EXPECT_FALSE(disjointPorts(*profileOf(policy)));
}

// ---- the engine

TEST_F(EngineCost, ProfileThatIsTooLargeDeniesUntilItIsSmaller) {
  engine_.put(nested(800));
  EXPECT_LT(bytesOfCommit(), 96 * kMebibyte);
  ASSERT_EQ(engine_.oversizedProfiles().size(), 1U);
  const auto profile = *engine_.oversizedProfiles().begin();
  EXPECT_EQ(engine_.policiesOf(profile), std::vector{t::keyOf("shop/nested")});
  const auto table = engine_.ruleset();
  for (const auto& [name, chain] : table.chains)
    EXPECT_TRUE(!name.starts_with(profile) || name == profile + "-deny") << name;
  const auto to = table.sets.at("to4").elements;
  ASSERT_EQ(to.size(), 1U);
  EXPECT_EQ(std::get<nft::Verdict>(to[0].value).chain, profile + "-deny");
  engine_.put(nested(10));
  engine_.takeChanges();
  EXPECT_TRUE(engine_.oversizedProfiles().empty());
  EXPECT_GT(engine_.ruleset().chains.size(), 10U);
  engine_.put(nested(800));
  engine_.takeChanges();
  engine_.removePolicy(t::keyOf("shop/nested"));
  engine_.takeChanges();
  EXPECT_TRUE(engine_.oversizedProfiles().empty());
}

TEST_F(EngineCost, NamesOfEarlierVersionsAreForgotten) {
  const auto rewrite = [&](std::size_t version) {
    PolicyRule rule;
    for (std::size_t i = 0; i < 600; ++i) rule.peers.push_back(t::block(network(3 * i + version)));
    engine_.put(t::ingress("shop/p", t::everything(), {rule}));
    static_cast<void>(engine_.takeChanges());
  };
  for (std::size_t version = 0; version < 10; ++version) rewrite(version % 7);
  const auto before = t::allocations().live;
  for (std::size_t version = 0; version < 40; ++version) rewrite(version + 7);
  EXPECT_LT(t::allocations().live, before + kMebibyte / 4);
}

TEST_F(EngineCost, ManySelectorsThatMatchTheSamePodsAddThemOnce) {
  addPeers(400);
  engine_.put(t::ingress("shop/p", t::everything(), {manySelectors(1000)}));
  EXPECT_LT(bytesOfCommit(), 16 * kMebibyte);
}

TEST_F(EngineCost, NamedPortsOfAPodAreAddedOnce) {
  std::vector<ContainerPort> ports;
  for (std::uint16_t number = 1; number <= 300; ++number)
    ports.push_back({"http", base::Protocol::Tcp, number});
  auto rule = manySelectors(300);
  rule.ports = {t::named("http")};
  engine_.put(t::egress("shop/p", t::everything(), {rule}));
  engine_.takeChanges();
  EXPECT_LT(t::bytesAllocatedBy([&] { addPeers(1, ports); }), kMebibyte);
}

// ---- labels

TEST(LabelCost, OneChangedLabelOfManyIsNotQuadratic) {
  constexpr std::size_t kLabels = 3000;
  const auto labels = [](const std::string& last) {
    std::vector<std::pair<std::string, std::string>> all;
    for (std::size_t i = 0; i < kLabels; ++i) all.emplace_back("label-" + std::to_string(i), "");
    all.emplace_back("z", last);
    return Labels(std::move(all));
  };
  StringTable strings;
  LabelTable table(strings);
  const auto* before = table.intern(labels("1"));
  const auto* after = table.intern(labels("2"));
  table.release(before);
  EXPECT_LT(table.steps(), 20 * kLabels);
  table.release(after);
  EXPECT_EQ(strings.size(), 0U);
}

}  // namespace
}  // namespace kpol::policy
