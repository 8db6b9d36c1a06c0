// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

namespace kpol::conf {

// The limit of one direction: `burst` at once, and `rate` in the long run.
struct RateLimit {
  std::uint64_t rate = 0;   // bits per second, >= 8
  std::uint64_t burst = 0;  // bits, not 0, less than 2^32 bytes
  auto operator<=>(const RateLimit&) const = default;
};

// The capability "bandwidth". The directions are those of the pod. nullopt: not limited.
struct Bandwidth {
  std::optional<RateLimit> ingress;
  std::optional<RateLimit> egress;
  auto operator<=>(const Bandwidth&) const = default;
};

}  // namespace kpol::conf
