// SPDX-License-Identifier: Apache-2.0
#include "policy/address_ranges.hpp"

#include <algorithm>

namespace kpol::policy {
namespace {

bool touches(const AddressRange& left, const AddressRange& right) {
  if (left.last.family() != right.first.family()) return false;
  const auto behind = left.last.next();
  return !behind || right.first <= *behind;
}

}  // namespace

std::vector<AddressRange> unite(std::vector<AddressRange> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<AddressRange> result;
  for (const auto& range : ranges) {
    if (!result.empty() && touches(result.back(), range))
      result.back().last = std::max(result.back().last, range.last);
    else
      result.push_back(range);
  }
  return result;
}

std::vector<AddressRange> rangesOf(const IpBlock& block) {
  std::vector<AddressRange> holes;
  for (const auto& except : block.except)
    if (except.family() == block.cidr.family()) holes.push_back({except.first(), except.last()});

  std::vector<AddressRange> result;
  std::optional<base::IpAddress> start = block.cidr.first();
  for (const auto& hole : unite(std::move(holes))) {
    if (hole.last < *start || block.cidr.last() < hole.first) continue;
    if (*start < hole.first) result.push_back({*start, *hole.first.previous()});
    start = hole.last.next();
    if (!start) return result;
  }
  if (*start <= block.cidr.last()) result.push_back({*start, block.cidr.last()});
  return result;
}

bool within(const std::vector<AddressRange>& ranges, const base::IpAddress& ip) {
  const auto above =
      std::upper_bound(ranges.begin(), ranges.end(), ip,
                       [](const base::IpAddress& address, const AddressRange& range) {
                         return address < range.first;
                       });
  return above != ranges.begin() && ip <= std::prev(above)->last;
}

}  // namespace kpol::policy
