// SPDX-License-Identifier: Apache-2.0
#include "controller/forwarding.hpp"

#include "base/log.hpp"
#include "netlink/forwarding.hpp"

#include <cstring>

namespace kpol::controller {
namespace {

void enable(base::Family family) {
  const auto change = netlink::enableForwarding(family);
  for (const auto& sysctl : change.set) base::logInfo("sysctl set", {{"sysctl", sysctl}});
  if (change.refused.empty()) return;
  const auto& refused = change.refused.back();
  base::logInfo("cannot set sysctl, the plugin sets it when it adds the first pod",
                {{"sysctl", refused.sysctl + "=" + refused.value},
                 {"errno", refused.code},
                 {"error", std::strerror(refused.code)}});
}

}  // namespace

void enableForwarding() {
  enable(base::Family::V4);
  enable(base::Family::V6);
}

}  // namespace kpol::controller
