// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/objects.hpp"
#include "tests/support/random_policy.hpp"

#include <string>

namespace kpol::test {

// A manifest (JSON) of the policy that says the same as toJson() in ways the API takes and people
// write: host bits set in CIDRs, leading zeros, empty lists where a field may be left out, fields
// left out where they have a default, endPort equal to port, excepts in any order.
std::string oddlySpelled(Random& random, const policy::NetworkPolicy& policy);

}  // namespace kpol::test
