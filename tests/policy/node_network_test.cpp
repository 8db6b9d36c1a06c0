// SPDX-License-Identifier: Apache-2.0
#include "policy/node_network.hpp"

#include "nft/print.hpp"
#include "policy/compile.hpp"

#include <gtest/gtest.h>

namespace kpol::policy {
namespace {

base::Prefix cidr(std::string_view text) {
  return *base::Prefix::parse(text);
}

NodeNetwork network() {
  return {{cidr("10.244.1.0/24"), cidr("fd00:10:244:1::/64")},
          {cidr("10.244.0.0/24"), cidr("10.244.1.0/24"), cidr("fd00:10:244:1::/64")},
          8472,
          {*base::IpAddress::parse("192.0.2.11"), *base::IpAddress::parse("2001:db8:2::11")},
          base::PortRange::make(512, 1023)};
}

std::string textOf(const NodeNetwork& network) {
  nft::Ruleset ruleset;
  addNodeNetwork(network, ruleset);
  return nft::print(ruleset);
}

TEST(NodeNetwork, PrintsTheDocumentedRules) {
  const auto text = textOf(network());
  const auto chains = text.substr(text.find("\tchain"));
  EXPECT_EQ(chains, R"(	chain forward-guard {
		type filter hook forward priority filter - 6; policy accept;
		ct state established,related accept
		udp dport 8472 ip daddr @nodes4 counter name "vxlan-guard" drop comment "encapsulated packets are not forwarded"
		udp dport 8472 ip6 daddr @nodes6 counter name "vxlan-guard" drop comment "encapsulated packets are not forwarded"
		ct state invalid ip saddr 10.244.1.0/24 ip daddr != @not-masqueraded4 counter name "untranslated" drop comment "would leave with the pod's address"
		ct state invalid ip6 saddr fd00:10:244:1::/64 ip6 daddr != @not-masqueraded6 counter name "untranslated" drop comment "would leave with the pod's address"
	}

	chain pod-masquerade {
		type nat hook postrouting priority srcnat - 10; policy accept;
		ip saddr 10.244.1.0/24 ip daddr != @not-masqueraded4 masquerade comment "pods to outside the cluster"
		ip6 saddr fd00:10:244:1::/64 ip6 daddr != @not-masqueraded6 masquerade comment "pods to outside the cluster"
	}

	chain vxlan {
		type filter hook input priority filter - 6; policy accept;
		udp dport 8472 ip saddr != @nodes4 counter name "vxlan-guard" drop comment "only nodes send encapsulated packets"
		udp dport 8472 ip6 saddr != @nodes6 counter name "vxlan-guard" drop comment "only nodes send encapsulated packets"
		udp dport 8472 udp sport != 512-1023 counter name "vxlan-guard" drop comment "only VXLAN devices send encapsulated packets"
	}

	chain vxlan-out {
		type filter hook output priority filter - 6; policy accept;
		udp dport 8472 udp sport != 512-1023 counter name "vxlan-guard" drop comment "only the VXLAN device encapsulates packets"
	}
}
)");
  EXPECT_NE(text.find("elements = { 10.244.0.0/23, 224.0.0.0/4,"), text.npos)
      << "neighbouring CIDRs are one range, and clouds' services see nodes:" << text;
}

TEST(NodeNetwork, PodsGetTheNodesAddressWhereItIsGiven) {
  auto given = network();
  given.sources = {*base::IpAddress::parse("192.0.2.1")};
  const auto text = textOf(given);
  EXPECT_NE(text.find("ip saddr 10.244.1.0/24 ip daddr != @not-masqueraded4 snat ip to 192.0.2.1"),
            text.npos)
      << text;
  EXPECT_NE(text.find("ip6 daddr != @not-masqueraded6 masquerade"), text.npos) << text;
}

TEST(NodeNetwork, EmptyNetworkHasNoRules) {
  EXPECT_EQ(textOf({}), nft::print(nft::Ruleset()));
  NodeNetwork nodesAlone;
  nodesAlone.nodes = network().nodes;
  nodesAlone.notMasqueraded = network().notMasqueraded;
  EXPECT_EQ(textOf(nodesAlone), nft::print(nft::Ruleset()));
}

TEST(NodeNetwork, MasqueradingAndVxlanAreIndependent) {
  auto one = network();
  one.vxlanPort = 0;
  EXPECT_EQ(textOf(one).find("8472"), std::string::npos);
  EXPECT_NE(textOf(one).find(" masquerade comment"), std::string::npos);
  one = network();
  one.masqueraded.clear();
  EXPECT_EQ(textOf(one).find(" masquerade comment"), std::string::npos);
  EXPECT_NE(textOf(one).find("8472"), std::string::npos);
}

// A device of an earlier version, until it is replaced.
TEST(NodeNetwork, ADeviceWithoutARangeOfSourcePortsMaySendFromAllPorts) {
  auto any = network();
  any.vxlanSourcePorts.reset();
  EXPECT_EQ(textOf(any).find("vxlan-out"), std::string::npos);
}

TEST(NodeNetwork, IsPartOfTheTable) {
  Snapshot snapshot;
  snapshot.network = network();
  const auto ruleset = compile(snapshot).ruleset;
  EXPECT_TRUE(ruleset.chains.contains("pod-masquerade"));
  EXPECT_TRUE(ruleset.sets.contains("nodes6"));
}

}  // namespace
}  // namespace kpol::policy
