// SPDX-License-Identifier: Apache-2.0
#include "netlink/route_events.hpp"
#include "netlink/route_socket.hpp"
#include "tests/netlink/bytes.hpp"
#include "tests/netlink/namespaces.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace kpol::netlink {
namespace {

template <class Run>
Error errorOf(const Run& run) {
  try {
    run();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return {"", 0};
}

template <class Object>
bool holds(const std::vector<Object>& all, const Object& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

constexpr base::IfIndex kNoLink{4242};

using Links = NodeAndPod;

TEST_F(Links, VethPeerIsCreatedInTheOtherNamespace) {
  ASSERT_TRUE(socket_.addVeth(vethInto(pod_)));
  const auto own = socket_.findLink(ifName("kpol0")).value();
  const auto peer = podSocket_.findLink(ifName("eth0")).value();
  EXPECT_EQ(own, (Link{.index = own.index,
                       .name = ifName("kpol0"),
                       .kind = "veth",
                       .mtu = 1450,
                       .mac = mac("02:00:00:00:00:01"),
                       .up = false,
                       .alias = "shop/web",
                       .peer = peer.index}));
  EXPECT_EQ(peer, (Link{.index = peer.index,
                        .name = ifName("eth0"),
                        .kind = "veth",
                        .mtu = 1450,
                        .mac = mac("02:00:00:00:00:02"),
                        .up = false,
                        .alias = "",
                        .peer = own.index}));
  EXPECT_EQ(socket_.findLink(ifName("eth0")), std::nullopt);
}

TEST_F(Links, VethWithoutNamespaceHasBothEndsInThisOne) {
  auto pair = vethInto(pod_);
  pair.peerNetns = -1;
  pair.mtu = 0;
  pair.alias = "";
  ASSERT_TRUE(socket_.addVeth(pair));
  EXPECT_EQ(socket_.findLink(ifName("eth0")).value().mtu, 1500U);
  EXPECT_EQ(podSocket_.findLink(ifName("eth0")), std::nullopt);
}

TEST_F(Links, ExistingNameOfEitherEndIsNotAnError) {
  ASSERT_TRUE(socket_.addVeth(vethInto(pod_)));
  EXPECT_FALSE(socket_.addVeth(vethInto(pod_)));
  auto peerTaken = vethInto(pod_);
  peerTaken.name = ifName("kpol1");
  EXPECT_FALSE(socket_.addVeth(peerTaken));
  EXPECT_EQ(socket_.findLink(ifName("kpol1")), std::nullopt);
}

TEST_F(Links, VethIntoAnInvalidNamespaceIsRejected) {
  auto pair = vethInto(pod_);
  pair.peerNetns = 999999;
  const auto error = errorOf([&] { socket_.addVeth(pair); });
  EXPECT_EQ(error.code(), EBADF);
  EXPECT_EQ(error.op(), "add veth kpol0 with peer eth0");
  EXPECT_EQ(socket_.findLink(ifName("kpol0")), std::nullopt);
}

TEST_F(Links, RejectedAliasLeavesNoPair) {
  auto pair = vethInto(pod_);
  for (const std::size_t length : {256, 5000}) {
    pair.alias = std::string(length, 'x');
    errorOf([&] { socket_.addVeth(pair); });
    EXPECT_EQ(socket_.findLink(ifName("kpol0")), std::nullopt) << length;
    EXPECT_EQ(podSocket_.findLink(ifName("eth0")), std::nullopt) << length;
  }
  pair.alias = std::string(255, 'x');
  EXPECT_TRUE(socket_.addVeth(pair));
  EXPECT_EQ(socket_.findLink(ifName("kpol0")).value().alias, pair.alias);
}

TEST_F(Links, ErrorHasTheOperationAndTheKernelsMessage) {
  const auto link = addUpVeth();
  const auto error = errorOf([&] { socket_.setMtu(link, 10); });
  EXPECT_EQ(error.code(), EINVAL);
  EXPECT_EQ(error.op(), "set the MTU of link with index " + std::to_string(link.value));
  EXPECT_EQ(error.extack(), "mtu less than device minimum");
}

TEST_F(Links, AreFoundByNameAndIndex) {
  const auto lo = socket_.findLink(ifName("lo")).value();
  EXPECT_EQ(lo.kind, "");
  EXPECT_EQ(lo.mac, base::MacAddress());
  EXPECT_EQ(lo.peer, std::nullopt);
  EXPECT_EQ(socket_.findLink(lo.index), lo);
  EXPECT_EQ(socket_.findLink(ifName("none")), std::nullopt);
  EXPECT_EQ(socket_.findLink(kNoLink), std::nullopt);
}

TEST_F(Links, ListContainsAllLinks) {
  ASSERT_TRUE(socket_.addVeth(vethInto(pod_)));
  EXPECT_EQ(socket_.links(), (std::vector<Link>{socket_.findLink(ifName("lo")).value(),
                                                socket_.findLink(ifName("kpol0")).value()}));
}

TEST_F(Links, AreSetUpAndResized) {
  const auto link = addUpVeth();
  EXPECT_TRUE(socket_.findLink(link).value().up);
  socket_.setMtu(link, 1400);
  EXPECT_EQ(socket_.findLink(link).value().mtu, 1400U);
  EXPECT_EQ(errorOf([&] { socket_.setUp(kNoLink); }).code(), ENODEV);
  EXPECT_EQ(errorOf([&] { socket_.setMtu(kNoLink, 1400); }).code(), ENODEV);
}

TEST_F(Links, AreDeletedByGroup) {
  constexpr std::uint32_t kGroup = 77;
  EXPECT_FALSE(socket_.deleteGroup(kGroup));
  EXPECT_FALSE(socket_.setGroup(kNoLink, kGroup));
  const auto veth = [&](const std::string& name) {
    const auto mac = base::MacAddress::parse("02:00:00:00:00:07").value();
    EXPECT_TRUE(socket_.addVeth({ifName(name), mac, ifName("p" + name), mac}));
    return socket_.findLink(ifName(name)).value().index;
  };
  const auto first = veth("a");
  const auto second = veth("b");
  const auto kept = veth("c");
  EXPECT_TRUE(socket_.setGroup(first, kGroup));
  EXPECT_TRUE(socket_.setGroup(second, kGroup));
  EXPECT_TRUE(socket_.deleteGroup(kGroup));
  EXPECT_EQ(socket_.findLink(first), std::nullopt);
  EXPECT_EQ(socket_.findLink(second), std::nullopt);
  EXPECT_TRUE(socket_.findLink(kept));
  EXPECT_FALSE(socket_.deleteGroup(kGroup));
  socket_.deleteLink(kept);
  EXPECT_EQ(errorOf([&] { socket_.deleteGroup(0); }).code(), EPERM) << "0 is every link's group";
}

TEST_F(Links, DeleteRemovesThePeerAndMayBeRepeated) {
  ASSERT_TRUE(socket_.addVeth(vethInto(pod_)));
  EXPECT_TRUE(socket_.deleteLink(ifName("kpol0")));
  EXPECT_EQ(podSocket_.findLink(ifName("eth0")), std::nullopt);
  EXPECT_FALSE(socket_.deleteLink(ifName("kpol0")));
  ASSERT_TRUE(socket_.addVeth(vethInto(pod_)));
  const auto link = socket_.findLink(ifName("kpol0")).value().index;
  EXPECT_TRUE(socket_.deleteLink(link));
  EXPECT_FALSE(socket_.deleteLink(link));
}

TEST_F(Links, AutomaticIpv6CanBeDisabled) {
  ASSERT_TRUE(socket_.addVeth(vethInto(pod_)));
  const auto link = socket_.findLink(ifName("kpol0")).value().index;
  socket_.disableAutomaticIpv6(link);
  socket_.setUp(link);
  podSocket_.setUp(podSocket_.findLink(ifName("eth0")).value().index);
  EXPECT_EQ(socket_.addresses(link), std::vector<Address>{});
  EXPECT_EQ(podSocket_.addresses(podSocket_.findLink(ifName("eth0")).value().index).size(), 1U);
}

TEST_F(Links, LinkWithoutIpv6HasNothingToDisable) {
  auto pair = vethInto(pod_);
  pair.mtu = 1000;  // below what IPv6 needs
  ASSERT_TRUE(socket_.addVeth(pair));
  socket_.disableAutomaticIpv6(socket_.findLink(ifName("kpol0")).value().index);
  EXPECT_EQ(errorOf([&] { socket_.disableAutomaticIpv6(kNoLink); }).code(), ENODEV);
}

TEST_F(Links, SocketMovesWithItsNamespace) {
  ASSERT_TRUE(socket_.addVeth(vethInto(pod_)));
  RouteSocket moved = std::move(podSocket_);
  EXPECT_TRUE(moved.findLink(ifName("eth0")));
  podSocket_ = std::move(moved);
  EXPECT_TRUE(podSocket_.findLink(ifName("eth0")));
}

struct FamilyCase {
  std::string name;
  std::string address;
  std::uint8_t length;
  std::string other;    // of the same network
  std::string network;  // somewhere else
  std::string gateway;  // on no network of the link
  std::uint32_t defaultMetric;
  std::string ip;  // ip(8) with its family
};

class PerFamily : public NodeAndPod, public testing::WithParamInterface<FamilyCase> {
 protected:
  PerFamily() : link_(addUpVeth()) {}

  // Usable at once. IPv4 addresses always are, and the kernel does not return the flag.
  [[nodiscard]] Address address(base::IfIndex link, const std::string& text) const {
    return {link, ip(text), GetParam().length, !ip(text).isV4()};
  }
  [[nodiscard]] Address address() const { return address(link_, GetParam().address); }
  [[nodiscard]] Route onLinkRoute() const {
    return {.destination = cidr(GetParam().network),
            .gateway = ip(GetParam().gateway),
            .link = link_,
            .mtu = 1400,
            .onLink = true};
  }
  // As the kernel returns it.
  [[nodiscard]] Route readBack(Route route) const {
    if (route.metric == 0) route.metric = GetParam().defaultMetric;
    return route;
  }
  [[nodiscard]] Neighbour neighbour() const {
    return {link_, ip(GetParam().gateway), mac("02:00:00:00:00:02"), true};
  }
  [[nodiscard]] std::string shown(const std::string& what) const {
    return output(GetParam().ip + " " + what);
  }

  base::IfIndex link_;
};

class Addresses : public PerFamily {};

class Routes : public PerFamily {
 protected:
  // IPv4 accepts no gateway, not even an onlink one, on a link without addresses.
  Routes() { EXPECT_TRUE(socket_.addAddress(address())); }
};

class Neighbours : public PerFamily {};

TEST_P(Addresses, AreReadBackAsWritten) {
  EXPECT_TRUE(socket_.addAddress(address()));
  EXPECT_TRUE(holds(socket_.addresses(link_), address()));
  EXPECT_TRUE(holds(socket_.addresses(), address()));
  const auto text = shown("-o addr show dev kpol0");
  EXPECT_NE(text.find(GetParam().address + "/" + std::to_string(GetParam().length)), text.npos)
      << text;
  const auto line = text.substr(text.find(GetParam().address));
  EXPECT_EQ(line.substr(0, line.find('\n')).find("tentative"), line.npos) << text;
}

TEST_F(Links, DeprecatedAddressesAreReadBackAsWritten) {
  ASSERT_TRUE(socket_.addVeth(vethInto(pod_)));
  const auto link = socket_.findLink(ifName("kpol0"))->index;
  const Address address{link, ip("2001:db8::7"), 128, true, true};
  EXPECT_TRUE(socket_.addAddress(address));
  EXPECT_TRUE(holds(socket_.addresses(link), address));
  EXPECT_TRUE(socket_.deleteAddress(address));
}

TEST_P(Addresses, ExistingAndAbsentAddressesAreNotErrors) {
  EXPECT_TRUE(socket_.addAddress(address()));
  EXPECT_FALSE(socket_.addAddress(address()));
  EXPECT_TRUE(socket_.deleteAddress(address()));
  EXPECT_FALSE(socket_.deleteAddress(address()));
  EXPECT_FALSE(holds(socket_.addresses(link_), address()));
  auto nowhere = address();
  nowhere.link = kNoLink;
  EXPECT_FALSE(socket_.deleteAddress(nowhere));
  EXPECT_EQ(errorOf([&] { socket_.addAddress(nowhere); }).code(), ENODEV);
}

TEST_P(Addresses, ListIsOfTheRequestedLink) {
  const auto lo = socket_.findLink(ifName("lo")).value().index;
  const auto other = address(lo, GetParam().other);
  EXPECT_TRUE(socket_.addAddress(address()));
  EXPECT_TRUE(socket_.addAddress(other));
  EXPECT_EQ(socket_.addresses(lo), std::vector<Address>{other});
  EXPECT_FALSE(holds(socket_.addresses(link_), other));
  EXPECT_EQ(socket_.addresses(kNoLink), std::vector<Address>{});
}

TEST_P(Routes, LocalRoutesAreLocalInTheKernel) {
  Route route{.destination = base::Prefix::host(ip(GetParam().other)), .link = link_};
  route.table = 255;
  route.local = true;
  if (ip(GetParam().other).isV4()) route.scope = RouteScope::Host;
  EXPECT_TRUE(socket_.addRoute(route));
  EXPECT_FALSE(socket_.addRoute(route));
  EXPECT_NE(shown("route show table local").find("local " + GetParam().other + " dev kpol0"),
            std::string::npos)
      << shown("route show table local");
}

TEST_P(Routes, OnLinkGatewayMtuAndMetricAreReadBackAsWritten) {
  auto route = onLinkRoute();
  route.metric = 77;
  route.protocol = 42;
  route.preferredSource = ip(GetParam().address);
  EXPECT_TRUE(socket_.addRoute(route));
  EXPECT_TRUE(holds(socket_.routes(link_), route));
  EXPECT_TRUE(holds(socket_.routes(), route));
  const auto text = shown("route show dev kpol0 proto 42");
  for (const auto& word :
       {GetParam().network + " via " + GetParam().gateway, "src " + GetParam().address,
        std::string("metric 77"), std::string("mtu 1400"), std::string("onlink")})
    EXPECT_NE(text.find(word), text.npos) << word << " in " << text;
}

TEST_P(Routes, UnreachableRoutesAreReadBackAsWritten) {
  const Route route{.destination = cidr(GetParam().network),
                    .link = {},
                    .protocol = 42,
                    .metric = 77,
                    .unreachable = true};
  EXPECT_TRUE(socket_.addRoute(route));
  EXPECT_FALSE(socket_.addRoute(route));
  EXPECT_TRUE(holds(socket_.unreachableRoutes(), route));
  EXPECT_FALSE(holds(socket_.routes(), route));
  EXPECT_NE(shown("route show proto 42").find("unreachable " + GetParam().network),
            std::string::npos);
  EXPECT_TRUE(socket_.deleteRoute(route));
  EXPECT_FALSE(socket_.deleteRoute(route));
  EXPECT_FALSE(holds(socket_.unreachableRoutes(), route));
}

TEST_P(Routes, RouteOfALinkNeedsNoGateway) {
  Route route{.destination = cidr(GetParam().network), .link = link_};
  if (route.destination.family() == base::Family::V4) route.scope = RouteScope::Link;
  EXPECT_TRUE(socket_.addRoute(route));
  EXPECT_TRUE(holds(socket_.routes(link_), readBack(route)));
}

TEST_P(Routes, ExistingAndAbsentRoutesAreNotErrors) {
  EXPECT_TRUE(socket_.addRoute(onLinkRoute()));
  EXPECT_FALSE(socket_.addRoute(onLinkRoute()));
  EXPECT_TRUE(socket_.deleteRoute(onLinkRoute()));
  EXPECT_FALSE(socket_.deleteRoute(onLinkRoute()));
  EXPECT_FALSE(holds(socket_.routes(link_), readBack(onLinkRoute())));
  auto nowhere = onLinkRoute();
  nowhere.link = kNoLink;
  EXPECT_FALSE(socket_.deleteRoute(nowhere));
  EXPECT_EQ(errorOf([&] { socket_.addRoute(nowhere); }).code(), ENODEV);
}

TEST_P(Routes, DeleteLeavesRoutesThatDiffer) {
  auto kept = onLinkRoute();
  kept.metric = 500;
  auto gone = onLinkRoute();
  gone.metric = 600;
  EXPECT_TRUE(socket_.addRoute(kept));
  EXPECT_TRUE(socket_.addRoute(gone));
  gone.mtu = 0;  // not part of a route's identity
  EXPECT_TRUE(socket_.deleteRoute(gone));
  EXPECT_FALSE(socket_.deleteRoute(gone));
  EXPECT_TRUE(holds(socket_.routes(link_), kept));
}

TEST_P(Routes, ReplaceCreatesOrChanges) {
  auto route = onLinkRoute();
  socket_.replaceRoute(route);
  EXPECT_TRUE(holds(socket_.routes(link_), readBack(route)));
  route.mtu = 1300;
  socket_.replaceRoute(route);
  const auto routes = socket_.routes(link_);
  EXPECT_TRUE(holds(routes, readBack(route)));
  EXPECT_FALSE(holds(routes, readBack(onLinkRoute())));
}

TEST_P(Routes, TablesAreSeparate) {
  auto route = onLinkRoute();
  route.table = 1000;  // beyond the header's eight bits
  EXPECT_TRUE(socket_.addRoute(route));
  EXPECT_EQ(socket_.routes(link_, 1000), std::vector<Route>{readBack(route)});
  EXPECT_FALSE(holds(socket_.routes(), readBack(route)));
  EXPECT_EQ(socket_.routes(std::nullopt, 1001), std::vector<Route>{});
  EXPECT_TRUE(socket_.deleteRoute(route));
}

TEST_P(Routes, ListIsOfTheRequestedLink) {
  EXPECT_TRUE(socket_.addRoute(onLinkRoute()));
  const auto lo = socket_.findLink(ifName("lo")).value().index;
  EXPECT_FALSE(holds(socket_.routes(lo), readBack(onLinkRoute())));
  EXPECT_EQ(socket_.routes(kNoLink), std::vector<Route>{});
}

TEST_P(Routes, UnreachableGatewayErrorHasTheKernelsMessage) {
  auto route = onLinkRoute();
  route.onLink = false;
  route.gateway = ip(GetParam().other);
  const auto error = errorOf([&] { socket_.addRoute(route); });
  EXPECT_TRUE(error.code() == ENETUNREACH || error.code() == EHOSTUNREACH) << error.what();
  EXPECT_EQ(error.extack(),
            route.destination.family() == base::Family::V4 ? "Nexthop has invalid gateway" : "");
  EXPECT_EQ(error.op(), "add route " + GetParam().network + " via " + GetParam().other +
                            " on link with index " + std::to_string(link_.value) + " in table 254");
}

TEST_P(Neighbours, PermanentOnesAreReadBackAsWritten) {
  socket_.replaceNeighbour(neighbour());
  EXPECT_TRUE(holds(socket_.neighbours(link_), neighbour()));
  EXPECT_TRUE(holds(socket_.neighbours(), neighbour()));
  const auto text = shown("neigh show dev kpol0");
  EXPECT_NE(text.find(GetParam().gateway + " lladdr 02:00:00:00:00:02 PERMANENT"), text.npos)
      << text;
}

TEST_P(Neighbours, ReplaceChanges) {
  socket_.replaceNeighbour(neighbour());
  auto changed = neighbour();
  changed.mac = mac("02:00:00:00:00:99");
  changed.permanent = false;
  socket_.replaceNeighbour(changed);
  const auto all = socket_.neighbours(link_);
  EXPECT_TRUE(holds(all, changed));
  EXPECT_FALSE(holds(all, neighbour()));
}

TEST_P(Neighbours, AbsentNeighboursAreNotErrors) {
  EXPECT_FALSE(socket_.deleteNeighbour(neighbour()));
  socket_.replaceNeighbour(neighbour());
  EXPECT_TRUE(socket_.deleteNeighbour(neighbour()));
  EXPECT_FALSE(holds(socket_.neighbours(link_), neighbour()));
  auto nowhere = neighbour();
  nowhere.link = kNoLink;
  EXPECT_FALSE(socket_.deleteNeighbour(nowhere));
  EXPECT_EQ(errorOf([&] { socket_.replaceNeighbour(nowhere); }).code(), ENODEV);
  EXPECT_EQ(socket_.neighbours(kNoLink), std::vector<Neighbour>{});
}

// A pod's network may be torn down under our hands at any step.
TEST_P(PerFamily, EveryRequestForADeletedLinkFailsCleanly) {
  EXPECT_TRUE(socket_.addAddress(address()));
  EXPECT_TRUE(socket_.addRoute(onLinkRoute()));
  socket_.replaceNeighbour(neighbour());
  EXPECT_TRUE(podSocket_.deleteLink(ifName("eth0")));
  EXPECT_EQ(socket_.findLink(link_), std::nullopt);
  EXPECT_FALSE(socket_.deleteAddress(address()));
  EXPECT_FALSE(socket_.deleteRoute(onLinkRoute()));
  EXPECT_FALSE(socket_.deleteNeighbour(neighbour()));
  EXPECT_FALSE(socket_.deleteLink(link_));
  EXPECT_EQ(errorOf([&] { socket_.setUp(link_); }).code(), ENODEV);
  EXPECT_EQ(errorOf([&] { socket_.addAddress(address()); }).code(), ENODEV);
  EXPECT_EQ(errorOf([&] { socket_.addRoute(onLinkRoute()); }).code(), ENODEV);
  EXPECT_EQ(errorOf([&] { socket_.replaceNeighbour(neighbour()); }).code(), ENODEV);
  EXPECT_TRUE(socket_.addresses(link_).empty());
  EXPECT_TRUE(socket_.routes(link_).empty());
  EXPECT_TRUE(socket_.neighbours(link_).empty());
}

const std::vector<FamilyCase> kFamilies = {
    {"V4", "10.244.1.5", 24, "10.99.0.6", "10.50.0.0/16", "169.254.1.1", 0, "ip -4"},
    {"V6", "fd00:1::5", 64, "fd00:99::6", "fd00:50::/48", "fe80::77", 1024, "ip -6"}};

std::string nameOf(const testing::TestParamInfo<FamilyCase>& family) {
  return family.param.name;
}

INSTANTIATE_TEST_SUITE_P(Families, PerFamily, testing::ValuesIn(kFamilies), nameOf);
INSTANTIATE_TEST_SUITE_P(Families, Addresses, testing::ValuesIn(kFamilies), nameOf);
INSTANTIATE_TEST_SUITE_P(Families, Routes, testing::ValuesIn(kFamilies), nameOf);
INSTANTIATE_TEST_SUITE_P(Families, Neighbours, testing::ValuesIn(kFamilies), nameOf);

using CrossFamily = NodeAndPod;

TEST_F(CrossFamily, Ipv4RouteByAnIpv6GatewayIsReadBackAsWritten) {
  const Route route{.destination = cidr("10.50.0.0/16"),
                    .gateway = ip("fe80::77"),
                    .link = addUpVeth(),
                    .onLink = true};
  EXPECT_TRUE(socket_.addRoute(route));
  EXPECT_TRUE(holds(socket_.routes(route.link), route));
  EXPECT_TRUE(socket_.deleteRoute(route));
}

TEST_F(Links, ListToleratesConcurrentChanges) {
  std::atomic<bool> stop = false;
  std::thread churn([&] {
    const auto inNode = node_.enter();
    RouteSocket own;
    while (!stop) {
      own.addVeth(vethInto(pod_));
      own.deleteLink(ifName("kpol0"));
    }
  });
  const auto lo = socket_.findLink(ifName("lo")).value();
  for (int i = 0; i < 200; ++i) {
    if (const auto link = socket_.findLink(ifName("kpol0"))) {
      EXPECT_EQ(link->kind, "veth");
      EXPECT_EQ(socket_.addresses(link->index).size() <= 2, true);
    }
    try {
      EXPECT_TRUE(holds(socket_.links(), lo));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), EAGAIN);
    }
  }
  stop = true;
  churn.join();
}

Vxlan vxlanFrom(const char* local) {
  return {.name = ifName("vxlan.kpol"),
          .mac = mac("02:00:00:00:00:07"),
          .id = 4107,
          .port = 4789,
          .local = ip(local),
          .mtu = 1400};
}

class VxlanDevices : public NodeAndPod, public testing::WithParamInterface<const char*> {};

TEST_P(VxlanDevices, AreReadBackAsWritten) {
  const auto device = vxlanFrom(GetParam());
  ASSERT_TRUE(socket_.addVxlan(device));
  const auto link = socket_.findLink(device.name).value();
  EXPECT_EQ(link.kind, "vxlan");
  EXPECT_EQ(socket_.findVxlan(link.index), device);
  EXPECT_FALSE(socket_.addVxlan(device)) << "the name is taken";
  auto other = device;
  other.name = ifName("vxlan.other");
  EXPECT_FALSE(socket_.addVxlan(other)) << "the port and the id are taken";
  EXPECT_EQ(socket_.findVxlan(socket_.findLink(ifName("lo"))->index), std::nullopt);
  EXPECT_EQ(socket_.findVxlan(kNoLink), std::nullopt);
}

TEST_P(VxlanDevices, HaveTheirRangeOfSourcePorts) {
  auto device = vxlanFrom(GetParam());
  device.sourcePorts = base::PortRange::make(512, 1023);
  ASSERT_TRUE(socket_.addVxlan(device));
  EXPECT_EQ(socket_.findVxlan(socket_.findLink(device.name)->index), device);
}

TEST_P(VxlanDevices, UseTheirFdbEntries) {
  const auto device = vxlanFrom(GetParam());
  ASSERT_TRUE(socket_.addVxlan(device));
  const auto link = socket_.findLink(device.name)->index;
  ForwardingEntry entry{link, mac("02:00:00:00:00:09"), ip(GetParam())};
  RouteEvents events({RouteTopic::Neighbours});
  socket_.replaceForwarding(entry);
  EXPECT_EQ(socket_.forwarding(link), std::vector{entry});
  entry.destination = *entry.destination.next();
  socket_.replaceForwarding(entry);
  EXPECT_EQ(socket_.forwarding(link), std::vector{entry});
  EXPECT_TRUE(socket_.deleteForwarding(entry));
  EXPECT_FALSE(socket_.deleteForwarding(entry));
  EXPECT_EQ(socket_.forwarding(link), std::vector<ForwardingEntry>());
  const auto told = events.read(std::chrono::steady_clock::now() + std::chrono::seconds(5));
  EXPECT_TRUE(holds(told, RouteEvent(Added<ForwardingEntry>{entry})));
  EXPECT_TRUE(holds(told, RouteEvent(Removed<ForwardingEntry>{entry})));
}

INSTANTIATE_TEST_SUITE_P(Families, VxlanDevices, testing::Values("192.0.2.1", "2001:db8::1"),
                         [](const auto& one) {
                           return ip(one.param).isV4() ? std::string("V4") : std::string("V6");
                         });

TEST_F(Links, DefaultLinksIncludeThoseOfMultipathRoutes) {
  RouteEvents events({RouteTopic::Routes});
  std::vector<base::IfIndex> links;
  for (const char* name : {"kpol0", "kpol1", "kpol2"}) {
    auto pair = vethInto(pod_);
    pair.name = ifName(name);
    pair.peerName = ifName(std::string("p") + name);
    ASSERT_TRUE(socket_.addVeth(pair));
    links.push_back(socket_.findLink(ifName(name))->index);
    socket_.setUp(links.back());
  }
  EXPECT_TRUE(socket_.defaultLinks().empty());
  for (const char* command :
       {"ip route add default nexthop dev kpol0 nexthop dev kpol1",
        "ip route add default metric 9 dev kpol2",
        "ip -6 route add default nexthop via fe80::5 dev kpol1 nexthop via fe80::6 dev kpol2"})
    output(command);
  using Indexes = std::set<base::IfIndex>;
  EXPECT_EQ(socket_.defaultLinks(),
            (std::map<base::Family, Indexes>{{base::Family::V4, {links[0], links[1], links[2]}},
                                             {base::Family::V6, {links[1], links[2]}}}));
  const auto seen = events.read(std::chrono::steady_clock::now() + std::chrono::seconds(5));
  EXPECT_TRUE(std::any_of(seen.begin(), seen.end(), [](const RouteEvent& event) {
    return std::holds_alternative<Added<MultipathRoute>>(event);
  }));
}

TEST_F(Links, NextHopsAreTheKernels) {
  ASSERT_TRUE(socket_.addVeth(vethInto(pod_)));
  const auto link = socket_.findLink(ifName("kpol0"))->index;
  socket_.setUp(link);
  podSocket_.setUp(podSocket_.findLink(ifName("eth0"))->index);
  socket_.addAddress({link, ip("192.0.2.1"), 24});
  socket_.addAddress({link, ip("2001:db8::1"), 64, true});
  EXPECT_EQ(socket_.hopTo(ip("192.0.2.7")), (Hop{link, std::nullopt}));
  EXPECT_EQ(socket_.hopTo(ip("2001:db8::7")), (Hop{link, std::nullopt}));
  EXPECT_EQ(socket_.hopTo(ip("192.0.2.1")), std::nullopt) << "this node itself";
  EXPECT_EQ(socket_.hopTo(ip("198.51.100.7")), std::nullopt) << "nowhere";
  EXPECT_EQ(socket_.hopTo(ip("2001:db8:9::7")), std::nullopt) << "nowhere";
  const auto far = *base::Prefix::parse("198.51.100.0/24");
  socket_.addRoute({.destination = far, .gateway = ip("192.0.2.254"), .link = link});
  EXPECT_EQ(socket_.hopTo(ip("198.51.100.7")), (Hop{link, ip("192.0.2.254")}));
}

}  // namespace
}  // namespace kpol::netlink
