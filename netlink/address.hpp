// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/message.hpp"
#include "netlink/objects.hpp"

#include <cstdint>
#include <optional>
#include <span>

// Encodes and parses RTM_NEWADDR, RTM_DELADDR and RTM_GETADDR. No I/O.
namespace kpol::netlink {

Message encode(Verb verb, const Address& address);
// Dumps the addresses of `link`, or all. Kernels before 4.20 ignore the filter and return all.
Message encodeDumpAddresses(std::optional<base::IfIndex> link);

// Parses the payload of an RTM_NEWADDR or RTM_DELADDR. Returns nullopt if the family is not IPv4 or
// IPv6. Throws Error with EBADMSG.
std::optional<Address> parseAddress(std::span<const std::uint8_t> payload);

}  // namespace kpol::netlink
