// SPDX-License-Identifier: Apache-2.0
#include "node/plan.hpp"

#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace kpol::node {
namespace {

using conf::Routing;
using Lines = std::vector<std::string>;
using test::ip;

base::Prefix cidr(std::string_view text) {
  return *base::Prefix::parse(text);
}

constexpr base::IfIndex kEth0{2}, kEth1{3}, kTunnel{4};

// A node "own" (192.0.2.1, 2001:db8::1 on eth0), "near" on the same link, "far" behind a router,
// and "tunnel" at the other end of a link without Ethernet.
class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    settings.nodeName = "own";
    settings.routing = Routing::Auto;
    settings.vxlanId = 7;
    settings.vxlanPort = 4789;
    host.links.emplace(kEth0, link(kEth0, "eth0", 1500, true));
    host.links.emplace(kEth1, link(kEth1, "eth1", 9000, true));
    host.links.emplace(kTunnel, link(kTunnel, "wg0", 1420, false));
    host.addresses = {{kEth0, ip("192.0.2.1"), 24},
                      {kEth0, ip("2001:db8::1"), 64},
                      {kEth1, ip("203.0.113.1"), 24}};
    put("own", {"10.244.0.0/24", "fd00:0:0:1::/64"}, {"192.0.2.1", "2001:db8::1"});
    put("near", {"10.244.1.0/24"}, {"192.0.2.2"});
    put("far", {"10.244.2.0/24"}, {"198.51.100.2"});
    host.hops = {{ip("192.0.2.2"), {kEth0, {}}},
                 {ip("198.51.100.2"), {kEth0, ip("192.0.2.254")}},
                 {ip("100.64.0.2"), {kTunnel, {}}}};
  }

  static netlink::Link link(base::IfIndex index, const char* name, std::uint32_t mtu,
                            bool ethernet) {
    netlink::Link link{.index = index,
                       .name = *base::IfName::parse(name),
                       .kind = "",
                       .mtu = mtu,
                       .mac = {},
                       .up = true,
                       .alias = "",
                       .peer = {}};
    if (ethernet) link.mac = base::MacAddress{{2, 0, 0, 0, 0, 1}};
    return link;
  }
  void put(const std::string& name, const Lines& cidrs, const Lines& addresses) {
    policy::Node node{name, {}, {}, {}, {}};
    for (const auto& text : cidrs) node.podCidrs.push_back(cidr(text));
    for (const auto& text : addresses) node.internalIps.push_back(ip(text));
    nodes[name] = node;
  }
  Plan plan() const { return makePlan(settings, nodes, host, before); }

  // "10.244.1.0/24 near direct 192.0.2.2 eth0"
  static Lines ways(const Plan& plan) {
    Lines lines;
    for (const auto& peer : plan.peers)
      lines.push_back(toString(peer.cidr) + " " + peer.node + " " + toString(peer.how) +
                      (peer.via ? " " + toString(*peer.via) + " " + peer.link : ""));
    return lines;
  }
  static Lines said(const Plan& plan) {
    Lines lines;
    for (const auto& diagnostic : plan.diagnostics) lines.push_back(toString(diagnostic));
    return lines;
  }

  Settings settings;
  std::map<std::string, policy::Node> nodes;
  Host host;
  Plan before;
};

const Lines kNone;

TEST_F(PlanTest, AutoRoutesDirectlyToNeighboursAndByVxlanToOthers) {
  const auto made = plan();
  EXPECT_EQ(ways(made), (Lines{"10.244.1.0/24 near direct 192.0.2.2 eth0",
                               "10.244.2.0/24 far vxlan 198.51.100.2 vxlan.kpol"}));
  EXPECT_EQ(made.routes.at(cidr("10.244.1.0/24")),
            (netlink::Route{.destination = cidr("10.244.1.0/24"),
                            .gateway = ip("192.0.2.2"),
                            .link = kEth0,
                            .protocol = 107}));
  EXPECT_EQ(made.routes.at(cidr("10.244.2.0/24")),
            (netlink::Route{.destination = cidr("10.244.2.0/24"),
                            .gateway = ip("10.244.2.0"),
                            .link = kVxlanLink,
                            .preferredSource = ip("10.244.0.0"),
                            .protocol = 107,
                            .onLink = true}));
  EXPECT_EQ(made.neighbours,
            (std::map<base::IpAddress, base::MacAddress>{{ip("10.244.2.0"), vxlanMac("far")}}));
  EXPECT_EQ(made.forwarding,
            (std::map<base::MacAddress, base::IpAddress>{{vxlanMac("far"), ip("198.51.100.2")}}));
  EXPECT_EQ(said(made), kNone);
}

