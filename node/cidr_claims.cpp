// SPDX-License-Identifier: Apache-2.0
#include "node/cidr_claims.hpp"

#include <iterator>

namespace kpol::node {

CidrClaims::CidrClaims(const std::vector<base::IpAddress>& nodeAddresses) {
  for (const auto& address : nodeAddresses) forbidden_.emplace(address, true);
}

void CidrClaims::forbid(const base::IpAddress& address) {
  forbidden_.emplace(address, false);
}

std::optional<std::string> CidrClaims::refusal(const std::string& node, const base::Prefix& cidr) {
  const auto inside = forbidden_.lower_bound(cidr.first());
  if (inside != forbidden_.end() && inside->first <= cidr.last())
    return toString(cidr) + " holds " + toString(inside->first) + ", an address of " +
           (inside->second ? "a node" : "this node") +
           ", and is not routed; choose a cluster CIDR apart from the nodes' networks";
  const auto other = overlapping(cidr);
  if (other == holders_.end()) {
    holders_.emplace(cidr, node);
    return std::nullopt;
  }
  if (other->first == cidr && other->second == node) return std::nullopt;
  return toString(cidr) + " overlaps " + toString(other->first) + " of node " + other->second +
         ", and is not routed";
}

// Prefixes are disjoint and sorted by their first address: only the two around the place of `cidr`
// can overlap it.
std::map<base::Prefix, std::string>::const_iterator CidrClaims::overlapping(
    const base::Prefix& cidr) const {
  const auto after = holders_.lower_bound(cidr);
  if (after != holders_.end() && cidr.contains(after->first)) return after;
  if (after != holders_.begin()) {
    const auto previous = std::prev(after);
    if (previous->first.contains(cidr)) return previous;
  }
  // The same first address and longer than what holds it sorts behind it; shorter, before: seen.
  return holders_.end();
}

}  // namespace kpol::node
