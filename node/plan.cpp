// SPDX-License-Identifier: Apache-2.0
#include "node/plan.hpp"

#include "base/sorted_unique.hpp"
#include "node/claims.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <string_view>

namespace kpol::node {
namespace {

using base::Family;
using conf::Routing;
using policy::Diagnostic;

// The kernel's default for IPv6 routes. Set explicitly, so that the kernel returns the same route.
constexpr std::uint32_t kIpv6Metric = 1024;
// The minimum MTU of IPv6 (RFC 8200, section 5).
constexpr std::uint32_t kLeastMtu = 1280;
// Of Ethernet, and of most networks.
constexpr std::uint32_t kUsualMtu = 1500;
// Of the routes that reject packets to unused addresses: any other route has precedence, such as
// one of another plugin's bridge to the whole pod CIDR.
constexpr std::uint32_t kUnreachableMetric = 1U << 20U;

bool usesVxlan(Routing routing) {
  return routing == Routing::Auto || routing == Routing::Vxlan;
}

std::optional<base::IpAddress> firstOf(const std::vector<base::IpAddress>& addresses,
                                       Family family) {
  for (const auto& address : addresses)
    if (address.family() == family) return address;
  return std::nullopt;
}

// Whether no packet leaves the node by the interface.
bool isInternal(const netlink::Link& link) {
  return link.loopback || link.kind == "dummy" || link.name.text() == kVxlanName;
}

const char* familyText(Family family) {
  return family == Family::V4 ? "IPv4" : "IPv6";
}

// FNV-1a with MurmurHash3's final mix, so that every bit depends on every byte.
std::uint64_t hashOf(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  hash = (hash ^ (hash >> 33U)) * 0xFF51AFD7ED558CCDULL;
  hash = (hash ^ (hash >> 33U)) * 0xC4CEB9FE1A85EC53ULL;
  return hash ^ (hash >> 33U);
}

// RFC 4291, appendix A: fe80::/64 and the MAC address as an interface identifier.
base::IpAddress linkLocalOf(const base::MacAddress& mac) {
  const auto& m = mac.bytes;
  const std::array<std::uint8_t, 16> bytes{
      0xFE, 0x80, 0,    0,    0,    0,    0,   0, static_cast<std::uint8_t>(m[0] ^ 0x02U),
      m[1], m[2], 0xFF, 0xFE, m[3], m[4], m[5]};
  return *base::IpAddress::fromBytes(bytes);
}

// The gateway of the VXLAN route to `cidr`: an address that no pod has. For IPv6 it must be valid
// only on the device: Linux rejects a gateway that has a route through another device, for example
// if the pods were reached directly before (net/ipv6/route.c ip6_route_check_nh_onlink).
base::IpAddress vxlanGateway(const base::Prefix& cidr, const base::MacAddress& mac) {
  return cidr.family() == Family::V4 ? cidr.first() : linkLocalOf(mac);
}

class Planner {
 public:
  Planner(const Settings& settings, const std::map<std::string, policy::Node>& nodes,
          const Host& host, const Plan& before)
      : settings_(settings), nodes_(nodes), host_(host), before_(before) {}

  Plan run() {
    const auto own = nodes_.find(settings_.nodeName);
    if (own == nodes_.end()) {
      if (settings_.routing != Routing::None)
        report(settings_.nodeName, "",
               "is not known, so the network between nodes is not changed; check that nodeName "
               "is the name of this node's Node object");
      plan_.holders = before_.holders;
      plan_.addresses = before_.addresses;
      plan_.uplinkMtus = before_.uplinkMtus;
      plan_.sources = before_.sources;
      return std::move(plan_);
    }
    plan_.complete = true;
    claim(own->second);
    findOwnAddresses(own->second);
    if (usesVxlan(settings_.routing)) makeDevice();
    decideMtu();
    if (settings_.routing == Routing::None) return std::move(plan_);
    rejectUnused();
    for (const auto& [cidr, name] : plan_.holders)
      if (name != settings_.nodeName) route(cidr, nodes_.at(name));
    return std::move(plan_);
  }