TEST_F(PlanTest, TheDeviceSendsFromTheFirstAddressAndHasTheFirstOfEachOwnCidr) {
  const auto made = plan();
  EXPECT_EQ(made.device, (netlink::Vxlan{.name = *base::IfName::parse("vxlan.kpol"),
                                         .mac = vxlanMac("own"),
                                         .id = 7,
                                         .port = 4789,
                                         .local = ip("192.0.2.1"),
                                         .mtu = 1450,
                                         .sourcePorts = base::PortRange::make(512, 1023)}));
  EXPECT_EQ(made.deviceAddresses, (std::vector{ip("10.244.0.0"), ip("fd00:0:0:1::")}));
  EXPECT_EQ(made.own.podCidrs, (std::vector{cidr("10.244.0.0/24"), cidr("fd00:0:0:1::/64")}));
  EXPECT_EQ(made.own.mtu, 1450U);
}

TEST_F(PlanTest, TunnelsAreThoseOfTheNodesAddressesOfTheFamily) {
  put("far", {"10.244.2.0/24", "fd00:0:0:2::/64"}, {"198.51.100.2", "198.51.100.3"});
  const std::vector<policy::NodeTunnel> expected{{ip("192.0.2.1"), ip("10.244.0.0")},
                                                 {ip("192.0.2.2"), ip("10.244.1.0")},
                                                 {ip("198.51.100.2"), ip("10.244.2.0")},
                                                 {ip("198.51.100.3"), ip("10.244.2.0")},
                                                 {ip("2001:db8::1"), ip("fd00:0:0:1::")}};
  EXPECT_EQ(tunnelsOf(plan()), expected);
}

TEST_F(PlanTest, OwnPodCidrsAreUnreachableExceptForPods) {
  const auto made = plan();
  for (const char* own : {"10.244.0.0/24", "fd00:0:0:1::/64"})
    EXPECT_EQ(made.routes.at(cidr(own)), (netlink::Route{.destination = cidr(own),
                                                         .link = {},
                                                         .protocol = 107,
                                                         .metric = 1048576,
                                                         .unreachable = true}));
}

TEST_F(PlanTest, Ipv6RoutesHaveTheKernelsDefaultMetric) {
  put("far", {"fd00:0:0:2::/64"}, {"198.51.100.2"});
  EXPECT_EQ(plan().routes.at(cidr("fd00:0:0:2::/64")).metric, 1024U);
}

TEST_F(PlanTest, Ipv6VxlanGatewayIsALinkLocalAddressFromTheMac) {
  put("far", {"fd00:0:0:2::/64"}, {"198.51.100.2"});
  const auto made = plan();
  const auto gateway = *made.routes.at(cidr("fd00:0:0:2::/64")).gateway;
  // 02:11:22:33:44:55 is fe80::11:22ff:fe33:4455, the bit of local administration turned.
  EXPECT_TRUE(cidr("fe80::/64").contains(gateway)) << toString(gateway);
  EXPECT_EQ(gateway.bytes()[8] ^ 2, vxlanMac("far").bytes[0]);
  EXPECT_EQ(gateway.bytes()[11], 0xFF);
  EXPECT_EQ(gateway.bytes()[12], 0xFE);
  EXPECT_EQ(gateway.bytes()[15], vxlanMac("far").bytes[5]);
  EXPECT_EQ(made.neighbours.at(gateway), vxlanMac("far"));
}

