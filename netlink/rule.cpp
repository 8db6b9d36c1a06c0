// SPDX-License-Identifier: Apache-2.0
#include "netlink/rule.hpp"

#include "netlink/family.hpp"
#include "netlink/parse.hpp"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

namespace kpol::netlink {

Message encode(Verb verb, const RoutingRule& rule) {
  Message message = Message::forObject(RTM_NEWRULE, verb);
  fib_rule_hdr header{};
  header.family = toKernel(rule.source.family());
  header.src_len = static_cast<std::uint8_t>(rule.source.bits());
  header.action = FR_ACT_TO_TBL;
  message.putHeader(header);
  message.put(FRA_SRC, rule.source);
  message.putU32(FRA_TABLE, rule.table);
  return message;
}

Message encodeDumpRules(base::Family family) {
  Message message(RTM_GETRULE, 0);
  fib_rule_hdr header{};
  header.family = toKernel(family);
  message.putHeader(header);
  return message;
}

std::optional<RoutingRule> parseRule(std::span<const std::uint8_t> payload) {
  const auto header = cutHeader<fib_rule_hdr>(payload);
  const auto family = fromKernel(header.family);
  if (!family || header.action != FR_ACT_TO_TBL || header.dst_len != 0) return std::nullopt;
  std::optional<base::IpAddress> source;
  std::uint32_t table = header.table;
  Attributes attributes(payload);
  while (const auto attribute = attributes.next()) {
    if (attribute->type == FRA_SRC) source = attribute->address();
    if (attribute->type == FRA_TABLE) table = attribute->u32();
  }
  if (!source || header.src_len != source->bits()) return std::nullopt;
  return RoutingRule{*source, table};
}

}  // namespace kpol::netlink
