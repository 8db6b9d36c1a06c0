// SPDX-License-Identifier: Apache-2.0
#include "plugin/interface.hpp"

#include "base/error.hpp"
#include "conf/cni_error.hpp"
#include "ipam/departures.hpp"
#include "netlink/forwarding.hpp"
#include "netlink/route_socket.hpp"
#include "plugin/bandwidth.hpp"
#include "plugin/sysctl.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace kpol::plugin {
namespace {

using netlink::Link;
using netlink::Netns;
using netlink::RouteSocket;

RouteSocket routeSocketIn(const Netns& netns) {
  const auto inside = netns.enter();
  return {};
}

// How long a pair that is being deleted may still exist. The kernel needs 15 to 30 ms.
constexpr std::chrono::milliseconds kDying{1000};

// Waits for a pair that DEL is deleting. Returns false if a name is taken by another link, or still
// taken after the wait.
bool addVeth(RouteSocket& node, const netlink::VethPair& pair) {
  const auto deadline = std::chrono::steady_clock::now() + kDying;
  while (!node.addVeth(pair)) {
    const auto taken = node.findLink(pair.name);
    const bool dying = taken && taken->alias == pair.alias;
    if (!dying || std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// Cleans up when it is unknown whether the pair was made. The caller holds the attachment's lock
// and there was no lease, so a link with this name is not in use.
void removeHalfMade(const AttachPlan& plan) {
  RouteSocket node;  // the caller's socket may have caused the failure
  const auto link = node.findLink(plan.host.name);
  if (!link || link->kind != "veth") return;
  if (link->alias.empty() || link->alias == plan.alias) node.deleteLink(link->index);
}

Link linkNamed(RouteSocket& socket, const base::IfName& name) {
  auto link = socket.findLink(name);
  if (!link) throw netlink::Error("find the new link " + name.text(), ENODEV);
  return *std::move(link);
}

// Adds a local route for an IPv6 address, so that the address can receive at once. Otherwise a
// kernel worker adds the route (net/ipv6/addrconf.c addrconf_dad_work), even without duplicate
// address detection, and under load that takes long. The kernel's route has metric 0 and takes
// precedence over ours as soon as it exists.
void receiveAtOnce(RouteSocket& socket, const netlink::Address& address) {
  if (address.address.isV4()) return;
  netlink::Route route{base::Prefix::host(address.address), {}, address.link, {}};
  route.table = 255;  // RT_TABLE_LOCAL
  route.local = true;
  socket.addRoute(route);
}

// `link` has its name, but no configuration yet.
void configure(RouteSocket& socket, const LinkEnd& end, const Link& link) {
  if (!end.automaticIpv6) socket.disableAutomaticIpv6(link.index);
  // kpold may be unable to set it, because /proc/sys is read-only in a container.
  for (const auto family : end.forwards) netlink::enableForwarding(family);
  for (const auto& sysctl : end.sysctls) set(sysctl);
  for (auto address : end.addresses) {
    address.link = link.index;
    socket.addAddress(address);
  }
  socket.setUp(link.index);
  for (auto address : end.addresses) {
    address.link = link.index;
    receiveAtOnce(socket, address);
  }
  for (auto neighbour : end.neighbours) {
    neighbour.link = link.index;
    socket.replaceNeighbour(neighbour);
  }
  for (auto route : end.routes) {
    route.link = link.index;
    if (!socket.addRoute(route))
      throw conf::CniFailure(conf::CniCode::Kernel,
                             "a route to " + toString(route.destination) + " already exists",
                             "remove it: `ip route show table all " + toString(route.destination) +
                                 "` shows where it comes from");
  }
  for (const auto& rule : end.rules) socket.addRule(rule);
}

// Compares one end of a pair with its plan and collects the differences.
class Inspection {
 public:
  Inspection(RouteSocket& socket, const LinkEnd& end, std::string where)
      : socket_(socket), end_(end), where_(std::move(where)), link_(socket.findLink(end.name)) {}

  [[nodiscard]] const std::optional<Link>& link() const { return link_; }

  std::vector<std::string> faults(std::uint32_t mtu) {
    if (!link_) {
      miss("interface " + end_.name.text());
      return std::move(faults_);
    }
    if (!link_->up) fault("interface " + end_.name.text() + " is down");
    if (link_->mac != end_.mac)
      fault("interface " + end_.name.text() + " has a different MAC address");
    if (mtu != 0 && link_->mtu != mtu)
      fault("interface " + end_.name.text() + " has MTU " + std::to_string(link_->mtu) + ", not " +
            std::to_string(mtu));
    findMissing();
    return std::move(faults_);
  }

 private:
  // Compares only what ADD requested, because the kernel adds flags, metrics and scopes.
  void findMissing() {
    const auto addresses = socket_.addresses(link_->index);
    for (const auto& wanted : end_.addresses)
      if (std::none_of(addresses.begin(), addresses.end(), [&](const netlink::Address& found) {
            return found.address == wanted.address && found.prefixLength == wanted.prefixLength;
          }))
        miss("address " + toString(wanted.address));
    auto routes = socket_.routes(link_->index);
    for (const auto& wanted : end_.routes)
      if (wanted.table != netlink::kMainTable && &wanted == &end_.routes.front())
        for (auto& route : socket_.routes(link_->index, wanted.table)) routes.push_back(route);
    const auto rules = end_.rules.empty() ? std::vector<netlink::RoutingRule>{} : socket_.rules();
    for (const auto& wanted : end_.rules)
      if (std::find(rules.begin(), rules.end(), wanted) == rules.end())
        miss("rule from " + toString(wanted.source));
    for (const auto& wanted : end_.routes)
      if (std::none_of(routes.begin(), routes.end(), [&](const netlink::Route& found) {
            return found.destination == wanted.destination && found.gateway == wanted.gateway &&
                   found.table == wanted.table;
          }))
        miss("route to " + toString(wanted.destination));
    const auto neighbours = socket_.neighbours(link_->index);
    for (const auto& wanted : end_.neighbours)
      if (std::none_of(neighbours.begin(), neighbours.end(), [&](const netlink::Neighbour& found) {
            return found.address == wanted.address && found.mac == wanted.mac && found.permanent;
          }))
        miss("permanent neighbour entry of " + toString(wanted.address));
  }

  void miss(const std::string& what) { fault(what + " is missing"); }
  void fault(const std::string& what) { faults_.push_back(where_ + ": " + what); }

  RouteSocket& socket_;
  const LinkEnd& end_;
  std::string where_;
  std::optional<Link> link_;
  std::vector<std::string> faults_;
};

}  // namespace

std::uint32_t makeInterface(const AttachPlan& plan, const Netns& pod, Rollback& rollback) {
  RouteSocket node;
  bool added = false;
  try {
    added = addVeth(node, {plan.host.name, plan.host.mac, plan.pod.name, plan.pod.mac, plan.mtu,
                           pod.fd(), plan.alias});
  } catch (const netlink::Error&) {
    removeHalfMade(plan);
    throw;
  }
  if (!added)
    throw conf::CniFailure(conf::CniCode::AlreadyAttached,
                           "interface " + plan.pod.name.text() + " in the pod or " +
                               plan.host.name.text() + " on the node already exists",
                           "run DEL before another ADD");
  rollback.add("create interface " + plan.host.name.text(), [name = plan.host.name] {
    // A new socket, because `node` may have caused the failure.
    RouteSocket().deleteLink(name);
  });

  const auto hostLink = linkNamed(node, plan.host.name);
  auto inside = routeSocketIn(pod);
  const auto podLink = linkNamed(inside, plan.pod.name);
  {
    const auto guard = pod.enter();  // the sysctls are those of the thread's namespace
    configure(inside, plan.pod, podLink);
  }
  // Before the pair carries packets.
  if (plan.bandwidth) limitBandwidth(node, hostLink, *plan.bandwidth, rollback);
  configure(node, plan.host, hostLink);
  // The pod interface was up before the host interface, so it drops packets until a kernel worker
  // has attached its queue. A query for the link makes the kernel do that at once
  // (linkwatch_sync_dev, called by net/core/rtnetlink.c rtnl_getlink).
  inside.findLink(podLink.index);
  return hostLink.mtu;
}

std::uint32_t uplinkMtu() {
  RouteSocket node;
  std::uint32_t smallest = 0;
  for (const auto& [family, links] : node.defaultLinks())
    for (const auto index : links) {
      const auto link = node.findLink(index);
      if (link && (smallest == 0 || link->mtu < smallest)) smallest = link->mtu;
    }
  return smallest;
}

std::vector<base::IfIndex> peersIn(const Netns& pod) {
  std::vector<base::IfIndex> peers;
  for (const auto& link : routeSocketIn(pod).links())
    if (link.peer) peers.push_back(*link.peer);
  return peers;
}

std::vector<base::Family> familiesRoutedElsewhere(const Netns& pod, const base::IfName& ifName) {
  auto inside = routeSocketIn(pod);
  const auto own = inside.findLink(ifName);
  std::vector<base::Family> families;
  for (const auto& [family, links] : inside.defaultLinks())
    for (const auto link : links)
      if (!own || link != own->index) families.push_back(family);
  return families;
}

void removeRules(const Netns& pod, const conf::AttachmentId& id) {
  auto inside = routeSocketIn(pod);
  for (const auto& rule : inside.rules())
    if (rule.table == routeTableOf(id)) inside.deleteRule(rule);
}

std::vector<std::string> findFaults(const AttachPlan& plan, const Netns& pod) {
  RouteSocket node;
  auto inside = routeSocketIn(pod);
  Inspection host(node, plan.host, "on the node");
  Inspection container(inside, plan.pod, "in the pod");
  auto faults = host.faults(plan.mtu);
  auto more = container.faults(plan.mtu);
  faults.insert(faults.end(), more.begin(), more.end());
  more = hardeningFaults(plan.host.sysctls, "on the node");
  faults.insert(faults.end(), more.begin(), more.end());
  {
    const auto guard = pod.enter();  // the sysctls are those of the thread's namespace
    more = hardeningFaults(plan.pod.sysctls, "in the pod");
  }
  faults.insert(faults.end(), more.begin(), more.end());
  if (plan.bandwidth && host.link()) {
    more = bandwidthFaults(node, *host.link(), *plan.bandwidth);
    faults.insert(faults.end(), more.begin(), more.end());
  }
  if (host.link() && container.link() && container.link()->peer != host.link()->index)
    faults.push_back("the interfaces " + plan.host.name.text() + " and " + plan.pod.name.text() +
                     " are not a veth pair");
  return faults;
}

std::optional<Link> withdrawInterface(const conf::AttachmentId& id) {
  RouteSocket node;
  auto link = node.findLink(hostInterfaceOf(id));
  if (link && !ipam::isLinkOf(*link, id)) link.reset();
  withdrawBandwidth(node, id, link.has_value());
  if (!link) return std::nullopt;
  for (const auto& route : node.routes(link->index)) node.deleteRoute(route);
  return link;
}

std::optional<Owner> ownerOf(const Link& link) {
  if (link.kind != "veth" && link.kind != "ifb") return std::nullopt;
  auto owner = parseAlias(link.alias);
  if (!owner) return std::nullopt;
  const auto name = link.kind == "veth" ? hostInterfaceOf(owner->id) : ifbOf(owner->id);
  return link.name == name ? owner : std::nullopt;
}

void requireFiltered(const base::IfName& hostEnd) {
  RouteSocket node;
  const auto link = node.findLink(hostEnd);
  const auto bridge = link && link->master ? node.findLink(*link->master) : std::nullopt;
  if (!bridge || bridge->kind != "bridge") return;
  for (const char* key : {"bridge-nf-call-iptables", "bridge-nf-call-ip6tables"}) {
    if (holds({std::string("net/bridge/") + key, "1"})) continue;
    throw conf::CniFailure(
        conf::CniCode::NotFiltered,
        "pods on bridge " + bridge->name.text() +
            " would bypass all policies between each other: sysctl net.bridge." + key + " is not 1",
        "load the module br_netfilter on the node and run `sysctl -w "
        "net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1`");
  }
}

base::IfName findHostEnd(const Netns& pod, const base::IfName& ifName) {
  const auto refuse = [&](const std::string& problem) {
    throw conf::CniFailure(conf::CniCode::InvalidConfig,
                           "interface " + ifName.text() + " of the pod " + problem,
                           "kpol can be chained only after plugins that create veth pairs");
  };
  const auto inner = routeSocketIn(pod).findLink(ifName);
  if (!inner) refuse("does not exist");
  if (inner->kind != "veth" || !inner->peer) refuse("is not a veth whose peer is on the node");
  const auto outer = RouteSocket().findLink(*inner->peer);
  if (!outer || outer->kind != "veth" || outer->peer != inner->index)
    refuse("has its peer in another network namespace");
  return outer->name;
}

}  // namespace kpol::plugin
