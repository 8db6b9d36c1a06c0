// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/interface.hpp"
#include "base/ip_address.hpp"
#include "conf/attachment.hpp"
#include "conf/bandwidth.hpp"
#include "conf/cni_result.hpp"
#include "netlink/objects.hpp"
#include "plugin/request.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What ADD makes and CHECK looks for, as a value; nothing here touches the system.
namespace kpol::plugin {

// A file below /proc/sys.
struct Sysctl {
  std::string path;
  std::string value;
  bool needed = false;  // without it the pod has no network; else the attempt is enough
  auto operator<=>(const Sysctl&) const = default;
};

// One end of the pair. Objects have link index 0: it is known only once the link exists.
struct LinkEnd {
  base::IfName name;
  base::MacAddress mac;
  bool automaticIpv6 = false;  // may have a link-local address of the kernel's making
  std::vector<Sysctl> sysctls;
  std::vector<netlink::Address> addresses;
  std::vector<netlink::Neighbour> neighbours;
  std::vector<netlink::Route> routes;
  std::vector<netlink::RoutingRule> rules = {};
  std::vector<base::Family> forwards = {};  // what its namespace passes on
};

// How a pod's traffic is limited; see plugin/bandwidth.hpp.
struct BandwidthPlan {
  conf::Bandwidth limits;
  base::IfName ifb;   // a device for what the pod sends
  std::string alias;  // of it
};

// A routed veth. The pod has its addresses as /32 and /128, and its default routes lead to a
// gateway address that nobody has: a permanent neighbour entry gives it the MAC of the host's end,
// so neither ARP nor neighbour discovery is ever needed. The host has a route and a permanent
// neighbour entry for each address.
struct AttachPlan {
  LinkEnd host;
  LinkEnd pod;
  std::uint32_t mtu = 0;  // 0: the kernel's default (ADD), or not to be looked at (CHECK)
  std::string alias;      // of the host's end; tells whose it is
  std::optional<BandwidthPlan> bandwidth = {};
};

// Of the kernel's tables the one for a further interface of a pod: 0x6b700000 and more.
std::uint32_t routeTableOf(const conf::AttachmentId& id);

AttachPlan planFor(const Request& request, const std::vector<base::IpAddress>& ips);

// For an interface of a pod whose traffic of `families` goes out by another one already: its
// default routes are in a table of their own, and only what is sent from its addresses looks there.
void makeSecondary(AttachPlan& plan, const std::vector<base::Family>& families,
                   std::uint32_t table);

// "kpol" and 11 hex digits of a hash of container ID and ifname.
base::IfName hostInterfaceOf(const conf::AttachmentId& id);

// "kpbw" and the same digits: other programs take "kpol" for pods.
base::IfName ifbOf(const conf::AttachmentId& id);

// Nothing where neither direction is limited.
std::optional<BandwidthPlan> bandwidthPlanFor(const Request& request);

// The alias of a host end: "CONTAINER IFNAME NETWORK NS/NAME".
struct Owner {
  conf::AttachmentId id;
  std::string network;
  auto operator<=>(const Owner&) const = default;
};
std::optional<Owner> parseAlias(const std::string& alias);

conf::Attachment attachmentOf(const Request& request, const base::IfName& hostInterface,
                              std::vector<base::IpAddress> ips);

// `mtu` is that of the links as they are.
conf::CniResult resultOf(const Request& request, const AttachPlan& plan, std::uint32_t mtu);

}  // namespace kpol::plugin
