// SPDX-License-Identifier: Apache-2.0
#include "node/kernel_network.hpp"

#include "netlink/error.hpp"

#include <algorithm>
#include <fstream>
#include <utility>

namespace kpol::node {
namespace {

// A reason why the plan cannot be applied, as a message for the user.
struct Obstacle : base::Error {
  using base::Error::Error;
};

bool isPodLink(const netlink::Link& link) {
  return link.name.text().starts_with("kpol");
}

bool isLinkLocal(const base::IpAddress& address) {
  static const auto kLinkLocal4 = *base::Prefix::parse("169.254.0.0/16");
  static const auto kLinkLocal6 = *base::Prefix::parse("fe80::/10");
  return kLinkLocal4.contains(address) || kLinkLocal6.contains(address);
}

std::uint8_t lengthOf(const base::IpAddress& address) {
  return static_cast<std::uint8_t>(address.bits());
}

// The address is the node's source for packets through the device: the routes contain it as
// preferred source. For IPv6 it is deprecated, because otherwise the kernel would also choose it
// for local pods, which have a longer common prefix with it than with the node's own address (RFC
// 6724, section 5, rule 8).
netlink::Address deviceAddress(base::IfIndex device, const base::IpAddress& address) {
  const bool v6 = !address.isV4();
  return {device, address, lengthOf(address), v6, v6};
}

void readDevice(netlink::RouteSocket& socket, Held& held) {
  const auto link = socket.findLink(*base::IfName::parse(kVxlanName));
  if (!link) return;
  const auto vxlan = socket.findVxlan(link->index);
  if (!vxlan)
    throw Obstacle(std::string("the link ") + kVxlanName +
                   " is not kpol's VXLAN device; delete or rename it");
  held.device = Held::Device{link->index, *vxlan, link->up};
  for (const auto& address : socket.addresses(link->index)) {
    if (address == deviceAddress(link->index, address.address))
      held.deviceAddresses.insert(address.address);
    else if (!isLinkLocal(address.address))
      held.strayAddresses.push_back(address);
  }
  for (const auto& neighbour : socket.neighbours(link->index))
    if (neighbour.permanent) held.neighbours.emplace(neighbour.address, neighbour.mac);
  for (const auto& entry : socket.forwarding(link->index))
    if (!held.forwarding.emplace(entry.mac, entry.destination).second)
      held.strayForwarding.push_back(entry);
}

void readRoutes(netlink::RouteSocket& socket, Held& held) {
  auto routes = socket.routes();
  for (auto& route : socket.unreachableRoutes()) routes.push_back(std::move(route));
  for (const auto& route : routes) {
    if (route.protocol != kRouteProtocol) continue;
    if (!held.routes.emplace(route.destination, route).second) held.strayRoutes.push_back(route);
  }
}

}  // namespace

void KernelNetwork::read() {
  held_.reset();
  Held held;
  readDevice(socket_, held);
  readRoutes(socket_, held);
  held_ = std::move(held);
}

const Host& KernelNetwork::readHost(const std::vector<base::IpAddress>& nodeAddresses) {
  host_ = {};
  for (auto& link : socket_.links())
    if (!isPodLink(link)) host_.links.emplace(link.index, link);
  for (const auto& address : socket_.addresses()) {
    const auto link = host_.links.find(address.link);
    if (link == host_.links.end() || link->second.name.text() == kVxlanName) continue;
    if (!isLinkLocal(address.address)) host_.addresses.push_back(address);
  }
  for (const auto& address : nodeAddresses)
    if (const auto hop = socket_.hopTo(address)) host_.hops.emplace(address, *hop);
  host_.uplinks = socket_.defaultLinks();
  nodeAddresses_ = nodeAddresses;
  return host_;
}

const Host& KernelNetwork::hostWith(const std::vector<base::IpAddress>& nodeAddresses) {
  for (const auto& address : nodeAddresses_)
    if (!std::ranges::binary_search(nodeAddresses, address)) host_.hops.erase(address);
  for (const auto& address : nodeAddresses) {
    if (std::ranges::binary_search(nodeAddresses_, address)) continue;
    if (const auto hop = socket_.hopTo(address)) host_.hops.emplace(address, *hop);
  }
  nodeAddresses_ = nodeAddresses;
  return host_;
}

namespace {

// Sets rp_filter of the device to loose mode. While a configuration is rolled out, another node may
// send by VXLAN what this node sends directly, and strict mode would drop these packets. Ignores
// errors, because strict mode is not the default of most systems.
void loosenReversePathFilter(const base::IfName& device) {
  std::ofstream("/proc/sys/net/ipv4/conf/" + device.text() + "/rp_filter") << "2";
}

// Executes one step and updates `held`.
struct Performer {
  netlink::RouteSocket& socket;
  Held& held;

