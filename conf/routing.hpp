// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace kpol::conf {

// How pods of other nodes are reached.
enum class Routing : std::uint8_t {
  Auto,    // by the node itself where it is a neighbour, by VXLAN where not
  Direct,  // by the node itself, and not at all where it is no neighbour
  Vxlan,   // by VXLAN
  None,    // somebody else sees to it
};
const char* toString(Routing routing);  // "auto", "direct", "vxlan", "none"

}  // namespace kpol::conf
