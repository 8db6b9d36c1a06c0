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

// The state of the node network in the kernel, and the steps from there to a plan. Pure.
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
  // Routes with our protocol. Their link is the real index of the device, not kVxlanLink.
  std::map<base::Prefix, netlink::Route> routes;
  std::map<base::IpAddress, base::MacAddress> neighbours;  // permanent ones on the device
  std::map<base::MacAddress, base::IpAddress> forwarding;  // FDB entries of the device
  // Objects that a plan never has: a second route to one destination, a second FDB entry for one
  // MAC address, an address of the device with other attributes than kpol's.
  std::vector<netlink::Route> strayRoutes;
  std::vector<netlink::ForwardingEntry> strayForwarding;
  std::vector<netlink::Address> strayAddresses;
  bool operator==(const Held&) const = default;
};

struct MakeDevice {
  netlink::Vxlan vxlan;
};
struct DeleteDevice {};  // and everything on it
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
// Fails if another program's route to the same destination exists.
struct AddRoute {
  netlink::Route route;
};
struct ReplaceRoute {  // an existing route of kpol
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

// Returns the steps in an order in which no route leads to a missing gateway: device, FDB entries,
// neighbours, routes. Neighbours and FDB entries that are no longer needed are deleted after the
// routes. Routes through the device have kVxlanLink. Empty if the kernel has the plan.
std::vector<Step> stepsTo(const Plan& plan, const Held& held);

// Whether the two values differ in more than the MTU, so that the device must be recreated.
bool needsNewDevice(const netlink::Vxlan& wanted, const netlink::Vxlan& held);

}  // namespace kpol::node