  base::IfIndex device() const {
    if (!held.device) throw Obstacle("the VXLAN device could not be created");
    return held.device->index;
  }

  void operator()(const MakeDevice& step) {
    if (!socket.addVxlan(step.vxlan))
      throw Obstacle("another VXLAN device has id " + std::to_string(step.vxlan.id) + " on port " +
                     std::to_string(step.vxlan.port) +
                     "; delete it, or set vxlanId or vxlanPort on all nodes");
    const auto link = socket.findLink(step.vxlan.name);
    if (!link) throw Obstacle("another process deleted the VXLAN device while kpold set it up");
    // No node would receive the router solicitations of an automatic link-local address.
    socket.disableAutomaticIpv6(link->index);
    loosenReversePathFilter(step.vxlan.name);
    held.device = Held::Device{link->index, step.vxlan, false};
  }
  void operator()(const DeleteDevice& /*step*/) {
    const auto index = device();
    socket.deleteLink(index);
    std::erase_if(held.routes, [&](const auto& entry) { return entry.second.link == index; });
    held.device.reset();
    held.deviceAddresses.clear();
    held.neighbours.clear();
    held.forwarding.clear();
  }
  void operator()(const SetDeviceMtu& step) {
    socket.setMtu(device(), step.mtu);
    held.device->vxlan.mtu = step.mtu;
  }
  void operator()(const SetDeviceUp& /*step*/) {
    socket.setUp(device());
    held.device->up = true;
  }
  void operator()(const AddDeviceAddress& step) {
    socket.addAddress(deviceAddress(device(), step.address));
    held.deviceAddresses.insert(step.address);
  }
  void operator()(const DeleteDeviceAddress& step) {
    socket.deleteAddress(deviceAddress(device(), step.address));
    held.deviceAddresses.erase(step.address);
  }
  void operator()(const PutNeighbour& step) {
    socket.replaceNeighbour({device(), step.address, step.mac});
    held.neighbours[step.address] = step.mac;
  }
  void operator()(const DeleteNeighbour& step) {
    const auto known = held.neighbours.find(step.address);
    socket.deleteNeighbour({device(), step.address, known->second});
    held.neighbours.erase(known);
  }
  void operator()(const PutForwarding& step) {
    socket.replaceForwarding({device(), step.mac, step.destination});
    held.forwarding[step.mac] = step.destination;
  }
  void operator()(const DeleteForwarding& step) {
    const auto known = held.forwarding.find(step.mac);
    socket.deleteForwarding({device(), step.mac, known->second});
    held.forwarding.erase(known);
  }
  netlink::Route complete(netlink::Route route) const {
    if (isThroughDevice(route)) route.link = device();
    return route;
  }
  void operator()(const AddRoute& step) {
    const auto route = complete(step.route);
    if (!socket.addRoute(route))
      throw Obstacle("another route to " + toString(route.destination) +
                     " exists, which kpol did not create; delete it");
    held.routes.insert_or_assign(route.destination, route);
  }
  void operator()(const ReplaceRoute& step) {
    const auto route = complete(step.route);
    socket.replaceRoute(route);
    held.routes.insert_or_assign(route.destination, route);
  }
  void operator()(const DeleteRoute& step) {
    const auto known = held.routes.find(step.destination);
    socket.deleteRoute(known->second);
    held.routes.erase(known);
  }
  void operator()(const DeleteStray& step) {
    std::visit([this](const auto& object) { remove(object); }, step.object);
  }
  void remove(const netlink::Route& route) {
    socket.deleteRoute(route);
    std::erase(held.strayRoutes, route);
  }
  void remove(const netlink::ForwardingEntry& entry) {
    socket.deleteForwarding(entry);
    std::erase(held.strayForwarding, entry);
  }
  void remove(const netlink::Address& address) {
    socket.deleteAddress(address);
    std::erase(held.strayAddresses, address);
  }
};

}  // namespace

KernelNetwork::Outcome KernelNetwork::apply(const Plan& plan) {
  if (!held_) read();
  wantedRoutes_ = plan.routes;
  Outcome outcome;
  for (const auto& step : stepsTo(plan, *held_)) {
    try {
      std::visit(Performer{socket_, *held_}, step);
      ++outcome.changes;
    } catch (const base::Error& error) {
      outcome.failures.emplace_back(error.what());
    }
  }
  return outcome;
}

namespace {

// Compares one event with the cached state. Returns true if it is news.
struct Judge {
  const std::optional<Held>& held;
  const Host& host;
  const std::map<base::Prefix, netlink::Route>& wantedRoutes;
  const std::vector<base::IpAddress>& nodeAddresses;

