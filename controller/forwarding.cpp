// SPDX-License-Identifier: Apache-2.0
#include "controller/forwarding.hpp"

#include "netlink/forwarding.hpp"

#include <spdlog/spdlog.h>

#include <cstring>

namespace kpol::controller {
namespace {

void enable(base::Family family) {
  const auto change = netlink::enableForwarding(family);
  for (const auto& sysctl : change.set) spdlog::info("sysctl set {}", sysctl);
  if (change.refused.empty()) return;
  const auto& refused = change.refused.back();
  spdlog::info("the node does not forward yet, the plugin turns it on with the first pod {}={}: {}",
               refused.sysctl, refused.value, std::strerror(refused.code));
}

}  // namespace

void enableForwarding() {
  enable(base::Family::V4);
  enable(base::Family::V6);
}

}  // namespace kpol::controller
