// SPDX-License-Identifier: Apache-2.0
#include "netlink/family.hpp"

#include <sys/socket.h>

#include <array>

namespace kpol::netlink {

std::uint8_t toKernel(base::Family family) {
  return family == base::Family::V4 ? AF_INET : AF_INET6;
}

std::optional<base::Family> fromKernel(std::uint8_t family) {
  if (family == AF_INET) return base::Family::V4;
  if (family == AF_INET6) return base::Family::V6;
  return std::nullopt;
}

base::IpAddress anyAddress(base::Family family) {
  constexpr std::array<std::uint8_t, 16> kZeros{};
  return family == base::Family::V4 ? base::IpAddress() : *base::IpAddress::fromBytes(kZeros);
}

}  // namespace kpol::netlink
