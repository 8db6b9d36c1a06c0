// SPDX-License-Identifier: Apache-2.0
#include "netlink/neighbour.hpp"

#include "netlink/error.hpp"
#include "netlink/family.hpp"
#include "netlink/parse.hpp"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>

namespace kpol::netlink {

Message encode(Verb verb, const Neighbour& neighbour) {
  Message message = Message::forObject(RTM_NEWNEIGH, verb);
  ndmsg header{};
  header.ndm_family = toKernel(neighbour.address.family());
  header.ndm_ifindex = neighbour.link.value;
  header.ndm_state = neighbour.permanent ? NUD_PERMANENT : NUD_REACHABLE;
  message.putHeader(header);
  message.put(NDA_DST, neighbour.address);
  if (verb != Verb::Delete) message.put(NDA_LLADDR, neighbour.mac);
  return message;
}

Message encodeDumpNeighbours(std::optional<base::IfIndex> link) {
  Message message(RTM_GETNEIGH, 0);
  // Strict checking requires the link as an attribute, and 0 in the header's field
  // (net/core/neighbour.c neigh_valid_dump_req).
  message.putHeader(ndmsg{});
  if (link) message.putIndex(NDA_IFINDEX, link->value);
  return message;
}

std::optional<Neighbour> parseNeighbour(std::span<const std::uint8_t> payload) {
  const auto header = cutHeader<ndmsg>(payload);
  if (!fromKernel(header.ndm_family) || (header.ndm_state & NUD_NOARP) != 0) return std::nullopt;
  std::optional<base::IpAddress> address;
  std::optional<base::MacAddress> mac;
  Attributes attributes(payload);
  while (const auto attribute = attributes.next()) {
    if (attribute->type == NDA_DST) address = attribute->address();
    if (attribute->type == NDA_LLADDR) mac = attribute->mac();
  }
  if (!address) throw Error("parse a neighbour: no address in the message", EBADMSG);
  if (!mac) return std::nullopt;
  return Neighbour{.link = base::IfIndex{header.ndm_ifindex},
                   .address = *address,
                   .mac = *mac,
                   .permanent = (header.ndm_state & NUD_PERMANENT) != 0};
}

std::optional<NeighbourKey> parseNeighbourKey(std::span<const std::uint8_t> payload) {
  const auto header = cutHeader<ndmsg>(payload);
  if (!fromKernel(header.ndm_family)) return std::nullopt;
  Attributes attributes(payload);
  while (const auto attribute = attributes.next())
    if (attribute->type == NDA_DST)
      return NeighbourKey{base::IfIndex{header.ndm_ifindex}, attribute->address()};
  throw Error("parse a neighbour: no address in the message", EBADMSG);
}

Message encode(Verb verb, const ForwardingEntry& entry) {
  Message message = Message::forObject(RTM_NEWNEIGH, verb);
  ndmsg header{};
  header.ndm_family = PF_BRIDGE;
  header.ndm_ifindex = entry.link.value;
  // An entry of the device itself, not of a bridge that it might be a port of.
  header.ndm_flags = NTF_SELF;
  header.ndm_state = NUD_PERMANENT;
  message.putHeader(header);
  message.put(NDA_LLADDR, entry.mac);
  message.put(NDA_DST, entry.destination);
  return message;
}

Message encodeDumpForwarding(base::IfIndex link) {
  Message message(RTM_GETNEIGH, 0);
  ndmsg header{};
  header.ndm_family = PF_BRIDGE;
  message.putHeader(header);
  message.putIndex(NDA_IFINDEX, link.value);
  return message;
}

std::optional<ForwardingEntry> parseForwardingEntry(std::span<const std::uint8_t> payload) {
  const auto header = cutHeader<ndmsg>(payload);
  if (header.ndm_family != PF_BRIDGE) return std::nullopt;
  std::optional<base::IpAddress> destination;
  std::optional<base::MacAddress> mac;
  Attributes attributes(payload);
  while (const auto attribute = attributes.next()) {
    if (attribute->type == NDA_DST) destination = attribute->address();
    if (attribute->type == NDA_LLADDR) mac = attribute->mac();
  }
  if (!destination || !mac) return std::nullopt;
  return ForwardingEntry{base::IfIndex{header.ndm_ifindex}, *mac, *destination};
}

}  // namespace kpol::netlink
