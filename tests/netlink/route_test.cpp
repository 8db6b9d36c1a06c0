// SPDX-License-Identifier: Apache-2.0
#include "netlink/route.hpp"

#include "netlink/error.hpp"
#include "tests/netlink/bytes.hpp"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

namespace kpol::netlink {
namespace {

constexpr int kAdd = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
constexpr int kReplace = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;

struct Header {
  int family = AF_INET;
  int length = 0;
  int table = RT_TABLE_UNSPEC;
  int protocol = RTPROT_STATIC;
  int scope = RT_SCOPE_UNIVERSE;
  int type = RTN_UNICAST;
  unsigned flags = 0;
};

Bytes bytes(const Header& header) {
  rtmsg kernel{};
  kernel.rtm_family = static_cast<unsigned char>(header.family);
  kernel.rtm_dst_len = static_cast<unsigned char>(header.length);
  kernel.rtm_table = static_cast<unsigned char>(header.table);
  kernel.rtm_protocol = static_cast<unsigned char>(header.protocol);
  kernel.rtm_scope = static_cast<unsigned char>(header.scope);
  kernel.rtm_type = static_cast<unsigned char>(header.type);
  kernel.rtm_flags = header.flags;
  return raw(kernel);
}

Bytes addressAttribute(int type, const std::string& text) {
  return attribute(type, copy(ip(text).bytes()));
}

struct RouteCase {
  int family;
  std::string network;
  int length;
  std::string gateway;
  std::string source;
  std::string anywhere;
};

class RouteBytes : public testing::TestWithParam<RouteCase> {
 protected:
  [[nodiscard]] Route full() const {
    return {.destination = cidr(GetParam().network + "/" + std::to_string(GetParam().length)),
            .gateway = ip(GetParam().gateway),
            .link = base::IfIndex{7},
            .preferredSource = ip(GetParam().source),
            .scope = RouteScope::Universe,
            .table = 1000,
            .protocol = RTPROT_BIRD,
            .metric = 50,
            .mtu = 1400,
            .onLink = true};
  }
  [[nodiscard]] Header header() const {
    return {.family = GetParam().family, .length = GetParam().length, .protocol = RTPROT_BIRD};
  }
  // The attributes that identify the route of full().
  [[nodiscard]] Bytes identity() const {
    return join(u32(RTA_TABLE, 1000), addressAttribute(RTA_DST, GetParam().network),
                u32(RTA_OIF, 7), addressAttribute(RTA_GATEWAY, GetParam().gateway),
                u32(RTA_PRIORITY, 50));
  }
  [[nodiscard]] Bytes settings() const {
    return join(addressAttribute(RTA_PREFSRC, GetParam().source),
                nested(RTA_METRICS, u32(RTAX_MTU, 1400)));
  }
};

TEST_P(RouteBytes, AddAndReplaceCarryEveryField) {
  auto head = header();
  head.flags = RTNH_F_ONLINK;
  const auto payload = join(bytes(head), identity(), settings());
  EXPECT_EQ(copy(encode(Verb::Add, full()).bytes()), message({RTM_NEWROUTE, kAdd}, payload));
  EXPECT_EQ(copy(encode(Verb::Replace, full()).bytes()),
            message({RTM_NEWROUTE, kReplace}, payload));
}

TEST_P(RouteBytes, DeleteCarriesTheIdentityAndNoScope) {
  auto head = header();
  head.flags = RTNH_F_ONLINK;
  head.scope = RT_SCOPE_NOWHERE;
  EXPECT_EQ(copy(encode(Verb::Delete, full()).bytes()),
            message({RTM_DELROUTE, NLM_F_REQUEST | NLM_F_ACK}, join(bytes(head), identity())));
}

TEST_P(RouteBytes, DefaultRouteOfALinkHasNoDestination) {
  const Route route{.destination = cidr(GetParam().anywhere),
                    .link = base::IfIndex{7},
                    .scope = RouteScope::Link};
  const Header head{.family = GetParam().family, .scope = RT_SCOPE_LINK};
  const auto payload = join(bytes(head), u32(RTA_TABLE, RT_TABLE_MAIN), u32(RTA_OIF, 7));
  EXPECT_EQ(copy(encode(Verb::Add, route).bytes()), message({RTM_NEWROUTE, kAdd}, payload));
  EXPECT_EQ(parseRoute(payload), route);
}

TEST_P(RouteBytes, LocalRouteHasItsType) {
  auto route = full();
  route.local = true;
  auto head = header();
  head.flags = RTNH_F_ONLINK;
  head.type = RTN_LOCAL;
  EXPECT_EQ(copy(encode(Verb::Add, route).bytes()),
            message({RTM_NEWROUTE, kAdd}, join(bytes(head), identity(), settings())));
}

TEST_P(RouteBytes, AreReadWithEveryField) {
  auto head = header();
  head.flags = RTNH_F_ONLINK;
  head.table = RT_TABLE_COMPAT;
  const auto unknown = u32(RTA_CACHEINFO, 1);
  EXPECT_EQ(parseRoute(join(bytes(head), identity(), unknown, settings())), full());
}

TEST_P(RouteBytes, TableOfTheHeaderIsUsedWithoutTheAttribute) {
  auto head = header();
  head.table = 99;
  const auto route =
      parseRoute(join(bytes(head), addressAttribute(RTA_DST, GetParam().network), u32(RTA_OIF, 7)));
  ASSERT_TRUE(route);
  EXPECT_EQ(route->table, 99U);
}

TEST_P(RouteBytes, DumpFiltersByTableTypeAndLink) {
  const RouteFilter filter{
      .family = ip(GetParam().network).family(), .table = 1000, .link = base::IfIndex{7}};
  const Header head{.family = GetParam().family, .protocol = RTPROT_UNSPEC};
  const auto table = u32(RTA_TABLE, 1000);
  EXPECT_EQ(copy(encodeDumpRoutes(filter).bytes()),
            message({RTM_GETROUTE, NLM_F_REQUEST}, join(bytes(head), table, u32(RTA_OIF, 7))));
  EXPECT_EQ(copy(encodeDumpRoutes({.family = filter.family, .table = 1000, .link = {}}).bytes()),
            message({RTM_GETROUTE, NLM_F_REQUEST}, join(bytes(head), table)));
}

TEST_P(RouteBytes, MalformedRoutesAreRejected) {
  const auto head = bytes(header());
  auto tooLong = header();
  tooLong.length = 129;
  const auto link = u32(RTA_OIF, 7);
  for (const auto& malformed :
       {Bytes{}, zeros(11), join(bytes(tooLong), identity()),
        join(head, attribute(RTA_DST, zeros(3)), link), join(head, attribute(RTA_OIF, {7})),
        join(head, link, attribute(RTA_GATEWAY, {})), join(head, link, attribute(RTA_VIA, {2})),
        join(head, link, attribute(RTA_VIA, zeros(2))),
        join(head, link, attribute(RTA_PRIORITY, zeros(8))),
        join(head, link, nested(RTA_METRICS, attribute(RTAX_MTU, {1, 2}))),
        join(head, link, nested(RTA_METRICS, Bytes{8, 0, RTAX_MTU, 0})),
        join(head, link, Bytes{3, 0, 1, 0})}) {
    try {
      parseRoute(malformed);
      ADD_FAILURE() << "was read: " << testing::PrintToString(malformed);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), EBADMSG);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Families, RouteBytes,
    testing::Values(RouteCase{AF_INET, "10.244.1.0", 24, "169.254.1.1", "10.244.1.5", "0.0.0.0/0"},
                    RouteCase{AF_INET6, "fd00:1::", 64, "fe80::1", "fd00:1::5", "::/0"}));

TEST(RouteVia, GatewayOfTheOtherFamily) {
  const Route route{
      .destination = cidr("10.0.0.0/8"), .gateway = ip("fe80::1"), .link = base::IfIndex{7}};
  const auto via = join(raw(std::uint16_t{AF_INET6}), copy(ip("fe80::1").bytes()));
  const auto payload =
      join(bytes({.length = 8}), u32(RTA_TABLE, RT_TABLE_MAIN),
           addressAttribute(RTA_DST, "10.0.0.0"), u32(RTA_OIF, 7), attribute(RTA_VIA, via));
  EXPECT_EQ(copy(encode(Verb::Add, route).bytes()), message({RTM_NEWROUTE, kAdd}, payload));
  EXPECT_EQ(parseRoute(payload), route);
}

TEST(ParseRoute, DestinationOfTheOtherFamilyIsMalformed) {
  EXPECT_THROW(
      parseRoute(join(bytes({.length = 8}), addressAttribute(RTA_DST, "fd00::"), u32(RTA_OIF, 7))),
      Error);
}

Bytes nextHop(int link, const Bytes& attributes) {
  rtnexthop header{};
  header.rtnh_len = static_cast<unsigned short>(sizeof header + attributes.size());
  header.rtnh_ifindex = link;
  return join(raw(header), attributes);
}

TEST(ParseMultipathRoute, HasAllNextHops) {
  const auto hops = join(nextHop(7, addressAttribute(RTA_GATEWAY, "192.0.2.1")), nextHop(8, {}),
                         nextHop(9, attribute(RTA_VIA, join(raw(std::uint16_t{AF_INET6}),
                                                            copy(ip("fe80::1").bytes())))));
  const auto payload = join(bytes({.table = RT_TABLE_MAIN}), attribute(RTA_MULTIPATH, hops));
  EXPECT_EQ(parseRoute(payload), std::nullopt);
  EXPECT_EQ(parseMultipathRoute(payload),
            (MultipathRoute{.destination = cidr("0.0.0.0/0"),
                            .hops = {{base::IfIndex{7}, ip("192.0.2.1")},
                                     {base::IfIndex{8}, {}},
                                     {base::IfIndex{9}, ip("fe80::1")}},
                            .table = RT_TABLE_MAIN}));
  EXPECT_EQ(parseMultipathRoute(join(bytes({}), u32(RTA_OIF, 7))), std::nullopt);
}

TEST(ParseMultipathRoute, MalformedNextHopsAreRejected) {
  auto shorter = nextHop(7, {});
  shorter[0] = 7;
  auto longer = nextHop(7, {});
  longer[0] = 9;
  for (const auto& hops : {shorter, longer, zeros(8), zeros(7), join(nextHop(7, {}), zeros(4))})
    EXPECT_THROW((void)parseMultipathRoute(join(bytes({}), attribute(RTA_MULTIPATH, hops))), Error);
}

TEST(ParseRoute, UnreachableRoutesHaveNoLink) {
  const auto payload = join(bytes({.length = 24, .table = RT_TABLE_MAIN, .type = RTN_UNREACHABLE}),
                            addressAttribute(RTA_DST, "10.0.0.0"), u32(RTA_OIF, 1));
  EXPECT_EQ(parseRoute(payload),
            (Route{.destination = cidr("10.0.0.0/24"), .link = {}, .unreachable = true}));
}

TEST(ParseRoute, UnsupportedRoutesAreIgnored) {
  const auto link = u32(RTA_OIF, 7);
  EXPECT_EQ(parseRoute(join(bytes({.type = RTN_LOCAL}), link)), std::nullopt);
  EXPECT_EQ(parseRoute(join(bytes({.type = RTN_BLACKHOLE}), link)), std::nullopt);
  EXPECT_EQ(parseRoute(join(bytes({.family = AF_MPLS}), link)), std::nullopt);
  EXPECT_EQ(parseRoute(join(bytes({}), attribute(RTA_MULTIPATH, zeros(8)))), std::nullopt);
}

}  // namespace
}  // namespace kpol::netlink
