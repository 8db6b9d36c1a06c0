// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
#include "tests/support/random_policy.hpp"

// Random tables for property tests: small, and with something of everything that a Ruleset can say
// and that stock nft can load from its text.
namespace kpol::test {

// A table the kernel takes. Chains are named c0..c9 (only base chains and those of smaller numbers
// lead to them) and b0..b3 (base chains), verdict maps v1..v9 (with elements that lead to chains of
// at least that number), other maps m0.., sets s0.., counters n0.., so that two random tables have
// much in common.
nft::Ruleset randomRuleset(Random& random);

// The table after a few random changes: elements come, go and change their value or end; sets,
// chains and counters come, go and are declared anew; rules come, go and change.
nft::Ruleset mutated(nft::Ruleset ruleset, Random& random);

// Takes away rules and elements until all that are left fit the rest of the table.
void makeValid(nft::Ruleset& ruleset);

}  // namespace kpol::test
