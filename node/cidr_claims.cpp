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
    return toString(cidr) + " contains " + toString(inside->first) + ", an address of " +
           (inside->second ? "a node" : "this node") +
           ", and is not routed; choose a cluster CIDR that does not overlap the nodes' networks";
  const auto other = overlapping(cidr);
  if (other == holders_.end()) {
    holders_.emplace(cidr, node);
    return std::nullopt;
  }
  if (other->first == cidr && other->second == node) return std::nullopt;
  return toString(cidr) + " overlaps " + toString(other->first) + " of node " + other->second +
         ", and is not routed";
}

// The assigned prefixes are disjoint and sorted by first address, so only the two neighbours of
// `cidr` in this order can overlap it.
std::map<base::Prefix, std::string>::const_iterator CidrClaims::overlapping(
    const base::Prefix& cidr) const {
  const auto after = holders_.lower_bound(cidr);
  if (after != holders_.end() && cidr.contains(after->first)) return after;
  if (after != holders_.begin()) {
    const auto previous = std::prev(after);
    if (previous->first.contains(cidr)) return previous;
  }
  // Of two prefixes with the same first address the shorter one sorts first, so an assigned prefix
  // that contains `cidr` is before it, and one inside `cidr` is not before it. Both are checked
  // above.
  return holders_.end();
}

}  // namespace kpol::node
