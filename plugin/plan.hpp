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

// The plan: what ADD makes and CHECK compares, as a value. Nothing here accesses the system.
namespace kpol::plugin {

// A file below /proc/sys.
struct Sysctl {
  // What a failure to set it means.
  enum class Need : std::uint8_t {
    Optional,   // nothing
    Hardening,  // ADD and CHECK fail, except on a kernel that does not have the sysctl
    Network,    // ADD fails, because the pod has no network without it
  };
  std::string path;
  std::string value;
  Need need = Need::Optional;
  auto operator<=>(const Sysctl&) const = default;
};

// One end of the pair. The objects have link index 0, because the index is not known before the
// link exists.
struct LinkEnd {
  base::IfName name;
  base::MacAddress mac;
  bool automaticIpv6 = false;  // the kernel may generate a link-local address
  std::vector<Sysctl> sysctls;
  std::vector<netlink::Address> addresses;
  std::vector<netlink::Neighbour> neighbours;
  std::vector<netlink::Route> routes;
  std::vector<netlink::RoutingRule> rules = {};
  std::vector<base::Family> forwards = {};  // forwarding is enabled in its namespace for these
};

// The limits of a pod's traffic; see plugin/bandwidth.hpp.
struct BandwidthPlan {
  conf::Bandwidth limits;
  base::IfName ifb;   // the device that limits what the pod sends
  std::string alias;  // of the IFB
};

// A routed veth. The pod has its addresses as /32 and /128. Its default routes use a gateway
// address that is not assigned to any interface: a permanent neighbour entry maps it to the MAC
// address of the host interface, so ARP and neighbour discovery are never needed. The host has a
// route and a permanent neighbour entry for each address.
struct AttachPlan {
  LinkEnd host;
  LinkEnd pod;
  std::uint32_t mtu = 0;  // 0: the kernel's default (ADD), or not compared (CHECK)
  std::string alias;      // of the host interface; see parseAlias()
  std::optional<BandwidthPlan> bandwidth = {};
};

// The routing table for a secondary interface of a pod: 0x6b700000 to 0x6b7fffff.
std::uint32_t routeTableOf(const conf::AttachmentId& id);

AttachPlan planFor(const Request& request, const std::vector<base::IpAddress>& ips);

// Changes the plan for a secondary interface: the pod has default routes of `families` through
// another interface. The default routes of this interface go into `table`, and routing rules select
// that table only for packets from this interface's addresses.
void makeSecondary(AttachPlan& plan, const std::vector<base::Family>& families,
                   std::uint32_t table);

// "kpol" and 11 hex digits of a hash of container ID and ifname.
base::IfName hostInterfaceOf(const conf::AttachmentId& id);

// "kpbw" and the same digits. Not "kpol", because interfaces of that name count as pods.
base::IfName ifbOf(const conf::AttachmentId& id);

// Returns nullopt if neither direction is limited.
std::optional<BandwidthPlan> bandwidthPlanFor(const Request& request);

// The first words of the alias of a host interface or IFB: "CONTAINER IFNAME NETWORK NS/NAME".
struct Owner {
  conf::AttachmentId id;
  std::string network;
  auto operator<=>(const Owner&) const = default;
};
// Returns nullopt if the alias has fewer words.
std::optional<Owner> parseAlias(const std::string& alias);

conf::Attachment attachmentOf(const Request& request, const base::IfName& hostInterface,
                              std::vector<base::IpAddress> ips);

// `mtu` is the actual MTU of the links.
conf::CniResult resultOf(const Request& request, const AttachPlan& plan, std::uint32_t mtu);

}  // namespace kpol::plugin
