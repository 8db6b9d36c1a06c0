// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/foreign.hpp"

#include <string>
#include <vector>

namespace kpol::nft {

// All base chains of nf_tables that filter forwarded packets, of every family and table but
// `inet OWN`, in the calling thread's network namespace: what nft, firewalld, and iptables-nft with
// ufw and Docker on top of it, have put there. Others may change them meanwhile; then what is read
// may be of two moments. Throws KernelError.
std::vector<ForwardFilter> readForwardFilters(const std::string& own);

}  // namespace kpol::nft
