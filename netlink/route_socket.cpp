// SPDX-License-Identifier: Apache-2.0
#include "netlink/route_socket.hpp"

#include "netlink/address.hpp"
#include "netlink/link.hpp"
#include "netlink/neighbour.hpp"
#include "netlink/request.hpp"
#include "netlink/route.hpp"
#include "netlink/rule.hpp"
#include "netlink/shaping.hpp"
#include "netlink/socket.hpp"

#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <string>
#include <utility>

namespace kpol::netlink {
namespace {

using Codes = std::initializer_list<int>;

// Errors for an object that does not exist: a route or neighbour (ESRCH, ENOENT), an address
// (EADDRNOTAVAIL), or their link (ENODEV).
constexpr Codes kAbsent = {ENOENT, ESRCH, ENODEV, EADDRNOTAVAIL};
constexpr Codes kExists = {EEXIST};
// Errors for an address without a route, or with a prohibit or blackhole route.
constexpr Codes kNowhere = {ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, ENODEV, ESRCH};
constexpr Codes kNone = {};

std::string describe(base::IfIndex link) {
  return "link with index " + std::to_string(link.value);
}

std::string describe(const base::IfName& name) {
  return "link " + name.text();
}

std::string describe(const VethPair& pair) {
  return "veth " + pair.name.text() + " with peer " + pair.peerName.text();
}

std::string describe(const Address& address) {
  return "address " + toString(address.address) + "/" + std::to_string(address.prefixLength) +
         " on " + describe(address.link);
}

std::string describe(const Route& route) {
  const std::string via = route.gateway ? " via " + toString(*route.gateway) : "";
  return "route " + toString(route.destination) + via + " on " + describe(route.link) +
         " in table " + std::to_string(route.table);
}

std::string describe(const RoutingRule& rule) {
  return "rule from " + toString(rule.source) + " to table " + std::to_string(rule.table);
}

std::string describe(const Neighbour& neighbour) {
  return "neighbour " + toString(neighbour.address) + " on " + describe(neighbour.link);
}

std::string describe(const ForwardingEntry& entry) {
  return "FDB entry of " + toString(entry.mac) + " to " + toString(entry.destination) + " on " +
         describe(entry.link);
}

std::string describe(const Vxlan& device) {
  return "VXLAN device " + device.name.text() + " with id " + std::to_string(device.id) +
         " on port " + std::to_string(device.port);
}

std::string describe(const base::IpAddress& address) {
  return toString(address);
}

// Builds the text of an operation only when an error needs it.
template <class Object>
struct Attempt {
  const char* verb;
  const Object& object;
  [[nodiscard]] std::string text() const { return std::string(verb) + " " + describe(object); }
};
template <class Object>
Attempt(const char*, const Object&) -> Attempt<Object>;

struct Listing {
  const char* text;
};

template <class Object>
std::string words(const Attempt<Object>& attempt) {
  return attempt.text();
}
std::string words(const Listing& listing) {
  return listing.text;
}

bool isOneOf(int code, Codes codes) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// Calls `run`. Returns true on success and false if the error code is in `expected`; otherwise
// throws an Error that names the operation.
template <class Tried, class Run>
bool outcome(const Tried& tried, Codes expected, const Run& run) {
  std::optional<Refusal> refusal;
  try {
    refusal = run();
  } catch (const Error& error) {
    throw Error(words(tried) + ": " + error.op(), error.code(), error.extack());
  }
  if (!refusal) return true;
  if (isOneOf(refusal->code, expected)) return false;
  throw Error(words(tried), refusal->code, refusal->extack);
}

bool isOn(const Route& route, const RouteFilter& filter) {
  return route.table == filter.table && (!filter.link || route.link == *filter.link) &&
         route.unreachable == filter.unreachable;
}

}  // namespace

struct RouteSocket::State {
  Socket socket{NETLINK_ROUTE};

  // Returns true on success, false if rejected with one of `expected`.
  template <class Tried>
  bool change(Message message, const Tried& tried, Codes expected) {
    return outcome(tried, expected,
                   [&] { return request(socket, message, Exchange::Kind::Acknowledged); });
  }

  template <class Key>
  std::optional<Link> find(const Key& key) {
    Message message = encodeGetLink(key);
    std::optional<Link> link;
    outcome(Attempt{"find", key}, kAbsent, [&] {
      return request(socket, message, Exchange::Kind::Answered,
                     [&](const MessageView& answer) { link = parseLink(answer.payload); });
    });
    return link;
  }

