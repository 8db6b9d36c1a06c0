// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/prefix.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kpol::conf {

// What the container runtime reads to know how to give pods a network.
struct Conflist {
  static constexpr const char* kNetwork = "kpol";  // its name, and that of its leases
  std::vector<base::Prefix> ranges;                // that pods get their addresses from, one each
  std::uint32_t mtu = 0;                           // 0: the plugin chooses
  std::string stateDir;
  std::string socket;
  bool operator==(const Conflist&) const = default;
};

// As a file for people and runtimes. Throws ConfigError when the plugin would not take it: no
// ranges, or one without an address to hand out.
std::string print(const Conflist& conflist);

}  // namespace kpol::conf
