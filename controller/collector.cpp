// SPDX-License-Identifier: Apache-2.0
#include "controller/collector.hpp"

#include "base/async/asio.hpp"
#include "base/log.hpp"
#include "ipam/attachment_lock.hpp"
#include "ipam/departures.hpp"
#include "ipam/lease_store.hpp"
#include "netlink/route_socket.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace kpol::controller {
namespace {

using std::chrono::milliseconds;

bool isGone(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

}  // namespace

base::Task<> Collector::run() {
  for (;;) {
    co_await base::sleepFor(options_.grace);
    check();
  }
}

Collector::Ids Collector::findAbandoned() const {
  Ids ids;
  netlink::RouteSocket node;
  for (const auto& [id, attachment] : store_.attachments())
    if (isGone(attachment.netns) && !node.findLink(attachment.hostInterface)) ids.insert(id);

  std::vector<conf::AttachmentId> unattached;  // always so in networks with policy `none`
  for (const auto& [id, lease] : ipam::readLeases(options_.stateDir).leases)
    if (store_.find(id) == nullptr) unattached.push_back(id);
  if (unattached.empty()) return ids;
  const auto links = node.links();
  for (const auto& id : unattached)
    if (std::none_of(links.begin(), links.end(),
                     [&](const netlink::Link& link) { return ipam::isLinkOf(link, id); }))
      ids.insert(id);
  return ids;
}

void Collector::check() {
  auto abandoned = findAbandoned();
  for (const auto& id : suspects_)
    if (abandoned.contains(id) && collect(id)) abandoned.erase(id);
  suspects_ = std::move(abandoned);
}

// Returns false if the plugin holds the lock of the attachment or of the leases. The next check
// tries again.
bool Collector::collect(const conf::AttachmentId& id) {
  try {
    const ipam::AttachmentLock alone(options_.stateDir, id, milliseconds(0));
    const auto* attachment = store_.find(id);
    const bool hadLease = depart(id);
    base::logWarn("attachment collected, its pod was deleted without DEL",
                  {{"pod", attachment == nullptr ? "" : toString(attachment->pod)},
                   {"container", id.containerId},
                   {"interface", id.ifName}});
    if (attachment == nullptr) return true;
    if (!hadLease) settler_.wake(orphanedIps(*attachment));
    podStart_.forget(id);
    return true;
  } catch (const ipam::StoreBusy&) {
    return false;
  }
}

// Returns false if kpol's IPAM has no lease for it.
bool Collector::depart(const conf::AttachmentId& id) {
  if (!ipam::readLeases(options_.stateDir).leases.contains(id)) return false;
  auto leases = ipam::LeaseStore::open(options_.stateDir, milliseconds(0));
  if (!leases.depart(id, {})) return false;
  settler_.wake();
  return true;
}

// The attachment's addresses, without those that another IPAM plugin has since given to another
// pod.
std::vector<base::IpAddress> Collector::orphanedIps(const conf::Attachment& attachment) const {
  auto ips = attachment.ips;
  std::erase_if(ips, [&](const base::IpAddress& ip) {
    const auto& all = store_.attachments();
    return std::any_of(all.begin(), all.end(), [&](const auto& other) {
      return other.first != idOf(attachment) &&
             std::binary_search(other.second.ips.begin(), other.second.ips.end(), ip);
    });
  });
  return ips;
}

}  // namespace kpol::controller
