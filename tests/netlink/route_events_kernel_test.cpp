// SPDX-License-Identifier: Apache-2.0
#include "netlink/route_events.hpp"
#include "tests/netlink/bytes.hpp"
#include "tests/netlink/namespaces.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace kpol::netlink {
namespace {

using Clock = std::chrono::steady_clock;

// rtnetlink notifies before it acknowledges, so that what was done is there to be read.
std::vector<RouteEvent> drain(RouteEvents& events) {
  std::vector<RouteEvent> all;
  for (auto some = events.read(Clock::now()); !some.empty(); some = events.read(Clock::now()))
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

// Reads until `last` arrived, because the kernel sends some events from a work queue; at most 5 s.
template <class Event>
std::vector<RouteEvent> readUntil(RouteEvents& events, const Event& last) {
  const auto deadline = Clock::now() + std::chrono::seconds(5);
  std::vector<RouteEvent> all;
  while (std::find(all.begin(), all.end(), RouteEvent(last)) == all.end()) {
    const auto some = events.read(deadline);
    if (some.empty()) break;
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

template <class Event>
bool holdsEvent(const std::vector<RouteEvent>& events, const Event& event) {
  return std::find(events.begin(), events.end(), RouteEvent(event)) != events.end();
}

bool isReadable(const RouteEvents& events) {
  pollfd entry{events.fd(), POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

using Events = NodeAndPod;

TEST_F(Events, ReportsAddedChangedAndDeletedLinks) {
  RouteEvents events({RouteTopic::Links});
  EXPECT_FALSE(isReadable(events));
  const auto index = addUpVeth();
  EXPECT_TRUE(isReadable(events));
  const auto link = socket_.findLink(index).value();
  const auto made = drain(events);
  EXPECT_TRUE(holdsEvent(made, Added<Link>{link}));
  EXPECT_TRUE(socket_.deleteLink(index));
  const auto removed = drain(events);
  ASSERT_FALSE(removed.empty());
  const auto* last = std::get_if<Removed<Link>>(&removed.back());
  ASSERT_NE(last, nullptr);
  EXPECT_EQ(last->object.index, index);
  EXPECT_EQ(last->object.name, link.name);
}

struct EventCase {
  std::string name;
  std::string address;
  std::string network;
  std::string gateway;
};

class EventsPerFamily : public NodeAndPod, public testing::WithParamInterface<EventCase> {};

TEST_P(EventsPerFamily, ReportsAddedAndDeletedObjectsOfALink) {
  const auto link = addUpVeth();
  RouteEvents events({RouteTopic::Addresses, RouteTopic::Routes, RouteTopic::Neighbours});
  const auto own = ip(GetParam().address);
  const Address address{link, own, static_cast<std::uint8_t>(own.bits()), !own.isV4()};
  const Route route{.destination = cidr(GetParam().network),
                    .gateway = ip(GetParam().gateway),
                    .link = link,
                    .metric = 7,
                    .onLink = true};
  const Neighbour neighbour{link, ip(GetParam().gateway), mac("02:00:00:00:00:02"), true};
  EXPECT_TRUE(socket_.addAddress(address));
  EXPECT_TRUE(holdsEvent(readUntil(events, Added<Address>{address}), Added<Address>{address}));
  EXPECT_TRUE(socket_.addRoute(route));
  socket_.replaceNeighbour(neighbour);
  const auto added = drain(events);
  EXPECT_TRUE(holdsEvent(added, Added<Route>{route}));
  EXPECT_TRUE(holdsEvent(added, Added<Neighbour>{neighbour}));
  EXPECT_TRUE(socket_.deleteRoute(route));
  EXPECT_TRUE(socket_.deleteAddress(address));
  const auto removed = drain(events);
  EXPECT_TRUE(holdsEvent(removed, Removed<Address>{address}));
  EXPECT_TRUE(holdsEvent(removed, Removed<Route>{route}));
}

INSTANTIATE_TEST_SUITE_P(Families, EventsPerFamily,
                         testing::Values(EventCase{"V4", "10.244.1.5", "10.50.0.0/16",
                                                   "169.254.1.1"},
                                         EventCase{"V6", "fd00:1::5", "fd00:50::/48", "fe80::77"}),
                         [](const auto& family) { return family.param.name; });

TEST_F(Events, OnlyRequestedTopicsAreRead) {
  RouteEvents events({RouteTopic::Neighbours});
  const auto link = addUpVeth();
  socket_.addAddress({link, ip("10.0.0.1"), 32, false});
  drain(events);
  socket_.setMtu(link, 1400);
  EXPECT_EQ(drain(events), std::vector<RouteEvent>{});
}

TEST_F(Events, TimeoutReturnsNoEvents) {
  RouteEvents events({RouteTopic::Links});
  const auto start = Clock::now();
  EXPECT_EQ(events.read(start + std::chrono::milliseconds(20)), std::vector<RouteEvent>{});
  EXPECT_GE(Clock::now() - start, std::chrono::milliseconds(20));
}

TEST_F(Events, OverflowIsReportedOnceBeforeLaterEvents) {
  RouteEvents events({RouteTopic::Links});
  const int least = 1;
  ASSERT_EQ(::setsockopt(events.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &least, sizeof(least)), 0);
  const auto lo = socket_.findLink(ifName("lo")).value().index;
  for (std::uint32_t i = 0; i < 100; ++i) socket_.setMtu(lo, 60000 + i);
  EXPECT_EQ(drain(events), std::vector<RouteEvent>{Overflow{}});
  socket_.setMtu(lo, 50000);
  EXPECT_EQ(drain(events), std::vector<RouteEvent>{Added<Link>{socket_.findLink(lo).value()}});
}

TEST_F(Events, BurstIsReadInBoundedPieces) {
  RouteEvents events({RouteTopic::Links});
  const auto lo = socket_.findLink(ifName("lo")).value().index;
  for (std::uint32_t i = 0; i < 600; ++i) socket_.setMtu(lo, 50000 + i);
  const auto first = events.read(Clock::now());
  EXPECT_LT(first.size(), 600U);
  EXPECT_EQ(first.size() + drain(events).size(), 600U);
}

}  // namespace
}  // namespace kpol::netlink
