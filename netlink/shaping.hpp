// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/message.hpp"
#include "netlink/objects.hpp"

#include <cstdint>
#include <optional>
#include <span>

// Traffic control as bytes: a token bucket at the root of a link, and all that arrives on a link
// sent through another one. Nothing here touches the kernel.
namespace kpol::netlink {

// Replaces what is at the root.
Message encodeTokenBucket(base::IfIndex link, const TokenBucket& bucket);
// The place for filters of what arrives.
Message encodeIngressQdisc(base::IfIndex link);
// A filter that matches everything; its link must have an ingress qdisc.
Message encodeRedirect(base::IfIndex link, base::IfIndex to);

Message encodeDumpQdiscs();
Message encodeDumpIngressFilters(base::IfIndex link);

// Of an RTM_NEWQDISC: a token bucket at the root of `link`, its burst left out (the kernel gives it
// in a unit that wraps); nothing: the message is of something else. Throws Error with EBADMSG.
std::optional<TokenBucket> parseTokenBucket(std::span<const std::uint8_t> payload,
                                            base::IfIndex link);
// Of an RTM_NEWTFILTER: where a filter made by encodeRedirect leads. Throws likewise.
std::optional<base::IfIndex> parseRedirect(std::span<const std::uint8_t> payload);

}  // namespace kpol::netlink
