// SPDX-License-Identifier: Apache-2.0
#include "controller/leases_json.hpp"

#include "controller/json_text.hpp"
#include "ipam/lease_store.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <vector>

namespace kpol::controller {
namespace {

struct Held {
  base::IpAddress address;
  const ipam::Lease* lease = nullptr;
  bool departed = false;
};

// All addresses that cannot be given now, sorted.
std::vector<Held> heldIn(const ipam::LeaseBook& book) {
  std::vector<Held> held;
  for (const auto& [id, lease] : book.leases)
    for (const auto& address : lease.addresses) held.push_back({address, &lease, false});
  for (const auto& departure : book.departures)
    for (const auto& address : departure.lease.addresses)
      held.push_back({address, &departure.lease, true});
  std::sort(held.begin(), held.end(),
            [](const Held& a, const Held& b) { return a.address < b.address; });
  return held;
}

Json rangeJson(const std::string& network, const conf::IpRange& range,
               const std::vector<Held>& held) {
  const auto size = sizeOf(range);
  const auto used = static_cast<std::uint64_t>(std::count_if(
      held.begin(), held.end(), [&](const Held& each) { return range.holds(each.address); }));
  Json json = Json::object();
  json["network"] = network;
  json["subnet"] = toString(range.subnet);
  json["first"] = toString(range.first);
  json["last"] = toString(range.last);
  json["gateway"] = range.gateway ? Json(toString(*range.gateway)) : Json(nullptr);
  json["size"] = size;
  json["used"] = used;
  json["free"] = size - used;
  return json;
}

Json leaseJson(const Held& held) {
  Json json = Json::object();
  json["address"] = toString(held.address);
  json["network"] = held.lease->network;
  json["namespace"] = held.lease->pod.ns;
  json["name"] = held.lease->pod.name;
  json["containerID"] = held.lease->id.containerId;
  json["ifName"] = held.lease->id.ifName;
  json["since"] = held.lease->time;
  json["state"] = held.departed ? "departed" : "held";
  return json;
}

}  // namespace

std::string leasesJson(const std::string& stateDir) {
  const auto book = ipam::readLeases(stateDir);
  const auto held = heldIn(book);
  Json ranges = Json::array();
  for (const auto& [network, sets] : book.ranges)
    for (const auto& set : sets)
      for (const auto& range : set) ranges.push_back(rangeJson(network, range, held));
  Json leases = Json::array();
  for (const auto& each : held) leases.push_back(leaseJson(each));
  Json body = Json::object();
  body["ranges"] = std::move(ranges);
  body["leases"] = std::move(leases);
  return dump(body);
}

}  // namespace kpol::controller
