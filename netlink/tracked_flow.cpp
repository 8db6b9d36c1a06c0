// SPDX-License-Identifier: Apache-2.0
#include "netlink/tracked_flow.hpp"

#include "netlink/parse.hpp"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

namespace kpol::netlink {
namespace {

using Tuple = TrackedFlow::Tuple;

std::vector<std::uint8_t> copyOf(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

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

}  // namespace

TrackedFlow parseTrackedFlow(std::span<const std::uint8_t> payload) {
  TrackedFlow flow;
  flow.family = cutHeader<nfgenmsg>(payload).nfgen_family;
  for (Attributes attributes(payload); const auto attribute = attributes.next();) {
    if (attribute->type == CTA_TUPLE_ORIG) {
      flow.name = copyOf(attribute->payload);
      flow.original = parseTuple(*attribute);
    }
    if (attribute->type == CTA_TUPLE_REPLY) flow.reply = parseTuple(*attribute);
    if (attribute->type == CTA_ZONE) flow.zone = copyOf(attribute->payload);
    if (attribute->type == CTA_ID) flow.id = copyOf(attribute->payload);
  }
  return flow;
}

}  // namespace kpol::netlink
