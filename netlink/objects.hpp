// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/interface.hpp"
#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "base/prefix.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// rtnetlink objects as values, with the words of ip(8). What is written is what is read back, but:
// IPv6 routes have no scope (read as Universe) and turn metric 0 into 1024; IPv4 addresses lose
// noDad.
namespace kpol::netlink {

struct Link {
  base::IfIndex index;
  base::IfName name;
  std::string kind;  // "veth", "bridge", "vxlan"; "" for loopback and physical devices
  std::uint32_t mtu = 0;
  std::optional<base::MacAddress> mac;
  bool up = false;
  std::string alias;  // IFLA_IFALIAS
  // IFLA_LINK: of a veth, the other end's index in the other end's namespace.
  std::optional<base::IfIndex> peer;
  std::optional<base::IfIndex> master = {};  // IFLA_MASTER: the bridge it is a port of
  bool operator==(const Link&) const = default;
};

struct Address {
  base::IfIndex link;
  base::IpAddress address;
  std::uint8_t prefixLength = 0;
  bool noDad = false;  // IFA_F_NODAD: an IPv6 address is usable at once
  // Not chosen as a source where there is another; IPv6 only.
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
  bool local = false;         // RTN_LOCAL: what goes there is taken here; written, never read
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

// Where a VXLAN device sends frames for a MAC address: `bridge fdb ... dst ADDRESS self permanent`.
struct ForwardingEntry {
  base::IfIndex link;
  base::MacAddress mac;
  base::IpAddress destination;
  bool operator==(const ForwardingEntry&) const = default;
};

// A VXLAN device that learns nothing: it sends where its forwarding entries say.
struct Vxlan {
  base::IfName name;
  base::MacAddress mac;
  std::uint32_t id = 0;    // VNI
  std::uint16_t port = 0;  // UDP
  base::IpAddress local;   // where it sends from; its family is that of the outer packets
  std::uint32_t mtu = 0;
  bool learning = false;
  bool operator==(const Vxlan&) const = default;
};

// The first step on the way to an address, as the kernel would take it now.
struct Hop {
  base::IfIndex link;
  std::optional<base::IpAddress> gateway{};  // nothing: the address is a neighbour's
  bool operator==(const Hop&) const = default;
};

// What lets `burst` bytes pass at once and `rate` bytes a second in the long run (tc-tbf(8)).
struct TokenBucket {
  std::uint64_t rate = 0;
  std::uint32_t burst = 0;
  std::uint32_t limit = 0;  // bytes that may wait; more are dropped
  bool operator==(const TokenBucket&) const = default;
};

// A veth pair whose other end is made directly inside another namespace.
struct VethPair {
  base::IfName name;  // in the socket's namespace
  base::MacAddress mac;
  base::IfName peerName;
  base::MacAddress peerMac;
  std::uint32_t mtu = 0;  // of both ends; 0: the kernel's default
  int peerNetns = -1;     // descriptor; -1: the socket's own namespace
  std::string alias{};    // of this end, <= 255 bytes; may be empty
};

}  // namespace kpol::netlink
