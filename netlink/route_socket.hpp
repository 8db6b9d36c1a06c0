// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/error.hpp"
#include "netlink/objects.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace kpol::netlink {

// rtnetlink through one socket, in the network namespace the thread was in when it was made.
//
// API: each call is one acknowledged request or one dump and returns when the kernel has answered.
// Errors: netlink::Error with errno and extack. Outcomes that callers act on are values: `add*`
// returns false where the very object exists already (EEXIST), `delete*` false where it does not
// (ENOENT, ESRCH, ENODEV, EADDRNOTAVAIL); `find*` returns nothing.
// Dumps interrupted by a change (NLM_F_DUMP_INTR) are started again, at most 5 times.
// Threading: one thread at a time. Every wait is bounded (5 s), then Error with ETIMEDOUT.
class RouteSocket {
 public:
  RouteSocket();
  ~RouteSocket();
  RouteSocket(RouteSocket&&) noexcept;
  RouteSocket& operator=(RouteSocket&&) noexcept;

  // Both ends in one request; false: one of the names is taken. Where the alias is refused the pair
  // is deleted again.
  bool addVeth(const VethPair& pair);
  bool addIfb(const base::IfName& name, const std::string& alias);  // likewise
  bool addVxlan(const Vxlan& device);  // false: the name, or its port and id, are taken
  std::optional<Vxlan> findVxlan(base::IfIndex link);  // nothing: it is gone, or no VXLAN device
  bool deleteLink(base::IfIndex link);
  bool deleteLink(const base::IfName& name);
  // False: there is no such link.
  bool setGroup(base::IfIndex link, std::uint32_t group);
  // All links of the group (not 0) at once, in the time that one takes; false: it has none. A link
  // of a kind that cannot be deleted keeps all of them.
  bool deleteGroup(std::uint32_t group);
  std::optional<Link> findLink(const base::IfName& name);
  std::optional<Link> findLink(base::IfIndex index);
  std::vector<Link> links();
  void setUp(base::IfIndex link);
  void setMtu(base::IfIndex link, std::uint32_t mtu);
  // IFLA_INET6_ADDR_GEN_MODE none: the kernel makes no link-local address of its own. Nothing to do
  // where the link has no IPv6.
  void disableAutomaticIpv6(base::IfIndex link);

  // At the root of the link, in place of what is there.
  void shape(base::IfIndex link, const TokenBucket& bucket);
  std::optional<TokenBucket> shaping(base::IfIndex link);  // its burst is not told
  // All that arrives on `link` goes through the queue of `to` first.
  void redirectIngress(base::IfIndex link, base::IfIndex to);
  std::optional<base::IfIndex> ingressRedirect(base::IfIndex link);

  bool addAddress(const Address& address);
  bool deleteAddress(const Address& address);
  std::vector<Address> addresses(std::optional<base::IfIndex> link = std::nullopt);

  bool addRoute(const Route& route);      // NLM_F_EXCL
  void replaceRoute(const Route& route);  // NLM_F_REPLACE
  // The route with this destination, table, metric (IPv6: 0 is any), link, gateway and protocol.
  bool deleteRoute(const Route& route);
  // Unicast routes of table main unless another is asked for; multipath routes are left out.
  std::vector<Route> routes(std::optional<base::IfIndex> link = std::nullopt,
                            std::uint32_t table = 254);

  // As the kernel would send now, policy routing included. Nothing: nowhere, or to this node
  // itself.
  std::optional<Hop> hopTo(const base::IpAddress& address);

  bool addRule(const RoutingRule& rule);
  bool deleteRule(const RoutingRule& rule);
  std::vector<RoutingRule> rules();

  void replaceNeighbour(const Neighbour& neighbour);
  bool deleteNeighbour(const Neighbour& neighbour);
  // Those whose Ethernet address is known.
  std::vector<Neighbour> neighbours(std::optional<base::IfIndex> link = std::nullopt);

  void replaceForwarding(const ForwardingEntry& entry);
  bool deleteForwarding(const ForwardingEntry& entry);
  std::vector<ForwardingEntry> forwarding(base::IfIndex link);

 private:
  void setAlias(const base::IfName& name, const std::string& alias);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::netlink
