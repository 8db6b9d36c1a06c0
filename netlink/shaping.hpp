// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/message.hpp"
#include "netlink/objects.hpp"

#include <cstdint>
#include <optional>
#include <span>

// Encodes and parses traffic control: a token bucket at the root of a link, and redirection of all
// packets that arrive on a link to another one. No I/O.
namespace kpol::netlink {

// Replaces the root queueing discipline.
Message encodeTokenBucket(base::IfIndex link, const TokenBucket& bucket);
// The ingress qdisc, to which filters of arriving packets are attached.
Message encodeIngressQdisc(base::IfIndex link);
// A filter that matches all packets. The link must have an ingress qdisc.
Message encodeRedirect(base::IfIndex link, base::IfIndex to);

Message encodeDumpQdiscs();
Message encodeDumpIngressFilters(base::IfIndex link);

// Parses an RTM_NEWQDISC. Returns the token bucket at the root of `link`, without the burst (the
// kernel reports it in a unit that wraps); nullopt for any other qdisc. Throws Error with EBADMSG.
std::optional<TokenBucket> parseTokenBucket(std::span<const std::uint8_t> payload,
                                            base::IfIndex link);
// Parses an RTM_NEWTFILTER. Returns the interface that a u32 filter redirects to, as encodeRedirect
// makes it; nullopt for other filters. Throws Error with EBADMSG.
std::optional<base::IfIndex> parseRedirect(std::span<const std::uint8_t> payload);

}  // namespace kpol::netlink
