// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/ip_ranges.hpp"
#include "conf/json_object.hpp"

namespace kpol::conf {

// The field "ranges" of an IPAM config. An element of a set is "10.244.1.0/24" or
// {"subnet", "rangeStart", "rangeEnd", "gateway"}, where only subnet is required. Throws
// ConfigError: no set, an empty one, two families in one set, a subnet too small to hold a pod,
// ranges that overlap.
std::vector<IpRangeSet> readRanges(const JsonObject& ipam);

}  // namespace kpol::conf
