// SPDX-License-Identifier: Apache-2.0
#include "netlink/conntrack.hpp"

#include "netlink/family.hpp"
#include "netlink/parse.hpp"
#include "netlink/request.hpp"
#include "netlink/route_socket.hpp"
#include "netlink/socket.hpp"

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

// What names one flow to the kernel, as it sent it.
struct TrackedFlow {
  std::uint8_t family = 0;
  std::vector<std::uint8_t> original;  // CTA_TUPLE_ORIG
  std::vector<std::uint8_t> zone;      // CTA_ZONE; empty: none
  std::vector<std::uint8_t> id;        // CTA_ID: not another flow that took its place meanwhile
};

constexpr std::uint16_t messageType(std::uint16_t type) {
  return static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8U | type);
}

std::vector<std::uint8_t> copyOf(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

// One direction of a flow. `source` of the original direction is who began it, of the reply who
// answers it, destination NAT undone.
struct Tuple {
  std::optional<base::IpAddress> source;
  std::optional<base::IpAddress> destination;
  std::uint8_t protocol = 0;
  std::uint16_t destinationPort = 0;
};

void parseAddresses(Attributes attributes, Tuple& tuple) {
  while (const auto ip = attributes.next()) {
    if (ip->type == CTA_IP_V4_SRC || ip->type == CTA_IP_V6_SRC) tuple.source = ip->address();
    if (ip->type == CTA_IP_V4_DST || ip->type == CTA_IP_V6_DST) tuple.destination = ip->address();
  }
}

void parseProtocol(Attributes attributes, Tuple& tuple) {
  while (const auto part = attributes.next()) {
    if (part->type == CTA_PROTO_NUM) tuple.protocol = part->u8();
    if (part->type == CTA_PROTO_DST_PORT && part->payload.size() == 2)
      tuple.destinationPort = static_cast<std::uint16_t>(part->payload[0] << 8U | part->payload[1]);
  }
}

Tuple parseTuple(const Attribute& attribute) {
  Tuple tuple;
  for (auto parts = attribute.nested(); const auto part = parts.next();) {
    if (part->type == CTA_TUPLE_IP) parseAddresses(part->nested(), tuple);
    if (part->type == CTA_TUPLE_PROTO) parseProtocol(part->nested(), tuple);
  }
  return tuple;
}

using Wanted = std::function<bool(const Tuple& original, const Tuple& reply)>;

// The flow in a dump's message, if it is wanted.
std::optional<TrackedFlow> match(const MessageView& message, const Wanted& wanted) {
  auto bytes = message.payload;
  TrackedFlow flow;
  flow.family = cutHeader<nfgenmsg>(bytes).nfgen_family;
  Tuple original;
  Tuple reply;
  for (Attributes attributes(bytes); const auto attribute = attributes.next();) {
    if (attribute->type == CTA_TUPLE_ORIG) flow.original = copyOf(attribute->payload);
    if (attribute->type == CTA_ZONE) flow.zone = copyOf(attribute->payload);
    if (attribute->type == CTA_ID) flow.id = copyOf(attribute->payload);
    if (attribute->type == CTA_TUPLE_ORIG) original = parseTuple(*attribute);
    if (attribute->type == CTA_TUPLE_REPLY) reply = parseTuple(*attribute);
  }
  if (!wanted(original, reply)) return std::nullopt;
  return flow;
}

// One pass over all flows of a family: the kernel can filter by one end at a time only, and walking
// its table is what costs.
std::vector<TrackedFlow> findFlows(Socket& socket, base::Family family, const Wanted& wanted) {
  Message message(messageType(IPCTNL_MSG_CT_GET), 0);
  message.putHeader(nfgenmsg{toKernel(family), NFNETLINK_V0, 0});
  std::vector<TrackedFlow> flows;
  const auto refusal = dump(socket, message,
                            {[&] { flows.clear(); },
                             [&](const MessageView& view) {
                               if (auto flow = match(view, wanted))
                                 flows.push_back(std::move(*flow));
                             }});
  if (refusal) throw Error("dump tracked flows", refusal->code, refusal->extack);
  return flows;
}

void deleteFlow(Socket& socket, const TrackedFlow& flow) {
  Message message(messageType(IPCTNL_MSG_CT_DELETE), NLM_F_ACK);
  message.putHeader(nfgenmsg{flow.family, NFNETLINK_V0, 0});
  message.put(CTA_TUPLE_ORIG | NLA_F_NESTED, flow.original);
  if (!flow.zone.empty()) message.put(CTA_ZONE, flow.zone);
  if (!flow.id.empty()) message.put(CTA_ID, flow.id);
  const auto refusal = request(socket, message, Exchange::Kind::Acknowledged);
  if (refusal && refusal->code != ENOENT)  // it ended by itself
    throw Error("delete a tracked flow", refusal->code, refusal->extack);
}

// Those of the families for which `concerned` holds.
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
      [&](const Tuple& original, const Tuple& reply) {
        return (original.source && has(addresses, *original.source)) ||
               (reply.source && has(addresses, *reply.source));
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
      [&](const Tuple& original, const Tuple&) {
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
