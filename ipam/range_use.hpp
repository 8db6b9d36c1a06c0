// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ipam/journal.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kpol::ipam {

// How much of a range that a network hands out is taken.
struct RangeUse {
  std::string network;
  conf::IpRange range;
  std::uint64_t size = 0;  // the largest number where that is none of 64 bits
  std::uint64_t used = 0;  // by leases of any network, and by departures that are not settled
};
// Of every range, in the order of networks and of their sets.
std::vector<RangeUse> rangeUseOf(const LeaseBook& book);

}  // namespace kpol::ipam
