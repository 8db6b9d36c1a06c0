// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/objects.hpp"
#include "tests/support/random_policy.hpp"

#include <string>

namespace kpol::test {

// A manifest (JSON) of the policy with the same meaning as toJson(), in spellings that the API
// accepts and people write: host bits set in CIDRs, leading zeros, empty lists for absent fields,
// absent fields for defaults, endPort equal to port, excepts in any order.
std::string oddlySpelled(Random& random, const policy::NetworkPolicy& policy);

}  // namespace kpol::test
