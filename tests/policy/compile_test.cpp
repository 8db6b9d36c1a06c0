// SPDX-License-Identifier: Apache-2.0
// The structure of the compiled table. tests/property checks that it has the verdicts of
// evaluate().
#include "policy/compile.hpp"

#include "nft/print.hpp"
#include "tests/support/policy_builders.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace kpol::policy {
namespace {

namespace t = kpol::test;

// A snapshot with namespaces shop and bank, and local pods 10.0.0.1 and so on in the given order.
class Cluster {
 public:
  Cluster() {
    for (const char* name : {"bank", "shop"})
      snapshot_.namespaces.push_back({name, t::labels({{"kubernetes.io/metadata.name", name}})});
  }
  Cluster& pod(const char* key, Labels labels, const char* ip, bool local = true) {
    Pod pod;
    pod.key = t::keyOf(key);
    pod.labels = std::move(labels);
    pod.phase = PodPhase::Running;
    pod.ips = {t::ip(ip)};
    snapshot_.pods.push_back(pod);
    std::sort(snapshot_.pods.begin(), snapshot_.pods.end());
    if (local) {
      const auto name = "kpol" + std::to_string(snapshot_.endpoints.size());
      snapshot_.endpoints.push_back({pod.key, *base::IfName::parse(name), pod.ips});
      std::sort(snapshot_.endpoints.begin(), snapshot_.endpoints.end());
    }
    return *this;
  }
  Cluster& policy(NetworkPolicy policy) {
    snapshot_.policies.push_back(std::move(policy));
    std::sort(snapshot_.policies.begin(), snapshot_.policies.end());
    return *this;
  }
  [[nodiscard]] nft::Ruleset compiled() const { return compile(snapshot_).ruleset; }
  Snapshot& snapshot() { return snapshot_; }

