// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "conf/cni_result.hpp"
#include "plugin/request.hpp"

#include <vector>

// The addresses of a pod, from the built-in IPAM or the plugin that config.ipam.type names.
// Throws conf::CniFailure.
namespace kpol::plugin {

struct Assignment {
  std::vector<base::IpAddress> ips;  // not empty, in the order of the range sets
  conf::CniDns dns;                  // of a delegated plugin
};

// Of ADD. A second ADD for one container ID and ifname without a DEL between is refused
// (AlreadyAttached): the specification forbids it to the runtime, and handing out the same lease
// again would hide two interfaces on one address. The lease is on record when this returns.
Assignment assign(const Request& request);

// Of DEL: frees by container ID and ifname; nothing held is fine.
void release(const Request& request);

// Of CHECK: CheckFailed where the pod does not hold exactly these.
void verifyHeld(const Request& request, std::vector<base::IpAddress> ips);

}  // namespace kpol::plugin
