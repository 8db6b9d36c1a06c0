// SPDX-License-Identifier: Apache-2.0
#include "netlink/route_events.hpp"

#include "netlink/error.hpp"
#include "tests/netlink/bytes.hpp"

#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace kpol::netlink {
namespace {

std::optional<RouteEvent> parse(int type, const Bytes& payload) {
  return parseRouteEvent({static_cast<std::uint16_t>(type), 0, 0, 0, payload});
}

// One object of a kind as the kernel sends it, and as the value it is.
template <class Object>
struct Sample {
  int newType;
  Bytes payload;
  Object object;
};

template <class Object>
void expectBothWays(const Sample<Object>& sample) {
  EXPECT_EQ(parse(sample.newType, sample.payload), RouteEvent(Added<Object>{sample.object}));
  EXPECT_EQ(parse(sample.newType + 1, sample.payload), RouteEvent(Removed<Object>{sample.object}));
}

Bytes linkPayload(int family) {
  ifinfomsg header{};
  header.ifi_family = static_cast<unsigned char>(family);
  header.ifi_index = 7;
  return join(raw(header), text(IFLA_IFNAME, "kpol0"), u32(IFLA_MTU, 1450));
}

TEST(RouteEvent, EveryObjectAddedAndRemoved) {
  expectBothWays(Sample<Link>{RTM_NEWLINK, linkPayload(AF_UNSPEC),
                              Link{.index = base::IfIndex{7},
                                   .name = ifName("kpol0"),
                                   .kind = "",
                                   .mtu = 1450,
                                   .mac = std::nullopt,
                                   .up = false,
                                   .alias = "",
                                   .peer = std::nullopt}});
  const auto source = attribute(IFA_LOCAL, {10, 0, 0, 1});
  expectBothWays(Sample<Address>{RTM_NEWADDR, join(raw(ifaddrmsg{AF_INET, 32, 0, 0, 7}), source),
                                 Address{base::IfIndex{7}, ip("10.0.0.1"), 32, false}});
  const rtmsg route{.rtm_family = AF_INET,
                    .rtm_dst_len = 0,
                    .rtm_src_len = 0,
                    .rtm_tos = 0,
                    .rtm_table = RT_TABLE_MAIN,
                    .rtm_protocol = RTPROT_STATIC,
                    .rtm_scope = RT_SCOPE_UNIVERSE,
                    .rtm_type = RTN_UNICAST,
                    .rtm_flags = 0};
  expectBothWays(Sample<Route>{RTM_NEWROUTE, join(raw(route), u32(RTA_OIF, 7)),
                               Route{.destination = cidr("0.0.0.0/0"), .link = base::IfIndex{7}}});
  ndmsg neighbour{};
  neighbour.ndm_family = AF_INET;
  neighbour.ndm_ifindex = 7;
  neighbour.ndm_state = NUD_PERMANENT;
  expectBothWays(Sample<Neighbour>{
      RTM_NEWNEIGH,
      join(raw(neighbour), attribute(NDA_DST, {10, 0, 0, 1}),
           attribute(NDA_LLADDR, {2, 0, 0, 0, 0, 1})),
      Neighbour{base::IfIndex{7}, ip("10.0.0.1"), mac("02:00:00:00:00:01"), true}});
}

TEST(RouteEvent, LeavingABridgeIsNotADeletion) {
  EXPECT_EQ(parse(RTM_DELLINK, linkPayload(AF_BRIDGE)), std::nullopt);
}

TEST(RouteEvent, OverrunIsAnOverflow) {
  EXPECT_EQ(parse(NLMSG_OVERRUN, {}), RouteEvent(Overflow{}));
}

TEST(RouteEvent, OtherMessagesAreIgnored) {
  for (const int type : {NLMSG_NOOP, NLMSG_DONE, int{RTM_NEWRULE}, int{RTM_NEWNSID}})
    EXPECT_EQ(parse(type, zeros(32)), std::nullopt) << type;
}

TEST(RouteEvent, TruncatedObjectsAreRejected) {
  for (const int type : {RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_DELADDR, RTM_NEWROUTE,
                         RTM_DELROUTE, RTM_NEWNEIGH, RTM_DELNEIGH})
    EXPECT_THROW(parse(type, zeros(5)), Error) << type;
}

}  // namespace
}  // namespace kpol::netlink
