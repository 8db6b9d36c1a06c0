// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/prefix.hpp"

#include <cstdint>
#include <vector>

namespace kpol::node {

// What a pod's interface on this node has to fit.
struct OwnNetwork {
  std::vector<base::Prefix> podCidrs;  // those of spec.podCIDRs that can be used, in their order
  std::uint32_t mtu = 0;               // 0: not known
  bool operator==(const OwnNetwork&) const = default;
};

}  // namespace kpol::node
