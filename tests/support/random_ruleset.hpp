// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
#include "tests/support/random_policy.hpp"

// Random tables for property tests: small, and with every feature of Ruleset that stock nft can
// load from its text.
namespace kpol::test {

// A table that the kernel accepts. Chains are named c0..c9 (referenced only by base chains and
// those with smaller numbers) and b0..b3 (base chains), verdict maps v1..v9 (with elements that
// lead to chains of at least that number), other maps m0.., sets s0.., counters n0.., so that two
// random tables have much in common.
nft::Ruleset randomRuleset(Random& random);

// The table after a few random changes: elements are added, deleted and change their value or end;
// sets, chains and counters are added, deleted and recreated; rules are added, deleted and changed.
nft::Ruleset mutated(nft::Ruleset ruleset, Random& random);

// Deletes rules and elements until all remaining ones fit the rest of the table.
void makeValid(nft::Ruleset& ruleset);

}  // namespace kpol::test
