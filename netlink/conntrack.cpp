// SPDX-License-Identifier: Apache-2.0
#include "netlink/conntrack.hpp"

#include "netlink/family.hpp"
#include "netlink/request.hpp"
#include "netlink/route_socket.hpp"
#include "netlink/socket.hpp"
#include "netlink/tracked_flow.hpp"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace kpol::netlink {
namespace {

constexpr std::uint16_t messageType(std::uint16_t type) {
  return static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8U | type);
}

using Wanted = std::function<bool(const TrackedFlow& flow)>;

// One dump of all flows of a family. A kernel filter could match only one end at a time, and
// walking the table is the expensive part.
std::vector<TrackedFlow> findFlows(Socket& socket, base::Family family, const Wanted& wanted) {
  Message message(messageType(IPCTNL_MSG_CT_GET), 0);
  message.putHeader(nfgenmsg{toKernel(family), NFNETLINK_V0, 0});
  std::vector<TrackedFlow> flows;
  const auto refusal = dump(socket, message,
                            {[&] { flows.clear(); },
                             [&](const MessageView& view) {
                               auto flow = parseTrackedFlow(view.payload);
                               if (wanted(flow)) flows.push_back(std::move(flow));
                             }});
  if (refusal) throw Error("dump conntrack entries", refusal->code, refusal->extack);
  return flows;
}

void deleteFlow(Socket& socket, const TrackedFlow& flow) {
  Message message(messageType(IPCTNL_MSG_CT_DELETE), NLM_F_ACK);
  message.putHeader(nfgenmsg{flow.family, NFNETLINK_V0, 0});
  message.put(CTA_TUPLE_ORIG | NLA_F_NESTED, flow.name);
  if (!flow.zone.empty()) message.put(CTA_ZONE, flow.zone);
  if (!flow.id.empty()) message.put(CTA_ID, flow.id);
  const auto refusal = request(socket, message, Exchange::Kind::Acknowledged);
  if (refusal && refusal->code != ENOENT)  // ENOENT: the entry has expired
    throw Error("delete a conntrack entry", refusal->code, refusal->extack);
}

// Deletes matching flows of the families for which `concerned` returns true. Returns their number.
template <class Concerned>
std::size_t forgetWanted(const Concerned& concerned, const Wanted& wanted) {
  std::optional<Socket> socket;
  std::size_t count = 0;
  for (const auto family : {base::Family::V4, base::Family::V6}) {
    if (!concerned(family)) continue;
    if (!socket) socket.emplace(NETLINK_NETFILTER);
    for (const auto& flow : findFlows(*socket, family, wanted)) {
      deleteFlow(*socket, flow);
      ++count;
    }
  }
  return count;
}

bool isLoopback4(const base::IpAddress& address) {
  return address.isV4() && address.bytes()[0] == 127;
}

template <class Values, class Value>
bool has(const Values& values, const Value& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

std::size_t forgetFlows(std::span<const base::IpAddress> addresses) {
  return forgetWanted(
      [&](base::Family family) {
        return std::any_of(addresses.begin(), addresses.end(),
                           [&](const auto& ip) { return ip.family() == family; });
      },
      [&](const TrackedFlow& flow) {
        return (flow.original.source && has(addresses, *flow.original.source)) ||
               (flow.reply.source && has(addresses, *flow.reply.source));
      });
}

std::size_t forgetDatagramFlows(std::span<const base::HostPort> ports) {
  std::vector<base::HostPort> ours(ports.begin(), ports.end());
  std::erase_if(ours, [](const auto& port) { return port.protocol != base::Protocol::Udp; });
  if (ours.empty()) return 0;
  std::vector<base::IpAddress> local;
  for (const auto& address : RouteSocket().addresses()) local.push_back(address.address);
  return forgetWanted(
      [&](base::Family family) {
        return std::any_of(ours.begin(), ours.end(),
                           [&](const auto& port) { return port.concerns(family); });
      },
      [&](const TrackedFlow& flow) {
        const auto& original = flow.original;
        if (original.protocol != IPPROTO_UDP || !original.destination) return false;
        const auto& to = *original.destination;
        const bool isOurs = std::any_of(ours.begin(), ours.end(), [&](const base::HostPort& port) {
          return port.hostPort == original.destinationPort && port.concerns(to.family()) &&
                 port.onlyIp().value_or(to) == to;
        });
        return isOurs && (isLoopback4(to) || has(local, to));
      });
}

}  // namespace kpol::netlink
