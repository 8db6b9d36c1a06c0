// SPDX-License-Identifier: Apache-2.0
#include "base/host_port.hpp"

#include <algorithm>

namespace kpol::base {
namespace {

bool isUnspecified(const IpAddress& ip) {
  const auto bytes = ip.bytes();
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

bool HostPort::concerns(Family family) const {
  return !hostIp || hostIp->family() == family;
}

std::optional<IpAddress> HostPort::onlyIp() const {
  return hostIp && !isUnspecified(*hostIp) ? hostIp : std::nullopt;
}

bool overlap(const HostPort& a, const HostPort& b) {
  if (a.protocol != b.protocol || a.hostPort != b.hostPort) return false;
  const auto share = [&](Family family) { return a.concerns(family) && b.concerns(family); };
  if (!share(Family::V4) && !share(Family::V6)) return false;
  return !a.onlyIp() || !b.onlyIp() || *a.onlyIp() == *b.onlyIp();
}

std::string toString(const HostPort& port) {
  const std::string protocol = std::string(toString(port.protocol)) + ' ';
  const std::string number = std::to_string(port.hostPort);
  if (!port.hostIp) return protocol + number;
  const auto ip = toString(*port.hostIp);
  return protocol + (port.hostIp->isV4() ? ip : '[' + ip + ']') + ':' + number;
}

}  // namespace kpol::base
