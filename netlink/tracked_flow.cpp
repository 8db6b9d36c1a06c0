// SPDX-License-Identifier: Apache-2.0
#include "netlink/tracked_flow.hpp"

#include "base/error.hpp"
#include "netlink/parse.hpp"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <algorithm>
#include <cstring>

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

void parsePort(const Attribute& attribute, std::uint16_t& port) {
  if (attribute.payload.size() == 2)
    port = static_cast<std::uint16_t>(attribute.payload[0] << 8U | attribute.payload[1]);
}

void parseProtocol(Attributes attributes, Tuple& tuple) {
  while (const auto part = attributes.next()) {
    if (part->type == CTA_PROTO_NUM) tuple.protocol = part->u8();
    if (part->type == CTA_PROTO_SRC_PORT) parsePort(*part, tuple.sourcePort);
    if (part->type == CTA_PROTO_DST_PORT) parsePort(*part, tuple.destinationPort);
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

// Kernels could have more labels in the future; only the first 128 are of interest.
FlowLabels parseLabels(std::span<const std::uint8_t> bytes) {
  FlowLabels labels{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), labels.size()), labels.begin());
  return labels;
}

void parseAttribute(const Attribute& attribute, TrackedFlow& flow) {
  switch (attribute.type) {
    case CTA_TUPLE_ORIG:
      flow.name = copyOf(attribute.payload);
      flow.original = parseTuple(attribute);
      break;
    case CTA_TUPLE_REPLY:
      flow.replyName = copyOf(attribute.payload);
      flow.reply = parseTuple(attribute);
      break;
    case CTA_ZONE: flow.zone = copyOf(attribute.payload); break;
    case CTA_ID: flow.id = copyOf(attribute.payload); break;
    case CTA_TIMEOUT: flow.timeout = copyOf(attribute.payload); break;
    case CTA_PROTOINFO: flow.protocolInfo = copyOf(attribute.payload); break;
    case CTA_STATUS: flow.status = ntohl(attribute.u32()); break;
    case CTA_LABELS: flow.labels = parseLabels(attribute.payload); break;
    default: break;
  }
}

}  // namespace

// The kernel's array consists of longs in host byte order.
FlowLabels labelsWithBit(std::uint8_t bit) {
  static constexpr unsigned kBits = 8 * sizeof(unsigned long);
  base::expects(bit < 128, "a conntrack entry has 128 labels");
  std::array<unsigned long, 128 / kBits> words{};
  words.at(bit / kBits) = 1UL << (bit % kBits);
  FlowLabels labels{};
  std::memcpy(labels.data(), words.data(), labels.size());
  return labels;
}

bool TrackedFlow::hasLabel(std::uint8_t bit) const {
  const auto mask = labelsWithBit(bit);
  for (std::size_t i = 0; i < mask.size(); ++i)
    if ((labels.at(i) & mask.at(i)) != 0) return true;
  return false;
}

bool TrackedFlow::isExpected() const {
  return (status & IPS_EXPECTED) != 0;
}

bool TrackedFlow::lacksTranslation() const {
  const bool sourceDiffers =
      original.source != reply.destination || original.sourcePort != reply.destinationPort;
  const bool destinationDiffers =
      original.destination != reply.source || original.destinationPort != reply.sourcePort;
  return (sourceDiffers && (status & IPS_SRC_NAT) == 0) ||
         (destinationDiffers && (status & IPS_DST_NAT) == 0);
}

TrackedFlow parseTrackedFlow(std::span<const std::uint8_t> payload) {
  TrackedFlow flow;
  flow.family = cutHeader<nfgenmsg>(payload).nfgen_family;
  for (Attributes attributes(payload); const auto attribute = attributes.next();)
    parseAttribute(*attribute, flow);
  return flow;
}

}  // namespace kpol::netlink
