// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ipam/journal.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kpol::ipam {

// How many addresses of a network's range are in use.
struct RangeUse {
  std::string network;
  conf::IpRange range;
  std::uint64_t size = 0;  // UINT64_MAX if it does not fit
  std::uint64_t used = 0;  // by leases of any network, and by pending releases
};
// Returns the use of every range, ordered by network, then in the order of its sets.
std::vector<RangeUse> rangeUseOf(const LeaseBook& book);

}  // namespace kpol::ipam
