// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/protocol.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

namespace kpol::base {

// A container's hostPort: a port of the node that is forwarded to a port of a pod.
struct HostPort {
  Protocol protocol = Protocol::Tcp;
  std::uint16_t hostPort = 0;            // not 0
  std::optional<IpAddress> hostIp = {};  // node address; nullopt: all addresses, both families
  std::uint16_t containerPort = 0;       // not 0
  auto operator<=>(const HostPort&) const = default;

  // Whether it applies to addresses of `family`. 0.0.0.0 is every IPv4 address, :: every IPv6 one.
  [[nodiscard]] bool concerns(Family family) const;
  // The only node address that it applies to; nullopt: all addresses.
  [[nodiscard]] std::optional<IpAddress> onlyIp() const;
};

// Whether one packet could match both. Two pods cannot have overlapping host ports.
bool overlap(const HostPort& a, const HostPort& b);

std::string toString(const HostPort& port);  // "TCP 8080", "UDP 192.0.2.1:53", "TCP [::1]:80"

}  // namespace kpol::base
