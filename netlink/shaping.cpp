// SPDX-License-Identifier: Apache-2.0
#include "netlink/shaping.hpp"

#include "netlink/parse.hpp"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

namespace kpol::netlink {
namespace {

constexpr std::uint32_t kIngressHandle = 0xffff0000;  // "ffff:"
constexpr std::uint16_t kFilterPriority = 1;
constexpr std::uint32_t kNoRate32 = std::numeric_limits<std::uint32_t>::max();

struct Place {
  base::IfIndex link;
  std::uint32_t parent = 0;
  std::uint32_t handle = 0;
  std::uint32_t info = 0;
};

Message about(Message message, const Place& place) {
  tcmsg header{};
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = place.link.value;
  header.tcm_handle = place.handle;
  header.tcm_parent = place.parent;
  header.tcm_info = place.info;
  message.putHeader(header);
  return message;
}

template <class Struct>
void putStruct(Message& message, std::uint16_t type, const Struct& value) {
  message.put(type, {reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
}

template <class Struct>
Struct structIn(const Attribute& attribute) {
  auto payload = attribute.payload;
  return cutHeader<Struct>(payload);
}

// A u32 classifier that matches every packet: its only key has an empty mask.
void putEveryPacket(Message& message) {
  std::array<std::uint8_t, sizeof(tc_u32_sel) + sizeof(tc_u32_key)> selector{};
  selector[offsetof(tc_u32_sel, flags)] = TC_U32_TERMINAL;
  selector[offsetof(tc_u32_sel, nkeys)] = 1;
  message.put(TCA_U32_SEL, selector);
}

void putMirred(Message& message, base::IfIndex to) {
  const Nest actions = message.nest(TCA_U32_ACT);
  const Nest first = message.nest(1);
  message.putText(TCA_ACT_KIND, "mirred");
  const Nest options = message.nest(TCA_ACT_OPTIONS);
  tc_mirred redirect{};
  redirect.action = TC_ACT_STOLEN;
  redirect.eaction = TCA_EGRESS_REDIR;
  redirect.ifindex = static_cast<std::uint32_t>(to.value);
  putStruct(message, TCA_MIRRED_PARMS, redirect);
}

std::optional<base::IfIndex> parseMirred(Attributes action) {
  bool mirred = false;
  std::optional<base::IfIndex> to;
  while (const auto attribute = action.next()) {
    if (attribute->type == TCA_ACT_KIND) mirred = attribute->text() == "mirred";
    if (attribute->type != TCA_ACT_OPTIONS) continue;
    for (auto options = attribute->nested(); const auto option = options.next();) {
      if (option->type != TCA_MIRRED_PARMS) continue;
      const auto parameters = structIn<tc_mirred>(*option);
      if (parameters.eaction == TCA_EGRESS_REDIR)
        to = base::IfIndex{static_cast<std::int32_t>(parameters.ifindex)};
    }
  }
  return mirred ? to : std::nullopt;
}

TokenBucket parseTbf(Attributes options) {
  TokenBucket bucket;
  std::optional<std::uint64_t> rate64;
  while (const auto option = options.next()) {
    if (option->type == TCA_TBF_PARMS) {
      const auto parameters = structIn<tc_tbf_qopt>(*option);
      bucket.rate = parameters.rate.rate;
      bucket.limit = parameters.limit;
    }
    if (option->type == TCA_TBF_RATE64) rate64 = structIn<std::uint64_t>(*option);
  }
  if (rate64) bucket.rate = *rate64;
  return bucket;
}

}  // namespace

Message encodeTokenBucket(base::IfIndex link, const TokenBucket& bucket) {
  auto message = about(Message::forObject(RTM_NEWQDISC, Verb::Replace), {link, TC_H_ROOT});
  message.putText(TCA_KIND, "tbf");
  const Nest options = message.nest(TCA_OPTIONS);
  tc_tbf_qopt parameters{};
  // With a link layer set, the kernel computes transmission times itself and needs no rate table.
  parameters.rate.linklayer = TC_LINKLAYER_ETHERNET;
  parameters.rate.rate =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(bucket.rate, kNoRate32));
  parameters.limit = bucket.limit;
  putStruct(message, TCA_TBF_PARMS, parameters);
  if (bucket.rate >= kNoRate32) putStruct(message, TCA_TBF_RATE64, bucket.rate);
  // In bytes, because in ticks (`buffer`) it wraps if a burst takes longer than 274 s.
  message.putU32(TCA_TBF_BURST, bucket.burst);
  return message;
}

Message encodeIngressQdisc(base::IfIndex link) {
  auto message =
      about(Message::forObject(RTM_NEWQDISC, Verb::Replace), {link, TC_H_INGRESS, kIngressHandle});
  message.putText(TCA_KIND, "ingress");
  return message;
}

Message encodeRedirect(base::IfIndex link, base::IfIndex to) {
  const std::uint32_t info = std::uint32_t{kFilterPriority} << 16U | htons(ETH_P_ALL);
  auto message =
      about(Message::forObject(RTM_NEWTFILTER, Verb::Add), {link, kIngressHandle, 0, info});
  message.putText(TCA_KIND, "u32");
  const Nest options = message.nest(TCA_OPTIONS);
  putEveryPacket(message);
  putMirred(message, to);
  return message;
}

Message encodeDumpQdiscs() {
  return about(Message(RTM_GETQDISC, 0), {});
}

Message encodeDumpIngressFilters(base::IfIndex link) {
  return about(Message(RTM_GETTFILTER, 0), {link, kIngressHandle});
}

std::optional<TokenBucket> parseTokenBucket(std::span<const std::uint8_t> payload,
                                            base::IfIndex link) {
  const auto header = cutHeader<tcmsg>(payload);
  if (header.tcm_ifindex != link.value || header.tcm_parent != TC_H_ROOT) return std::nullopt;
  bool tbf = false;
  TokenBucket bucket;
  for (Attributes attributes(payload); const auto attribute = attributes.next();) {
    if (attribute->type == TCA_KIND) tbf = attribute->text() == "tbf";
    if (attribute->type == TCA_OPTIONS && tbf) bucket = parseTbf(attribute->nested());
  }
  if (!tbf) return std::nullopt;
  return bucket;
}

std::optional<base::IfIndex> parseRedirect(std::span<const std::uint8_t> payload) {
  cutHeader<tcmsg>(payload);
  bool u32 = false;
  std::optional<base::IfIndex> to;
  for (Attributes attributes(payload); const auto attribute = attributes.next();) {
    if (attribute->type == TCA_KIND) u32 = attribute->text() == "u32";
    if (attribute->type != TCA_OPTIONS || !u32) continue;
    for (auto options = attribute->nested(); const auto option = options.next();) {
      if (option->type != TCA_U32_ACT) continue;
      for (auto actions = option->nested(); const auto action = actions.next();)
        if (const auto found = parseMirred(action->nested())) to = found;
    }
  }
  return to;
}

}  // namespace kpol::netlink
