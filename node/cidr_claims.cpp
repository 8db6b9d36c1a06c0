// SPDX-License-Identifier: Apache-2.0
#include "node/cidr_claims.hpp"

#include <iterator>

namespace kpol::node {
namespace {

std::string contains(const base::Prefix& cidr, const base::IpAddress& address, const char* whose) {
  return toString(cidr) + " contains " + toString(address) + ", an address of " + whose +
         ", and is not routed; choose a cluster CIDR that does not overlap the nodes' networks";
}

}  // namespace

std::optional<std::string> CidrClaims::refusal(const std::string& node, const base::Prefix& cidr,
                                               Kind kind) {
  if (auto why = captured(node, cidr, kind)) return why;
  const auto other = overlapping(cidr);
  if (other == holders_.end()) {
    holders_.emplace(cidr, node);
    return std::nullopt;
  }
  if (other->first == cidr && other->second == node) return std::nullopt;
  return toString(cidr) + " overlaps " + toString(other->first) + " of node " + other->second +
         ", and is not routed";
}

std::optional<std::string> CidrClaims::captured(const std::string& node, const base::Prefix& cidr,
                                                Kind kind) const {
  const auto own = own_.lower_bound(cidr.first());
  if (kind != Kind::Own && own != own_.end() && *own <= cidr.last())
    return contains(cidr, *own, "this node");
  std::set<std::string> others;
  for (auto inside = addresses_.lower_bound(cidr.first());
       inside != addresses_.end() && inside->first <= cidr.last(); ++inside) {
    const auto& [address, claim] = *inside;
    if (claim.nodes.contains(node)) return contains(cidr, address, "the node itself");
    others.insert(claim.nodes.begin(), claim.nodes.end());
    if ((kind == Kind::New && claim.certain) || (kind != Kind::Held && others.size() > 1))
      return contains(cidr, address, "a node");
  }
  return std::nullopt;
}

const CidrClaims::Holders::value_type* CidrClaims::holderOf(const base::IpAddress& address) const {
  const auto found = overlapping(base::Prefix::host(address));
  return found == holders_.end() ? nullptr : &*found;
}

// The assigned prefixes are disjoint and sorted by first address, so only the two neighbours of
// `cidr` in this order can overlap it.
CidrClaims::Holders::const_iterator CidrClaims::overlapping(const base::Prefix& cidr) const {
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
