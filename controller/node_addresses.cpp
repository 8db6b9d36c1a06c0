// SPDX-License-Identifier: Apache-2.0
#include "controller/node_addresses.hpp"

#include "base/async/asio.hpp"
#include "base/async/readable.hpp"
#include "netlink/route_events.hpp"
#include "netlink/route_socket.hpp"

#include <chrono>
#include <set>

namespace kpol::controller {
namespace {

bool isLoopback(const base::IpAddress& address) {
  const auto bytes = address.bytes();
  static const auto kLoopback6 = *base::IpAddress::parse("::1");
  return address.isV4() ? bytes[0] == 127 : address == kLoopback6;
}

std::set<base::IfIndex> auxiliaryLinks(netlink::RouteSocket& socket) {
  std::set<base::IfIndex> links;
  for (const auto& link : socket.links())
    if (link.kind == "dummy" || link.name.text() == "lo") links.insert(link.index);
  return links;
}

}  // namespace

void readNodeAddresses(Store& store) {
  netlink::RouteSocket socket;
  const auto links = auxiliaryLinks(socket);
  std::vector<base::IpAddress> all;
  std::set<base::IpAddress> auxiliary;
  std::set<base::IpAddress> others;
  for (const auto& address : socket.addresses()) {
    if (isLoopback(address.address)) continue;
    all.push_back(address.address);
    (links.contains(address.link) ? auxiliary : others).insert(address.address);
  }
  for (const auto& address : others) auxiliary.erase(address);
  store.setNodeIps(std::move(all), {auxiliary.begin(), auxiliary.end()});
}

base::Task<> followNodeAddresses(Store& store, std::function<void()> changed) {
  // Subscribe before the first read, so that no change between the two is missed.
  netlink::RouteEvents events({netlink::RouteTopic::Addresses});
  base::Readable readable(co_await base::asio::this_coro::executor, events.fd());
  for (;;) {
    readNodeAddresses(store);
    changed();
    co_await readable.wait();
    // It does not matter what changed: the addresses are few, so all are read again.
    events.read(std::chrono::steady_clock::now());
  }
}

}  // namespace kpol::controller