 private:
  void report(const std::string& node, const char* field, std::string message,
              Diagnostic::Severity severity = Diagnostic::Severity::Warning) {
    plan_.diagnostics.push_back({severity, "Node " + node, field, std::move(message)});
  }

  // ---- the node of each pod CIDR

  void claim(const policy::Node& own) {
    auto claims = decideClaims(settings_, nodes_, host_, before_);
    plan_.holders = std::move(claims.holders);
    plan_.own.podCidrs = std::move(claims.ownCidrs);
    plan_.addresses = std::move(claims.addresses);
    plan_.diagnostics = std::move(claims.diagnostics);
    for (const auto& [name, addresses] : plan_.addresses)
      plan_.nodeAddresses.insert(plan_.nodeAddresses.end(), addresses.begin(), addresses.end());
    base::sortUnique(plan_.nodeAddresses);
    if (own.podCidrs.empty())
      report(own.name, "spec.podCIDRs",
             "is empty, so pods get no addresses; kube-controller-manager sets it with "
             "--allocate-node-cidrs");
  }

  // The accepted InternalIPs of a node.
  [[nodiscard]] const std::vector<base::IpAddress>& addressesOf(const std::string& node) const {
    static const std::vector<base::IpAddress> kNone;
    const auto known = plan_.addresses.find(node);
    return known == plan_.addresses.end() ? kNone : known->second;
  }

  // ---- this node

  // Null: no interface has the address. Internal interfaces count only if no other one has it.
  const netlink::Link* linkWith(const base::IpAddress& address) const {
    const netlink::Link* found = nullptr;
    for (const auto& one : host_.addresses) {
      if (one.address != address) continue;
      const auto link = host_.links.find(one.link);
      if (link == host_.links.end()) continue;
      if (!isInternal(link->second)) return &link->second;
      found = &link->second;
    }
    return found;
  }

  // Takes the addresses of the settings, and for a family without one those of the Node object.
  // The first one is the source of VXLAN packets.
  void findOwnAddresses(const policy::Node& own) {
    std::vector<base::IpAddress> candidates = settings_.nodeIps;
    for (const auto& address : addressesOf(own.name))
      if (!firstOf(settings_.nodeIps, address.family())) candidates.push_back(address);
    for (const auto& address : candidates) {
      const bool isHere = linkWith(address) != nullptr;
      if (isHere || before_.uplinkMtus.contains(address)) use(address);
      if (isHere && usesVxlan(settings_.routing) &&
          std::ranges::count(own.internalIps, address) == 0)
        report(own.name, "status.addresses",
               "do not contain nodeIP " + toString(address) +
                   " as an InternalIP, so other nodes drop VXLAN packets from it; set "
                   "--node-ip of the kubelet");
      if (isHere || settings_.routing == Routing::None) continue;
      const bool isGiven = std::ranges::count(settings_.nodeIps, address) != 0;
      report(own.name, isGiven ? "" : "status.addresses",
             toString(address) + " is on none of this node's interfaces" +
                 (isGiven ? "; correct nodeIP" : "; set nodeIP to addresses of this node"));
    }
  }

  void use(const base::IpAddress& address) {
    const auto* link = linkWith(address);
    ownAddresses_.push_back(address);
    const auto known = before_.uplinkMtus.find(address);
    auto mtu = link == nullptr ? known->second : uplinkMtu(address, *link);
    if (mtu == 0) {
      mtu = known != before_.uplinkMtus.end() ? known->second : kUsualMtu;
      if (settings_.mtu == 0)
        report(settings_.nodeName, "",
               "has " + toString(address) + " on " + link->name.text() +
                   " and no route that shows its uplink, so the MTU of the uplink is unknown; " +
                   std::to_string(mtu) + " is used; set mtu if that is wrong");
    }
    plan_.uplinkMtus[address] = mtu;
    const bool isElsewhere =
        link == nullptr ? std::ranges::count(before_.sources, address) != 0 : isInternal(*link);
    if (isElsewhere && !firstOf(plan_.sources, address.family())) plan_.sources.push_back(address);
  }

