// SPDX-License-Identifier: Apache-2.0
#include "node/host_firewall.hpp"

#include "nft/xt_match.hpp"
#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_tcpudp.h>

namespace kpol::node {
namespace {

using nft::ForeignFilter;
using nft::ForeignMatch;
using nft::ForeignRule;
using Field = ForeignMatch::Field;
using Verdict = ForeignRule::Verdict;
using test::ip;
using test::prefix;

ForeignMatch interfaceMatch(Field field, std::string name, bool isPrefix) {
  ForeignMatch match;
  match.field = field;
  match.name = std::move(name);
  match.isPrefix = isPrefix;
  return match;
}
ForeignMatch addressMatch(Field field, const char* text) {
  ForeignMatch match;
  match.field = field;
  match.prefix = prefix(text);
  return match;
}
ForeignMatch stateMatch(std::uint32_t states) {
  ForeignMatch match;
  match.field = Field::CtState;
  match.states = states;
  return match;
}
ForeignMatch negated(ForeignMatch match) {
  match.negated = true;
  return match;
}
ForeignRule rule(std::vector<ForeignMatch> matches, Verdict verdict, std::string target = {}) {
  return {std::move(matches), verdict, std::move(target)};
}

const auto kFromPods = interfaceMatch(Field::IifName, "kpol", true);
const auto kToPods = interfaceMatch(Field::OifName, "kpol", true);

// A filter of IPv4 whose policy is drop.
ForeignFilter filter(std::vector<ForeignRule> rules) {
  return {ForeignFilter::Kind::Nftables,  {base::Family::V4}, "ip filter", "FORWARD", true,
          {{"FORWARD", std::move(rules)}}};
}

// "" if nothing is found.
std::string effect(const ForeignFilter& filter, const std::vector<base::Prefix>& podCidrs = {}) {
  const auto findings = judge({filter}, podCidrs);
  if (findings.empty()) return "";
  return findings.at(0).effect + (findings.at(0).certain ? "" : "?");
}

constexpr const char* kBoth = "drops packets that pods send and receive";
constexpr const char* kSent = "drops packets that pods send";
constexpr const char* kReceived = "drops packets that pods receive";

TEST(HostFirewall, DropPolicyIsReported) {
  const auto findings = judge({filter({})}, {});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(toString(findings[0]),
            "chain FORWARD of table ip filter (policy drop) drops packets that pods send and "
            "receive, even if policies allow them; remedy: iptables -I FORWARD -i kpol+ -j "
            "ACCEPT; iptables -I FORWARD -o kpol+ -j ACCEPT");
}

TEST(HostFirewall, AcceptPolicyIsNotReported) {
  auto open = filter({});
  open.policyDrops = false;
  EXPECT_EQ(effect(open), "");
  open.chains["FORWARD"] = {rule({}, Verdict::Drop)};
  EXPECT_EQ(effect(open), kBoth);
}

TEST(HostFirewall, RulesThatAcceptPodsAreEvaluated) {
  EXPECT_EQ(effect(filter({rule({kFromPods}, Verdict::Accept)})), kReceived);
  EXPECT_EQ(effect(filter({rule({kToPods}, Verdict::Accept)})), kSent);
  EXPECT_EQ(effect(filter({rule({kFromPods}, Verdict::Accept), rule({kToPods}, Verdict::Accept)})),
            "");
  EXPECT_EQ(effect(filter({rule({}, Verdict::Accept)})), "");
}

TEST(HostFirewall, InterfacesAreComparedAsTheKernelDoes) {
  const auto of = [](const char* name, bool isPrefix) {
    return effect(filter({rule({interfaceMatch(Field::IifName, name, isPrefix)}, Verdict::Accept),
                          rule({kToPods}, Verdict::Accept)}));
  };
  EXPECT_EQ(of("k", true), "");
  EXPECT_EQ(of("", true), "");
  EXPECT_EQ(of("docker0", false), kSent);
  EXPECT_EQ(of("vx", true), kSent);
  // Of one pod, or of some.
  EXPECT_EQ(of("kpol0123456789a", false), std::string(kSent) + "?");
  EXPECT_EQ(of("kpol01", true), std::string(kSent) + "?");
}

TEST(HostFirewall, AddressesOfPodsAreKnownByTheirCidrs) {
  const auto from = [](const char* text) {
    return filter({rule({addressMatch(Field::Source, text)}, Verdict::Accept),
                   rule({kToPods}, Verdict::Accept)});
  };
  const std::vector<base::Prefix> pods{prefix("10.244.1.0/24"), prefix("fd00::/64")};
  EXPECT_EQ(effect(from("10.244.0.0/16"), pods), "");
  EXPECT_EQ(effect(from("10.244.1.0/24"), pods), "");
  EXPECT_EQ(effect(from("10.1.0.0/16"), pods), kSent);
  EXPECT_EQ(effect(from("10.244.1.128/25"), pods), std::string(kSent) + "?");
  EXPECT_EQ(effect(from("10.244.0.0/16")), std::string(kSent) + "?");
  EXPECT_EQ(effect(from("0.0.0.0/0")), "");
}

TEST(HostFirewall, SeveralPodCidrsHaveToAgree) {
  const auto from = [](const char* text) {
    return filter({rule({addressMatch(Field::Source, text)}, Verdict::Accept),
                   rule({kToPods}, Verdict::Accept)});
  };
  const std::vector<base::Prefix> pods{prefix("10.1.0.0/24"), prefix("10.1.2.0/24")};
  for (const auto& cidrs : {pods, std::vector{pods[1], pods[0]}}) {
    EXPECT_EQ(effect(from("10.1.0.0/16"), cidrs), "");
    EXPECT_EQ(effect(from("10.1.0.0/24"), cidrs), std::string(kSent) + "?");
    EXPECT_EQ(effect(from("10.1.0.5/32"), cidrs), std::string(kSent) + "?");
    EXPECT_EQ(effect(from("192.0.2.0/24"), cidrs), kSent);
  }
}

TEST(HostFirewall, OnlyNewConnectionsAreEvaluated) {
  constexpr std::uint32_t kEstablished = 2;
  constexpr std::uint32_t kRelated = 4;
  constexpr std::uint32_t kInvalid = 1;
  EXPECT_EQ(effect(filter({rule({stateMatch(kEstablished | kRelated)}, Verdict::Accept)})), kBoth);
  EXPECT_EQ(effect(filter({rule({stateMatch(nft::kCtStateNew | kRelated)}, Verdict::Accept)})), "");
  auto open = filter({rule({stateMatch(kInvalid)}, Verdict::Drop)});
  open.policyDrops = false;
  EXPECT_EQ(effect(open), "");
  open = filter({rule({negated(stateMatch(kEstablished))}, Verdict::Drop)});
  open.policyDrops = false;
  EXPECT_EQ(effect(open), kBoth);
}

TEST(HostFirewall, UnknownMatchesAreUncertain) {
  EXPECT_EQ(effect(filter({rule({ForeignMatch()}, Verdict::Accept)})), std::string(kBoth) + "?");
  EXPECT_EQ(effect(filter({rule({ForeignMatch()}, Verdict::Drop)})), kBoth);
  EXPECT_EQ(effect(filter({rule({ForeignMatch()}, Verdict::None)})), kBoth);
  EXPECT_EQ(effect(filter({rule({negated(ForeignMatch())}, Verdict::Accept)})),
            std::string(kBoth) + "?");
  auto open = filter({rule({ForeignMatch()}, Verdict::Drop)});
  open.policyDrops = false;
  EXPECT_EQ(effect(open), "");
  const auto findings = judge({filter({rule({ForeignMatch()}, Verdict::Accept)})}, {});
  EXPECT_NE(toString(findings.at(0)).find("unless a rule that kpol cannot evaluate"),
            std::string::npos);
}

TEST(HostFirewall, ChainsAreFollowed) {
  auto jumping = filter({rule({}, Verdict::Jump, "a")});
  jumping.chains["a"] = {rule({kFromPods}, Verdict::Goto, "b"), rule({}, Verdict::Accept)};
  jumping.chains["b"] = {};
  // Packets that leave b have also left a, and reach the policy; packets to pods are accepted in a.
  EXPECT_EQ(effect(jumping), kSent);
  jumping.chains["b"] = {rule({}, Verdict::Return)};
  EXPECT_EQ(effect(jumping), kSent);
  jumping.chains["a"][0].verdict = Verdict::Jump;
  EXPECT_EQ(effect(jumping), "");
  jumping.chains["a"] = {rule({}, Verdict::Return), rule({}, Verdict::Accept)};
  EXPECT_EQ(effect(jumping), kBoth);
  // Not read, or without an end.
  jumping.chains.erase("a");
  EXPECT_EQ(effect(jumping), std::string(kBoth) + "?");
  jumping.chains["a"] = {rule({}, Verdict::Jump, "a")};
  EXPECT_EQ(effect(jumping), std::string(kBoth) + "?");
}

TEST(HostFirewall, FilterOfBothFamiliesReportsTheFamily) {
  ForeignMatch v6;
  v6.field = Field::Family;
  v6.family = base::Family::V6;
  auto both = filter({rule({v6}, Verdict::Accept)});
  both.families = {base::Family::V4, base::Family::V6};
  both.table = "inet f";
  both.chain = "forward";
  both.chains["forward"] = both.chains["FORWARD"];
  EXPECT_EQ(effect(both), "drops packets that pods send and receive over IPv4");
  EXPECT_EQ(judge({both}, {}).at(0).remedy,
            "nft insert rule inet f forward iifname 'kpol*' accept; nft insert rule inet f forward "
            "oifname 'kpol*' accept");
}

TEST(HostFirewall, RemedyIsForTheOwningProgram) {
  const auto remedy = [](const ForeignFilter& f) { return judge({f}, {}).at(0).remedy; };
  auto docker = filter({});
  docker.chains["DOCKER-USER"] = {};
  EXPECT_EQ(remedy(docker),
            "iptables -I DOCKER-USER -i kpol+ -j ACCEPT; iptables -I DOCKER-USER -o kpol+ -j "
            "ACCEPT");
  auto ufw = filter({});
  ufw.chains["ufw-before-forward"] = {};
  EXPECT_EQ(remedy(ufw), "ufw default allow routed");
  auto legacy = filter({});
  legacy.kind = ForeignFilter::Kind::LegacyIptables;
  legacy.families = {base::Family::V6};
  EXPECT_EQ(remedy(legacy),
            "ip6tables-legacy -I FORWARD -i kpol+ -j ACCEPT; ip6tables-legacy -I FORWARD -o kpol+ "
            "-j ACCEPT");
  auto firewalld = filter({});
  firewalld.table = "inet firewalld";
  EXPECT_NE(remedy(firewalld).find("--zone=trusted"), std::string::npos);
}

// VXLAN packets of two nodes, to port 8472, through an INPUT chain whose policy is drop.
std::string effectOnVxlan(std::vector<ForeignRule> rules) {
  auto input = filter(std::move(rules));
  input.hook = ForeignFilter::Hook::Input;
  input.chain = "INPUT";
  input.chains = {{"INPUT", input.chains.at("FORWARD")}};
  EXPECT_TRUE(judge({input}, {}).empty()) << "without VXLAN it does not matter";
  const VxlanPackets vxlan{base::Family::V4, 8472, {ip("192.0.2.1"), ip("192.0.2.2")}};
  auto v6 = vxlan;
  v6.family = base::Family::V6;
  EXPECT_TRUE(judge({input}, {}, v6).empty());
  const auto findings = judge({input}, {}, vxlan);
  if (findings.empty()) return "";
  EXPECT_EQ(findings[0].remedy, "iptables -I INPUT -p udp --dport 8472 -j ACCEPT");
  return findings[0].effect + (findings[0].certain ? "" : "?");
}

ForeignMatch protocolMatch(std::uint8_t protocol) {
  ForeignMatch match;
  match.field = Field::Protocol;
  match.protocol = protocol;
  return match;
}
ForeignMatch portsMatch(std::uint16_t first, std::uint16_t last) {
  ForeignMatch match;
  match.field = Field::DestinationPort;
  match.firstPort = first;
  match.lastPort = last;
  return match;
}

TEST(HostFirewall, InputChainThatDropsVxlanIsReported) {
  const std::string dropped = "drops VXLAN packets from other nodes";
  const auto accept = [](std::vector<ForeignMatch> matches) {
    return std::vector{rule(std::move(matches), Verdict::Accept)};
  };
  EXPECT_EQ(effectOnVxlan({}), dropped);
  EXPECT_EQ(effectOnVxlan(accept({})), "");
  EXPECT_EQ(effectOnVxlan(accept({protocolMatch(17), portsMatch(8472, 8472)})), "");
  EXPECT_EQ(effectOnVxlan(accept({protocolMatch(17), portsMatch(8000, 9000)})), "");
  EXPECT_EQ(effectOnVxlan(accept({protocolMatch(17), portsMatch(8473, 9000)})), dropped);
  EXPECT_EQ(effectOnVxlan(accept({protocolMatch(6), portsMatch(8472, 8472)})), dropped);
  EXPECT_EQ(effectOnVxlan(accept({negated(portsMatch(22, 22))})), "");
  EXPECT_EQ(effectOnVxlan(accept({interfaceMatch(Field::IifName, "lo", false)})), dropped);
  EXPECT_EQ(effectOnVxlan(accept({interfaceMatch(Field::IifName, "eth0", false)})), dropped + "?");
  EXPECT_EQ(effectOnVxlan(accept({addressMatch(Field::Source, "192.0.2.0/24")})), "");
  EXPECT_EQ(effectOnVxlan(accept({addressMatch(Field::Source, "10.0.0.0/8")})), dropped);
  EXPECT_EQ(effectOnVxlan(accept({addressMatch(Field::Source, "192.0.2.1/32")})), dropped + "?");
  EXPECT_EQ(effectOnVxlan(accept({stateMatch(2)})), dropped);
  EXPECT_EQ(effectOnVxlan(accept({ForeignMatch()})), dropped + "?");
}

TEST(HostFirewall, PortsOfPodsPacketsAreUnknown) {
  EXPECT_EQ(effect(filter({rule({protocolMatch(17)}, Verdict::Accept)})), std::string(kBoth) + "?");
  EXPECT_EQ(effect(filter({rule({portsMatch(1, 9)}, Verdict::Accept)})), std::string(kBoth) + "?");
}

TEST(XtMatch, ReadsUdpPorts) {
  xt_udp wanted{{0, 65535}, {8472, 8473}, 0};
  const auto bytes = [&] {
    return std::span(reinterpret_cast<const std::uint8_t*>(&wanted), sizeof wanted);
  };
  EXPECT_EQ(nft::xtMatch("udp", 0, bytes()), portsMatch(8472, 8473));
  wanted.invflags = XT_UDP_INV_DSTPT;
  EXPECT_EQ(nft::xtMatch("udp", 0, bytes()), negated(portsMatch(8472, 8473)));
  EXPECT_EQ(nft::xtMatch("udp", 0, bytes().first(8)), ForeignMatch());
  wanted.spts[0] = 1;
  EXPECT_EQ(nft::xtMatch("udp", 0, bytes()), ForeignMatch());
}

TEST(XtMatch, ReadsKnownMatches) {
  EXPECT_EQ(nft::xtMatch("comment", 0, {}), std::nullopt);
  EXPECT_EQ(nft::xtMatch("limit", 0, {}), ForeignMatch());
  xt_conntrack_mtinfo3 wanted{};
  wanted.match_flags = XT_CONNTRACK_STATE;
  wanted.state_mask = 6;
  const auto bytes = [&] {
    return std::span(reinterpret_cast<const std::uint8_t*>(&wanted), sizeof wanted);
  };
  EXPECT_EQ(nft::xtMatch("conntrack", 3, bytes()), stateMatch(6));
  EXPECT_EQ(nft::xtMatch("conntrack", 4, bytes()), ForeignMatch());
  EXPECT_EQ(nft::xtMatch("conntrack", 3, bytes().first(100)), ForeignMatch());
  wanted.invert_flags = XT_CONNTRACK_STATE;
  EXPECT_EQ(nft::xtMatch("conntrack", 3, bytes()), negated(stateMatch(6)));
  wanted.match_flags |= XT_CONNTRACK_PROTO;
  EXPECT_EQ(nft::xtMatch("conntrack", 3, bytes()), ForeignMatch());
}

}  // namespace
}  // namespace kpol::node
