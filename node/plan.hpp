// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/prefix.hpp"
#include "conf/routing.hpp"
#include "netlink/objects.hpp"
#include "node/own_network.hpp"
#include "policy/diagnostic.hpp"
#include "policy/objects.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// Which routes lead from this node to the pods of the others. Pure: no kernel, no clock, no log.
//
// A node whose address is a neighbour's (the kernel sends to it without a gateway, over Ethernet)
// is the gateway to its pods itself. Others are reached by VXLAN: the route leads to an address on
// the device vxlan.kpol (the first of their pod CIDR; for IPv6 a link-local one made from the MAC
// address), that has a permanent neighbour entry with a MAC address made from the node's name, and
// that MAC address is forwarded to the node's address. Nothing is asked or learnt on the way.
namespace kpol::node {

// Not kpol*: interfaces of that name are pods to the policy's table.
inline constexpr const char* kVxlanName = "vxlan.kpol";
// The routes with this protocol are ours (`ip route show proto 107`).
inline constexpr std::uint8_t kRouteProtocol = 107;
// In a plan: the VXLAN device, whose index is not known before it is made.
inline constexpr base::IfIndex kVxlanLink{0};

struct Settings {
  std::string nodeName;
  conf::Routing routing = conf::Routing::None;
  std::vector<base::IpAddress> nodeIps;  // this node's; of a family without: its Node object's
  std::uint32_t vxlanId = 0;
  std::uint16_t vxlanPort = 0;
  std::uint32_t mtu = 0;  // 0: what the uplinks leave
};

// What the kernel says of this node.
struct Host {
  std::map<base::IfIndex, netlink::Link> links;
  // Without those of pods' interfaces and of the VXLAN device, and without link-local ones.
  std::vector<netlink::Address> addresses;
  std::map<base::IpAddress, netlink::Hop> hops;  // to other nodes; absent: no way
};

// How the pods of one CIDR of another node are reached.
struct PeerRoute {
  enum class How : std::uint8_t { None, Direct, Vxlan };
  std::string node;
  base::Prefix cidr;
  How how = How::None;
  std::optional<base::IpAddress> via;  // the node's address
  std::string link;                    // name; "" of none
  bool operator==(const PeerRoute&) const = default;
};
const char* toString(PeerRoute::How how);  // "none", "direct", "vxlan"

// To whom each pod CIDR belongs.
using Holders = std::map<base::Prefix, std::string>;

struct Plan {
  // The own Node is known. If not, nothing else is, and the kernel is left alone.
  bool complete = false;
  std::optional<netlink::Vxlan> device;
  std::vector<base::IpAddress> deviceAddresses;  // each alone: /32, /128
  std::map<base::Prefix, netlink::Route> routes;
  std::map<base::IpAddress, base::MacAddress> neighbours;  // on the device
  std::map<base::MacAddress, base::IpAddress> forwarding;  // on the device
  OwnNetwork own;
  Holders holders;                             // of this node too
  std::vector<base::IpAddress> nodeAddresses;  // InternalIPs of all nodes, sorted, unique
  std::vector<PeerRoute> peers;
  std::vector<policy::Diagnostic> diagnostics;
};

// `before`: the holders of the plan that is in force. Of nodes with overlapping CIDRs this one
// comes first, then who held it before, then the first by name.
Plan makePlan(const Settings& settings, const std::map<std::string, policy::Node>& nodes,
              const Host& host, const Holders& before);

// The MAC address of a node's VXLAN device. All nodes of a cluster compute it alike, so it never
// changes between versions.
base::MacAddress vxlanMac(const std::string& nodeName);

// What the outer headers take: Ethernet, IP, UDP and VXLAN of 14, 20 or 40, 8 and 8 bytes.
constexpr std::uint32_t vxlanOverhead(base::Family underlay) {
  return underlay == base::Family::V4 ? 50 : 70;
}

}  // namespace kpol::node
