// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/error.hpp"
#include "netlink/objects.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace kpol::netlink {

struct RouteFilter;

// rtnetlink over one socket, in the network namespace that the thread is in during construction.
//
// API: each call sends acknowledged requests or dumps, and returns after the kernel's response.
// Errors: netlink::Error with errno and extack. Outcomes that callers act on are return values:
// `add*` returns false if the object exists (EEXIST), `delete*` returns false if it does not exist
// (ENOENT, ESRCH, ENODEV, EADDRNOTAVAIL), and `find*` then returns nullopt.
// Dumps interrupted by a change (NLM_F_DUMP_INTR) are restarted, at most 5 times.
// Threading: one thread at a time. Each wait is limited to 5 s, then Error with ETIMEDOUT.
class RouteSocket {
 public:
  RouteSocket();
  ~RouteSocket();
  RouteSocket(RouteSocket&&) noexcept;
  RouteSocket& operator=(RouteSocket&&) noexcept;

  // Creates both ends in one request. Returns false if one of the names is taken. If the alias is
  // rejected, deletes the pair and throws.
  bool addVeth(const VethPair& pair);
  bool addIfb(const base::IfName& name, const std::string& alias);  // like addVeth
  bool addVxlan(const Vxlan& device);  // false: the name, or its port and id, are taken
  // Returns nullopt if the link does not exist, is not a VXLAN device or has no local address.
  std::optional<Vxlan> findVxlan(base::IfIndex link);
  bool deleteLink(base::IfIndex link);
  bool deleteLink(const base::IfName& name);
  // Returns false if the link does not exist.
  bool setGroup(base::IfIndex link, std::uint32_t group);
  // Deletes all links of the group (not 0) at once, in about the time of one. Returns false if the
  // group is empty. If one link is of a kind that cannot be deleted, none is deleted.
  bool deleteGroup(std::uint32_t group);
  std::optional<Link> findLink(const base::IfName& name);
  std::optional<Link> findLink(base::IfIndex index);
  std::vector<Link> links();
  void setUp(base::IfIndex link);
  void setMtu(base::IfIndex link, std::uint32_t mtu);
  // IFLA_INET6_ADDR_GEN_MODE none: the kernel generates no link-local address. Has no effect if the
  // link has no IPv6.
  void disableAutomaticIpv6(base::IfIndex link);

  // Replaces the root queueing discipline of the link.
  void shape(base::IfIndex link, const TokenBucket& bucket);
  std::optional<TokenBucket> shaping(base::IfIndex link);  // without `burst`
  // Sends all packets that arrive on `link` through the queue of `to` first. Call once per link: a
  // second call adds another filter behind the first.
  void redirectIngress(base::IfIndex link, base::IfIndex to);
  std::optional<base::IfIndex> ingressRedirect(base::IfIndex link);

  bool addAddress(const Address& address);
  bool deleteAddress(const Address& address);
  std::vector<Address> addresses(std::optional<base::IfIndex> link = std::nullopt);

  // NLM_F_EXCL. Returns false if a route with this destination, table and metric exists, even with
  // another gateway or link.
  bool addRoute(const Route& route);
  void replaceRoute(const Route& route);  // NLM_F_REPLACE
  // Deletes the route with this destination, table, metric (0: any), link, gateway and protocol.
  bool deleteRoute(const Route& route);
  // Unicast routes of `table`, by default main, without multipath routes.
  std::vector<Route> routes(std::optional<base::IfIndex> link = std::nullopt,
                            std::uint32_t table = 254);
  std::vector<Route> unreachableRoutes();         // of table main
  std::vector<MultipathRoute> multipathRoutes();  // of table main
  // The links of all default routes of table main, by the family of the route.
  std::map<base::Family, std::set<base::IfIndex>> defaultLinks();

  // The route that the kernel currently selects, including policy routing. Returns nullopt if there
  // is no route, or if the address belongs to this node.
  std::optional<Hop> hopTo(const base::IpAddress& address);

  // The kernel assigns the next free priority, so an equal rule is added again.
  bool addRule(const RoutingRule& rule);
  bool deleteRule(const RoutingRule& rule);
  std::vector<RoutingRule> rules();

  void replaceNeighbour(const Neighbour& neighbour);
  bool deleteNeighbour(const Neighbour& neighbour);
  // Neighbours whose Ethernet address is known.
  std::vector<Neighbour> neighbours(std::optional<base::IfIndex> link = std::nullopt);

  void replaceForwarding(const ForwardingEntry& entry);
  bool deleteForwarding(const ForwardingEntry& entry);
  std::vector<ForwardingEntry> forwarding(base::IfIndex link);

 private:
  std::vector<Route> list(RouteFilter filter);
  void setAlias(const base::IfName& name, const std::string& alias);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::netlink
