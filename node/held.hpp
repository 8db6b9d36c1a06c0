// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/objects.hpp"
#include "node/plan.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

// What of the node network the kernel holds, and the steps from there to a plan. Pure.
namespace kpol::node {

struct Held {
  struct Device {
    base::IfIndex index;
    netlink::Vxlan vxlan;
    bool up = false;
    bool operator==(const Device&) const = default;
  };
  std::optional<Device> device;
  std::set<base::IpAddress> deviceAddresses;
  // Of our protocol; their link is the device's own index here, not kVxlanLink.
  std::map<base::Prefix, netlink::Route> routes;
  std::map<base::IpAddress, base::MacAddress> neighbours;  // permanent ones on the device
  std::map<base::MacAddress, base::IpAddress> forwarding;
  // What a plan never has: second routes to one destination, second places to forward to, addresses
  // of the device with more than themselves.
  std::vector<netlink::Route> strayRoutes;
  std::vector<netlink::ForwardingEntry> strayForwarding;
  std::vector<netlink::Address> strayAddresses;
  bool operator==(const Held&) const = default;
};

struct MakeDevice {
  netlink::Vxlan vxlan;
};
struct DeleteDevice {};  // with all that is on it
struct SetDeviceMtu {
  std::uint32_t mtu = 0;
};
struct SetDeviceUp {};
struct AddDeviceAddress {
  base::IpAddress address;
};
struct DeleteDeviceAddress {
  base::IpAddress address;
};
struct PutNeighbour {
  base::IpAddress address;
  base::MacAddress mac;
};
struct DeleteNeighbour {
  base::IpAddress address;
};
struct PutForwarding {
  base::MacAddress mac;
  base::IpAddress destination;
};
struct DeleteForwarding {
  base::MacAddress mac;
};
// Fails where somebody else has a route to the same destination.
struct AddRoute {
  netlink::Route route;
};
struct ReplaceRoute {  // one of ours
  netlink::Route route;
};
struct DeleteRoute {
  base::Prefix destination;
};
struct DeleteStray {
  std::variant<netlink::Route, netlink::ForwardingEntry, netlink::Address> object;
};
using Step = std::variant<MakeDevice, DeleteDevice, SetDeviceMtu, SetDeviceUp, AddDeviceAddress,
                          DeleteDeviceAddress, PutNeighbour, DeleteNeighbour, PutForwarding,
                          DeleteForwarding, AddRoute, ReplaceRoute, DeleteRoute, DeleteStray>;

// In an order in which nothing is sent to where nothing leads: a device before what is on it, a
// gateway before the route to it, and the other way round when they go. Routes by the device have
// kVxlanLink. Empty: the kernel holds the plan.
std::vector<Step> stepsTo(const Plan& plan, const Held& held);

// Where two Vxlan values differ in more than their MTU the device must be made anew.
bool needsNewDevice(const netlink::Vxlan& wanted, const netlink::Vxlan& held);

}  // namespace kpol::node