TEST_F(PlanTest, RoutingModeDecides) {
  settings.routing = Routing::Vxlan;
  EXPECT_EQ(ways(plan()), (Lines{"10.244.1.0/24 near vxlan 192.0.2.2 vxlan.kpol",
                                 "10.244.2.0/24 far vxlan 198.51.100.2 vxlan.kpol"}));
  settings.routing = Routing::Direct;
  auto made = plan();
  EXPECT_EQ(ways(made),
            (Lines{"10.244.1.0/24 near direct 192.0.2.2 eth0", "10.244.2.0/24 far none"}));
  EXPECT_EQ(said(made), (Lines{"Node far: status.addresses: has no IPv4 address that is a "
                               "neighbour of this node, so its pods are unreachable at "
                               "10.244.2.0/24 (routing: direct)"}));
  EXPECT_FALSE(made.device);
  EXPECT_EQ(made.own.mtu, 1500U);
  settings.routing = Routing::None;
  made = plan();
  EXPECT_TRUE(made.complete);
  EXPECT_EQ(ways(made), kNone);
  EXPECT_TRUE(made.routes.empty());
  EXPECT_EQ(made.holders.size(), 4U) << "the holders of the CIDRs are known anyway";
}

TEST_F(PlanTest, TunnelNeighboursNeedRoutingDirect) {
  put("far", {"10.244.2.0/24"}, {"100.64.0.2"});
  EXPECT_EQ(ways(plan())[1], "10.244.2.0/24 far vxlan 100.64.0.2 vxlan.kpol");
  settings.routing = Routing::Direct;
  EXPECT_EQ(ways(plan())[1], "10.244.2.0/24 far direct 100.64.0.2 wg0");
}

TEST_F(PlanTest, PrefersTheNeighbourAddress) {
  put("far", {"10.244.2.0/24"}, {"198.51.100.2", "192.0.2.3"});
  host.hops.emplace(ip("192.0.2.3"), netlink::Hop{kEth0, {}});
  EXPECT_EQ(ways(plan())[1], "10.244.2.0/24 far direct 192.0.2.3 eth0");
}

TEST_F(PlanTest, FamilyWithoutAddressUsesVxlanOrIsUnreachable) {
  put("near", {"fd00:0:0:2::/64"}, {"192.0.2.2"});
  EXPECT_EQ(ways(plan())[1], "fd00:0:0:2::/64 near vxlan 192.0.2.2 vxlan.kpol");
  put("near", {"10.244.1.0/24"}, {"2001:db8::2"});
  EXPECT_EQ(ways(plan())[0], "10.244.1.0/24 near none");
  EXPECT_EQ(said(plan()), (Lines{"Node near: status.addresses: has no InternalIP of IPv4, which "
                                 "VXLAN needs, so its pods are unreachable at 10.244.1.0/24"}));
}

TEST_F(PlanTest, WithoutTheOwnNodeThePlanIsIncomplete) {
  nodes.erase("own");
  const auto made = plan();
  EXPECT_FALSE(made.complete);
  EXPECT_EQ(said(made), (Lines{"Node own: is not known, so the network between nodes is not "
                               "changed; check that nodeName is the name of this node's Node "
                               "object"}));
  settings.routing = Routing::None;
  EXPECT_EQ(said(plan()), kNone);
}

TEST_F(PlanTest, NodeIpOverridesTheNodeObjectFamilyByFamily) {
  settings.nodeIps = {ip("203.0.113.1")};
  auto made = plan();
  EXPECT_EQ(said(made), (Lines{"Node own: status.addresses: do not contain nodeIP 203.0.113.1 "
                               "as an InternalIP, so other nodes drop VXLAN packets from it; "
                               "set --node-ip of the kubelet"}));
  put("own", {"10.244.0.0/24", "fd00:0:0:1::/64"}, {"192.0.2.1", "203.0.113.1", "2001:db8::1"});
  made = plan();
  EXPECT_EQ(said(made), kNone);
  EXPECT_EQ(made.device->local, ip("203.0.113.1"));
  EXPECT_EQ(made.device->mtu, 1450U) << "the routes to other nodes go by eth0";
  host.hops.clear();
  EXPECT_EQ(plan().device->mtu, 8950U);
  EXPECT_EQ(plan().own.mtu, 1500U) << "IPv6 goes by eth0";
  settings.nodeIps = {ip("203.0.113.9")};
  made = plan();
  EXPECT_EQ(made.device->local, ip("2001:db8::1"));
  EXPECT_EQ(made.device->mtu, 1430U);
  EXPECT_EQ(said(made)[0],
            "Node own: 203.0.113.9 is on none of this node's interfaces; correct "
            "nodeIP");
}

