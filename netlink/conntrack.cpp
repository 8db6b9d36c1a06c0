// SPDX-License-Identifier: Apache-2.0
#include "netlink/conntrack.hpp"

#include "netlink/family.hpp"
#include "netlink/parse.hpp"
#include "netlink/request.hpp"
#include "netlink/socket.hpp"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
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

// The source address of a tuple: of the original direction who began the flow, of the reply who
// answers it, destination NAT undone.
std::optional<base::IpAddress> sourceOf(const Attribute& tuple) {
  for (auto parts = tuple.nested(); const auto part = parts.next();) {
    if (part->type != CTA_TUPLE_IP) continue;
    for (auto ips = part->nested(); const auto ip = ips.next();)
      if (ip->type == CTA_IP_V4_SRC || ip->type == CTA_IP_V6_SRC) return ip->address();
  }
  return std::nullopt;
}

// The flow in a dump's message, if one of `addresses` is at either end of it.
std::optional<TrackedFlow> match(const MessageView& message,
                                 std::span<const base::IpAddress> addresses) {
  auto bytes = message.payload;
  TrackedFlow flow;
  flow.family = cutHeader<nfgenmsg>(bytes).nfgen_family;
  bool ours = false;
  for (Attributes attributes(bytes); const auto attribute = attributes.next();) {
    if (attribute->type == CTA_TUPLE_ORIG) flow.original = copyOf(attribute->payload);
    if (attribute->type == CTA_ZONE) flow.zone = copyOf(attribute->payload);
    if (attribute->type == CTA_ID) flow.id = copyOf(attribute->payload);
    if (attribute->type != CTA_TUPLE_ORIG && attribute->type != CTA_TUPLE_REPLY) continue;
    const auto source = sourceOf(*attribute);
    ours = ours ||
           (source && std::find(addresses.begin(), addresses.end(), *source) != addresses.end());
  }
  if (!ours) return std::nullopt;
  return flow;
}

// One pass over all flows of a family: the kernel can filter by one end at a time only, and walking
// its table is what costs.
std::vector<TrackedFlow> findFlows(Socket& socket, base::Family family,
                                   std::span<const base::IpAddress> addresses) {
  Message message(messageType(IPCTNL_MSG_CT_GET), 0);
  message.putHeader(nfgenmsg{toKernel(family), NFNETLINK_V0, 0});
  std::vector<TrackedFlow> flows;
  const auto refusal = dump(socket, message,
                            {[&] { flows.clear(); },
                             [&](const MessageView& view) {
                               if (auto flow = match(view, addresses))
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

}  // namespace

std::size_t forgetFlows(std::span<const base::IpAddress> addresses) {
  Socket socket(NETLINK_NETFILTER);
  std::size_t count = 0;
  for (const auto family : {base::Family::V4, base::Family::V6}) {
    const bool wanted = std::any_of(addresses.begin(), addresses.end(),
                                    [&](const auto& ip) { return ip.family() == family; });
    if (!wanted) continue;
    for (const auto& flow : findFlows(socket, family, addresses)) {
      deleteFlow(socket, flow);
      ++count;
    }
  }
  return count;
}

}  // namespace kpol::netlink
