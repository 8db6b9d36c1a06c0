// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/message.hpp"
#include "netlink/objects.hpp"

#include <cstdint>
#include <optional>
#include <span>

// RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR as bytes. Nothing here touches the kernel.
namespace kpol::netlink {

Message encode(Verb verb, const Address& address);
// Those of one link where given; kernels before 4.20 answer with all.
Message encodeDumpAddresses(std::optional<base::IfIndex> link);

// The payload of an RTM_NEWADDR or RTM_DELADDR; nothing when it is of neither IP family. Throws
// Error with EBADMSG.
std::optional<Address> parseAddress(std::span<const std::uint8_t> payload);

}  // namespace kpol::netlink
