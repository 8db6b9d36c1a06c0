// SPDX-License-Identifier: Apache-2.0
#include "ipam/range_use.hpp"

#include <algorithm>

namespace kpol::ipam {
namespace {

// All addresses that cannot be assigned now, sorted.
std::vector<base::IpAddress> takenIn(const LeaseBook& book) {
  std::vector<base::IpAddress> taken;
  for (const auto& [id, lease] : book.leases)
    taken.insert(taken.end(), lease.addresses.begin(), lease.addresses.end());
  for (const auto& departure : book.departures)
    taken.insert(taken.end(), departure.lease.addresses.begin(), departure.lease.addresses.end());
  std::ranges::sort(taken);
  return taken;
}

}  // namespace

std::vector<RangeUse> rangeUseOf(const LeaseBook& book) {
  const auto taken = takenIn(book);
  std::vector<RangeUse> uses;
  for (const auto& [network, sets] : book.ranges)
    for (const auto& set : sets)
      for (const auto& range : set) {
        const auto used = std::ranges::count_if(
            taken, [&](const base::IpAddress& address) { return range.holds(address); });
        uses.push_back({network, range, sizeOf(range), static_cast<std::uint64_t>(used)});
      }
  return uses;
}

}  // namespace kpol::ipam
