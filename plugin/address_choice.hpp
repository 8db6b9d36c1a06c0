// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "conf/ip_ranges.hpp"

#include <cstdint>
#include <map>
#include <unordered_set>
#include <vector>

namespace kpol::plugin {

// The input of chooseAddresses().
struct AddressChoice {
  const std::vector<conf::IpRangeSet>& ranges;
  std::unordered_set<base::IpAddress> taken;
  // The address assigned last from each set. May be shorter than `ranges`.
  std::vector<base::IpAddress> lastGiven;
  // At most one from each set. The other sets get a free address.
  std::vector<base::IpAddress> requested;
  // Addresses that were freed recently, and when. They are used only if requested, or if no other
  // address is free.
  std::map<base::IpAddress, std::int64_t> resting = {};
};

// Returns one address from each set, in the order of the sets. Round robin: the search starts after
// the address assigned last and wraps around. So a freed address is reused as late as possible,
// because a peer that still remembers the old pod must not talk to the new one. If all free
// addresses are resting, returns the one that was freed first. Throws
// conf::CniFailure with code AddressUnavailable if a set is exhausted, or if a requested address is
// in no set, is a gateway, is taken, or is the second one from its set.
std::vector<base::IpAddress> chooseAddresses(const AddressChoice& choice);

}  // namespace kpol::plugin
