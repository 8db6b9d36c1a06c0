// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/port_range.hpp"
#include "base/prefix.hpp"
#include "conf/routing.hpp"
#include "netlink/objects.hpp"
#include "node/own_network.hpp"
#include "policy/diagnostic.hpp"
#include "policy/node_network.hpp"
#include "policy/objects.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

// Computes the routes from this node to the pods of other nodes. Pure: no kernel, no clock, no log.
//
// A node that is a neighbour (the kernel sends to its address over Ethernet without a gateway) is
// itself the gateway to its pods. Other nodes are reached by VXLAN. The route's gateway is an
// address on the device vxlan.kpol: the first address of the node's pod CIDR, or for IPv6 a
// link-local address derived from the MAC address. A permanent neighbour entry maps the gateway to
// a MAC address derived from the node's name, and an FDB entry maps that MAC address to the node's
// address. So neither neighbour discovery nor MAC learning is needed.
namespace kpol::node {

// Not kpol*, because for kpol's table interfaces of that name are pods.
inline constexpr const char* kVxlanName = "vxlan.kpol";
// Routes with this protocol are kpol's (`ip route show proto 107`).
inline constexpr std::uint8_t kRouteProtocol = 107;
// In a plan, means the VXLAN device, whose index is not known before it is made.
inline constexpr base::IfIndex kVxlanLink{0};
inline bool isThroughDevice(const netlink::Route& plannedRoute) {
  return plannedRoute.link == kVxlanLink && !plannedRoute.unreachable;
}

// The source ports of encapsulated packets: of the ports that only privileged processes may use
// (net.ipv4.ip_unprivileged_port_start), without those that common services have.
inline const base::PortRange kVxlanSourcePorts = *base::PortRange::make(512, 1023);

struct Settings {
  std::string nodeName;
  conf::Routing routing = conf::Routing::None;
  std::vector<base::IpAddress> nodeIps;  // of this node; for other families see its Node object
  std::uint32_t vxlanId = 0;
  std::uint16_t vxlanPort = 0;
  std::uint32_t mtu = 0;  // 0: computed from the uplinks
  // Empty: not limited. Pod CIDRs and addresses of nodes outside these are rejected.
  std::vector<base::Prefix> clusterCidrs;
  std::vector<base::Prefix> nodeCidrs;
};

// The state of this node in the kernel.
struct Host {
  std::map<base::IfIndex, netlink::Link> links;
  // Without addresses of pod interfaces and of the VXLAN device, and without link-local addresses.
  std::vector<netlink::Address> addresses;
  std::map<base::IpAddress, netlink::Hop> hops;                  // to other nodes; absent: no route
  std::map<base::Family, std::set<base::IfIndex>> uplinks = {};  // of the default routes
};

// How this node reaches the pods of one CIDR of another node.
struct PeerRoute {
  enum class How : std::uint8_t { None, Direct, Vxlan };
  std::string node;
  base::Prefix cidr;
  How how = How::None;
  std::optional<base::IpAddress> via;  // the node's address
  std::string link;                    // name; "" if there is none
  bool operator==(const PeerRoute&) const = default;
};
const char* toString(PeerRoute::How how);  // "none", "direct", "vxlan"

// The node of each pod CIDR.
using Holders = std::map<base::Prefix, std::string>;

struct Plan {
  // The own Node object is known. If not, the plan has only diagnostics and the decisions of the
  // current plan that later ones depend on, and the kernel must be left unchanged unless routing is
  // none.
  bool complete = false;
  std::optional<netlink::Vxlan> device;
  std::vector<base::IpAddress> deviceAddresses;  // each alone: /32, /128
  std::map<base::Prefix, netlink::Route> routes;
  std::map<base::IpAddress, base::MacAddress> neighbours;  // on the device
  std::map<base::MacAddress, base::IpAddress> forwarding;  // FDB entries of the device
  OwnNetwork own;
  // This node's addresses in use, and the MTU of the uplinks of each. An address that the Node (or
  // nodeIP) still names stays in use if it is not on an interface at the moment.
  std::map<base::IpAddress, std::uint32_t> uplinkMtus;
  // The addresses that masqueraded packets get, at most one of each family; for other families that
  // of the outgoing interface.
  std::vector<base::IpAddress> sources;
  Holders holders;  // including this node's
  // The accepted InternalIPs of each node that has any, in their order.
  std::map<std::string, std::vector<base::IpAddress>> addresses;
  std::vector<base::IpAddress> nodeAddresses;  // those of all nodes, sorted, unique
  std::vector<PeerRoute> peers;
  std::vector<policy::Diagnostic> diagnostics;
};

// `before`: the current plan, whose decisions have precedence while they are possible. If CIDRs of
// several nodes overlap, this node gets its own, then the node that had it before, then the first
// by name. No claim of one node takes the routes to another node's pods (claims.hpp).
Plan makePlan(const Settings& settings, const std::map<std::string, policy::Node>& nodes,
              const Host& host, const Plan& before);

// The tunnel of each accepted address of each node: the first address of a pod CIDR of that family,
// which the node's VXLAN device has. Sorted, unique.
std::vector<policy::NodeTunnel> tunnelsOf(const Plan& plan);

// The MAC address of a node's VXLAN device. Must never change between versions, because all nodes
// of a cluster must compute the same one.
base::MacAddress vxlanMac(const std::string& nodeName);

// The size of the headers that VXLAN adds: Ethernet 14, IP 20 or 40, UDP 8 and VXLAN 8 bytes.
constexpr std::uint32_t vxlanOverhead(base::Family underlay) {
  return underlay == base::Family::V4 ? 50 : 70;
}

}  // namespace kpol::node