  // Returns the objects that `parse` accepts and for which `keep` returns true. Empty if the object
  // that the dump is limited to does not exist. `keep` repeats the filter for kernels that ignore
  // it.
  template <class Parse, class Keep>
  auto list(Message message, const Listing& tried, const Parse& parse, const Keep& keep) {
    std::vector<typename decltype(parse(std::span<const std::uint8_t>()))::value_type> objects;
    outcome(tried, kAbsent, [&] {
      return dump(socket, message,
                  {[&] { objects.clear(); },
                   [&](const MessageView& answer) {
                     auto object = parse(answer.payload);
                     if (object && keep(*object)) objects.push_back(std::move(*object));
                   }});
    });
    return objects;
  }
};

RouteSocket::RouteSocket() : state_(std::make_unique<State>()) {}
RouteSocket::~RouteSocket() = default;
RouteSocket::RouteSocket(RouteSocket&&) noexcept = default;
RouteSocket& RouteSocket::operator=(RouteSocket&&) noexcept = default;

bool RouteSocket::addVeth(const VethPair& pair) {
  if (!state_->change(encodeNewVeth(pair), Attempt{"add", pair}, kExists)) return false;
  setAlias(pair.name, pair.alias);
  return true;
}

bool RouteSocket::addIfb(const base::IfName& name, const std::string& alias) {
  if (!state_->change(encodeNewIfb(name), Attempt{"add", name}, kExists)) return false;
  setAlias(name, alias);
  return true;
}

// A second request, because the kernel ignores an alias at creation (net/core/rtnetlink.c
// rtnl_create_link).
void RouteSocket::setAlias(const base::IfName& name, const std::string& alias) {
  if (alias.empty()) return;
  try {
    state_->change(encodeSetAlias(name, alias), Attempt{"set the alias of", name}, kNone);
  } catch (const Error&) {
    deleteLink(name);
    throw;
  }
}

bool RouteSocket::addVxlan(const Vxlan& device) {
  return state_->change(encodeNewVxlan(device), Attempt{"add", device}, kExists);
}

std::optional<Vxlan> RouteSocket::findVxlan(base::IfIndex link) {
  Message message = encodeGetLink(link);
  std::optional<Vxlan> device;
  outcome(Attempt{"find", link}, kAbsent, [&] {
    return request(state_->socket, message, Exchange::Kind::Answered,
                   [&](const MessageView& answer) { device = parseVxlan(answer.payload); });
  });
  return device;
}

bool RouteSocket::deleteLink(base::IfIndex link) {
  return state_->change(encodeDeleteLink(link), Attempt{"delete", link}, kAbsent);
}

bool RouteSocket::deleteLink(const base::IfName& name) {
  return state_->change(encodeDeleteLink(name), Attempt{"delete", name}, kAbsent);
}

bool RouteSocket::setGroup(base::IfIndex link, std::uint32_t group) {
  return state_->change(encodeSetGroup(link, group), Attempt{"set the group of", link}, kAbsent);
}

bool RouteSocket::deleteGroup(std::uint32_t group) {
  return state_->change(encodeDeleteGroup(group), Listing{"delete a group of links"}, kAbsent);
}

std::optional<Link> RouteSocket::findLink(const base::IfName& name) {
  return state_->find(name);
}

std::optional<Link> RouteSocket::findLink(base::IfIndex index) {
  return state_->find(index);
}

std::vector<Link> RouteSocket::links() {
  const auto parse = [](std::span<const std::uint8_t> payload) {
    return std::optional<Link>(parseLink(payload));
  };
  return state_->list(encodeDumpLinks(), {"list links"}, parse, [](const Link&) { return true; });
}

void RouteSocket::setUp(base::IfIndex link) {
  state_->change(encodeSetUp(link), Attempt{"set up", link}, kNone);
}

void RouteSocket::setMtu(base::IfIndex link, std::uint32_t mtu) {
  state_->change(encodeSetMtu(link, mtu), Attempt{"set the MTU of", link}, kNone);
}

void RouteSocket::disableAutomaticIpv6(base::IfIndex link) {
  // EAFNOSUPPORT: IPv6 is disabled in the kernel or for this link (e.g. by an MTU below 1280).
  state_->change(encodeNoAutomaticIpv6(link), Attempt{"disable automatic IPv6 of", link},
                 {EAFNOSUPPORT});
}

void RouteSocket::shape(base::IfIndex link, const TokenBucket& bucket) {
  state_->change(encodeTokenBucket(link, bucket), Attempt{"limit the rate of", link}, kNone);
}

std::optional<TokenBucket> RouteSocket::shaping(base::IfIndex link) {
  const auto parse = [&](std::span<const std::uint8_t> payload) {
    return parseTokenBucket(payload, link);
  };
  const auto all = state_->list(encodeDumpQdiscs(), {"list queueing disciplines"}, parse,
                                [](const TokenBucket&) { return true; });
  return all.empty() ? std::nullopt : std::optional(all.front());
}

void RouteSocket::redirectIngress(base::IfIndex link, base::IfIndex to) {
  const Attempt attempt{"redirect packets received on", link};
  state_->change(encodeIngressQdisc(link), attempt, kNone);
  state_->change(encodeRedirect(link, to), attempt, kNone);
}

std::optional<base::IfIndex> RouteSocket::ingressRedirect(base::IfIndex link) {
  const auto all = state_->list(encodeDumpIngressFilters(link), {"list filters"}, parseRedirect,
                                [](const base::IfIndex&) { return true; });
  return all.empty() ? std::nullopt : std::optional(all.front());
}

bool RouteSocket::addAddress(const Address& address) {
  return state_->change(encode(Verb::Add, address), Attempt{"add", address}, kExists);
}

bool RouteSocket::deleteAddress(const Address& address) {
  return state_->change(encode(Verb::Delete, address), Attempt{"delete", address}, kAbsent);
}

std::vector<Address> RouteSocket::addresses(std::optional<base::IfIndex> link) {
  return state_->list(encodeDumpAddresses(link), {"list addresses"}, parseAddress,
                      [&](const Address& address) { return !link || address.link == *link; });
}

bool RouteSocket::addRoute(const Route& route) {
  return state_->change(encode(Verb::Add, route), Attempt{"add", route}, kExists);
}

void RouteSocket::replaceRoute(const Route& route) {
  state_->change(encode(Verb::Replace, route), Attempt{"replace", route}, kNone);
}

bool RouteSocket::deleteRoute(const Route& route) {
  return state_->change(encode(Verb::Delete, route), Attempt{"delete", route}, kAbsent);
}

std::vector<Route> RouteSocket::list(RouteFilter filter) {
  std::vector<Route> all;
  for (const auto family : {base::Family::V4, base::Family::V6}) {
    filter.family = family;
    auto some = state_->list(encodeDumpRoutes(filter), {"list routes"}, parseRoute,
                             [&](const Route& route) { return isOn(route, filter); });
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

std::vector<Route> RouteSocket::routes(std::optional<base::IfIndex> link, std::uint32_t table) {
  return list({.table = table, .link = link});
}

std::vector<Route> RouteSocket::unreachableRoutes() {
  return list({.unreachable = true});
}

std::vector<MultipathRoute> RouteSocket::multipathRoutes() {
  std::vector<MultipathRoute> all;
  for (const auto family : {base::Family::V4, base::Family::V6}) {
    auto some =
        state_->list(encodeDumpRoutes({.family = family}), {"list routes"}, parseMultipathRoute,
                     [](const MultipathRoute& route) { return route.table == kMainTable; });
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

std::map<base::Family, std::set<base::IfIndex>> RouteSocket::defaultLinks() {
  std::map<base::Family, std::set<base::IfIndex>> links;
  for (const auto& route : routes())
    if (route.destination.length() == 0) links[route.destination.family()].insert(route.link);
  for (const auto& route : multipathRoutes())
    if (route.destination.length() == 0)
      for (const auto& hop : route.hops) links[route.destination.family()].insert(hop.link);
  return links;
}

std::optional<Hop> RouteSocket::hopTo(const base::IpAddress& address) {
  Message message = encodeGetRoute(address);
  std::optional<Route> route;
  outcome(Attempt{"find the route to", address}, kNowhere, [&] {
    return request(state_->socket, message, Exchange::Kind::Answered,
                   [&](const MessageView& answer) { route = parseRoute(answer.payload); });
  });
  if (!route) return std::nullopt;
  return Hop{route->link, route->gateway};
}

bool RouteSocket::addRule(const RoutingRule& rule) {
  return state_->change(encode(Verb::Add, rule), Attempt{"add", rule}, kExists);
}

bool RouteSocket::deleteRule(const RoutingRule& rule) {
  return state_->change(encode(Verb::Delete, rule), Attempt{"delete", rule}, kAbsent);
}

std::vector<RoutingRule> RouteSocket::rules() {
  std::vector<RoutingRule> all;
  for (const auto family : {base::Family::V4, base::Family::V6}) {
    auto some = state_->list(encodeDumpRules(family), {"list rules"}, parseRule,
                             [](const RoutingRule&) { return true; });
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

void RouteSocket::replaceNeighbour(const Neighbour& neighbour) {
  state_->change(encode(Verb::Replace, neighbour), Attempt{"replace", neighbour}, kNone);
}

bool RouteSocket::deleteNeighbour(const Neighbour& neighbour) {
  return state_->change(encode(Verb::Delete, neighbour), Attempt{"delete", neighbour}, kAbsent);
}

std::vector<Neighbour> RouteSocket::neighbours(std::optional<base::IfIndex> link) {
  return state_->list(encodeDumpNeighbours(link), {"list neighbours"}, parseNeighbour,
                      [&](const Neighbour& one) { return !link || one.link == *link; });
}

void RouteSocket::replaceForwarding(const ForwardingEntry& entry) {
  state_->change(encode(Verb::Replace, entry), Attempt{"replace", entry}, kNone);
}

bool RouteSocket::deleteForwarding(const ForwardingEntry& entry) {
  return state_->change(encode(Verb::Delete, entry), Attempt{"delete", entry}, kAbsent);
}

std::vector<ForwardingEntry> RouteSocket::forwarding(base::IfIndex link) {
  return state_->list(encodeDumpForwarding(link), {"list FDB entries"}, parseForwardingEntry,
                      [&](const ForwardingEntry& entry) { return entry.link == link; });
}

}  // namespace kpol::netlink
