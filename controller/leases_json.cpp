// SPDX-License-Identifier: Apache-2.0
#include "controller/leases_json.hpp"

#include "controller/json_text.hpp"
#include "ipam/lease_store.hpp"
#include "ipam/range_use.hpp"

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

// All addresses that cannot be allocated now, sorted.
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

Json rangeJson(const ipam::RangeUse& use) {
  const auto& range = use.range;
  Json json = Json::object();
  json["network"] = use.network;
  json["subnet"] = toString(range.subnet);
  json["first"] = toString(range.first);
  json["last"] = toString(range.last);
  json["gateway"] = range.gateway ? Json(toString(*range.gateway)) : Json(nullptr);
  json["size"] = use.size;
  json["used"] = use.used;
  json["free"] = use.size - use.used;
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
  for (const auto& use : ipam::rangeUseOf(book)) ranges.push_back(rangeJson(use));
  Json leases = Json::array();
  for (const auto& each : held) leases.push_back(leaseJson(each));
  Json body = Json::object();
  body["ranges"] = std::move(ranges);
  body["leases"] = std::move(leases);
  return dump(body);
}

}  // namespace kpol::controller
