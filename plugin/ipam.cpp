// SPDX-License-Identifier: Apache-2.0
#include "plugin/ipam.hpp"

#include "conf/cni_error.hpp"
#include "conf/config_error.hpp"
#include "ipam/departures.hpp"
#include "plugin/address_choice.hpp"
#include "plugin/delegate.hpp"
#include "plugin/interface.hpp"
#include "plugin/settle.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <optional>
#include <thread>
#include <unordered_set>

namespace kpol::plugin {
namespace {

using conf::CniCode;
using conf::CniFailure;

// How long ADD waits for what pods that have just ended have: the interface in its namespace, or
// their addresses, if no other address is free.
constexpr std::chrono::seconds kDepartureWait{3};

std::string nameOf(const Request& request) {
  return "container " + request.env.containerId + " interface " + request.env.ifName->text();
}

[[noreturn]] void failBusy(const ipam::StoreBusy& busy) {
  throw CniFailure(CniCode::TryAgain, busy.what(), "check for a kpol process that hangs");
}

std::vector<base::IpAddress> requestedIps(const Request& request) {
  auto ips = request.config.requestedIps;
  ips.insert(ips.end(), request.env.args.ips.begin(), request.env.args.ips.end());
  std::sort(ips.begin(), ips.end());
  ips.erase(std::unique(ips.begin(), ips.end()), ips.end());
  return ips;
}

std::unordered_set<base::IpAddress> heldIn(
    const std::map<conf::AttachmentId, ipam::Lease>& leases) {
  std::unordered_set<base::IpAddress> held;
  for (const auto& [id, lease] : leases)
    held.insert(lease.addresses.begin(), lease.addresses.end());
  return held;
}

// Returns nullopt if ADD has to wait for a pending release: no other address is free, or the
// release belongs to the same container ID and ifname.
std::optional<std::vector<base::IpAddress>> choose(const Request& request,
                                                   const ipam::LeaseStore& store) {
  AddressChoice choice{request.config.ipam.ranges, heldIn(store.leases()),
                       store.lastGiven(request.config.name), requestedIps(request),
                       store.resting()};
  for (const auto& departure : store.departures()) {
    if (departure.lease.id == idOf(request)) return std::nullopt;  // its link has the same name
    choice.taken.insert(departure.lease.addresses.begin(), departure.lease.addresses.end());
  }
  try {
    return chooseAddresses(choice);
  } catch (const CniFailure&) {
    if (store.departures().empty()) throw;
    return std::nullopt;
  }
}

bool hasPendingRelease(const Request& request, const netlink::Netns& pod) {
  const auto departures = ipam::readLeases(request.config.stateDir).departures;
  if (departures.empty()) return false;
  const auto peers = peersIn(pod);
  return std::any_of(departures.begin(), departures.end(), [&](const ipam::Departure& departure) {
    return std::find(peers.begin(), peers.end(), departure.link) != peers.end();
  });
}

std::optional<Assignment> tryAssign(const Request& request) {
  auto store = openLeases(request);
  const auto id = idOf(request);
  if (store.leases().contains(id))
    throw CniFailure(CniCode::AlreadyAttached, nameOf(request) + " already has addresses",
                     "run DEL before another ADD");
  auto ips = choose(request, store);
  if (!ips) return std::nullopt;
  store.noteRanges(request.config.name, request.config.ipam.ranges);
  store.add({id, request.config.name, request.env.args.pod, std::time(nullptr), *ips});
  return Assignment{*std::move(ips), {}};
}

Assignment assignBuiltIn(const Request& request) {
  const auto deadline = std::chrono::steady_clock::now() + kDepartureWait;
  while (true) {
    if (auto assignment = tryAssign(request)) return *std::move(assignment);
    if (std::chrono::steady_clock::now() >= deadline)
      throw CniFailure(CniCode::TryAgain,
                       "no address is free before the interface of an ended pod is deleted",
                       "`kpolctl show ips` shows it as departed");
    // The store must not be locked here. Returns at once if another process is releasing already.
    ipam::settleDepartures(request.config.stateDir, remark);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

Assignment assignDelegated(const Request& request) {
  const auto output = runIpamPlugin(request, conf::CniCommand::Add);
  const auto refuse = [&](const std::string& problem) {
    // The plugin may have reserved an address for us.
    runIpamPlugin(request, conf::CniCommand::Del);
    throw CniFailure(CniCode::Ipam, "IPAM plugin " + request.config.ipam.type + ": " + problem);
  };
  conf::CniResult result;
  try {
    result = conf::parseResult(output, "result");
  } catch (const conf::ConfigError& error) {
    refuse(error.what());
  }
  if (result.ips.empty()) refuse("returned no address");
  Assignment assignment;
  for (const auto& ip : result.ips) assignment.ips.push_back(ip.address);
  assignment.dns = std::move(result.dns);
  return assignment;
}

}  // namespace

bool isBuiltIn(const Request& request) {
  return request.config.ipam.type == "kpol";
}

ipam::AttachmentLock lockAttachment(const Request& request, const conf::AttachmentId& id) {
  try {
    return {request.config.stateDir, id};
  } catch (const ipam::StoreBusy& busy) {
    failBusy(busy);
  }
}

ipam::LeaseStore openLeases(const Request& request) {
  try {
    return ipam::LeaseStore::open(request.config.stateDir);
  } catch (const ipam::StoreBusy& busy) {
    failBusy(busy);
  }
}

void awaitReleases(const Request& request, const netlink::Netns& pod) {
  const auto deadline = std::chrono::steady_clock::now() + kDepartureWait;
  while (hasPendingRelease(request, pod)) {
    if (std::chrono::steady_clock::now() >= deadline)
      throw CniFailure(CniCode::TryAgain,
                       "the interface of an ended container in the same network namespace is not "
                       "deleted yet",
                       "`kpolctl show ips` shows it as departed");
    // Returns at once if another process is releasing already.
    ipam::settleDepartures(request.config.stateDir, remark);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

Assignment assign(const Request& request) {
  return isBuiltIn(request) ? assignBuiltIn(request) : assignDelegated(request);
}

void release(const Request& request) {
  if (isBuiltIn(request)) {
    openLeases(request).remove(idOf(request));
  } else if (!request.config.ipam.type.empty()) {
    runIpamPlugin(request, conf::CniCommand::Del);
  }
}

void verifyHeld(const Request& request, std::vector<base::IpAddress> ips) {
  if (!isBuiltIn(request)) {
    runIpamPlugin(request, conf::CniCommand::Check);
    return;
  }
  const auto store = openLeases(request);
  const auto found = store.leases().find(idOf(request));
  if (found == store.leases().end())
    throw CniFailure(CniCode::CheckFailed, nameOf(request) + " has no lease",
                     "delete and recreate the pod");
  auto held = found->second.addresses;
  std::sort(held.begin(), held.end());
  std::sort(ips.begin(), ips.end());
  if (held != ips)
    throw CniFailure(CniCode::CheckFailed,
                     nameOf(request) + " has other addresses than prevResult contains",
                     "delete and recreate the pod");
}

}  // namespace kpol::plugin
