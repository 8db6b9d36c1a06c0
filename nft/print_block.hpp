// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <string>
#include <string_view>
#include <vector>

// Private to nft/: text that listings and commands have in common. Pure.
namespace kpol::nft {

std::string print(const Verdict& verdict);  // "goto x"

// "set" or "map".
std::string_view setWord(const Set& set);

// The lines in a set's braces before its elements.
std::vector<std::string> declarationLines(const Set& set);
// The line in a base chain's braces before its rules.
std::string baseChainLine(const BaseChain& base);

}  // namespace kpol::nft
