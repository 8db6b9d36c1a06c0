// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/prefix.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace kpol::node {

// Assigns each pod CIDR to one node, the first that requests it, so that no two routes overlap.
// Pure.
class CidrClaims {
 public:
  // An address in the status of Node objects.
  struct NodeAddress {
    std::set<std::string> nodes;  // that name it as their InternalIP
    bool certain = false;         // a node has it, so no new pod CIDR may contain it
  };
  using NodeAddresses = std::map<base::IpAddress, NodeAddress>;
  explicit CidrClaims(NodeAddresses addresses) : addresses_(std::move(addresses)) {}
  // From now on, rejects CIDRs of nodes that contain `address`, an address of this node.
  void forbid(const base::IpAddress& address) { own_.insert(address); }

  // Why a node requests a CIDR: this node's own, one that the node had before, or a new one.
  enum class Kind { Own, Held, New };
  // Assigns `cidr` to `node` and returns nullopt, or returns the reason for the rejection, as text
  // for a message about the field. Succeeds if the node already has this CIDR.
  //
  // A CIDR that contains an address of its own node is rejected, because the route to its pods
  // would lead to itself. If it contains addresses that others claim, either the CIDR or the
  // address is wrong. The CIDR is rejected if it is not Held and contains addresses of two nodes,
  // or if it is New and contains a certain one. Otherwise the address is: see holderOf().
  std::optional<std::string> refusal(const std::string& node, const base::Prefix& cidr, Kind kind);

  using Holders = std::map<base::Prefix, std::string>;
  // The assigned CIDR that contains `address`, and its node; null if there is none.
  [[nodiscard]] const Holders::value_type* holderOf(const base::IpAddress& address) const;
  [[nodiscard]] Holders holders() && { return std::move(holders_); }

 private:
  [[nodiscard]] std::optional<std::string> captured(const std::string& node,
                                                    const base::Prefix& cidr, Kind kind) const;
  // The assigned CIDR that overlaps `cidr`, or end().
  [[nodiscard]] Holders::const_iterator overlapping(const base::Prefix& cidr) const;

  Holders holders_;  // disjoint
  NodeAddresses addresses_;
  std::set<base::IpAddress> own_;
};

}  // namespace kpol::node
