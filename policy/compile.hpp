// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
#include "policy/diagnostic.hpp"
#include "policy/snapshot.hpp"

#include <vector>

namespace kpol::policy {

struct CompileResult {
  nft::Ruleset ruleset;
  std::vector<Diagnostic> diagnostics;  // not used yet, always empty
};

// Returns the table `inet kpol` that enforces `snapshot` on this node; docs/ruleset.md shows a
// complete one. Pure and total: snapshots that differ only in their generation give equal rulesets.
// A part of a policy that cannot be expressed matches nothing, so the selected pods stay isolated.
CompileResult compile(const Snapshot& snapshot);

}  // namespace kpol::policy
