// SPDX-License-Identifier: Apache-2.0
#include "node/held.hpp"

#include <algorithm>

namespace kpol::node {
namespace {

class Comparison {
 public:
  Comparison(const Plan& plan, Held held) : plan_(plan), held_(std::move(held)) {}

  std::vector<Step> run() {
    strays();
    device();
    addresses();
    for (const auto& [mac, destination] : plan_.forwarding)
      if (!has(held_.forwarding, mac, destination)) step(PutForwarding{mac, destination});
    for (const auto& [address, mac] : plan_.neighbours)
      if (!has(held_.neighbours, address, mac)) step(PutNeighbour{address, mac});
    routes();
    for (const auto& [address, mac] : held_.neighbours)
      if (!plan_.neighbours.contains(address)) step(DeleteNeighbour{address});
    for (const auto& [mac, destination] : held_.forwarding)
      if (!plan_.forwarding.contains(mac)) step(DeleteForwarding{mac});
    return std::move(steps_);
  }

 private:
  void step(Step step) { steps_.push_back(std::move(step)); }

  template <class Map, class Key, class Value>
  static bool has(const Map& map, const Key& key, const Value& value) {
    const auto found = map.find(key);
    return found != map.end() && found->second == value;
  }

  void strays() {
    for (const auto& route : held_.strayRoutes) step(DeleteStray{route});
    for (const auto& entry : held_.strayForwarding) step(DeleteStray{entry});
    for (const auto& address : held_.strayAddresses) step(DeleteStray{address});
  }

  // The objects on a device are deleted with it.
  void forgetDevice() {
    const auto index = held_.device->index;
    std::erase_if(held_.routes, [&](const auto& entry) { return entry.second.link == index; });
    held_.deviceAddresses.clear();
    held_.neighbours.clear();
    held_.forwarding.clear();
    held_.device.reset();
  }

  void device() {
    const bool isWrong =
        held_.device && (!plan_.device || needsNewDevice(*plan_.device, held_.device->vxlan));
    if (isWrong) {
      step(DeleteDevice{});
      forgetDevice();
    }
    if (!plan_.device) return;
    if (!held_.device) {
      step(MakeDevice{*plan_.device});
      step(SetDeviceUp{});
      return;
    }
    if (held_.device->vxlan.mtu != plan_.device->mtu) step(SetDeviceMtu{plan_.device->mtu});
    if (!held_.device->up) step(SetDeviceUp{});
  }

  void addresses() {
    for (const auto& address : plan_.deviceAddresses)
      if (!held_.deviceAddresses.contains(address)) step(AddDeviceAddress{address});
    for (const auto& address : held_.deviceAddresses)
      if (!std::ranges::binary_search(plan_.deviceAddresses, address))
        step(DeleteDeviceAddress{address});
  }

  netlink::Route asHeld(netlink::Route route) const {
    if (isThroughDevice(route) && held_.device) route.link = held_.device->index;
    return route;
  }

  void routes() {
    for (const auto& [destination, route] : held_.routes)
      if (!plan_.routes.contains(destination)) step(DeleteRoute{destination});
    for (const auto& [destination, route] : plan_.routes) {
      const auto known = held_.routes.find(destination);
      if (known == held_.routes.end())
        step(AddRoute{route});
      else if (known->second != asHeld(route))
        step(ReplaceRoute{route});
    }
  }

  const Plan& plan_;
  Held held_;
  std::vector<Step> steps_;
};

}  // namespace

bool needsNewDevice(const netlink::Vxlan& wanted, const netlink::Vxlan& held) {
  auto same = held;
  same.mtu = wanted.mtu;
  return same != wanted;
}

std::vector<Step> stepsTo(const Plan& plan, const Held& held) {
  return Comparison(plan, held).run();
}

}  // namespace kpol::node
