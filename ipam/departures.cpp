// SPDX-License-Identifier: Apache-2.0
#include "ipam/departures.hpp"

#include "base/unique_fd.hpp"
#include "ipam/directory.hpp"
#include "ipam/lease_store.hpp"
#include "netlink/conntrack.hpp"

#include <sys/file.h>

#include <cerrno>
#include <vector>

namespace kpol::ipam {
namespace {

// The group of links about to be deleted: "kpol" in ASCII, so that no other program uses it.
constexpr std::uint32_t kDyingGroup = 0x6b706f6c;

// Returns the lock that only the releasing process holds, or an empty descriptor if another process
// holds it.
base::UniqueFd becomeSettler(const std::string& stateDir) {
  auto fd = openLockFile(stateDir, kSettleLock);
  if (::flock(fd.value(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK && errno != EINTR)
    throw base::SystemError("lock " + stateDir + "/ipam/" + kSettleLock, errno);
  return {};
}

bool isThere(netlink::RouteSocket& node, const Departure& departure) {
  if (departure.link.value == 0) return false;
  const auto link = node.findLink(departure.link);
  return link && isLinkOf(*link, departure.lease.id);
}

// Whether `link` is that of a release whose link is not recorded. An alias is required, because the
// name alone does not identify the pod.
bool isUnrecorded(const netlink::Link& link, const Departure& departure) {
  return departure.link.value == 0 && !link.alias.empty() && isLinkOf(link, departure.lease.id);
}

// Whether `link` is the IFB that limits what the pod of `id` sends. It is not deleted with the veth
// pair, so it still exists if the pod ended without DEL.
bool isIfbOf(const netlink::Link& link, const conf::AttachmentId& id) {
  return link.kind == "ifb" && link.name.text().starts_with("kpbw") &&
         link.alias.starts_with(id.containerId + ' ' + id.ifName + ' ');
}

void settle(const std::string& stateDir, const std::vector<Departure>& departures,
            const Remark& remark) {
  netlink::RouteSocket node;
  std::vector<base::IfIndex> links;
  std::vector<base::IpAddress> addresses;
  for (const auto& departure : departures) {
    if (isThere(node, departure)) links.push_back(departure.link);
    addresses.insert(addresses.end(), departure.lease.addresses.begin(),
                     departure.lease.addresses.end());
  }
  for (const auto& link : node.links())
    for (const auto& departure : departures)
      if (isIfbOf(link, departure.lease.id) || isUnrecorded(link, departure))
        links.push_back(link.index);
  deleteTogether(node, links);
  // Established packets are accepted before policies are evaluated, and the next pod may get the
  // same address, so the conntrack entries must be deleted first.
  try {
    netlink::forgetFlows(addresses);
  } catch (const netlink::Error& error) {
    remark(std::string("cannot delete conntrack entries, they remain until they time out: ") +
           error.what());
  }
  auto store = LeaseStore::open(stateDir);
  for (const auto& departure : departures) store.settle(departure);
}

}  // namespace

bool isLinkOf(const netlink::Link& link, const conf::AttachmentId& id) {
  if (link.kind != "veth" || !link.name.text().starts_with("kpol")) return false;
  return link.alias.empty() || link.alias.starts_with(id.containerId + ' ' + id.ifName + ' ');
}

void deleteTogether(netlink::RouteSocket& node, std::span<const base::IfIndex> links) {
  bool any = false;
  for (const auto link : links) any = node.setGroup(link, kDyingGroup) || any;
  if (any) node.deleteGroup(kDyingGroup);
}

void deleteWithNext(netlink::RouteSocket& node, base::IfIndex link) {
  node.setGroup(link, kDyingGroup);
}

void settleDepartures(const std::string& stateDir, const Remark& remark) {
  // Check again after releasing the lock: another process may have recorded a release while we held
  // it, and relies on us to complete it.
  while (!readLeases(stateDir).departures.empty()) {
    const auto settler = becomeSettler(stateDir);
    if (!settler) return;
    settle(stateDir, readLeases(stateDir).departures, remark);
  }
}

}  // namespace kpol::ipam