 private:
  Snapshot snapshot_;
};

std::vector<std::string> chainsWith(const nft::Ruleset& ruleset, const std::string& prefix) {
  std::vector<std::string> names;
  for (const auto& [name, chain] : ruleset.chains)
    if (name.starts_with(prefix)) names.push_back(name);
  return names;
}

std::vector<std::string> setsWith(const nft::Ruleset& ruleset, const std::string& prefix) {
  std::vector<std::string> names;
  for (const auto& [name, set] : ruleset.sets)
    if (name.starts_with(prefix)) names.push_back(name);
  return names;
}

Labels app(const char* name) {
  return t::labels({{"app", name}});
}

TEST(Compile, EmptySnapshotHasOnlyTheHooks) {
  const auto ruleset = compile({}).ruleset;
  EXPECT_EQ(chainsWith(ruleset, ""),
            (std::vector<std::string>{"forward", "from-pod", "input", "label-room", "new-flow",
                                      "new-flow-source", "output", "pod-source", "relayed",
                                      "source", "to-pod"}));
  EXPECT_EQ(setsWith(ruleset, ""),
            (std::vector<std::string>{"egress4", "egress6", "endpoints4", "endpoints6", "from4",
                                      "from6", "ingress4", "ingress6", "pod-addresses4",
                                      "pod-addresses6", "self4", "self6", "to4", "to6"}));
}

TEST(Compile, PodsOfOneProfileShareItsChains) {
  Cluster cluster;
  cluster.pod("shop/a", app("web"), "10.0.0.1").pod("shop/b", app("web"), "10.0.0.2");
  cluster.policy(t::ingress("shop/p", t::is("app", "web"), {t::anyPeer({t::port(80)})}));
  const auto ruleset = cluster.compiled();
  EXPECT_EQ(chainsWith(ruleset, "in-shop").size(), 3U);  // itself, -deny, -tcp-80
  const auto& dispatch = ruleset.sets.at("to4").elements;
  ASSERT_EQ(dispatch.size(), 2U);
  EXPECT_EQ(dispatch[0].value, dispatch[1].value);
}

// The kernel rejects two elements of a map with the same key and different values.
TEST(Compile, AnAddressOfTwoPodsLeadsToTheOwnersChains) {
  Cluster cluster;
  cluster.pod("shop/a", app("web"), "10.0.0.1").pod("shop/b", app("db"), "10.0.0.1");
  for (auto& endpoint : cluster.snapshot().endpoints)
    endpoint.hostInterface = *base::IfName::parse("veth" + endpoint.pod.name);
  for (const char* name : {"web", "db"}) {
    const auto key = std::string("shop/") + name;
    cluster.policy(t::ingress(key, t::is("app", name)));
    cluster.policy(t::egress(key + "-egress", t::is("app", name)));
  }
  const auto ruleset = cluster.compiled();
  for (const char* map : {"ingress4", "egress4"})
    EXPECT_EQ(ruleset.sets.at(map).elements.size(), 1U) << map;
}

TEST(Compile, PoliciesWithoutLocalPodsAddNothing) {
  Cluster cluster;
  cluster.pod("shop/a", app("web"), "10.0.0.1").pod("bank/far", app("vault"), "10.0.9.1", false);
  const auto before = cluster.compiled();
  cluster.policy(t::ingress("bank/p", t::everything(), {t::rule({t::pods(t::everything())})}));
  cluster.policy(t::egress("shop/nobody", t::is("app", "none")));
  EXPECT_EQ(cluster.compiled(), before);
}

TEST(Compile, EquivalentSelectorsShareASet) {
  Cluster cluster;
  cluster.pod("shop/a", app("web"), "10.0.0.1").pod("shop/b", app("db"), "10.0.0.2");
  cluster.policy(
      t::ingress("shop/p", t::is("app", "web"), {t::rule({t::pods(t::is("app", "db"))})}));
  cluster.policy(
      t::egress("shop/q", t::is("app", "web"), {t::rule({t::pods(t::in("app", {"db"}))})}));
  EXPECT_EQ(setsWith(cluster.compiled(), "sel4-").size(), 1U);
}

TEST(Compile, SelectorsThatDifferInTheOperatorAreTwoSets) {
  Cluster cluster;
  cluster.pod("shop/a", app("web"), "10.0.0.1").pod("shop/b", app("db"), "10.0.0.2");
  cluster.policy(t::ingress("shop/p", t::is("app", "web"),
                            {t::rule({t::pods(t::in("app", {"db"}))}, {t::port(80)}),
                             t::rule({t::pods(t::notIn("app", {"db"}))}, {t::port(81)})}));
  EXPECT_EQ(setsWith(cluster.compiled(), "sel4-").size(), 2U);
}

TEST(Compile, ManySelectorsOnOnePortAreOneUnion) {
  Cluster cluster;
  cluster.pod("shop/a", app("web"), "10.0.0.1").pod("shop/b", app("b3"), "10.0.0.2");
  std::vector<Peer> peers;
  for (int i = 0; i < 5; ++i) peers.push_back(t::pods(t::is("app", "b" + std::to_string(i))));
  cluster.policy(t::ingress("shop/p", t::is("app", "web"), {t::rule(peers)}));
  const auto ruleset = cluster.compiled();
  EXPECT_TRUE(setsWith(ruleset, "sel4-").empty());
  ASSERT_EQ(setsWith(ruleset, "uni4-").size(), 1U);
  EXPECT_EQ(ruleset.sets.at(setsWith(ruleset, "uni4-")[0]).elements,
            std::vector{nft::element(nft::Key::of(t::ip("10.0.0.2")))});
}

// Rules never change in place: a packet may find them by an element that is newer or older.
TEST(Compile, ChangedRulesHaveANewChainAndTheSameCounter) {
  const std::vector<std::vector<PolicyRule>> contents{
      {t::anyPeer({t::port(80)})},
      {t::anyPeer({t::port(81)})},
      {t::rule({t::pods(t::is("app", "db"))}, {t::port(80)})},
      {t::rule({t::pods(t::is("app", "db"))})},
      {t::anyPeer()},
      {},
  };
  std::vector<nft::Ruleset> rulesets;
  for (const auto& rules : contents) {
    Cluster cluster;
    cluster.pod("shop/a", app("web"), "10.0.0.1");
    cluster.policy(t::ingress("shop/p", t::everything(), rules));
    rulesets.push_back(cluster.compiled());
  }
  for (const auto& before : rulesets)
    for (const auto& after : rulesets) {
      EXPECT_EQ(before.counters, after.counters);
      for (const auto& [name, chain] : before.chains) {
        const auto same = after.chains.find(name);
        EXPECT_TRUE(same == after.chains.end() || chain == same->second) << name;
      }
    }
  for (std::size_t i = 1; i < rulesets.size(); ++i)
    EXPECT_NE(rulesets[0].sets.at("to4"), rulesets[i].sets.at("to4")) << i;
}

TEST(Compile, EveryLocalPodIsInBothDispatchMaps) {
  Cluster cluster;
  cluster.pod("shop/a", app("web"), "10.0.0.1").pod("shop/b", app("db"), "10.0.0.2");
  cluster.policy(t::ingress("shop/p", t::is("app", "db")));
  const auto ruleset = cluster.compiled();
  const auto verdicts = [&](const char* map) {
    std::vector<nft::Verdict::Kind> kinds;
    for (const auto& element : ruleset.sets.at(map).elements)
      kinds.push_back(std::get<nft::Verdict>(element.value).kind);
    return kinds;
  };
  using enum nft::Verdict::Kind;
  EXPECT_EQ(verdicts("from4"), (std::vector{Return, Return}));
  EXPECT_EQ(verdicts("to4"), (std::vector{Accept, Goto}));
  EXPECT_TRUE(ruleset.sets.at("ingress4").elements.empty());
}

TEST(Compile, PodsOnThirdPartyInterfacesAreFoundByAddress) {
  Cluster cluster;
  cluster.pod("shop/a", app("web"), "10.0.0.1");
  cluster.snapshot().endpoints.front().hostInterface = *base::IfName::parse("veth0");
  cluster.policy(t::ingress("shop/p", t::everything()))
      .policy(t::egress("shop/q", t::everything()));
  const auto ruleset = cluster.compiled();
  const auto key = nft::Key::of(t::ip("10.0.0.1"));
  for (const char* map : {"ingress4", "egress4"}) {
    ASSERT_EQ(ruleset.sets.at(map).elements.size(), 1U) << map;
    EXPECT_EQ(ruleset.sets.at(map).elements.front().first, key) << map;
  }
  EXPECT_TRUE(ruleset.sets.at("from4").elements.empty());
  EXPECT_TRUE(ruleset.sets.at("to4").elements.empty());
}

TEST(Compile, NamesWithTheSameJoinedTextAreDifferentProfiles) {
  const auto profileName = [](const char* pod, const char* policy) {
    Cluster cluster;
    cluster.pod(pod, app("web"), "10.0.0.1").policy(t::ingress(policy, t::everything()));
    const auto element = cluster.compiled().sets.at("to4").elements.at(0);
    return std::get<nft::Verdict>(element.value).chain;
  };
  EXPECT_NE(profileName("a-b/pod", "a-b/c"), profileName("a/pod", "a/b-c"));
}

TEST(Compile, BlocksAreMergedAndNamedByContent) {
  const auto cidrSets = [](std::vector<Peer> peers) {
    Cluster cluster;
    cluster.pod("shop/a", app("web"), "10.0.0.1");
    cluster.policy(t::ingress("shop/p", t::everything(), {t::rule(std::move(peers))}));
    return setsWith(cluster.compiled(), "cidr");
  };
  const auto whole = cidrSets({t::block(t::cidr("192.168.0.0/23"))});
  ASSERT_EQ(whole.size(), 1U);
  EXPECT_EQ(cidrSets({t::block(t::cidr("192.168.1.0/24")), t::block(t::cidr("192.168.0.0/24")),
                      t::block(t::cidr("192.168.0.128/25"))}),
            whole);
  EXPECT_NE(cidrSets({t::block(t::cidr("192.168.0.0/24"))}), whole);
}

TEST(Compile, WholeFamilyNeedsNoSet) {
  Cluster cluster;
  cluster.pod("shop/a", app("web"), "10.0.0.1");
  cluster.policy(
      t::ingress("shop/p", t::everything(), {t::rule({t::block(t::cidr("0.0.0.0/0"))})}));
  EXPECT_TRUE(setsWith(cluster.compiled(), "cidr").empty());
}

TEST(Compile, HostPortsUseTheFirstAddressOfTheirFamily) {
  Cluster cluster;
  cluster.pod("shop/web", app("web"), "10.0.0.1");
  auto& endpoint = cluster.snapshot().endpoints.front();
  endpoint.ips = {t::ip("10.0.0.1"), t::ip("10.0.0.2"), t::ip("fd00::1")};
  endpoint.hostPorts = {{base::Protocol::Tcp, 8080, {}, 80},
                        {base::Protocol::Udp, 53, t::ip("192.0.2.1"), 5353}};
  cluster.snapshot().hostPortIps = {t::ip("192.0.2.1"), t::ip("2001:db8::1")};
  const auto table = cluster.compiled();
  const auto elementsOf = [&](const char* name) {
    std::vector<std::string> texts;
    for (const auto& element : table.sets.at(name).elements)
      texts.push_back(print(element, table.sets.at(name)));
    return texts;
  };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(elementsOf("all-hostports4"), Texts{"tcp . 8080 : 10.0.0.1 . 80"});
  EXPECT_EQ(elementsOf("all-hostports6"), Texts{"tcp . 8080 : fd00::1 . 80"});
  EXPECT_EQ(elementsOf("hostports4"), Texts{"192.0.2.1 . udp . 53 : 10.0.0.1 . 5353"});
  EXPECT_EQ(elementsOf("hostports6"), Texts{});
  EXPECT_EQ(elementsOf("hostport-ips4"), (Texts{"127.0.0.1", "192.0.2.1"}));
  EXPECT_EQ(elementsOf("hostport-ips6"), Texts{"2001:db8::1"});
}

TEST(Compile, WithoutHostPortsThereAreNoNatHooks) {
  Cluster cluster;
  cluster.pod("shop/web", app("web"), "10.0.0.1");
  for (const auto& [name, chain] : cluster.compiled().chains)
    EXPECT_FALSE(chain.base && chain.base->type == nft::BaseChain::Type::Nat) << name;
}

TEST(Compile, EndpointOfAnUnknownPodIsInNoSet) {
  Cluster cluster;
  cluster.snapshot().endpoints.push_back(
      {t::keyOf("shop/ghost"), *base::IfName::parse("kpol9"), {t::ip("10.0.0.9")}});
  for (const auto& [name, set] : cluster.compiled().sets) EXPECT_TRUE(set.elements.empty()) << name;
}

TEST(Compile, NamesFitTheKernelEvenWhenPolicyNamesAreLong) {
  Cluster cluster;
  const std::string longName(253, 'n');
  cluster.pod("shop/a", app("web"), "10.0.0.1");
  cluster.policy(t::bothWays(
      "shop/" + longName, t::everything(), {t::anyPeer({t::ports(1, 65535, base::Protocol::Sctp)})},
      {t::rule({t::pods(t::is("app", longName.substr(0, 63)))}, {t::named("http")})}));
  const auto ruleset = cluster.compiled();
  for (const auto& [name, chain] : ruleset.chains) {
    EXPECT_LE(name.size(), 120U);
    for (const auto& rule : chain.rules) EXPECT_LE(rule.comment.size(), 127U);
  }
  for (const auto& [name, set] : ruleset.sets) {
    EXPECT_LE(name.size(), 120U);
    EXPECT_LE(set.comment.size(), 127U);
  }
}

TEST(Compile, SetsLeaveRoomToGrow) {
  Cluster cluster;
  for (int i = 1; i <= 97; ++i)
    cluster.pod(("shop/p" + std::to_string(i)).c_str(), app("web"),
                ("10.0.0." + std::to_string(i)).c_str());
  EXPECT_EQ(cluster.compiled().sets.at("endpoints4").size, 2048U);
  EXPECT_EQ(compile({}).ruleset.sets.at("endpoints4").size, 128U);
}

TEST(Compile, PodToNodePolicyPutsEgressIntoTheInputHook) {
  Snapshot snapshot;
  const auto open = compile(snapshot).ruleset.chains.at("from-pod");
  snapshot.podToNode = PodToNode::Policy;
  const auto policed = compile(snapshot).ruleset.chains.at("from-pod");
  const auto asksEgress = [](const nft::Chain& chain) {
    return std::any_of(chain.rules.begin(), chain.rules.end(), [](const nft::Rule& rule) {
      return rule.statements == std::vector<nft::Statement>{nft::VerdictMapLookup{
                                    {nft::Field::IifName, nft::Field::IpSaddr}, "from4"}};
    });
  };
  EXPECT_FALSE(asksEgress(open));
  EXPECT_TRUE(asksEgress(policed));
}

}  // namespace
}  // namespace kpol::policy