TEST_F(PlanTest, WithoutAnAddressOfItsOwnThereIsNoVxlan) {
  put("own", {"10.244.0.0/24"}, {"192.0.2.99"});
  const auto made = plan();
  EXPECT_FALSE(made.device);
  EXPECT_EQ(ways(made),
            (Lines{"10.244.1.0/24 near direct 192.0.2.2 eth0", "10.244.2.0/24 far none"}));
  ASSERT_EQ(made.diagnostics.size(), 2U);
  EXPECT_EQ(made.own.mtu, 0U);
}

TEST_F(PlanTest, ConfiguredMtuIsUsed) {
  settings.mtu = 1400;
  EXPECT_EQ(plan().own.mtu, 1400U);
  EXPECT_EQ(said(plan()), kNone);
  settings.mtu = 1500;
  EXPECT_EQ(plan().own.mtu, 1500U);
  EXPECT_NE(said(plan())[0].find("more than the 1450 that VXLAN allows"), std::string::npos);
}

TEST_F(PlanTest, OverlappingCidrsBelongToThisNodeThenThePreviousHolderThenTheFirstName) {
  put("b", {"10.244.9.0/24"}, {"198.51.100.3"});
  put("c", {"10.244.9.0/25"}, {"198.51.100.4"});
  put("d", {"10.244.0.0/16"}, {"198.51.100.5"});
  auto made = plan();
  EXPECT_EQ(made.holders.at(cidr("10.244.9.0/24")), "b");
  EXPECT_FALSE(made.holders.contains(cidr("10.244.9.0/25")));
  EXPECT_FALSE(made.holders.contains(cidr("10.244.0.0/16")));
  EXPECT_EQ(said(made), (Lines{"Node c: spec.podCIDRs: 10.244.9.0/25 overlaps 10.244.9.0/24 of "
                               "node b, and is not routed",
                               "Node d: spec.podCIDRs: 10.244.0.0/16 overlaps 10.244.0.0/24 of "
                               "node own, and is not routed"}));
  before.holders = {{cidr("10.244.9.0/25"), "c"}};
  made = plan();
  EXPECT_EQ(made.holders.at(cidr("10.244.9.0/25")), "c");
  EXPECT_FALSE(made.holders.contains(cidr("10.244.9.0/24")));
}

TEST_F(PlanTest, CidrWithANodeAddressIsRejected) {
  put("far", {"198.51.100.0/24"}, {"198.51.100.2"});
  put("near", {"203.0.113.0/24"}, {"192.0.2.2"});
  const auto made = plan();
  EXPECT_EQ(made.routes.size(), 2U) << "only the node's own";
  EXPECT_EQ(
      said(made)[0],
      "Node far: spec.podCIDRs: 198.51.100.0/24 contains 198.51.100.2, an address of the "
      "node itself, and is not routed; choose a cluster CIDR that does not overlap the nodes' networks");
  EXPECT_NE(said(made)[1].find("203.0.113.1, an address of this node"), std::string::npos);
}

// Claims that are wrong cost the node that makes them, and no other.

TEST_F(PlanTest, AddressInsideAnotherNodesCidrIsRejectedAndTheRouteStays) {
  put("liar", {"10.244.9.0/24"}, {"10.244.1.7", "198.51.100.9", "10.244.0.9", "10.244.2.3"});
  const auto made = plan();
  EXPECT_EQ(ways(made), (Lines{"10.244.1.0/24 near direct 192.0.2.2 eth0",
                               "10.244.2.0/24 far vxlan 198.51.100.2 vxlan.kpol",
                               "10.244.9.0/24 liar vxlan 198.51.100.9 vxlan.kpol"}));
  EXPECT_EQ(made.own.podCidrs, nodes.at("own").podCidrs);
  EXPECT_EQ(made.addresses.at("liar"), std::vector{ip("198.51.100.9")});
  EXPECT_EQ(std::ranges::count(made.nodeAddresses, ip("10.244.1.7")), 0);
  EXPECT_EQ(said(made),
            (Lines{"Node liar: status.addresses: 10.244.1.7 is inside the pod CIDR 10.244.1.0/24 "
                   "of node near, so kpol does not use it; correct --node-ip of the kubelet",
                   "Node liar: status.addresses: 10.244.0.9 is inside the pod CIDR 10.244.0.0/24 "
                   "of node own, so kpol does not use it; correct --node-ip of the kubelet",
                   "Node liar: status.addresses: 10.244.2.3 is inside the pod CIDR 10.244.2.0/24 "
                   "of node far, so kpol does not use it; correct --node-ip of the kubelet"}));
}

