// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/interface.hpp"
#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "base/port_range.hpp"
#include "base/prefix.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// rtnetlink objects as values, with the terms of ip(8). Objects are read back as they were written,
// with these exceptions: IPv6 routes have no scope (read as Universe) and metric 0 becomes 1024;
// IPv4 addresses lose noDad.
namespace kpol::netlink {

struct Link {
  base::IfIndex index;
  base::IfName name;
  std::string kind;  // "veth", "bridge", "vxlan"; "" for loopback and physical devices
  std::uint32_t mtu = 0;
  std::optional<base::MacAddress> mac;
  bool up = false;
  std::string alias;  // IFLA_IFALIAS
  // IFLA_LINK: for a veth, the index of the other end, in the other end's namespace.
  std::optional<base::IfIndex> peer;
  std::optional<base::IfIndex> master = {};  // IFLA_MASTER: the bridge it is a port of
  bool loopback = false;                     // IFF_LOOPBACK
  bool operator==(const Link&) const = default;
};

struct Address {
  base::IfIndex link;
  base::IpAddress address;
  std::uint8_t prefixLength = 0;
  bool noDad = false;  // IFA_F_NODAD: an IPv6 address is usable at once
  // Used as a source address only if there is no other. IPv6 only.
  bool deprecated = false;
  bool operator==(const Address&) const = default;
};

enum class RouteScope : std::uint8_t { Universe = 0, Link = 253, Host = 254 };

inline constexpr std::uint32_t kMainTable = 254;  // RT_TABLE_MAIN

struct Route {
  base::Prefix destination;
  std::optional<base::IpAddress> gateway{};
  base::IfIndex link;
  std::optional<base::IpAddress> preferredSource{};
  RouteScope scope = RouteScope::Universe;
  std::uint32_t table = kMainTable;
  std::uint8_t protocol = 4;  // RTPROT_STATIC
  std::uint32_t metric = 0;   // RTA_PRIORITY; 0: the kernel's default
  std::uint32_t mtu = 0;      // RTAX_MTU; 0: none
  bool onLink = false;        // RTNH_F_ONLINK
  bool local = false;         // RTN_LOCAL: delivered to this host; written, but never read back
  // RTN_UNREACHABLE: packets are rejected. Has no link (0) and no gateway.
  bool unreachable = false;
  bool operator==(const Route&) const = default;
};

// `ip rule add from SOURCE lookup TABLE`, for one address.
struct RoutingRule {
  base::IpAddress source;
  std::uint32_t table = 0;
  bool operator==(const RoutingRule&) const = default;
};

struct Neighbour {
  base::IfIndex link;
  base::IpAddress address;
  base::MacAddress mac;
  bool permanent = true;  // NUD_PERMANENT
  bool operator==(const Neighbour&) const = default;
};

// FDB entry of a VXLAN device, which sends frames for `mac` to `destination`:
// `bridge fdb ... dst ADDRESS self permanent`.
struct ForwardingEntry {
  base::IfIndex link;
  base::MacAddress mac;
  base::IpAddress destination;
  bool operator==(const ForwardingEntry&) const = default;
};

// A VXLAN device. Without learning, it sends only to the destinations of its FDB entries.
struct Vxlan {
  base::IfName name;
  base::MacAddress mac;
  std::uint32_t id = 0;    // VNI
  std::uint16_t port = 0;  // UDP
  base::IpAddress local;   // source address of the outer packets, in their family
  std::uint32_t mtu = 0;
  bool learning = false;
  // The source ports of the outer packets are of this range, without its last port. nullopt: of the
  // range for local ports (net.ipv4.ip_local_port_range).
  std::optional<base::PortRange> sourcePorts = {};
  bool operator==(const Vxlan&) const = default;
};

// The next hop of the route that the kernel currently selects for an address.
struct Hop {
  base::IfIndex link;
  std::optional<base::IpAddress> gateway{};  // nullopt: the address is directly reachable
  bool operator==(const Hop&) const = default;
};

// A route with several next hops (`ip route add ... nexthop ... nexthop ...`).
struct MultipathRoute {
  base::Prefix destination;
  std::vector<Hop> hops;
  std::uint32_t table = kMainTable;
  bool operator==(const MultipathRoute&) const = default;
};

// A token bucket filter (tc-tbf(8)): `burst` bytes can pass at once, `rate` bytes per second in the
// long run.
struct TokenBucket {
  std::uint64_t rate = 0;
  std::uint32_t burst = 0;
  std::uint32_t limit = 0;  // maximum bytes in the queue; more are dropped
  bool operator==(const TokenBucket&) const = default;
};

// A veth pair. The peer can be created directly in another network namespace.
struct VethPair {
  base::IfName name;  // in the socket's namespace
  base::MacAddress mac;
  base::IfName peerName;
  base::MacAddress peerMac;
  std::uint32_t mtu = 0;  // both ends; 0: the kernel's default
  int peerNetns = -1;     // descriptor; -1: the socket's own namespace
  std::string alias{};    // this end only, <= 255 bytes; may be empty
};

}  // namespace kpol::netlink
