// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_routes.hpp"

#include "base/async/asio.hpp"
#include "base/log.hpp"
#include "ipam/attachment_lock.hpp"
#include "ipam/departures.hpp"
#include "ipam/lease_store.hpp"
#include "netlink/route_socket.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;

// DEL deletes the routes of a pod shortly before its attachment, so most suspects need no check. It
// also limits the CPU time if another program deletes routes as fast as kpold restores them.
constexpr auto kPodChangesGather = 20ms;
// While the plugin holds the attachment's lock.
constexpr auto kTryAgain = 200ms;

bool isInterfaceOfKpol(const base::IfName& name) {
  return name.text().starts_with("kpol");
}

// The pod interface's MAC address. Attachments that an older plugin registered do not contain it:
// without a requested address, the two ends differ in the last bit.
std::optional<base::MacAddress> podMacOf(const conf::Attachment& attachment,
                                         const netlink::Link& hostLink) {
  if (attachment.mac) return attachment.mac;
  auto mac = hostLink.mac;
  if (mac) mac->bytes[5] |= 1U;
  return mac;
}

struct Missing {
  std::vector<netlink::Route> routes;
  std::vector<netlink::Neighbour> neighbours;
  [[nodiscard]] std::size_t size() const { return routes.size() + neighbours.size(); }
};

// Empty if the interface is down, because the kernel then accepts no routes, or is not the pod's.
Missing findMissing(netlink::RouteSocket& node, const conf::Attachment& attachment) {
  Missing missing;
  if (!isInterfaceOfKpol(attachment.hostInterface)) return missing;
  const auto link = node.findLink(attachment.hostInterface);
  if (!link || !link->up || !ipam::isLinkOf(*link, idOf(attachment))) return missing;
  const auto mac = podMacOf(attachment, *link);
  const auto routes = node.routes(link->index);
  const auto neighbours = node.neighbours(link->index);
  for (const auto& ip : attachment.ips) {
    netlink::Route route{.destination = base::Prefix::host(ip), .link = link->index};
    if (ip.isV4()) route.scope = netlink::RouteScope::Link;
    if (std::none_of(routes.begin(), routes.end(),
                     [&](const auto& known) { return known.destination == route.destination; }))
      missing.routes.push_back(route);
    if (!mac) continue;
    const netlink::Neighbour neighbour{link->index, ip, *mac};
    if (std::find(neighbours.begin(), neighbours.end(), neighbour) == neighbours.end())
      missing.neighbours.push_back(neighbour);
  }
  return missing;
}

void restore(netlink::RouteSocket& node, const Missing& missing) {
  for (const auto& neighbour : missing.neighbours) node.replaceNeighbour(neighbour);
  for (const auto& route : missing.routes)
    if (!node.addRoute(route))
      base::logWarn("cannot restore a pod's route, another route to it exists",
                    {{"route", toString(route.destination)}});
}

}  // namespace

void PodRoutes::suspect(const base::IfName& hostInterface) {
  for (const auto& [id, attachment] : store_.attachments())
    if (attachment.hostInterface == hostInterface) suspects_.insert(id);
  if (!suspects_.empty()) wake_.notify();
}

void PodRoutes::suspect(const base::IpAddress& address) {
  for (const auto& [id, attachment] : store_.attachments())
    if (std::binary_search(attachment.ips.begin(), attachment.ips.end(), address))
      suspects_.insert(id);
  if (!suspects_.empty()) wake_.notify();
}

void PodRoutes::suspectAll() {
  for (const auto& [id, attachment] : store_.attachments()) suspects_.insert(id);
  wake_.notify();
}

// The kernel does not report the IPv4 routes that it deletes when a link goes down
// (net/ipv4/fib_trie.c, fib_table_flush).
void PodRoutes::handle(const netlink::RouteEvent& event) {
  if (const auto* link = std::get_if<netlink::Added<netlink::Link>>(&event)) {
    if (link->object.up) suspect(link->object.name);
  } else if (const auto* route = std::get_if<netlink::Removed<netlink::Route>>(&event)) {
    const auto& destination = route->object.destination;
    if (destination.length() == destination.address().bits()) suspect(destination.address());
  } else if (const auto* key = std::get_if<netlink::Removed<netlink::NeighbourKey>>(&event)) {
    suspect(key->object.address);
  } else if (const auto* removed = std::get_if<netlink::Removed<netlink::Neighbour>>(&event)) {
    suspect(removed->object.address);
  } else if (const auto* added = std::get_if<netlink::Added<netlink::Neighbour>>(&event)) {
    suspect(added->object.address);
  } else if (std::holds_alternative<netlink::Overflow>(event)) {
    suspectAll();
  }
}

base::Task<> PodRoutes::run() {
  suspectAll();
  for (;;) {
    while (suspects_.empty()) co_await wake_.waitUntil(base::Event::kNever);
    co_await base::sleepFor(kPodChangesGather);
    suspects_ = check(std::exchange(suspects_, {}));
    if (!suspects_.empty()) co_await base::sleepFor(kTryAgain);
  }
}

// Returns the suspects whose lock the plugin holds. With the lock, an attachment in the store is
// not being deleted: a route restored during DEL would stay in the way of the address's next pod.
PodRoutes::Ids PodRoutes::check(const Ids& suspects) {
  Ids busy;
  netlink::RouteSocket node;
  for (const auto& id : suspects) {
    const auto* attachment = store_.find(id);
    if (attachment == nullptr || findMissing(node, *attachment).size() == 0) continue;
    try {
      const ipam::AttachmentLock alone(stateDir_, id, 0ms);
      const auto missing = findMissing(node, *attachment);
      restore(node, missing);
      repairs_ += missing.size();
      base::logWarn("routes of a pod restored, another program deleted them",
                    {{"pod", toString(attachment->pod)},
                     {"interface", attachment->hostInterface.text()},
                     {"changes", missing.size()}});
    } catch (const ipam::StoreBusy&) {
      busy.insert(id);
    }
  }
  return busy;
}

}  // namespace kpol::controller
