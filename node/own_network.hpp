// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/prefix.hpp"

#include <cstdint>
#include <vector>

namespace kpol::node {

// The properties of this node's network that pod interfaces must fit.
struct OwnNetwork {
  std::vector<base::Prefix> podCidrs;  // the usable ones of spec.podCIDRs, in their order
  std::uint32_t mtu = 0;               // 0: unknown
  bool operator==(const OwnNetwork&) const = default;
};

}  // namespace kpol::node
