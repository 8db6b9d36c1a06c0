// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/host_port.hpp"
#include "base/ip_address.hpp"

#include <cstddef>
#include <span>

namespace kpol::netlink {

// Makes the kernel forget every tracked flow that one of `addresses` began or, after destination
// NAT, answered: the next pod with that address must not be reached, or speak, by a flow that was
// allowed to the last one. In the calling thread's network namespace; returns how many flows there
// were. Throws Error.
std::size_t forgetFlows(std::span<const base::IpAddress> addresses);

// The same for every UDP flow that was sent to one of those of `ports` that are UDP's, wherever it
// went then: the next datagram is led as the table says now. Only addresses of the namespace's own
// are ports of the node; flows that pass through it are left alone.
std::size_t forgetDatagramFlows(std::span<const base::HostPort> ports);

}  // namespace kpol::netlink
