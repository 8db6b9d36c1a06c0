// SPDX-License-Identifier: Apache-2.0
#include "plugin/ipam.hpp"

#include "conf/cni_error.hpp"
#include "conf/config_error.hpp"
#include "plugin/address_choice.hpp"
#include "plugin/delegate.hpp"
#include "plugin/ipam_store.hpp"

#include <algorithm>
#include <ctime>

namespace kpol::plugin {
namespace {

using conf::CniCode;
using conf::CniFailure;

bool isBuiltIn(const Request& request) {
  return request.config.ipam.type == "kpol";
}

std::string nameOf(const Request& request) {
  return "container " + request.env.containerId + " interface " + request.env.ifName->text();
}

std::vector<base::IpAddress> requestedIps(const Request& request) {
  auto ips = request.config.requestedIps;
  ips.insert(ips.end(), request.env.args.ips.begin(), request.env.args.ips.end());
  std::sort(ips.begin(), ips.end());
  ips.erase(std::unique(ips.begin(), ips.end()), ips.end());
  return ips;
}

Assignment assignBuiltIn(const Request& request) {
  auto store = IpamStore::open(request.config.stateDir);
  const auto id = idOf(request);
  if (store.leases().contains(id))
    throw CniFailure(CniCode::AlreadyAttached, nameOf(request) + " has its addresses already",
                     "DEL must come before another ADD");
  AddressChoice choice{
      request.config.ipam.ranges, {}, store.lastGiven(request.config.name), requestedIps(request)};
  for (const auto& [other, lease] : store.leases())
    choice.taken.insert(lease.addresses.begin(), lease.addresses.end());
  auto ips = chooseAddresses(choice);
  store.add({id, request.config.name, request.env.args.pod, std::time(nullptr), ips});
  return {std::move(ips), {}};
}

Assignment assignDelegated(const Request& request) {
  const auto output = runIpamPlugin(request, conf::CniCommand::Add);
  const auto refuse = [&](const std::string& problem) {
    // It may hold an address for us now.
    runIpamPlugin(request, conf::CniCommand::Del);
    throw CniFailure(CniCode::Ipam, "IPAM plugin " + request.config.ipam.type + ": " + problem);
  };
  conf::CniResult result;
  try {
    result = conf::parseResult(output, "result");
  } catch (const conf::ConfigError& error) {
    refuse(error.what());
  }
  if (result.ips.empty()) refuse("gave no address");
  Assignment assignment;
  for (const auto& ip : result.ips) assignment.ips.push_back(ip.address);
  assignment.dns = std::move(result.dns);
  return assignment;
}

}  // namespace

Assignment assign(const Request& request) {
  return isBuiltIn(request) ? assignBuiltIn(request) : assignDelegated(request);
}

void release(const Request& request) {
  if (isBuiltIn(request)) {
    IpamStore::open(request.config.stateDir).remove(idOf(request));
  } else if (!request.config.ipam.type.empty()) {
    runIpamPlugin(request, conf::CniCommand::Del);
  }
}

void verifyHeld(const Request& request, std::vector<base::IpAddress> ips) {
  if (!isBuiltIn(request)) {
    runIpamPlugin(request, conf::CniCommand::Check);
    return;
  }
  const auto store = IpamStore::open(request.config.stateDir);
  const auto found = store.leases().find(idOf(request));
  if (found == store.leases().end())
    throw CniFailure(CniCode::CheckFailed, nameOf(request) + " has no lease",
                     "the pod must be started anew");
  auto held = found->second.addresses;
  std::sort(held.begin(), held.end());
  std::sort(ips.begin(), ips.end());
  if (held != ips)
    throw CniFailure(CniCode::CheckFailed,
                     nameOf(request) + " holds other addresses than prevResult says",
                     "the pod must be started anew");
}

}  // namespace kpol::plugin
