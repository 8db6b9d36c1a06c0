// SPDX-License-Identifier: Apache-2.0
#include "netlink/route.hpp"

#include "netlink/error.hpp"
#include "netlink/family.hpp"
#include "netlink/parse.hpp"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

namespace kpol::netlink {
namespace {

static_assert(static_cast<int>(RouteScope::Universe) == RT_SCOPE_UNIVERSE);
static_assert(static_cast<int>(RouteScope::Link) == RT_SCOPE_LINK);
static_assert(static_cast<int>(RouteScope::Host) == RT_SCOPE_HOST);

rtmsg routeHeader(Verb verb, const Route& route) {
  rtmsg header{};
  header.rtm_family = toKernel(route.destination.family());
  header.rtm_dst_len = static_cast<unsigned char>(route.destination.length());
  header.rtm_table = RT_TABLE_UNSPEC;  // RTA_TABLE contains the full number
  header.rtm_protocol = route.protocol;
  header.rtm_type = route.local ? RTN_LOCAL : route.unreachable ? RTN_UNREACHABLE : RTN_UNICAST;
  // RT_SCOPE_NOWHERE in a delete matches any scope (net/ipv4/fib_trie.c fib_table_delete).
  header.rtm_scope = static_cast<unsigned char>(route.scope);
  if (verb == Verb::Delete) header.rtm_scope = RT_SCOPE_NOWHERE;
  if (route.onLink) header.rtm_flags = RTNH_F_ONLINK;
  return header;
}

// A gateway of the other family (IPv4 via an IPv6 router) is sent as struct rtvia: family, address.
void putGateway(Message& message, base::Family family, const base::IpAddress& gateway) {
  if (gateway.family() == family) return message.put(RTA_GATEWAY, gateway);
  std::array<std::uint8_t, 18> via{};
  const std::uint16_t kernelFamily = toKernel(gateway.family());
  std::memcpy(via.data(), &kernelFamily, sizeof(kernelFamily));
  const auto bytes = gateway.bytes();
  std::copy(bytes.begin(), bytes.end(), via.begin() + sizeof(kernelFamily));
  message.put(RTA_VIA, std::span(via).first(sizeof(kernelFamily) + bytes.size()));
}

base::IpAddress parseVia(std::span<const std::uint8_t> payload) {
  // The length of the address determines the family, so the family field is skipped.
  const std::size_t skipped = std::min(sizeof(std::uint16_t), payload.size());
  return Attribute{RTA_VIA, payload.subspan(skipped)}.address();
}

std::uint32_t parseMtu(Attributes metrics) {
  while (const auto metric = metrics.next())
    if (metric->type == RTAX_MTU) return metric->u32();
  return 0;
}

struct RouteFields {
  std::optional<base::IpAddress> destination;
  std::int32_t link = 0;
  std::optional<base::IpAddress> gateway;
  std::optional<base::IpAddress> preferredSource;
  std::uint32_t table = 0;
  std::uint32_t metric = 0;
  std::uint32_t mtu = 0;
};

void parseAttribute(const Attribute& attribute, RouteFields& fields) {
  switch (attribute.type) {
    case RTA_DST: fields.destination = attribute.address(); break;
    case RTA_OIF: fields.link = attribute.i32(); break;
    case RTA_GATEWAY: fields.gateway = attribute.address(); break;
    case RTA_VIA: fields.gateway = parseVia(attribute.payload); break;
    case RTA_PREFSRC: fields.preferredSource = attribute.address(); break;
    case RTA_TABLE: fields.table = attribute.u32(); break;
    case RTA_PRIORITY: fields.metric = attribute.u32(); break;
    case RTA_METRICS: fields.mtu = parseMtu(attribute.nested()); break;
    default: break;
  }
}

base::Prefix parseDestination(const rtmsg& header, base::Family family, const RouteFields& fields) {
  const auto address = fields.destination.value_or(anyAddress(family));
  const auto prefix = base::Prefix::make(address, header.rtm_dst_len);
  if (!prefix || address.family() != family)
    throw Error("parse a route: destination of " + std::to_string(header.rtm_dst_len) + " bits",
                EBADMSG);
  return *prefix;
}

// One struct rtnexthop with its attributes.
Hop parseHop(const rtnexthop& header, std::span<const std::uint8_t> attributes) {
  Hop hop{.link = base::IfIndex{header.rtnh_ifindex}};
  Attributes rest(attributes);
  while (const auto attribute = rest.next()) {
    if (attribute->type == RTA_GATEWAY) hop.gateway = attribute->address();
    if (attribute->type == RTA_VIA) hop.gateway = parseVia(attribute->payload);
  }
  return hop;
}

std::vector<Hop> parseHops(std::span<const std::uint8_t> payload) {
  std::vector<Hop> hops;
  while (!payload.empty()) {
    rtnexthop header{};
    if (payload.size() < sizeof(header)) throw Error("parse a route: half a next hop", EBADMSG);
    std::memcpy(&header, payload.data(), sizeof(header));
    if (header.rtnh_len < sizeof(header) || header.rtnh_len > payload.size())
      throw Error("parse a route: a next hop of " + std::to_string(header.rtnh_len) + " bytes",
                  EBADMSG);
    const auto whole = payload.first(header.rtnh_len);
    hops.push_back(parseHop(header, whole.subspan(sizeof(header))));
    payload = payload.subspan(std::min<std::size_t>(RTNH_ALIGN(header.rtnh_len), payload.size()));
  }
  return hops;
}

}  // namespace

std::optional<MultipathRoute> parseMultipathRoute(std::span<const std::uint8_t> payload) {
  const auto header = cutHeader<rtmsg>(payload);
  const auto family = fromKernel(header.rtm_family);
  if (!family || header.rtm_type != RTN_UNICAST) return std::nullopt;
  RouteFields fields;
  fields.table = header.rtm_table;
  std::vector<Hop> hops;
  Attributes attributes(payload);
  while (const auto attribute = attributes.next()) {
    parseAttribute(*attribute, fields);
    if (attribute->type == RTA_MULTIPATH) hops = parseHops(attribute->payload);
  }
  if (hops.empty()) return std::nullopt;
  return MultipathRoute{parseDestination(header, *family, fields), std::move(hops), fields.table};
}

Message encode(Verb verb, const Route& route) {
  Message message = Message::forObject(RTM_NEWROUTE, verb);
  message.putHeader(routeHeader(verb, route));
  message.putU32(RTA_TABLE, route.table);
  if (route.destination.length() > 0) message.put(RTA_DST, route.destination.address());
  if (!route.unreachable) message.putIndex(RTA_OIF, route.link.value);
  if (route.gateway) putGateway(message, route.destination.family(), *route.gateway);
  if (route.metric != 0) message.putU32(RTA_PRIORITY, route.metric);
  if (verb == Verb::Delete) return message;
  if (route.preferredSource) message.put(RTA_PREFSRC, *route.preferredSource);
  if (route.mtu != 0) {
    const Nest metrics = message.nest(RTA_METRICS);
    message.putU32(RTAX_MTU, route.mtu);
  }
  return message;
}

Message encodeDumpRoutes(const RouteFilter& filter) {
  Message message(RTM_GETROUTE, 0);
  rtmsg header{};
  header.rtm_family = toKernel(filter.family);
  header.rtm_type = filter.unreachable ? RTN_UNREACHABLE : RTN_UNICAST;
  message.putHeader(header);
  message.putU32(RTA_TABLE, filter.table);
  if (filter.link) message.putIndex(RTA_OIF, filter.link->value);
  return message;
}

Message encodeGetRoute(const base::IpAddress& address) {
  Message message(RTM_GETROUTE, 0);
  rtmsg header{};
  header.rtm_family = toKernel(address.family());
  header.rtm_dst_len = static_cast<unsigned char>(address.bits());
  message.putHeader(header);
  message.put(RTA_DST, address);
  return message;
}

std::optional<Route> parseRoute(std::span<const std::uint8_t> payload) {
  const auto header = cutHeader<rtmsg>(payload);
  const auto family = fromKernel(header.rtm_family);
  const bool unreachable = header.rtm_type == RTN_UNREACHABLE;
  if (!family || (header.rtm_type != RTN_UNICAST && !unreachable)) return std::nullopt;
  RouteFields fields;
  fields.table = header.rtm_table;
  Attributes attributes(payload);
  while (const auto attribute = attributes.next()) parseAttribute(*attribute, fields);
  if (unreachable) fields.link = 0;  // IPv6 reports the loopback interface
  if (fields.link <= 0 && !unreachable) return std::nullopt;
  return Route{.destination = parseDestination(header, *family, fields),
               .gateway = fields.gateway,
               .link = base::IfIndex{fields.link},
               .preferredSource = fields.preferredSource,
               .scope = static_cast<RouteScope>(header.rtm_scope),
               .table = fields.table,
               .protocol = header.rtm_protocol,
               .metric = fields.metric,
               .mtu = fields.mtu,
               .onLink = (header.rtm_flags & RTNH_F_ONLINK) != 0,
               .unreachable = unreachable};
}

}  // namespace kpol::netlink
