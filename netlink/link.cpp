// SPDX-License-Identifier: Apache-2.0
#include "netlink/link.hpp"

#include "netlink/error.hpp"
#include "netlink/parse.hpp"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <optional>
#include <vector>

namespace kpol::netlink {
namespace {

ifinfomsg linkHeader(base::IfIndex link) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = link.value;
  return header;
}

// A request for the link with this index; index 0: no particular link.
Message aboutLink(std::uint16_t type, std::uint16_t flags, base::IfIndex link) {
  Message message(type, flags);
  message.putHeader(linkHeader(link));
  return message;
}

Message aboutLink(std::uint16_t type, std::uint16_t flags, const base::IfName& name) {
  Message message = aboutLink(type, flags, base::IfIndex{0});
  message.putText(IFLA_IFNAME, name.text());
  return message;
}

// RTM_SETLINK, unlike RTM_NEWLINK, never creates a link.
template <class LinkKey>
Message setLink(const LinkKey& link) {
  return aboutLink(RTM_SETLINK, NLM_F_ACK, link);
}

struct VethEnd {
  const base::IfName& name;
  const base::MacAddress& mac;
  std::uint32_t mtu;
};

void putEnd(Message& message, const VethEnd& end) {
  message.putText(IFLA_IFNAME, end.name.text());
  message.put(IFLA_ADDRESS, end.mac);
  if (end.mtu != 0) message.putU32(IFLA_MTU, end.mtu);
}

void putVeth(Message& message, const VethPair& pair) {
  const Nest linkInfo = message.nest(IFLA_LINKINFO);
  message.putText(IFLA_INFO_KIND, "veth");
  const Nest data = message.nest(IFLA_INFO_DATA);
  const Nest peer = message.nest(VETH_INFO_PEER);
  message.putHeader(linkHeader(base::IfIndex{0}));
  putEnd(message, {pair.peerName, pair.peerMac, pair.mtu});
  if (pair.peerNetns >= 0) message.putIndex(IFLA_NET_NS_FD, pair.peerNetns);
}

// The VXLAN attributes, without the name and MTU that every link has.
struct VxlanFields {
  bool isVxlan = false;
  std::uint32_t id = 0;
  std::uint16_t port = 0;
  std::optional<base::IpAddress> local;
  bool learning = false;
  std::optional<base::PortRange> sourcePorts;
};

// UDP ports are in network byte order, unlike most of rtnetlink.
std::uint16_t portAt(std::span<const std::uint8_t> bytes) {
  return static_cast<std::uint16_t>(bytes[0] << 8U | bytes[1]);
}
void appendPort(std::vector<std::uint8_t>& bytes, std::uint16_t port) {
  bytes.push_back(static_cast<std::uint8_t>(port >> 8U));
  bytes.push_back(static_cast<std::uint8_t>(port & 0xFFU));
}

std::uint16_t portOf(const Attribute& attribute) {
  if (attribute.payload.size() != 2) throw Error("parse a VXLAN device: no valid port", EBADMSG);
  return portAt(attribute.payload);
}

// struct ifla_vxlan_port_range; zeros if the device has no range of its own.
std::optional<base::PortRange> portsOf(const Attribute& attribute) {
  if (attribute.payload.size() != 4)
    throw Error("parse a VXLAN device: no valid port range", EBADMSG);
  return base::PortRange::make(portAt(attribute.payload), portAt(attribute.payload.subspan(2)));
}

void parseVxlanAttributes(Attributes attributes, VxlanFields& fields) {
  while (const auto attribute = attributes.next()) {
    switch (attribute->type) {
      case IFLA_VXLAN_ID: fields.id = attribute->u32(); break;
      case IFLA_VXLAN_PORT: fields.port = portOf(*attribute); break;
      case IFLA_VXLAN_PORT_RANGE: fields.sourcePorts = portsOf(*attribute); break;
      case IFLA_VXLAN_LOCAL:
      case IFLA_VXLAN_LOCAL6: fields.local = attribute->address(); break;
      case IFLA_VXLAN_LEARNING: fields.learning = attribute->u8() != 0; break;
      default: break;
    }
  }
}

VxlanFields parseVxlanFields(Attributes info) {
  VxlanFields fields;
  std::optional<Attribute> data;
  while (const auto attribute = info.next()) {
    if (attribute->type == IFLA_INFO_KIND) fields.isVxlan = attribute->text() == "vxlan";
    if (attribute->type == IFLA_INFO_DATA) data = attribute;
  }
  if (fields.isVxlan && data) parseVxlanAttributes(data->nested(), fields);
  return fields;
}

void putNoAutomaticIpv6(Message& message) {
  const Nest families = message.nest(IFLA_AF_SPEC);
  const Nest ipv6 = message.nest(AF_INET6);
  message.putU8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
}

// Statistics are most of a link's bytes, and the most expensive part for the kernel to collect.
Message withoutStatistics(Message message) {
  message.putU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return message;
}

std::string_view parseKind(Attributes attributes) {
  while (const auto attribute = attributes.next())
    if (attribute->type == IFLA_INFO_KIND) return attribute->text();
  return {};
}

void parseAttribute(const Attribute& attribute, Link& link) {
  switch (attribute.type) {
    case IFLA_MTU: link.mtu = attribute.u32(); break;
    case IFLA_ADDRESS: link.mac = attribute.mac(); break;
    case IFLA_LINKINFO: link.kind = parseKind(attribute.nested()); break;
    case IFLA_IFALIAS: link.alias = attribute.text(); break;
    case IFLA_LINK:
      // Tunnels without an underlying device report 0.
      if (const auto index = attribute.i32(); index > 0) link.peer = base::IfIndex{index};
      break;
    case IFLA_MASTER: link.master = base::IfIndex{attribute.i32()}; break;
    default: break;
  }
}

base::IfName parseName(Attributes attributes) {
  while (const auto attribute = attributes.next()) {
    if (attribute->type != IFLA_IFNAME) continue;
    if (const auto name = base::IfName::parse(attribute->text())) return *name;
  }
  throw Error("parse a link: no valid name", EBADMSG);
}

}  // namespace

