// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/foreign.hpp"

#include <vector>

namespace kpol::node {

// The FORWARD chains of the `filter` tables of iptables-legacy and ip6tables-legacy, in the calling
// thread's network namespace; those that were never used are not made by looking. Throws
// base::Error.
std::vector<nft::ForwardFilter> readLegacyIptables();

}  // namespace kpol::node