TEST_F(PlanTest, AddressesCannotTakeACidrThatIsInUse) {
  before = plan();
  put("liar", {}, {"10.244.1.7"});
  put("second", {}, {"10.244.1.8"});
  host.hops.emplace(ip("10.244.1.7"), netlink::Hop{kEth1, {}});
  EXPECT_EQ(plan().holders, before.holders);
}

TEST_F(PlanTest, CidrWithAddressesOfOtherNodesIsRejected) {
  put("farther", {}, {"198.51.100.3"});
  put("liar", {"198.51.100.0/24"}, {"203.0.113.9"});  // two nodes
  EXPECT_FALSE(plan().holders.contains(cidr("198.51.100.0/24")));
  put("liar", {"192.0.2.2/31"}, {"203.0.113.9"});  // a neighbour
  EXPECT_FALSE(plan().holders.contains(cidr("192.0.2.2/31")));
  before = plan();
  put("liar", {"198.51.100.2/31"}, {"203.0.113.9"});  // a node that was known before
  nodes.erase("farther");
  const auto made = plan();
  EXPECT_FALSE(made.holders.contains(cidr("198.51.100.2/31")));
  EXPECT_EQ(ways(made), (Lines{"10.244.1.0/24 near direct 192.0.2.2 eth0",
                               "10.244.2.0/24 far vxlan 198.51.100.2 vxlan.kpol"}));
}

TEST_F(PlanTest, AddressesThatNoNodeCanHaveAreRejected) {
  for (const char* address :
       {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "ff02::1"}) {
    put("liar", {"10.244.9.0/24"}, {address});
    const auto made = plan();
    EXPECT_FALSE(made.addresses.contains("liar")) << address;
    ASSERT_FALSE(made.diagnostics.empty());
    EXPECT_NE(said(made)[0].find("is not an address that a node can have"), std::string::npos);
  }
}

TEST_F(PlanTest, ConfiguredRangesBoundPodCidrsAndNodeAddresses) {
  settings.clusterCidrs = {cidr("10.244.0.0/16"), cidr("fd00::/48")};
  settings.nodeCidrs = {cidr("192.0.2.0/24"), cidr("198.51.100.0/24"), cidr("2001:db8::/32")};
  EXPECT_EQ(said(plan()), kNone);
  put("liar", {"8.8.8.0/24", "10.244.9.0/24"}, {"100.64.0.2", "198.51.100.9"});
  const auto made = plan();
  EXPECT_FALSE(made.holders.contains(cidr("8.8.8.0/24")));
  EXPECT_EQ(ways(made)[2], "10.244.9.0/24 liar vxlan 198.51.100.9 vxlan.kpol");
  EXPECT_EQ(said(made),
            (Lines{"Node liar: spec.podCIDRs: 8.8.8.0/24 is outside clusterCIDRs, and is not "
                   "routed",
                   "Node liar: status.addresses: 100.64.0.2 is outside nodeCIDRs, so kpol does "
                   "not use it; correct --node-ip of the kubelet"}));
}

// The facts of the node, as a router reads them.

