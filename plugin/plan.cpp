// SPDX-License-Identifier: Apache-2.0
#include "plugin/plan.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace kpol::plugin {
namespace {

using base::IpAddress;
using base::Prefix;

// IFALIASZ of linux/if.h without the terminating byte.
constexpr std::size_t kLongestAlias = 255;

// The values that depend on the address family.
struct FamilyPlan {
  IpAddress gateway;
  Prefix everywhere;
};

const FamilyPlan& familyPlanOf(const IpAddress& address) {
  static const FamilyPlan kV4{*IpAddress::parse("169.254.1.1"), *Prefix::parse("0.0.0.0/0")};
  static const FamilyPlan kV6{*IpAddress::parse("fe80::1"), *Prefix::parse("::/0")};
  return address.isV4() ? kV4 : kV6;
}

// FNV-1a, then the finalizer of SplitMix64, because the last input bytes of FNV affect only few
// bits of its result. Must never change: names derived from it are on disk and in the kernel.
std::uint64_t hashOf(const conf::AttachmentId& id) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::string_view part :
       {std::string_view(id.containerId), std::string_view("\0", 1), std::string_view(id.ifName)})
    for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9;
  hash = (hash ^ hash >> 27) * 0x94d049bb133111eb;
  return hash ^ hash >> 31;
}

// A locally administered unicast address. The two ends differ in the last bit.
base::MacAddress macOf(const conf::AttachmentId& id, bool pod) {
  const auto hash = hashOf(id);
  base::MacAddress mac;
  mac.bytes[0] = 0x02;
  for (std::size_t i = 1; i < 6; ++i) mac.bytes[i] = static_cast<std::uint8_t>(hash >> (8 * i));
  mac.bytes[5] = static_cast<std::uint8_t>((mac.bytes[5] & 0xfe) | (pod ? 1 : 0));
  return mac;
}

using Need = Sysctl::Need;

struct InterfaceSysctl {
  base::Family family;
  bool pod;
  const char* key;
  const char* value;
  Need need;
  bool always = false;  // also if the pod has no address of the family
};
// rp_filter: accept only source addresses that are routed to the pod.
// forwarding: the namespace's "default" may have it off for new links.
// disable_ipv6: the namespace's "default" may have it on for new links.
// accept_ra, accept_redirects: a pod is no router, and does not change its node's routes. The host
// interface has IPv6 also if the pod has no IPv6 address.
constexpr std::array kSysctls{
    InterfaceSysctl{base::Family::V4, false, "rp_filter", "1", Need::Hardening},
    InterfaceSysctl{base::Family::V4, false, "accept_redirects", "0", Need::Hardening, true},
    InterfaceSysctl{base::Family::V4, false, "forwarding", "1", Need::Optional},
    InterfaceSysctl{base::Family::V6, false, "accept_ra", "0", Need::Hardening, true},
    InterfaceSysctl{base::Family::V6, false, "accept_redirects", "0", Need::Hardening, true},
    InterfaceSysctl{base::Family::V6, false, "disable_ipv6", "0", Need::Network},
    InterfaceSysctl{base::Family::V6, false, "forwarding", "1", Need::Optional},
    InterfaceSysctl{base::Family::V6, true, "disable_ipv6", "0", Need::Network},
    InterfaceSysctl{base::Family::V6, true, "accept_ra", "0", Need::Hardening},
};

std::vector<Sysctl> sysctlsOf(const base::IfName& link, bool pod,
                              const std::vector<base::Family>& families) {
  std::vector<Sysctl> result;
  for (const auto& sysctl : kSysctls) {
    const bool concerned = sysctl.always || std::find(families.begin(), families.end(),
                                                      sysctl.family) != families.end();
    if (sysctl.pod != pod || !concerned) continue;
    const char* directory = sysctl.family == base::Family::V4 ? "net/ipv4/conf/" : "net/ipv6/conf/";
    result.push_back({directory + link.text() + "/" + sysctl.key, sysctl.value, sysctl.need});
  }
  return result;
}

bool isLoopback(const IpAddress& address) {
  return address.isV4() && address.bytes()[0] == 127;
}

// Whether the node may connect to a host port at 127.0.0.1. The pod's replies then have a loopback
// destination, which the kernel accepts on the host interface only with route_localnet. Other
// packets of pods to loopback addresses are dropped by kpold's table.
bool servesLoopback(const std::vector<base::HostPort>& ports) {
  return std::any_of(ports.begin(), ports.end(), [](const base::HostPort& port) {
    return port.concerns(base::Family::V4) && (!port.onlyIp() || isLoopback(*port.onlyIp()));
  });
}

netlink::Route hostRoute(const IpAddress& ip) {
  netlink::Route route{Prefix::host(ip), {}, {}, {}};
  // IPv6 routes have no scope: the kernel reports "universe" for all of them.
  if (ip.isV4()) route.scope = netlink::RouteScope::Link;
  return route;
}

netlink::Route defaultRoute(const FamilyPlan& family) {
  netlink::Route route{family.everywhere, family.gateway, {}, {}};
  route.onLink = true;
  return route;
}

