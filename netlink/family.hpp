// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"

#include <cstdint>
#include <optional>

namespace kpol::netlink {

// AF_INET, AF_INET6.
std::uint8_t toKernel(base::Family family);
// Returns nullopt for other families: the kernel also sends bridge, MPLS and multicast-routing
// objects.
std::optional<base::Family> fromKernel(std::uint8_t family);

// The unspecified address, 0.0.0.0 or ::.
base::IpAddress anyAddress(base::Family family);

}  // namespace kpol::netlink