TEST_F(PlanTest, AddressOnLoopbackHasTheMtuOfTheUplinks) {
  constexpr base::IfIndex kLo{1};
  host.links.emplace(kLo, link(kLo, "lo", 65536, false)).first->second.loopback = true;
  host.addresses = {{kLo, ip("192.0.2.1"), 32}, {kLo, ip("2001:db8::1"), 128}};
  host.hops.clear();
  host.links.at(kEth0).mtu = 1500;
  host.links.at(kEth1).mtu = 1400;
  host.uplinks = {{base::Family::V4, {kEth0, kEth1}}, {base::Family::V6, {kEth0}}};
  auto made = plan();
  EXPECT_EQ(made.device->local, ip("192.0.2.1"));
  EXPECT_EQ(made.device->mtu, 1350U);
  EXPECT_EQ(made.own.mtu, 1350U);
  EXPECT_EQ(made.sources, (std::vector{ip("192.0.2.1"), ip("2001:db8::1")}));
  EXPECT_EQ(said(made), kNone);

  host.uplinks.clear();
  host.hops = {{ip("192.0.2.2"), {kEth1, ip("203.0.113.254")}}};
  EXPECT_EQ(plan().device->mtu, 1350U) << "by the route to another node";

  host.hops.clear();
  made = plan();
  EXPECT_EQ(made.device->mtu, 1450U);
  ASSERT_EQ(said(made).size(), 2U);
  EXPECT_EQ(said(made)[0],
            "Node own: has 192.0.2.1 on lo and no route that shows its uplink, so the MTU of the "
            "uplink is unknown; 1500 is used; set mtu if that is wrong");

  host.addresses.push_back({kEth0, ip("192.0.2.1"), 24});
  EXPECT_EQ(plan().sources, std::vector{ip("2001:db8::1")}) << "an uplink has it too";
  host.links.at(kLo).loopback = false;
  host.links.at(kLo).kind = "dummy";
  EXPECT_EQ(plan().sources, std::vector{ip("2001:db8::1")});
}

TEST_F(PlanTest, SmallestMtuOfTheRoutesToOtherNodesCounts) {
  host.links.at(kTunnel).mtu = 1420;
  host.hops.at(ip("198.51.100.2")) = {kTunnel, {}};
  EXPECT_EQ(plan().device->mtu, 1370U);
}

TEST_F(PlanTest, AddressThatIsAwayStaysInUse) {
  before = plan();
  EXPECT_EQ(before.sources, std::vector<base::IpAddress>{});
  const auto addresses = host.addresses;
  std::erase_if(host.addresses, [](const auto& one) { return one.address == ip("192.0.2.1"); });
  auto made = plan();
  EXPECT_EQ(made.device, before.device) << "and not the IPv6 address";
  EXPECT_EQ(made.own.mtu, before.own.mtu);
  EXPECT_EQ(said(made), (Lines{"Node own: status.addresses: 192.0.2.1 is on none of this node's "
                               "interfaces; set nodeIP to addresses of this node"}));
  before = made;
  nodes.erase("own");
  before = plan();
  EXPECT_FALSE(before.complete);
  put("own", {"10.244.0.0/24", "fd00:0:0:1::/64"}, {"192.0.2.1", "2001:db8::1"});
  EXPECT_EQ(plan().device, made.device);
  // The Node names another one.
  put("own", {"10.244.0.0/24", "fd00:0:0:1::/64"}, {"203.0.113.1", "2001:db8::1"});
  EXPECT_EQ(plan().device->local, ip("203.0.113.1"));
  // What was not in use before is not used.
  before = {};
  put("own", {"10.244.0.0/24", "fd00:0:0:1::/64"}, {"192.0.2.1", "2001:db8::1"});
  EXPECT_EQ(plan().device->local, ip("2001:db8::1"));
  before = plan();
  host.addresses = addresses;
  EXPECT_EQ(plan().device->local, ip("192.0.2.1")) << "the first is better";
}

TEST(VxlanMac, DependsOnlyOnTheName) {
  EXPECT_EQ(toString(vxlanMac("node-1")), "06:eb:e1:04:4c:3f");
  EXPECT_EQ(toString(vxlanMac("node-2")), "22:34:32:e8:c6:e5");
  for (const char* name : {"", "a", "b", "node-1", "node-2"})
    EXPECT_EQ(vxlanMac(name).bytes[0] & 3U, 2U) << "local, of one interface";
}

}  // namespace
}  // namespace kpol::node
