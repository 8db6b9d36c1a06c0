// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/blast_radius.hpp"
#include "nft/change_set.hpp"
#include "nft/kernel.hpp"
#include "policy/diagnostic.hpp"
#include "policy/engine.hpp"

#include <vector>

namespace kpol::controller {

// Which profiles of the engine a refused commit was about.
BlastRadius::Refusal refusalOf(const nft::Rejected& rejected, const nft::ChangeSet& changes,
                               const policy::Engine& engine);

// What an operator should know of profiles that the kernel refuses: one for each policy.
std::vector<policy::Diagnostic> diagnosticsOf(const BlastRadius& radius,
                                              const policy::Engine& engine);

}  // namespace kpol::controller
