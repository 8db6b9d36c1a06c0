// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"

#include <cstddef>
#include <span>

namespace kpol::netlink {

// Makes the kernel forget every tracked flow that one of `addresses` began or, after destination
// NAT, answered: the next pod with that address must not be reached, or speak, by a flow that was
// allowed to the last one. In the calling thread's network namespace; returns how many flows there
// were. Throws Error.
std::size_t forgetFlows(std::span<const base::IpAddress> addresses);

}  // namespace kpol::netlink
