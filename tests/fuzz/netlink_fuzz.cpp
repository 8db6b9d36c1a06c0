// SPDX-License-Identifier: Apache-2.0
// Datagrams of rtnetlink and of connection tracking, as answers to a dump and as events.
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
void readWith(Parse parse) {
  try {
    parse();
  } catch (const kpol::netlink::Error&) {
    // refused: that is an answer
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> datagram(data, size);
  for (const auto kind :
       {Exchange::Kind::Acknowledged, Exchange::Kind::Answered, Exchange::Kind::Dump})
    readWith([&] {
      Exchange exchange(kind, 1, 1);
      exchange.feed(datagram, [](const kpol::netlink::MessageView& message) {
        readWith([&] { (void)kpol::netlink::parseLink(message.payload); });
        readWith([&] { (void)kpol::netlink::parseAddress(message.payload); });
        readWith([&] { (void)kpol::netlink::parseRoute(message.payload); });
        readWith([&] { (void)kpol::netlink::parseNeighbour(message.payload); });
        readWith([&] { (void)kpol::netlink::parseNeighbourKey(message.payload); });
        readWith([&] { (void)kpol::netlink::parseForwardingEntry(message.payload); });
        readWith([&] { (void)kpol::netlink::parseRule(message.payload); });
        readWith([&] { (void)kpol::netlink::parseTokenBucket(message.payload, {1}); });
        readWith([&] { (void)kpol::netlink::parseRedirect(message.payload); });
        readWith([&] { (void)kpol::netlink::parseTrackedFlow(message.payload); });
        readWith([&] { (void)kpol::netlink::parseRouteEvent(message); });
      });
    });
  return 0;
}
