// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/blast_radius.hpp"
#include "nft/change_set.hpp"
#include "nft/kernel.hpp"
#include "policy/diagnostic.hpp"
#include "policy/engine.hpp"

#include <cstddef>
#include <vector>

namespace kpol::controller {

// Returns the profiles of the engine that a rejected commit concerns.
BlastRadius::Refusal refusalOf(const nft::Rejected& rejected, const nft::ChangeSet& changes,
                               const policy::Engine& engine);

// Diagnostics about the profiles that the kernel rejected, one for each profile and policy.
std::vector<policy::Diagnostic> diagnosticsOf(const BlastRadius& radius,
                                              const policy::Engine& engine);

// The same about the profiles that are too large (Engine::oversizedProfiles()), for at most
// kMostNamedPolicies policies of each.
std::vector<policy::Diagnostic> oversizedDiagnostics(const policy::Engine& engine);
inline constexpr std::size_t kMostNamedPolicies = 8;

}  // namespace kpol::controller
