// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/message.hpp"
#include "netlink/objects.hpp"

#include <optional>
#include <span>

// RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE as bytes. Nothing here touches the kernel.
namespace kpol::netlink {

Message encode(Verb verb, const RoutingRule& rule);
Message encodeDumpRules(base::Family family);

// The payload of an RTM_NEWRULE; nothing when it is not of the kind that RoutingRule is. Throws
// Error with EBADMSG.
std::optional<RoutingRule> parseRule(std::span<const std::uint8_t> payload);

}  // namespace kpol::netlink