  [[nodiscard]] bool isDevice(base::IfIndex link) const {
    return held->device && held->device->index == link;
  }
  template <class Map, class Key, class Value>
  static bool has(const Map& map, const Key& key, const Value& value) {
    const auto found = map.find(key);
    return found != map.end() && found->second == value;
  }

  bool operator()(const netlink::Added<netlink::Link>& event) const {
    const auto& link = event.object;
    if (isPodLink(link)) return false;
    if (link.name.text() != kVxlanName) return !has(host.links, link.index, link);
    return !held->device || *held->device != Held::Device{link.index, vxlanOf(link), link.up};
  }
  // The attributes that an event contains; the others are those of the held device.
  [[nodiscard]] netlink::Vxlan vxlanOf(const netlink::Link& link) const {
    auto vxlan = held->device->vxlan;
    vxlan.mtu = link.mtu;
    vxlan.mac = link.mac.value_or(base::MacAddress());
    return vxlan;
  }
  bool operator()(const netlink::Removed<netlink::Link>& event) const {
    const auto index = event.object.index;
    return isDevice(index) ||
           (host.links.contains(index) && event.object.name.text() != kVxlanName);
  }

  bool operator()(const netlink::Added<netlink::Address>& event) const {
    const auto& address = event.object;
    if (isLinkLocal(address.address)) return false;
    if (isDevice(address.link))
      return address != deviceAddress(address.link, address.address) ||
             !held->deviceAddresses.contains(address.address);
    return host.links.contains(address.link) && std::ranges::count(host.addresses, address) == 0;
  }
  bool operator()(const netlink::Removed<netlink::Address>& event) const {
    const auto& address = event.object;
    if (isDevice(address.link)) return held->deviceAddresses.contains(address.address);
    return std::ranges::any_of(host.addresses, [&](const auto& known) {
      return known.link == address.link && known.address == address.address;
    });
  }

  // Whether a route to `destination` may be one to another node, or shows an uplink.
  [[nodiscard]] bool concernsUnderlay(const base::Prefix& destination) const {
    const auto inside = std::ranges::lower_bound(nodeAddresses, destination.first());
    return destination.length() == 0 ||
           (inside != nodeAddresses.end() && *inside <= destination.last());
  }
  [[nodiscard]] bool isInTheWay(const netlink::Route& route) const {
    return wantedRoutes.contains(route.destination) && !held->routes.contains(route.destination);
  }
  [[nodiscard]] bool isHeld(const netlink::Route& route) const {
    return has(held->routes, route.destination, route);
  }
  bool operator()(const netlink::Added<netlink::Route>& event) const {
    const auto& route = event.object;
    if (route.protocol == kRouteProtocol && route.table == netlink::kMainTable)
      return !isHeld(route);
    return concernsUnderlay(route.destination);
  }
  bool operator()(const netlink::Removed<netlink::Route>& event) const {
    const auto& route = event.object;
    if (route.protocol == kRouteProtocol && route.table == netlink::kMainTable)
      return isHeld(route);
    return concernsUnderlay(route.destination) || isInTheWay(route);
  }
  bool operator()(const netlink::Added<netlink::MultipathRoute>& event) const {
    return concernsUnderlay(event.object.destination);
  }
  bool operator()(const netlink::Removed<netlink::MultipathRoute>& event) const {
    return concernsUnderlay(event.object.destination);
  }

  bool operator()(const netlink::Added<netlink::Neighbour>& event) const {
    const auto& neighbour = event.object;
    return isDevice(neighbour.link) && !has(held->neighbours, neighbour.address, neighbour.mac);
  }
  bool operator()(const netlink::Removed<netlink::Neighbour>& event) const {
    return isGone(event.object.link, event.object.address);
  }
  bool operator()(const netlink::Removed<netlink::NeighbourKey>& event) const {
    return isGone(event.object.link, event.object.address);
  }
  [[nodiscard]] bool isGone(base::IfIndex link, const base::IpAddress& address) const {
    return isDevice(link) && held->neighbours.contains(address);
  }

  bool operator()(const netlink::Added<netlink::ForwardingEntry>& event) const {
    const auto& entry = event.object;
    return isDevice(entry.link) && !has(held->forwarding, entry.mac, entry.destination);
  }
  bool operator()(const netlink::Removed<netlink::ForwardingEntry>& event) const {
    const auto& entry = event.object;
    return isDevice(entry.link) && has(held->forwarding, entry.mac, entry.destination);
  }

  bool operator()(const netlink::Overflow& /*event*/) const { return true; }
};

}  // namespace

bool KernelNetwork::isNews(const netlink::RouteEvent& event) const {
  if (!held_) return true;
  return std::visit(Judge{held_, host_, wantedRoutes_, nodeAddresses_}, event);
}

}  // namespace kpol::node
