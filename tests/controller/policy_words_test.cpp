// SPDX-License-Identifier: Apache-2.0
#include "controller/policy_words.hpp"

#include "tests/controller/values.hpp"
#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>

namespace kpol::controller {
namespace {

using policy::Direction;
using Keys = std::vector<base::ObjectKey>;
using test::prefix;

policy::LabelSelector withLabel(const char* key, const char* value) {
  policy::LabelSelector selector;
  selector.matchLabels =
      policy::Labels(std::vector<std::pair<std::string, std::string>>{{key, value}});
  return selector;
}

TEST(PolicyWords, Peers) {
  struct Case {
    policy::Peer peer;
    const char* words;
  };
  const policy::LabelSelector all;
  const auto web = withLabel("app", "web");
  const auto team = withLabel("team", "a");
  const Case cases[] = {
      {{web, {}, {}}, "pods app=web"},
      {{all, {}, {}}, "all pods"},
      {{{}, all, {}}, "all pods in all namespaces"},
      {{{}, team, {}}, "all pods in namespaces team=a"},
      {{web, team, {}}, "pods app=web in namespaces team=a"},
      {{{}, {}, policy::IpBlock{prefix("10.0.0.0/8"), {}}}, "10.0.0.0/8"},
      {{{},
        {},
        policy::IpBlock{prefix("10.0.0.0/8"), {prefix("10.1.0.0/16"), prefix("10.2.0.0/16")}}},
       "10.0.0.0/8 except 10.1.0.0/16, 10.2.0.0/16"},
  };
  for (const auto& c : cases) EXPECT_EQ(inWords(c.peer), c.words);
}

TEST(PolicyWords, Ports) {
  struct Case {
    policy::PolicyPort port;
    const char* words;
  };
  const auto range = [](int first, int last) { return base::PortRange::make(first, last).value(); };
  const Case cases[] = {
      {{base::Protocol::Tcp, range(80, 80)}, "TCP 80"},
      {{base::Protocol::Udp, range(8000, 8999)}, "UDP 8000-8999"},
      {{base::Protocol::Sctp, std::monostate()}, "any SCTP port"},
      {{base::Protocol::Tcp, std::string("http")}, "TCP port named http"},
      {{std::nullopt, range(1, 1)}, "no traffic (unsupported protocol)"},
  };
  for (const auto& c : cases) EXPECT_EQ(inWords(c.port), c.words);
}

TEST(PolicyWords, RuleWithoutPeersAndPortsAllowsEverything) {
  const policy::PolicyRule rule;
  EXPECT_EQ(peersInWords(rule), std::vector<std::string>{"anywhere"});
  EXPECT_EQ(portsInWords(rule), std::vector<std::string>{"any port"});
}

TEST(IsolatingPolicies, AreThoseThatSelectThePodInThatDirection) {
  policy::Snapshot snapshot;
  auto other = isolating("other-namespace");
  other.key.ns = "bank";
  auto egress = isolating("egress-only");
  egress.policyTypes = {Direction::Egress};
  auto notSelected = isolating("not-selected");
  notSelected.podSelector = withLabel("app", "api");
  snapshot.policies = {other, isolating("all"), egress, notSelected};
  const auto web = pod("web", "", {{"app", "web"}});
  EXPECT_EQ(isolatingPolicies(snapshot, web, Direction::Ingress), (Keys{{"shop", "all"}}));
  EXPECT_EQ(isolatingPolicies(snapshot, web, Direction::Egress), (Keys{{"shop", "egress-only"}}));
  auto host = web;
  host.hostNetwork = true;
  EXPECT_EQ(isolatingPolicies(snapshot, host, Direction::Ingress), Keys{});
}

TEST(IsLocal, FindsThePodAmongTheEndpoints) {
  policy::Snapshot snapshot;
  const auto interface = base::IfName::parse("kpol1").value();
  snapshot.endpoints = {{{"bank", "web"}, interface, {}}, {{"shop", "web"}, interface, {}}};
  EXPECT_TRUE(isLocal(snapshot, {"shop", "web"}));
  EXPECT_TRUE(isLocal(snapshot, {"bank", "web"}));
  EXPECT_FALSE(isLocal(snapshot, {"shop", "api"}));
  EXPECT_FALSE(isLocal(snapshot, {"zoo", "web"}));
}

}  // namespace
}  // namespace kpol::controller
