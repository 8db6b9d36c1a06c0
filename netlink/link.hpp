// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/message.hpp"
#include "netlink/objects.hpp"

#include <cstdint>
#include <optional>
#include <span>

// Encodes and parses RTM_NEWLINK, RTM_SETLINK, RTM_DELLINK and RTM_GETLINK. No I/O.
namespace kpol::netlink {

// Creates both ends in one request. The peer is created inside its network namespace, with its name
// and MAC address.
Message encodeNewVeth(const VethPair& pair);
// An intermediate functional block (ifb). Redirected packets pass its queue and then continue on
// their original path.
Message encodeNewIfb(const base::IfName& name);
Message encodeNewVxlan(const Vxlan& device);
Message encodeDeleteLink(base::IfIndex link);
Message encodeDeleteLink(const base::IfName& name);
// Deletes all links of the group, which must not be 0.
Message encodeDeleteGroup(std::uint32_t group);

// Requests one link, without its statistics.
Message encodeGetLink(base::IfIndex link);
Message encodeGetLink(const base::IfName& name);
Message encodeDumpLinks();

Message encodeSetUp(base::IfIndex link);
Message encodeSetGroup(base::IfIndex link, std::uint32_t group);
Message encodeSetMtu(base::IfIndex link, std::uint32_t mtu);
Message encodeSetAlias(const base::IfName& name, const std::string& alias);
Message encodeNoAutomaticIpv6(base::IfIndex link);

// Parses the payload of an RTM_NEWLINK. Returns nullopt if the link is not a VXLAN device or has no
// local address. Throws Error with EBADMSG.
std::optional<Vxlan> parseVxlan(std::span<const std::uint8_t> payload);

// Parses the payload of an RTM_NEWLINK or RTM_DELLINK. Throws Error with EBADMSG.
Link parseLink(std::span<const std::uint8_t> payload);

}  // namespace kpol::netlink
