// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "conf/ip_ranges.hpp"

#include <unordered_set>
#include <vector>

namespace kpol::plugin {

// What an address is chosen from and against.
struct AddressChoice {
  const std::vector<conf::IpRangeSet>& ranges;
  std::unordered_set<base::IpAddress> taken;
  std::vector<base::IpAddress> lastGiven;  // of each set, the address given last; may be shorter
  std::vector<base::IpAddress> requested;  // each from another set; the rest is chosen
};

// One address of each set, in their order. Round robin: the search begins after the address given
// last and wraps around, so that an address just freed is the last to be given again (a peer that
// still remembers the old pod must not talk to the new one). Throws conf::CniFailure with code
// AddressUnavailable: a set is used up; a requested address is in no set, not to be given, or
// taken.
std::vector<base::IpAddress> chooseAddresses(const AddressChoice& choice);

}  // namespace kpol::plugin
