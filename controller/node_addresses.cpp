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

}  // namespace

std::vector<base::IpAddress> readNodeAddresses() {
  netlink::RouteSocket socket;
  std::set<base::IpAddress> addresses;
  for (const auto& address : socket.addresses())
    if (!isLoopback(address.address)) addresses.insert(address.address);
  return {addresses.begin(), addresses.end()};
}

base::Task<> followNodeAddresses(Store& store, std::function<void()> changed) {
  // Subscribe before the first read, so that no change between the two is missed.
  netlink::RouteEvents events({netlink::RouteTopic::Addresses});
  base::Readable readable(co_await base::asio::this_coro::executor, events.fd());
  for (;;) {
    store.setNodeIps(readNodeAddresses());
    changed();
    co_await readable.wait();
    // It does not matter what changed: the addresses are few, so all are read again.
    events.read(std::chrono::steady_clock::now());
  }
}

}  // namespace kpol::controller
