// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/host_port.hpp"
#include "base/ip_address.hpp"

#include <cstddef>
#include <span>

namespace kpol::netlink {

// Deletes all conntrack entries whose source, or whose destination after destination NAT, is one of
// `addresses`. Otherwise the next pod with that address could send and receive on flows that were
// allowed for the previous pod. In the calling thread's network namespace. Returns the number of
// matching entries. Throws Error.
std::size_t forgetFlows(std::span<const base::IpAddress> addresses);

// Deletes the conntrack entries of UDP flows to the UDP ports among `ports`, wherever NAT sent
// them, so that the current NAT rules apply to the next datagram. Only flows to the namespace's own
// addresses match; forwarded flows are not changed. Returns and throws like forgetFlows.
std::size_t forgetDatagramFlows(std::span<const base::HostPort> ports);

}  // namespace kpol::netlink
