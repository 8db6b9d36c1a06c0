// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/prefix.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kpol::conf {

// The network config list that the container runtime reads.
struct Conflist {
  static constexpr const char* kNetwork = "kpol";  // name of the network, also in its leases
  std::vector<base::Prefix> ranges;                // a pod gets one address from each
  std::uint32_t mtu = 0;                           // 0: the plugin chooses
  std::string stateDir;
  std::string socket;
  bool operator==(const Conflist&) const = default;
};

// Prints it as an indented file. Throws ConfigError if the plugin would reject it, for example
// because there are no ranges or a range is too small.
std::string print(const Conflist& conflist);

}  // namespace kpol::conf
