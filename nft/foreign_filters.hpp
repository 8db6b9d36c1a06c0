// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/foreign.hpp"

#include <string>
#include <vector>

namespace kpol::nft {

// Reads all nf_tables base chains that filter at the hooks forward and input, of the families ip,
// ip6 and inet and of all tables except `inet OWN`, in the calling thread's network namespace. They
// come from nft, firewalld, and iptables-nft (also used by ufw and Docker). The result can be
// inconsistent if the chains change during the read. Throws KernelError.
std::vector<ForeignFilter> readForeignFilters(const std::string& own);

}  // namespace kpol::nft
