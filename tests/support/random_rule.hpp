// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
#include "tests/support/random_policy.hpp"

#include <vector>

// The parts of random_ruleset.
namespace kpol::test {

// A value of one data type, most of them from a small pool.
nft::Key randomKey(Random& random, nft::DataType type);
// A value (`exact`) or range of a key of these types.
nft::Element randomElement(Random& random, const std::vector<nft::DataType>& types, bool exact);

// A verdict; jumps and gotos lead to regular chains of number `first` and above.
nft::Verdict randomVerdict(Random& random, const nft::Ruleset& table, int first);

// A rule for a chain of that number (-1: a base chain) that refers only to objects in `table`, and
// without contradictions that nft would reject.
nft::Rule randomRule(Random& random, const nft::Ruleset& table, int chainNumber);

// "any word" or an empty string.
std::string randomComment(Random& random);

// The 3 of "c3" or "v3".
int numberOf(const std::string& name);

}  // namespace kpol::test
