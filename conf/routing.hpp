// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace kpol::conf {

// How this node reaches the pods of other nodes.
enum class Routing : std::uint8_t {
  Auto,    // a route via the other node if it is a neighbour, else VXLAN
  Direct,  // a route via the other node; none if it is not a neighbour
  Vxlan,   // VXLAN
  None,    // kpol makes no routes; another program does
};
const char* toString(Routing routing);  // "auto", "direct", "vxlan", "none"

}  // namespace kpol::conf
