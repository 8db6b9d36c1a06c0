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

// The addresses of `block`: its cidr without its excepts. Sorted, disjoint, not adjacent.
std::vector<AddressRange> rangesOf(const IpBlock& block);

// The union of `ranges`, of both families: sorted, disjoint, adjacent ones joined. Policies may
// overlap as they like; the kernel's interval sets may not.
std::vector<AddressRange> unite(std::vector<AddressRange> ranges);

// Whether `ip` is in one of `ranges`, which are sorted and disjoint (as unite() returns them).
bool within(const std::vector<AddressRange>& ranges, const base::IpAddress& ip);

}  // namespace kpol::policy
