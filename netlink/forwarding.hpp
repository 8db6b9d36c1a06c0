// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"

#include <string>
#include <vector>

namespace kpol::netlink {

// A sysctl that could not be set to `value`; `code` is the errno.
struct SysctlRefusal {
  std::string sysctl;  // path below /proc/sys: "net/ipv4/ip_forward"
  std::string value;
  int code = 0;
};

struct ForwardingChange {
  std::vector<std::string> set;  // "net/ipv4/ip_forward=1"
  std::vector<SysctlRefusal> refused;
};

// Enables forwarding of a family in the calling thread's network namespace. Writes no sysctl if
// forwarding is already enabled or the kernel does not support the family. A host accepts router
// advertisements and a router does not. Therefore accept_ra=1 is changed to 2 on each link before
// IPv6 forwarding is enabled; otherwise the node's own default route would expire
// (Documentation/networking/ip-sysctl.rst, accept_ra). This leaves out kpol's own links, and "all"
// and "default", which would make every later link accept advertisements. Errors are returned, not
// thrown.
ForwardingChange enableForwarding(base::Family family);

// The forwarding sysctls that are 0 in the calling thread's network namespace. Empty if all
// supported families are forwarded.
std::vector<std::string> notForwarding();

// Whether packets between ports of one bridge pass the IP hooks, for both families
// (net.bridge.bridge-nf-call-iptables and -ip6tables of the calling thread's network namespace).
// False without the module br_netfilter.
bool filtersBridges();

}  // namespace kpol::netlink
