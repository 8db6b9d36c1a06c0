// SPDX-License-Identifier: Apache-2.0
// Looks for shapes of policies whose cost grows faster than they do: parts of random rules are
// repeated n and 4n times, and what the engine allocates must grow with them, not with their
// product. Allocations are counted, because a clock is not reliable.
#include "nft/change_set.hpp"
#include "policy/engine.hpp"
#include "tests/support/allocations.hpp"
#include "tests/support/policy_builders.hpp"
#include "tests/support/random_policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

namespace kpol::policy {
namespace {

namespace t = kpol::test;

constexpr std::size_t kShapes = 60;
constexpr std::size_t kRepeated = 40;  // n
// Containers that double their capacity allocate up to twice as much at one size as at another.
constexpr std::size_t kMostGrowth = 6;
constexpr std::size_t kFixedBytes = 64 * 1024;

std::string numbered(const char* word, std::size_t number) {
  return word + std::to_string(number);
}

base::Prefix blockNumbered(std::size_t number) {
  return t::cidr("10." + std::to_string(number >> 8U) + "." + std::to_string(number & 255U) +
                 ".0/24");
}

std::uint16_t portNumbered(std::size_t number) {
  return static_cast<std::uint16_t>(1000 + 2 * number);
}

// A part of a rule that can be repeated: adds its repetition number `i` to the rule.
struct Part {
  const char* name;
  std::function<void(PolicyRule&, std::size_t i)> add;
};

// Of these, one rule may have several, each repeated.
const std::vector<Part>& parts() {
  static const std::vector<Part> kParts{
      {"ports", [](auto& rule, auto i) { rule.ports.push_back(t::port(portNumbered(i))); }},
      {"nested ranges",
       [](auto& rule, auto i) {
         const auto number = static_cast<std::uint16_t>(i);
         rule.ports.push_back(t::ports(static_cast<std::uint16_t>(100 + number),
                                       static_cast<std::uint16_t>(60000 - number)));
       }},
      {"named ports",
       [](auto& rule, auto i) { rule.ports.push_back(t::named(numbered("port-", i))); }},
      {"one named port", [](auto& rule, auto) { rule.ports.push_back(t::named("port-1")); }},
      {"blocks", [](auto& rule, auto i) { rule.peers.push_back(t::block(blockNumbered(i))); }},
      {"nested blocks",
       [](auto& rule, auto i) {
         rule.peers.push_back(
             t::block(*base::Prefix::make(t::ip("172.16.0.0"), static_cast<unsigned>(8 + i % 24))));
       }},
      {"excepts",
       [](auto& rule, auto i) {
         if (i == 0 || rule.peers.empty() || !rule.peers.front().ipBlock)
           rule.peers.insert(rule.peers.begin(), t::block(t::cidr("10.0.0.0/8")));
         rule.peers.front().ipBlock->except.push_back(blockNumbered(2 * i + 1));
       }},
      {"selectors",
       [](auto& rule, auto i) {
         rule.peers.push_back(t::pods(t::is("app", numbered("peer-", i))));
       }},
      {"selectors that match all pods",
       [](auto& rule, auto i) {
         rule.peers.push_back(t::pods(t::notIn("app", {numbered("none-", i)})));
       }},
      {"namespace selectors",
       [](auto& rule, auto i) {
         rule.peers.push_back(t::podsIn(t::notIn("team", {numbered("none-", i)}), t::has("role")));
       }},
  };
  return kParts;
}

// Some rules, each with some parts.
using Shape = std::vector<std::vector<const Part*>>;

std::string toText(const Shape& shape) {
  std::string text;
  for (const auto& rule : shape) {
    text += "rule:";
    for (const auto* part : rule) text += std::string(" ") + part->name + ",";
    text += "\n";
  }
  return text;
}

// Many names of ports times many blocks in one rule are multiplied out, with a limit
// (kMostProfileEntries; policy_cost_test).
bool isProductWithLimit(const std::vector<const Part*>& rule) {
  const auto has = [&](const std::string& name) {
    return std::ranges::any_of(rule, [&](const Part* part) { return part->name == name; });
  };
  return has("named ports") && (has("blocks") || has("excepts"));
}

std::vector<const Part*> randomRule(t::Random& random) {
  std::vector<const Part*> rule;
  for (auto left = random.between(1, 3); left > 0; --left) rule.push_back(&random.pick(parts()));
  return rule;
}

Shape randomShape(t::Random& random) {
  Shape shape(random.between(1, 2));
  for (auto& rule : shape) do
      rule = randomRule(random);
    while (isProductWithLimit(rule));
  return shape;
}

t::Rules rulesOf(const Shape& shape, std::size_t repeated) {
  t::Rules rules;
  for (const auto& wanted : shape) {
    PolicyRule rule;
    for (const auto* part : wanted)
      for (std::size_t i = 0; i < repeated; ++i) part->add(rule, i);
    rules.push_back(std::move(rule));
  }
  return rules;
}

// The same parts, one repetition in a rule of its own: `repeated` rules.
t::Rules manyRulesOf(const Shape& shape, std::size_t repeated) {
  t::Rules rules;
  for (const auto& wanted : shape)
    for (std::size_t i = 0; i < repeated; ++i) {
      PolicyRule rule;
      for (const auto* part : wanted) part->add(rule, i);
      rules.push_back(std::move(rule));
    }
  return rules;
}

// A local pod and twenty others.
class Growth : public ::testing::Test {
 protected:
  static Pod podNumbered(std::size_t number) {
    Pod pod;
    pod.key = t::keyOf(numbered("shop/peer-", number));
    pod.phase = PodPhase::Running;
    pod.labels = t::labels({{"app", numbered("peer-", number)}, {"role", "peer"}});
    pod.ips = {t::ip("10.1.0." + std::to_string(1 + number))};
    pod.ports = {{"port-1", base::Protocol::Tcp, 80}, {"port-2", base::Protocol::Tcp, 81}};
    return pod;
  }
  static Engine engineWithPods() {
    Engine engine{{}};
    engine.put(Namespace{"shop", t::labels({{"team", "a"}})});
    for (std::size_t i = 0; i < 20; ++i) engine.put(podNumbered(i));
    const auto local = podNumbered(0);
    engine.setEndpoints(local.key, {{local.key, *base::IfName::parse("kpol1"), local.ips}});
    engine.takeChanges();
    return engine;
  }
  // What it costs to add a policy with these rules, to add another pod, and to delete both.
  static std::size_t costOf(const t::Rules& rules) {
    auto engine = engineWithPods();
    const auto policy = t::bothWays("shop/p", t::everything(), rules, rules);
    return t::bytesAllocatedBy([&] {
      engine.put(policy);
      engine.takeChanges();
      engine.put(podNumbered(30));
      engine.takeChanges();
      engine.removePod(podNumbered(30).key);
      engine.removePolicy(policy.key);
      engine.takeChanges();
    });
  }
  static bool growsWithItsSize(std::size_t few, std::size_t many) {
    return many <= kMostGrowth * few + kFixedBytes;
  }
};

TEST_F(Growth, IsThatOfTheParts) {
  t::Random random(7);
  for (std::size_t shape = 0; shape < kShapes; ++shape) {
    const auto parts = randomShape(random);
    const auto few = costOf(rulesOf(parts, kRepeated));
    const auto many = costOf(rulesOf(parts, 4 * kRepeated));
    EXPECT_TRUE(growsWithItsSize(few, many)) << few << " and " << many << "\n" << toText(parts);
  }
}

// Rules that admit different peers on the same ports have a quadratic effect, with a limit
// (kMostProfileEntries), so here each rule has one part, or the ports differ, too.
TEST_F(Growth, IsThatOfTheRules) {
  for (const auto& part : parts()) {
    if (std::string(part.name) == "nested ranges") continue;
    const Shape shape{{&part}};
    const auto few = costOf(manyRulesOf(shape, kRepeated));
    const auto many = costOf(manyRulesOf(shape, 4 * kRepeated));
    EXPECT_TRUE(growsWithItsSize(few, many)) << few << " and " << many << "\n" << toText(shape);
  }
}

// The measure sees what is quadratic: nested ranges with a peer each.
TEST_F(Growth, OfAProductIsSeen) {
  const Shape shape{{&parts()[1], &parts()[7]}};
  const auto few = costOf(manyRulesOf(shape, kRepeated));
  const auto many = costOf(manyRulesOf(shape, 4 * kRepeated));
  EXPECT_FALSE(growsWithItsSize(few, many)) << few << " and " << many;
}

}  // namespace
}  // namespace kpol::policy
