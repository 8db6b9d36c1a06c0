// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/foreign.hpp"

#include <vector>

namespace kpol::node {

// Reads the FORWARD and INPUT chains of the `filter` tables of iptables-legacy and
// ip6tables-legacy. Tables that do not exist are skipped, because the kernel would create them on a
// query. Works in the calling thread's network namespace, which must also be that of the main
// thread, because the list of tables in /proc/net is the main thread's. Throws base::Error.
std::vector<nft::ForeignFilter> readLegacyIptables();

}  // namespace kpol::node
