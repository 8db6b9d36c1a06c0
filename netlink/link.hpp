// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/message.hpp"
#include "netlink/objects.hpp"

#include <cstdint>
#include <optional>
#include <span>

// RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK as bytes. Nothing here touches the kernel.
namespace kpol::netlink {

// Both ends in one request: the peer is born inside its namespace, with its name and MAC address.
Message encodeNewVeth(const VethPair& pair);
// An intermediate functional block: what is led to it passes its queue and goes on where it was.
Message encodeNewIfb(const base::IfName& name);
Message encodeNewVxlan(const Vxlan& device);
Message encodeDeleteLink(base::IfIndex link);
Message encodeDeleteLink(const base::IfName& name);
// All links of the group, which must not be 0.
Message encodeDeleteGroup(std::uint32_t group);

// Asks for one link, without its statistics.
Message encodeGetLink(base::IfIndex link);
Message encodeGetLink(const base::IfName& name);
Message encodeDumpLinks();

Message encodeSetUp(base::IfIndex link);
Message encodeSetGroup(base::IfIndex link, std::uint32_t group);
Message encodeSetMtu(base::IfIndex link, std::uint32_t mtu);
Message encodeSetAlias(const base::IfName& name, const std::string& alias);
Message encodeNoAutomaticIpv6(base::IfIndex link);

// The payload of an RTM_NEWLINK; nothing when it is no VXLAN device, or one that sends from no
// address of its own. Throws Error with EBADMSG.
std::optional<Vxlan> parseVxlan(std::span<const std::uint8_t> payload);

// The payload of an RTM_NEWLINK or RTM_DELLINK. Throws Error with EBADMSG.
Link parseLink(std::span<const std::uint8_t> payload);

}  // namespace kpol::netlink