Message encodeNewVeth(const VethPair& pair) {
  Message message = Message::forObject(RTM_NEWLINK, Verb::Add);
  message.putHeader(linkHeader(base::IfIndex{0}));
  putEnd(message, {pair.name, pair.mac, pair.mtu});
  putVeth(message, pair);
  return message;
}

Message encodeNewIfb(const base::IfName& name) {
  Message message = Message::forObject(RTM_NEWLINK, Verb::Add);
  message.putHeader(linkHeader(base::IfIndex{0}));
  message.putText(IFLA_IFNAME, name.text());
  const Nest linkInfo = message.nest(IFLA_LINKINFO);
  message.putText(IFLA_INFO_KIND, "ifb");
  return message;
}

Message encodeNewVxlan(const Vxlan& device) {
  Message message = Message::forObject(RTM_NEWLINK, Verb::Add);
  message.putHeader(linkHeader(base::IfIndex{0}));
  putEnd(message, {device.name, device.mac, device.mtu});
  const Nest linkInfo = message.nest(IFLA_LINKINFO);
  message.putText(IFLA_INFO_KIND, "vxlan");
  const Nest data = message.nest(IFLA_INFO_DATA);
  message.putU32(IFLA_VXLAN_ID, device.id);
  std::vector<std::uint8_t> port;
  appendPort(port, device.port);
  message.put(IFLA_VXLAN_PORT, port);
  if (device.sourcePorts) {
    std::vector<std::uint8_t> range;
    appendPort(range, device.sourcePorts->first());
    appendPort(range, device.sourcePorts->last());
    message.put(IFLA_VXLAN_PORT_RANGE, range);
  }
  message.put(device.local.isV4() ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, device.local);
  message.putU8(IFLA_VXLAN_LEARNING, device.learning ? 1 : 0);
  return message;
}

Message encodeDeleteLink(base::IfIndex link) {
  return aboutLink(RTM_DELLINK, NLM_F_ACK, link);
}

Message encodeDeleteLink(const base::IfName& name) {
  return aboutLink(RTM_DELLINK, NLM_F_ACK, name);
}

Message encodeDeleteGroup(std::uint32_t group) {
  Message message = aboutLink(RTM_DELLINK, NLM_F_ACK, base::IfIndex{0});
  message.putU32(IFLA_GROUP, group);
  return message;
}

Message encodeGetLink(base::IfIndex link) {
  return withoutStatistics(aboutLink(RTM_GETLINK, 0, link));
}

Message encodeGetLink(const base::IfName& name) {
  return withoutStatistics(aboutLink(RTM_GETLINK, 0, name));
}

Message encodeDumpLinks() {
  return encodeGetLink(base::IfIndex{0});
}

Message encodeSetUp(base::IfIndex link) {
  Message message(RTM_SETLINK, NLM_F_ACK);
  ifinfomsg header = linkHeader(link);
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  message.putHeader(header);
  return message;
}

Message encodeSetGroup(base::IfIndex link, std::uint32_t group) {
  Message message = setLink(link);
  message.putU32(IFLA_GROUP, group);
  return message;
}

Message encodeSetMtu(base::IfIndex link, std::uint32_t mtu) {
  Message message = setLink(link);
  message.putU32(IFLA_MTU, mtu);
  return message;
}

Message encodeSetAlias(const base::IfName& name, const std::string& alias) {
  Message message = setLink(name);
  // Without a terminating NUL, which would count towards the limit of 255 bytes.
  message.put(IFLA_IFALIAS, {reinterpret_cast<const std::uint8_t*>(alias.data()), alias.size()});
  return message;
}

Message encodeNoAutomaticIpv6(base::IfIndex link) {
  Message message = setLink(link);
  putNoAutomaticIpv6(message);
  return message;
}

Link parseLink(std::span<const std::uint8_t> payload) {
  const auto header = cutHeader<ifinfomsg>(payload);
  Link link{.index = base::IfIndex{header.ifi_index},
            .name = parseName(Attributes(payload)),
            .kind = {},
            .mtu = 0,
            .mac = std::nullopt,
            .up = (header.ifi_flags & IFF_UP) != 0,
            .alias = {},
            .peer = std::nullopt,
            .loopback = (header.ifi_flags & IFF_LOOPBACK) != 0};
  Attributes attributes(payload);
  while (const auto attribute = attributes.next()) parseAttribute(*attribute, link);
  return link;
}

std::optional<Vxlan> parseVxlan(std::span<const std::uint8_t> payload) {
  const Link link = parseLink(payload);
  cutHeader<ifinfomsg>(payload);
  VxlanFields fields;
  Attributes attributes(payload);
  while (const auto attribute = attributes.next())
    if (attribute->type == IFLA_LINKINFO) fields = parseVxlanFields(attribute->nested());
  if (!fields.isVxlan || !fields.local) return std::nullopt;
  return Vxlan{.name = link.name,
               .mac = link.mac.value_or(base::MacAddress()),
               .id = fields.id,
               .port = fields.port,
               .local = *fields.local,
               .mtu = link.mtu,
               .learning = fields.learning,
               .sourcePorts = fields.sourcePorts};
}

}  // namespace kpol::netlink
