// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
#include "policy/diagnostic.hpp"
#include "policy/snapshot.hpp"

#include <vector>

namespace kpol::policy {

struct CompileResult {
  nft::Ruleset ruleset;
  std::vector<Diagnostic> diagnostics;
};

// The table `inet kpol` that enforces `snapshot` on this node; docs/ruleset.md shows one in full.
// Total and pure: equal snapshots (but for generation) give equal rulesets, and what cannot be
// expressed leaves the pods concerned isolated and is reported.
CompileResult compile(const Snapshot& snapshot);

}  // namespace kpol::policy
