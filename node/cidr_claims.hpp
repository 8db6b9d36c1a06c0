// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/prefix.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kpol::node {

// Assigns each pod CIDR to one node, the first that requests it, so that no two routes overlap.
// Pure.
class CidrClaims {
 public:
  // CIDRs that contain one of `nodeAddresses` are rejected, because the route to the pods would
  // lead to itself.
  explicit CidrClaims(const std::vector<base::IpAddress>& nodeAddresses);
  // From now on, also rejects CIDRs that contain `address`, an address of this node.
  void forbid(const base::IpAddress& address);

  // Assigns `cidr` to `node` and returns nullopt, or returns the reason for the rejection, as text
  // for a message about the field. Succeeds if the node already has this CIDR.
  std::optional<std::string> refusal(const std::string& node, const base::Prefix& cidr);
  [[nodiscard]] std::map<base::Prefix, std::string> holders() && { return std::move(holders_); }

 private:
  // The assigned CIDR that overlaps `cidr`, or end().
  [[nodiscard]] std::map<base::Prefix, std::string>::const_iterator overlapping(
      const base::Prefix& cidr) const;

  std::map<base::Prefix, std::string> holders_;  // disjoint
  std::map<base::IpAddress, bool> forbidden_;    // true: from a Node object
};

}  // namespace kpol::node
