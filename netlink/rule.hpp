// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/message.hpp"
#include "netlink/objects.hpp"

#include <optional>
#include <span>

// Encodes and parses RTM_NEWRULE, RTM_DELRULE and RTM_GETRULE. No I/O.
namespace kpol::netlink {

Message encode(Verb verb, const RoutingRule& rule);
Message encodeDumpRules(base::Family family);

// Parses the payload of an RTM_NEWRULE. Returns nullopt unless the rule looks up a table for one
// source address and any destination. Ignores other selectors (fwmark, interface) and the priority.
// Throws Error with EBADMSG.
std::optional<RoutingRule> parseRule(std::span<const std::uint8_t> payload);

}  // namespace kpol::netlink
