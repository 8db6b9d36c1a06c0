// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/ip_ranges.hpp"
#include "conf/json_object.hpp"

namespace kpol::conf {

// Reads the field "ranges" of an IPAM config. An element of a set is "10.244.1.0/24" or
// {"subnet", "rangeStart", "rangeEnd", "gateway"}, of which only "subnet" is required. Throws
// ConfigError for an invalid value, for example: no set, an empty set, two families in one set, a
// subnet that is too small, or ranges that overlap.
std::vector<IpRangeSet> readRanges(const JsonObject& ipam);

}  // namespace kpol::conf
