// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"

#include <string>
#include <vector>

namespace kpol::netlink {

// A file below /proc/sys that should have had another value, and why it has not (an errno).
struct SysctlRefusal {
  std::string sysctl;  // "net/ipv4/ip_forward"
  std::string value;
  int code = 0;
};

struct ForwardingChange {
  std::vector<std::string> set;  // "net/ipv4/ip_forward=1"
  std::vector<SysctlRefusal> refused;
};

// Makes the network namespace of the calling thread forward packets of a family; where it does
// already, nothing is written. A host takes router advertisements and a router does not, so links
// that took them (accept_ra=1) are told to go on (2) before IPv6 forwarding is turned on; otherwise
// the node's own default route would run out (Documentation/networking/ip-sysctl.rst, accept_ra).
// A kernel without the family has nothing to forward. Never throws.
ForwardingChange enableForwarding(base::Family family);

// The sysctls by which the network namespace of the calling thread does not forward: none, where it
// forwards all families that it has.
std::vector<std::string> notForwarding();

}  // namespace kpol::netlink
