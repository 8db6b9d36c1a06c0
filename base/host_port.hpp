// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/protocol.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

namespace kpol::base {

// A port of the node that leads to a port of a pod (a container's hostPort).
struct HostPort {
  Protocol protocol = Protocol::Tcp;
  std::uint16_t hostPort = 0;            // not 0
  std::optional<IpAddress> hostIp = {};  // of the node; nothing: every address of either family
  std::uint16_t containerPort = 0;       // not 0
  auto operator<=>(const HostPort&) const = default;

  // Whether it holds for addresses of `family`. 0.0.0.0 is every IPv4 address, :: every IPv6 one.
  [[nodiscard]] bool concerns(Family family) const;
  // The one address of the node that it holds for; nothing: every one.
  [[nodiscard]] std::optional<IpAddress> onlyIp() const;
};

// Whether some packet could be meant for both, so that they cannot belong to two pods.
bool overlap(const HostPort& a, const HostPort& b);

std::string toString(const HostPort& port);  // "TCP 8080", "UDP 192.0.2.1:53", "TCP [::1]:80"

}  // namespace kpol::base
