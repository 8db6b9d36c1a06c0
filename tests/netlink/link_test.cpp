// SPDX-License-Identifier: Apache-2.0
#include "netlink/link.hpp"

#include "netlink/error.hpp"
#include "tests/netlink/bytes.hpp"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include <cerrno>

namespace kpol::netlink {
namespace {

constexpr int kAcknowledged = NLM_F_REQUEST | NLM_F_ACK;

Bytes linkHeader(int index, unsigned flags = 0, unsigned change = 0) {
  return raw(ifinfomsg{.ifi_family = AF_UNSPEC,
                       .__ifi_pad = 0,
                       .ifi_type = 0,
                       .ifi_index = index,
                       .ifi_flags = flags,
                       .ifi_change = change});
}

VethPair pair() {
  return {.name = ifName("kpol0123456789a"),
          .mac = mac("02:00:00:00:00:01"),
          .peerName = ifName("eth0"),
          .peerMac = mac("02:00:00:00:00:02"),
          .mtu = 1450,
          .peerNetns = 9};
}

Bytes vethRequest(const Bytes& own, const Bytes& peer) {
  const auto data = nested(VETH_INFO_PEER, join(linkHeader(0), peer));
  const auto linkInfo = join(text(IFLA_INFO_KIND, "veth"), nested(IFLA_INFO_DATA, data));
  return message({RTM_NEWLINK, kAcknowledged | NLM_F_CREATE | NLM_F_EXCL},
                 join(linkHeader(0), own, nested(IFLA_LINKINFO, linkInfo)));
}

TEST(EncodeVeth, RequestContainsAllFieldsOfThePeer) {
  EXPECT_EQ(copy(encodeNewVeth(pair()).bytes()),
            vethRequest(join(text(IFLA_IFNAME, "kpol0123456789a"),
                             attribute(IFLA_ADDRESS, {2, 0, 0, 0, 0, 1}), u32(IFLA_MTU, 1450)),
                        join(text(IFLA_IFNAME, "eth0"), attribute(IFLA_ADDRESS, {2, 0, 0, 0, 0, 2}),
                             u32(IFLA_MTU, 1450), u32(IFLA_NET_NS_FD, 9))));
}

TEST(EncodeVeth, OmitsFieldsThatAreNotGiven) {
  auto plain = pair();
  plain.mtu = 0;
  plain.peerNetns = -1;
  EXPECT_EQ(
      copy(encodeNewVeth(plain).bytes()),
      vethRequest(
          join(text(IFLA_IFNAME, "kpol0123456789a"), attribute(IFLA_ADDRESS, {2, 0, 0, 0, 0, 1})),
          join(text(IFLA_IFNAME, "eth0"), attribute(IFLA_ADDRESS, {2, 0, 0, 0, 0, 2}))));
}

TEST(EncodeLink, RequestsAboutOneLink) {
  const base::IfIndex seven{7};
  const auto lo = ifName("lo");
  const auto noStatistics = u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  EXPECT_EQ(copy(encodeDeleteLink(seven).bytes()),
            message({RTM_DELLINK, kAcknowledged}, linkHeader(7)));
  EXPECT_EQ(copy(encodeDeleteLink(lo).bytes()),
            message({RTM_DELLINK, kAcknowledged}, join(linkHeader(0), text(IFLA_IFNAME, "lo"))));
  EXPECT_EQ(copy(encodeGetLink(seven).bytes()),
            message({RTM_GETLINK, NLM_F_REQUEST}, join(linkHeader(7), noStatistics)));
  EXPECT_EQ(copy(encodeGetLink(lo).bytes()),
            message({RTM_GETLINK, NLM_F_REQUEST},
                    join(linkHeader(0), text(IFLA_IFNAME, "lo"), noStatistics)));
  EXPECT_EQ(copy(encodeDumpLinks().bytes()),
            message({RTM_GETLINK, NLM_F_REQUEST}, join(linkHeader(0), noStatistics)));
  EXPECT_EQ(copy(encodeSetUp(seven).bytes()),
            message({RTM_SETLINK, kAcknowledged}, linkHeader(7, IFF_UP, IFF_UP)));
  EXPECT_EQ(copy(encodeSetMtu(seven, 9000).bytes()),
            message({RTM_SETLINK, kAcknowledged}, join(linkHeader(7), u32(IFLA_MTU, 9000))));
  EXPECT_EQ(copy(encodeSetGroup(seven, 9).bytes()),
            message({RTM_SETLINK, kAcknowledged}, join(linkHeader(7), u32(IFLA_GROUP, 9))));
  EXPECT_EQ(copy(encodeDeleteGroup(9).bytes()),
            message({RTM_DELLINK, kAcknowledged}, join(linkHeader(0), u32(IFLA_GROUP, 9))));
  EXPECT_EQ(copy(encodeSetAlias(lo, "pod").bytes()),
            message({RTM_SETLINK, kAcknowledged}, join(linkHeader(0), text(IFLA_IFNAME, "lo"),
                                                       attribute(IFLA_IFALIAS, {'p', 'o', 'd'}))));
}

TEST(EncodeLink, AutomaticIpv6IsASettingOfTheFamily) {
  const auto mode = attribute(IFLA_INET6_ADDR_GEN_MODE, {IN6_ADDR_GEN_MODE_NONE});
  EXPECT_EQ(copy(encodeNoAutomaticIpv6(base::IfIndex{7}).bytes()),
            message({RTM_SETLINK, kAcknowledged},
                    join(linkHeader(7), nested(IFLA_AF_SPEC, nested(AF_INET6, mode)))));
}

TEST(ParseLink, VethWithAllItsFields) {
  const auto bytes =
      join(linkHeader(12, IFF_UP | IFF_BROADCAST), text(IFLA_IFNAME, "kpol0"),
           u32(IFLA_TXQLEN, 1000), u32(IFLA_MTU, 1450), attribute(IFLA_ADDRESS, {2, 0, 0, 0, 0, 1}),
           u32(IFLA_LINK, 2), text(IFLA_IFALIAS, "shop/web"),
           nested(IFLA_LINKINFO, join(text(IFLA_INFO_KIND, "veth"), nested(IFLA_INFO_DATA, {}))));
  EXPECT_EQ(parseLink(bytes), (Link{.index = base::IfIndex{12},
                                    .name = ifName("kpol0"),
                                    .kind = "veth",
                                    .mtu = 1450,
                                    .mac = mac("02:00:00:00:00:01"),
                                    .up = true,
                                    .alias = "shop/web",
                                    .peer = base::IfIndex{2}}));
}

TEST(ParseLink, DeviceWithoutKindPeerOrEthernetAddress) {
  const auto bytes = join(linkHeader(3), text(IFLA_IFNAME, "tunl0"), u32(IFLA_MTU, 1480),
                          attribute(IFLA_ADDRESS, {0, 0, 0, 0}), u32(IFLA_LINK, 0));
  EXPECT_EQ(parseLink(bytes), (Link{.index = base::IfIndex{3},
                                    .name = ifName("tunl0"),
                                    .kind = "",
                                    .mtu = 1480,
                                    .mac = std::nullopt,
                                    .up = false,
                                    .alias = "",
                                    .peer = std::nullopt}));
}

class ParseLinkRefused : public testing::TestWithParam<Bytes> {};

TEST_P(ParseLinkRefused, MalformedBytes) {
  try {
    parseLink(GetParam());
    FAIL() << "was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), EBADMSG);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, ParseLinkRefused,
    testing::Values(Bytes{}, zeros(15), linkHeader(1), join(linkHeader(1), text(IFLA_IFNAME, "")),
                    join(linkHeader(1), text(IFLA_IFNAME, "sixteen-bytes-xx")),
                    join(linkHeader(1), attribute(IFLA_IFNAME, {'l', 'o'})),
                    join(linkHeader(1), text(IFLA_IFNAME, "lo"), attribute(IFLA_MTU, {1, 0})),
                    join(linkHeader(1), text(IFLA_IFNAME, "lo"), attribute(IFLA_MTU, zeros(8))),
                    join(linkHeader(1), text(IFLA_IFNAME, "lo"), attribute(IFLA_LINK, zeros(3))),
                    join(linkHeader(1), text(IFLA_IFNAME, "lo"), Bytes{99, 0, 4, 0}),
                    join(linkHeader(1), text(IFLA_IFNAME, "lo"),
                         nested(IFLA_LINKINFO, Bytes{9, 0, IFLA_INFO_KIND, 0, 'v', 'e', 't', 'h'})),
                    join(linkHeader(1), text(IFLA_IFNAME, "lo"),
                         nested(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, {'v'})))));

}  // namespace
}  // namespace kpol::netlink