  // The smallest MTU of the interfaces by which packets from the node's address leave: its own, and
  // those of the routes to other nodes. If it is on an internal interface (a node behind several
  // routers has its address on `lo`), those of the default routes instead of its own. 0: none.
  std::uint32_t uplinkMtu(const base::IpAddress& address, const netlink::Link& own) const {
    std::uint32_t smallest = isInternal(own) ? 0 : own.mtu;
    const auto pass = [&](base::IfIndex index) {
      const auto link = host_.links.find(index);
      if (link == host_.links.end() || isInternal(link->second)) return;
      if (smallest == 0 || link->second.mtu < smallest) smallest = link->second.mtu;
    };
    const auto uplinks = host_.uplinks.find(address.family());
    if (isInternal(own) && uplinks != host_.uplinks.end())
      for (const auto index : uplinks->second) pass(index);
    for (const auto& other : plan_.nodeAddresses) {
      const auto hop = host_.hops.find(other);
      if (other.family() == address.family() && hop != host_.hops.end()) pass(hop->second.link);
    }
    return smallest;
  }

  void makeDevice() {
    if (ownAddresses_.empty()) {
      report(settings_.nodeName, "status.addresses",
             "has no address of this node's interfaces, so VXLAN packets have no source address; "
             "set nodeIP");
      return;
    }
    const auto& local = ownAddresses_.front();
    plan_.device = netlink::Vxlan{.name = *base::IfName::parse(kVxlanName),
                                  .mac = vxlanMac(settings_.nodeName),
                                  .id = settings_.vxlanId,
                                  .port = settings_.vxlanPort,
                                  .local = local,
                                  .mtu = plan_.uplinkMtus.at(local) - vxlanOverhead(local.family()),
                                  .sourcePorts = kVxlanSourcePorts};
    for (const auto& cidr : plan_.own.podCidrs) plan_.deviceAddresses.push_back(cidr.first());
    std::ranges::sort(plan_.deviceAddresses);
  }

  void decideMtu() {
    std::uint32_t mtu = 0;
    for (const auto& [address, uplink] : plan_.uplinkMtus)
      if (mtu == 0 || uplink < mtu) mtu = uplink;
    if (plan_.device) mtu = std::min(mtu, plan_.device->mtu);
    if (settings_.mtu != 0) {
      if (plan_.device && plan_.device->mtu < settings_.mtu)
        report(settings_.nodeName, "",
               "mtu " + std::to_string(settings_.mtu) + " is more than the " +
                   std::to_string(plan_.device->mtu) +
                   " that VXLAN allows: large packets between nodes that are not neighbours are "
                   "lost or fragmented");
      mtu = settings_.mtu;
    }
    if (mtu != 0 && mtu < kLeastMtu)
      report(settings_.nodeName, "",
             "has an MTU of " + std::to_string(mtu) + " for pods, too small for IPv6 (at least " +
                 std::to_string(kLeastMtu) + ")");
    plan_.own.mtu = mtu;
  }

  // A packet to an address of this node that no pod has would leave by the default route, and
  // return if the router knows where the pod CIDR is.
  void rejectUnused() {
    for (const auto& cidr : plan_.own.podCidrs)
      plan_.routes.emplace(cidr, netlink::Route{.destination = cidr,
                                                .link = {},
                                                .protocol = kRouteProtocol,
                                                .metric = kUnreachableMetric,
                                                .unreachable = true});
  }

  // ---- the other nodes

  // Returns the node's address of that family if the kernel sends to it without a gateway. A link
  // without an Ethernet address (WireGuard, an IP tunnel) may carry only the node's own packets, so
  // it counts only with routing direct.
  std::optional<base::IpAddress> neighbour(const policy::Node& node, Family family) const {
    for (const auto& address : addressesOf(node.name)) {
      if (address.family() != family) continue;
      const auto hop = host_.hops.find(address);
      if (hop == host_.hops.end() || hop->second.gateway) continue;
      const auto link = host_.links.find(hop->second.link);
      if (link == host_.links.end()) continue;
      if (link->second.mac || settings_.routing == Routing::Direct) return address;
    }
    return std::nullopt;
  }

