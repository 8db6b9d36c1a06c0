// SPDX-License-Identifier: Apache-2.0
#include "policy/profile.hpp"

#include "tests/support/policy_builders.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kpol::policy {
namespace {

namespace t = kpol::test;

Pod pod(const char* key, Labels labels, std::vector<ContainerPort> ports = {}) {
  Pod result;
  result.key = t::keyOf(key);
  result.labels = std::move(labels);
  result.ports = std::move(ports);
  return result;
}

std::string peersText(const PeerSet& peers) {
  if (peers.any) return "any";
  std::string text;
  for (const auto& [selector, origins] : peers.selectors) text += toString(selector) + ";";
  for (const auto& [block, origins] : peers.blocks) text += toString(block.cidr) + ";";
  return text;
}

// "TCP 80-80 shop: app=a;|..." of the profile the policies make for a pod that they all select.
std::string ports(const std::vector<NetworkPolicy>& policies, const Pod& target) {
  std::vector<const NetworkPolicy*> pointers;
  for (const auto& policy : policies) pointers.push_back(&policy);
  const auto key = profileKey(target, pointers, Direction::Ingress);
  if (!key) return "not isolated";
  std::string text;
  const auto table = disjointPorts(*makeProfile(*key));
  for (const auto& port : table->ranges)
    text += std::string(toString(port.protocol)) + " " + std::to_string(port.first) + "-" +
            std::to_string(port.last) + " " + peersText(table->peers[port.peers]) + "|";
  return text;
}

const Pod kWeb = pod("shop/web", t::labels({{"app", "web"}}),
                     {{"http", base::Protocol::Tcp, 8080}, {"http", base::Protocol::Udp, 53}});

TEST(Profile, UnselectedPodHasNone) {
  EXPECT_EQ(ports({t::ingress("shop/p", t::is("app", "db"))}, kWeb), "not isolated");
  EXPECT_EQ(ports({t::egress("shop/p", t::everything())}, kWeb), "not isolated");
}

TEST(Profile, PortsOfSeveralRulesBecomeDisjoint) {
  const auto a = t::pods(t::is("app", "a"));
  const auto b = t::pods(t::is("app", "b"));
  EXPECT_EQ(ports({t::ingress("shop/p", t::everything(),
                              {t::rule({a}, {t::ports(80, 90)}), t::rule({b}, {t::port(85)})})},
                  kWeb),
            "TCP 80-84 shop: app=a;|TCP 85-85 shop: app=a;shop: app=b;|TCP 86-90 shop: app=a;|");
}

TEST(Profile, NeighboursWithEqualPeersAreJoined) {
  const auto a = t::pods(t::is("app", "a"));
  EXPECT_EQ(ports({t::ingress("shop/p", t::everything(),
                              {t::rule({a}, {t::ports(80, 84), t::ports(85, 90), t::port(80)})})},
                  kWeb),
            "TCP 80-90 shop: app=a;|");
}

TEST(Profile, PeersOfAnyPortAreAdmittedOnEveryPortToo) {
  const auto a = t::pods(t::is("app", "a"));
  const auto b = t::pods(t::is("app", "b"));
  EXPECT_EQ(
      ports({t::ingress("shop/p", t::everything(), {t::rule({a}), t::rule({b}, {t::port(80)})})},
            kWeb),
      "TCP 80-80 shop: app=a;shop: app=b;|");
}

TEST(Profile, PortsThatAddNothingAreLeftOut) {
  const auto a = t::pods(t::is("app", "a"));
  EXPECT_EQ(
      ports({t::ingress("shop/p", t::everything(), {t::rule({a}), t::rule({a}, {t::port(80)})})},
            kWeb),
      "");
  EXPECT_EQ(
      ports({t::ingress("shop/p", t::everything(), {t::anyPeer(), t::rule({a}, {t::port(80)})})},
            kWeb),
      "");
}

TEST(Profile, AnyPeerReplacesOthersOnItsPort) {
  const auto a = t::pods(t::is("app", "a"));
  EXPECT_EQ(ports({t::ingress("shop/p", t::everything(),
                              {t::anyPeer({t::port(80)}), t::rule({a}, {t::ports(80, 81)})})},
                  kWeb),
            "TCP 80-80 any|TCP 81-81 shop: app=a;|");
}

TEST(Profile, WholeProtocolReachesFromZeroToTheEnd) {
  EXPECT_EQ(ports({t::ingress("shop/p", t::everything(),
                              {t::anyPeer({t::anyPort(base::Protocol::Udp)})})},
                  kWeb),
            "UDP 0-65535 any|");
}

TEST(Profile, NamedPortsOfIngressAreThePodsOwn) {
  const std::vector<NetworkPolicy> policies{
      t::ingress("shop/p", t::everything(), {t::anyPeer({t::named("http")})})};
  EXPECT_EQ(ports(policies, kWeb), "TCP 8080-8080 any|");
  EXPECT_EQ(ports(policies, pod("shop/db", {})), "");
}

TEST(Profile, EmptyPortNameFindsNoPort) {
  const auto nameless = pod("shop/web", {}, {{"", base::Protocol::Tcp, 8080}});
  EXPECT_EQ(ports({t::ingress("shop/p", t::everything(), {t::anyPeer({t::named("")})})}, nameless),
            "");
}

TEST(Profile, PodsWithDifferentNamedPortsHaveDifferentKeys) {
  const auto policy = t::ingress("shop/p", t::everything(), {t::anyPeer({t::named("http")})});
  const auto other = pod("shop/other", {}, {{"http", base::Protocol::Tcp, 80}});
  const auto same = pod("shop/same", {}, {{"http", base::Protocol::Tcp, 8080}});
  const auto a = profileKey(kWeb, {&policy}, Direction::Ingress);
  const auto b = profileKey(other, {&policy}, Direction::Ingress);
  const auto c = profileKey(same, {&policy}, Direction::Ingress);
  EXPECT_TRUE(*a < *b || *b < *a);
  EXPECT_FALSE(*a < *c || *c < *a);
}

TEST(Profile, SelectorsSpeltDifferentlyAreOnePeer) {
  EXPECT_EQ(ports({t::ingress("shop/p", t::everything(),
                              {t::rule({t::pods(t::is("app", "a")), t::pods(t::in("app", {"a"}))},
                                       {t::port(80)})})},
                  kWeb),
            "TCP 80-80 shop: app=a;|");
}

TEST(Profile, UnknownProtocolIsolatesAndAdmitsNothing) {
  EXPECT_EQ(
      ports({t::ingress("shop/p", t::everything(), {t::anyPeer({t::unknownProtocol(80)})})}, kWeb),
      "");
}

}  // namespace
}  // namespace kpol::policy
