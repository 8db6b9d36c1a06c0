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
  for (const auto& refused : change.refused)
    spdlog::warn("cannot set {}={}, the first pod's start will: {}", refused.sysctl, refused.value,
                 std::strerror(refused.code));
}

}  // namespace

void enableForwarding() {
  enable(base::Family::V4);
  enable(base::Family::V6);
}

}  // namespace kpol::controller
