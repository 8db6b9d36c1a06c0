// SPDX-License-Identifier: Apache-2.0
// Datagrams of rtnetlink and conntrack, as replies to a dump and as events.
#include "netlink/address.hpp"
#include "netlink/error.hpp"
#include "netlink/link.hpp"
#include "netlink/neighbour.hpp"
#include "netlink/request.hpp"
#include "netlink/route.hpp"
#include "netlink/route_events.hpp"
#include "netlink/rule.hpp"
#include "netlink/shaping.hpp"
#include "netlink/tracked_flow.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <functional>

namespace {

using kpol::netlink::Exchange;

template <class Parse>
void readDump(Parse parse) {
  try {
    parse();
  } catch (const kpol::netlink::Error&) {
    // rejected: a valid result
  }
}

}  // namespace

KPOL_FUZZ_HARNESS(netlink) {
  const std::span<const std::uint8_t> datagram(data, size);
  for (const auto kind :
       {Exchange::Kind::Acknowledged, Exchange::Kind::Answered, Exchange::Kind::Dump})
    readDump([&] {
      Exchange exchange(kind, 1, 1);
      exchange.feed(datagram, [](const kpol::netlink::MessageView& message) {
        readDump([&] { (void)kpol::netlink::parseLink(message.payload); });
        readDump([&] { (void)kpol::netlink::parseAddress(message.payload); });
        readDump([&] { (void)kpol::netlink::parseRoute(message.payload); });
        readDump([&] { (void)kpol::netlink::parseNeighbour(message.payload); });
        readDump([&] { (void)kpol::netlink::parseNeighbourKey(message.payload); });
        readDump([&] { (void)kpol::netlink::parseForwardingEntry(message.payload); });
        readDump([&] { (void)kpol::netlink::parseRule(message.payload); });
        readDump([&] { (void)kpol::netlink::parseTokenBucket(message.payload, {1}); });
        readDump([&] { (void)kpol::netlink::parseRedirect(message.payload); });
        readDump([&] { (void)kpol::netlink::parseTrackedFlow(message.payload); });
        readDump([&] { (void)kpol::netlink::parseRouteEvent(message); });
      });
    });
  return 0;
}
