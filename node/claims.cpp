// SPDX-License-Identifier: Apache-2.0
#include "node/claims.hpp"

#include "node/cidr_claims.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace kpol::node {
namespace {

using Kind = CidrClaims::Kind;

bool isWithin(const std::vector<base::Prefix>& ranges, const base::IpAddress& address) {
  return std::ranges::any_of(ranges, [&](const auto& range) { return range.contains(address); });
}

bool isWithin(const std::vector<base::Prefix>& ranges, const base::Prefix& cidr) {
  return std::ranges::any_of(ranges, [&](const auto& range) { return range.contains(cidr); });
}

// Whether the address can be one of a node: not unspecified, loopback, multicast or broadcast.
bool isUnicast(const base::IpAddress& address) {
  for (const char* text : {"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/127", "ff00::/8"})
    if (base::Prefix::parse(text)->contains(address)) return false;
  return true;
}

class Decision {
 public:
  Decision(const Settings& settings, const std::map<std::string, policy::Node>& nodes,
           const Host& host, const Plan& before)
      : settings_(settings),
        nodes_(nodes),
        host_(host),
        before_(before),
        cidrs_(possibleAddresses()) {}

  Claims run() {
    const auto& own = nodes_.at(settings_.nodeName);
    for (const auto& cidr : own.podCidrs) take(own, cidr, Kind::Own);
    for (const auto& address : host_.addresses) cidrs_.forbid(address.address);
    for (const auto kind : {Kind::Held, Kind::New})
      for (const auto& [name, node] : nodes_)
        if (&node != &own)
          for (const auto& cidr : node.podCidrs)
            if (held(name, cidr) == (kind == Kind::Held)) take(node, cidr, kind);
    for (const auto& [name, node] : nodes_)
      for (const auto& address : node.internalIps) take(node, address);
    claims_.holders = std::move(cidrs_).holders();
    return std::move(claims_);
  }

 private:
  [[nodiscard]] bool held(const std::string& node, const base::Prefix& cidr) const {
    const auto holder = before_.holders.find(cidr);
    return holder != before_.holders.end() && holder->second == node;
  }
  [[nodiscard]] bool held(const std::string& node, const base::IpAddress& address) const {
    const auto known = before_.addresses.find(node);
    return known != before_.addresses.end() && std::ranges::count(known->second, address) != 0;
  }
  // Whether the kernel sends to the address without a gateway, so that it is not a pod's.
  [[nodiscard]] bool isNeighbour(const base::IpAddress& address) const {
    const auto hop = host_.hops.find(address);
    if (hop == host_.hops.end() || hop->second.gateway) return false;
    const auto link = host_.links.find(hop->second.link);
    return link != host_.links.end() && link->second.name.text() != kVxlanName;
  }

  [[nodiscard]] std::optional<std::string> invalidity(const base::IpAddress& address) const {
    if (!isUnicast(address)) return "is not an address that a node can have";
    if (!settings_.nodeCidrs.empty() && !isWithin(settings_.nodeCidrs, address))
      return "is outside nodeCIDRs";
    return std::nullopt;
  }
  [[nodiscard]] CidrClaims::NodeAddresses possibleAddresses() const {
    CidrClaims::NodeAddresses all;
    for (const auto& [name, node] : nodes_)
      for (const auto& address : node.internalIps) {
        if (invalidity(address)) continue;
        auto& claim = all[address];
        claim.nodes.insert(name);
        claim.certain = claim.certain || isNeighbour(address) || held(name, address);
      }
    return all;
  }

  void report(const std::string& node, const char* field, std::string message) {
    claims_.diagnostics.push_back(
        {policy::Diagnostic::Severity::Error, "Node " + node, field, std::move(message)});
  }

  void take(const policy::Node& node, const base::Prefix& cidr, Kind kind) {
    const auto& bounds = settings_.clusterCidrs;
    const auto why =
        bounds.empty() || isWithin(bounds, cidr)
            ? cidrs_.refusal(node.name, cidr, held(node.name, cidr) ? Kind::Held : kind)
            : toString(cidr) + " is outside clusterCIDRs, and is not routed";
    if (why) return report(node.name, "spec.podCIDRs", *why);
    if (kind == Kind::Own && std::ranges::count(claims_.ownCidrs, cidr) == 0)
      claims_.ownCidrs.push_back(cidr);
  }

  void take(const policy::Node& node, const base::IpAddress& address) {
    auto why = invalidity(address);
    if (const auto* holder = cidrs_.holderOf(address); holder != nullptr && !why)
      why = "is inside the pod CIDR " + toString(holder->first) + " of node " + holder->second;
    if (why)
      return report(node.name, "status.addresses",
                    toString(address) + " " + *why +
                        ", so kpol does not use it; correct --node-ip of the kubelet");
    claims_.addresses[node.name].push_back(address);
  }

  const Settings& settings_;
  const std::map<std::string, policy::Node>& nodes_;
  const Host& host_;
  const Plan& before_;
  CidrClaims cidrs_;
  Claims claims_;
};

}  // namespace

Claims decideClaims(const Settings& settings, const std::map<std::string, policy::Node>& nodes,
                    const Host& host, const Plan& before) {
  return Decision(settings, nodes, host, before).run();
}

}  // namespace kpol::node
