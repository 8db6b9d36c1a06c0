// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/prefix.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kpol::node {

// Gives each pod CIDR to one node, so that no two routes compete: who asks first has it. Pure.
class CidrClaims {
 public:
  // No CIDR may hold an address of a node: the route to its pods would lead to itself.
  explicit CidrClaims(const std::vector<base::IpAddress>& nodeAddresses);
  // From now on nor this one.
  void forbid(const base::IpAddress& address);

  // Gives `cidr` to `node`, or says why not, for a message about its field. What the node holds
  // already is granted again.
  std::optional<std::string> refusal(const std::string& node, const base::Prefix& cidr);
  [[nodiscard]] std::map<base::Prefix, std::string> holders() && { return std::move(holders_); }

 private:
  // Who holds a CIDR that shares addresses with it.
  [[nodiscard]] std::map<base::Prefix, std::string>::const_iterator overlapping(
      const base::Prefix& cidr) const;

  std::map<base::Prefix, std::string> holders_;  // disjoint
  std::map<base::IpAddress, bool> forbidden_;    // true: a Node's address
};

}  // namespace kpol::node