// Returns `name` and 11 hex digits of the hash.
base::IfName interfaceNamed(std::string name, const conf::AttachmentId& id) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  for (unsigned shift = 44; shift > 0; shift -= 4) name += kHex[hashOf(id) >> (shift - 4) & 15];
  const auto parsed = base::IfName::parse(name);
  base::expects(parsed.has_value(), "15 letters and digits are an interface name");
  return *parsed;
}

std::string aliasOf(const Request& request) {
  const auto alias = request.env.containerId + ' ' + request.env.ifName->text() + ' ' +
                     request.config.name + ' ' + toString(request.env.args.pod);
  return alias.substr(0, kLongestAlias);
}

}  // namespace

base::IfName hostInterfaceOf(const conf::AttachmentId& id) {
  return interfaceNamed("kpol", id);
}

base::IfName ifbOf(const conf::AttachmentId& id) {
  return interfaceNamed("kpbw", id);
}

std::optional<BandwidthPlan> bandwidthPlanFor(const Request& request) {
  if (request.config.bandwidth == conf::Bandwidth{}) return std::nullopt;
  return BandwidthPlan{request.config.bandwidth, ifbOf(idOf(request)), aliasOf(request)};
}

std::optional<Owner> parseAlias(const std::string& alias) {
  std::array<std::string, 3> words;
  std::size_t start = 0;
  for (auto& word : words) {
    const auto end = alias.find(' ', start);
    if (end == alias.npos || end == start) return std::nullopt;
    word = alias.substr(start, end - start);
    start = end + 1;
  }
  return Owner{{words[0], words[1]}, words[2]};
}

std::uint32_t routeTableOf(const conf::AttachmentId& id) {
  return 0x6b700000U | static_cast<std::uint32_t>(hashOf(id) & 0xfffffU);
}

void makeSecondary(AttachPlan& plan, const std::vector<base::Family>& families,
                   std::uint32_t table) {
  const auto concerned = [&](base::Family family) {
    return std::find(families.begin(), families.end(), family) != families.end();
  };
  for (auto& route : plan.pod.routes)
    if (concerned(route.destination.family())) route.table = table;
  for (const auto& address : plan.pod.addresses)
    if (concerned(address.address.family())) plan.pod.rules.push_back({address.address, table});
}

AttachPlan planFor(const Request& request, const std::vector<IpAddress>& ips) {
  const auto id = idOf(request);
  const auto hostName = hostInterfaceOf(id);
  const auto asked = request.config.mac ? request.config.mac : request.env.args.mac;
  AttachPlan plan{{hostName, macOf(id, false), false, {}, {}, {}, {}},
                  {*request.env.ifName, asked.value_or(macOf(id, true)), false, {}, {}, {}, {}},
                  request.config.mtu,
                  aliasOf(request),
                  bandwidthPlanFor(request)};
  std::vector<base::Family> families;
  for (const auto& ip : ips) {
    plan.pod.addresses.push_back({{}, ip, static_cast<std::uint8_t>(ip.bits()), !ip.isV4()});
    plan.host.neighbours.push_back({{}, ip, plan.pod.mac});
    plan.host.routes.push_back(hostRoute(ip));
    if (std::find(families.begin(), families.end(), ip.family()) != families.end()) continue;
    families.push_back(ip.family());
    const auto& family = familyPlanOf(ip);
    plan.pod.neighbours.push_back({{}, family.gateway, plan.host.mac});
    plan.pod.routes.push_back(defaultRoute(family));
    if (!ip.isV4()) plan.pod.automaticIpv6 = true;
  }
  plan.host.sysctls = sysctlsOf(hostName, false, families);
  plan.host.forwards = families;
  if (servesLoopback(request.config.hostPorts))
    plan.host.sysctls.push_back(
        {"net/ipv4/conf/" + hostName.text() + "/route_localnet", "1", Need::Optional});
  plan.pod.sysctls = sysctlsOf(*request.env.ifName, true, families);
  return plan;
}

conf::Attachment attachmentOf(const Request& request, const base::IfName& hostInterface,
                              std::vector<IpAddress> ips) {
  std::sort(ips.begin(), ips.end());
  ips.erase(std::unique(ips.begin(), ips.end()), ips.end());
  return {request.env.containerId, *request.env.ifName, hostInterface,  request.env.args.pod,
          request.env.args.podUid, request.env.netns,   std::move(ips), request.config.hostPorts};
}

conf::CniResult resultOf(const Request& request, const AttachPlan& plan, std::uint32_t mtu) {
  conf::CniResult result;
  result.interfaces = {
      {plan.host.name.text(), toString(plan.host.mac), mtu, ""},
      {plan.pod.name.text(), toString(plan.pod.mac), mtu, request.env.netns},
  };
  for (const auto& address : plan.pod.addresses)
    result.ips.push_back({address.address, address.prefixLength,
                          familyPlanOf(address.address).gateway, std::size_t{1}});
  for (const auto& route : plan.pod.routes) {
    conf::CniRoute told{route.destination, route.gateway};
    if (route.table != netlink::kMainTable) told.table = route.table;
    result.routes.push_back(told);
  }
  result.dns = request.config.dns;
  return result;
}

}  // namespace kpol::plugin
