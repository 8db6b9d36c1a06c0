// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "policy/objects.hpp"

#include <compare>
#include <vector>

namespace kpol::policy {

// An inclusive range of addresses of one family, first <= last.
struct AddressRange {
  base::IpAddress first;
  base::IpAddress last;
  auto operator<=>(const AddressRange&) const = default;
};

// Returns the addresses of `block`, its cidr minus its excepts: sorted, disjoint, not adjacent.
std::vector<AddressRange> rangesOf(const IpBlock& block);

// Returns the union of `ranges`, which may contain both families: sorted, disjoint, adjacent ranges
// joined. The blocks of policies may overlap, but the elements of a kernel interval set must not.
std::vector<AddressRange> unite(std::vector<AddressRange> ranges);

// Whether `ip` is in one of `ranges`, which must be sorted and disjoint (as unite() returns them).
bool within(const std::vector<AddressRange>& ranges, const base::IpAddress& ip);

}  // namespace kpol::policy