  void route(const base::Prefix& cidr, const policy::Node& node) {
    PeerRoute peer{node.name, cidr, PeerRoute::How::None, {}, {}};
    const auto gateway =
        settings_.routing == Routing::Vxlan ? std::nullopt : neighbour(node, cidr.family());
    if (gateway)
      routeDirectly(peer, *gateway);
    else if (settings_.routing == Routing::Direct)
      report(node.name, "status.addresses",
             std::string("has no ") + familyText(cidr.family()) +
                 " address that is a neighbour of this node, so its pods are unreachable at " +
                 toString(cidr) + " (routing: direct)");
    else if (plan_.device)
      routeByVxlan(peer, node);
    plan_.peers.push_back(std::move(peer));
  }

  // The source address of the node's own packets through VXLAN, so that replies use VXLAN too.
  std::optional<base::IpAddress> deviceSource(Family family) const {
    for (const auto& cidr : plan_.own.podCidrs)
      if (cidr.family() == family) return cidr.first();
    return std::nullopt;
  }

  void addRoute(const base::Prefix& cidr, const base::IpAddress& gateway, base::IfIndex link) {
    plan_.routes.emplace(
        cidr, netlink::Route{.destination = cidr,
                             .gateway = gateway,
                             .link = link,
                             .preferredSource =
                                 link == kVxlanLink ? deviceSource(cidr.family()) : std::nullopt,
                             .protocol = kRouteProtocol,
                             .metric = cidr.family() == Family::V6 ? kIpv6Metric : 0,
                             .onLink = link == kVxlanLink});
  }

  void routeDirectly(PeerRoute& peer, const base::IpAddress& gateway) {
    const auto link = host_.hops.at(gateway).link;
    addRoute(peer.cidr, gateway, link);
    peer.how = PeerRoute::How::Direct;
    peer.via = gateway;
    peer.link = host_.links.at(link).name.text();
  }

  void routeByVxlan(PeerRoute& peer, const policy::Node& node) {
    const auto family = plan_.device->local.family();
    const auto address = firstOf(addressesOf(node.name), family);
    if (!address) {
      report(node.name, "status.addresses",
             std::string("has no InternalIP of ") + familyText(family) +
                 ", which VXLAN needs, so its pods are unreachable at " + toString(peer.cidr));
      return;
    }
    const auto mac = vxlanMac(node.name);
    const auto gateway = vxlanGateway(peer.cidr, mac);
    addRoute(peer.cidr, gateway, kVxlanLink);
    plan_.neighbours.emplace(gateway, mac);
    plan_.forwarding.emplace(mac, *address);
    peer.how = PeerRoute::How::Vxlan;
    peer.via = *address;
    peer.link = kVxlanName;
  }

  const Settings& settings_;
  const std::map<std::string, policy::Node>& nodes_;
  const Host& host_;
  const Plan& before_;
  std::vector<base::IpAddress> ownAddresses_;
  Plan plan_;
};

}  // namespace

const char* toString(PeerRoute::How how) {
  switch (how) {
    case PeerRoute::How::Direct: return "direct";
    case PeerRoute::How::Vxlan: return "vxlan";
    case PeerRoute::How::None: break;
  }
  return "none";
}

Plan makePlan(const Settings& settings, const std::map<std::string, policy::Node>& nodes,
              const Host& host, const Plan& before) {
  return Planner(settings, nodes, host, before).run();
}

std::vector<policy::NodeTunnel> tunnelsOf(const Plan& plan) {
  std::vector<policy::NodeTunnel> tunnels;
  for (const auto& [cidr, name] : plan.holders) {
    const auto known = plan.addresses.find(name);
    if (known == plan.addresses.end()) continue;
    for (const auto& address : known->second)
      if (address.family() == cidr.family()) tunnels.push_back({address, cidr.first()});
  }
  base::sortUnique(tunnels);
  return tunnels;
}

base::MacAddress vxlanMac(const std::string& nodeName) {
  const auto hash = hashOf(nodeName);
  base::MacAddress mac;
  for (std::size_t i = 0; i < mac.bytes.size(); ++i)
    mac.bytes.at(i) = static_cast<std::uint8_t>(hash >> (8 * i));
  // Locally administered, unicast.
  mac.bytes[0] = static_cast<std::uint8_t>((mac.bytes[0] & 0xFCU) | 0x02U);
  return mac;
}

}  // namespace kpol::node
