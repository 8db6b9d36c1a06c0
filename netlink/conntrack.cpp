// SPDX-License-Identifier: Apache-2.0
#include "netlink/conntrack.hpp"

#include "netlink/ctnetlink.hpp"
#include "netlink/flow_dump.hpp"
#include "netlink/request.hpp"
#include "netlink/route_socket.hpp"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

namespace kpol::netlink {
namespace {

// Enough to make the cost of a batch small, and little memory.
constexpr std::size_t kBatch = 1024;

constexpr std::uint16_t nested(std::uint16_t type) {
  return static_cast<std::uint16_t>(type | NLA_F_NESTED);
}

// Deletes the entry. Returns false if it has expired.
bool deleteFlow(Socket& socket, const TrackedFlow& flow) {
  auto message = conntrackMessage(IPCTNL_MSG_CT_DELETE, NLM_F_ACK, flow.family);
  message.put(nested(CTA_TUPLE_ORIG), flow.name);
  if (!flow.zone.empty()) message.put(CTA_ZONE, flow.zone);
  if (!flow.id.empty()) message.put(CTA_ID, flow.id);
  const auto refusal = request(socket, message, Exchange::Kind::Acknowledged);
  if (refusal && refusal->code != ENOENT)
    throw Error("delete a conntrack entry", refusal->code, refusal->extack);
  return !refusal;
}

std::size_t deleteAll(FlowDump dump) {
  Socket socket(NETLINK_NETFILTER);
  std::size_t count = 0;
  for (;;) {
    const auto batch = dump.next(kBatch);
    if (batch.empty()) return count;
    for (const auto& flow : batch) deleteFlow(socket, flow);
    count += batch.size();
  }
}

bool isLoopback4(const base::IpAddress& address) {
  return address.isV4() && address.bytes()[0] == 127;
}

template <class Values, class Value>
bool has(const Values& values, const Value& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

// The protocol's state for a new entry of a flow in its midst. For TCP one that takes packets with
// any sequence numbers: packets that conntrack calls invalid belong to no entry.
void putProtocolInfo(const TrackedFlow& flow, Message& message) {
  if (flow.original.protocol != IPPROTO_TCP) {
    if (!flow.protocolInfo.empty()) message.put(nested(CTA_PROTOINFO), flow.protocolInfo);
    return;
  }
  static constexpr std::array<std::uint8_t, 2> kLiberal{IP_CT_TCP_FLAG_BE_LIBERAL,
                                                        IP_CT_TCP_FLAG_BE_LIBERAL};  // flags, mask
  const auto info = message.nest(CTA_PROTOINFO);
  const auto tcp = message.nest(CTA_PROTOINFO_TCP);
  message.putU8(CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_ESTABLISHED);
  message.put(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, kLiberal);
  message.put(CTA_PROTOINFO_TCP_FLAGS_REPLY, kLiberal);
}

}  // namespace

std::size_t forgetFlows(std::span<const base::IpAddress> addresses) {
  const auto concerned = [&](base::Family family) {
    return std::any_of(addresses.begin(), addresses.end(),
                       [&](const auto& ip) { return ip.family() == family; });
  };
  // One dump for both families and both ends, because walking the table is the expensive part.
  return deleteAll(
      {concerned(base::Family::V4), concerned(base::Family::V6), [&](const TrackedFlow& flow) {
         return (flow.original.source && has(addresses, *flow.original.source)) ||
                (flow.reply.source && has(addresses, *flow.reply.source));
       }});
}

std::size_t forgetDatagramFlows(std::span<const base::HostPort> ports) {
  std::vector<base::HostPort> ours(ports.begin(), ports.end());
  std::erase_if(ours, [](const auto& port) { return port.protocol != base::Protocol::Udp; });
  if (ours.empty()) return 0;
  std::vector<base::IpAddress> local;
  for (const auto& address : RouteSocket().addresses()) local.push_back(address.address);
  const auto concerned = [&](base::Family family) {
    return std::any_of(ours.begin(), ours.end(),
                       [&](const auto& port) { return port.concerns(family); });
  };
  return deleteAll(
      {concerned(base::Family::V4), concerned(base::Family::V6), [&](const TrackedFlow& flow) {
         const auto& original = flow.original;
         if (original.protocol != IPPROTO_UDP || !original.destination) return false;
         const auto& to = *original.destination;
         const bool isOurs = std::any_of(ours.begin(), ours.end(), [&](const base::HostPort& port) {
           return port.hostPort == original.destinationPort && port.concerns(to.family()) &&
                  port.onlyIp().value_or(to) == to;
         });
         return isOurs && (isLoopback4(to) || has(local, to));
       }});
}

// ---- labels

FlowLabel::FlowLabel(std::uint8_t bit) : socket_(NETLINK_NETFILTER), bit_(labelsWithBit(bit)) {}

bool FlowLabel::set(const TrackedFlow& flow) {
  auto outcome = change(flow, true);
  if (outcome == Outcome::NoSpace) outcome = replace(flow);
  return outcome == Outcome::Done;
}

bool FlowLabel::clear(const TrackedFlow& flow) {
  if (flow.lacksTranslation()) return deleteFlow(socket_, flow);
  return change(flow, false) == Outcome::Done;
}

// The reply tuple identifies the flow: unlike the original one, it contains the destination after
// NAT, for which the flow was evaluated.
FlowLabel::Outcome FlowLabel::change(const TrackedFlow& flow, bool on) {
  auto message = conntrackMessage(IPCTNL_MSG_CT_NEW, NLM_F_ACK, flow.family);
  message.put(nested(CTA_TUPLE_REPLY), flow.replyName);
  if (!flow.zone.empty()) message.put(CTA_ZONE, flow.zone);
  message.put(CTA_LABELS, on ? bit_ : FlowLabels{});
  message.put(CTA_LABELS_MASK, bit_);
  const auto refusal = request(socket_, message, Exchange::Kind::Acknowledged);
  if (!refusal) return Outcome::Done;
  if (refusal->code == ENOENT) return Outcome::Gone;
  if (refusal->code == ENOSPC) return Outcome::NoSpace;
  throw Error("label a conntrack entry", refusal->code, refusal->extack);
}

FlowLabel::Outcome FlowLabel::replace(const TrackedFlow& flow) {
  if (!deleteFlow(socket_, flow)) return Outcome::Gone;
  auto message =
      conntrackMessage(IPCTNL_MSG_CT_NEW, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, flow.family);
  message.put(nested(CTA_TUPLE_ORIG), flow.name);
  message.put(nested(CTA_TUPLE_REPLY), flow.replyName);
  if (!flow.zone.empty()) message.put(CTA_ZONE, flow.zone);
  message.put(CTA_TIMEOUT, flow.timeout);
  message.putU32(CTA_STATUS, htonl(IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED));
  putProtocolInfo(flow, message);
  message.put(CTA_LABELS, bit_);
  message.put(CTA_LABELS_MASK, bit_);
  const auto refusal = request(socket_, message, Exchange::Kind::Acknowledged);
  if (!refusal) return Outcome::Done;
  // A packet was faster: conntrack has picked the flow up, with space for labels.
  if (refusal->code == EEXIST) return change(flow, true);
  throw Error("replace a conntrack entry", refusal->code, refusal->extack);
}

}  // namespace kpol::netlink
