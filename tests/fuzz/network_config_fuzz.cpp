// SPDX-License-Identifier: Apache-2.0
// What the runtime writes to the plugin's standard input.
#include "base/error.hpp"
#include "conf/network_config.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <string>

KPOL_FUZZ_HARNESS(network_config) {
  const auto text = kpol::fuzz::textOf(data, size);
  try {
    const auto config = kpol::conf::parseNetworkConfig(text);
    kpol::fuzz::require(!config.name.empty(), "a config has a name");
    kpol::fuzz::require(config.stateDir.front() == '/', "paths are absolute");
    kpol::fuzz::require(config == kpol::conf::parseNetworkConfig(text), "reading is repeatable");
    for (const auto& set : config.ipam.ranges) {
      kpol::fuzz::require(!set.empty(), "a set has a range");
      for (const auto& range : set) {
        kpol::fuzz::require(range.first <= range.last, "a range is ordered");
        kpol::fuzz::require(range.subnet.contains(range.first) && range.subnet.contains(range.last),
                            "a range is within its subnet");
        (void)sizeOf(range);
      }
    }
  } catch (const kpol::base::Error&) {
    // rejected: a valid result
  }
  return 0;
}
