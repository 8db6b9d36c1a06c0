// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <string>
#include <string_view>
#include <vector>

// The pieces that a listing and a command share. Private to the pure side of this room.
namespace kpol::nft {

std::string print(const Verdict& verdict);  // "goto x"

// "set" or "map".
std::string_view setWord(const Set& set);

// What stands in a set's braces before its elements, and in a base chain's before its rules.
std::vector<std::string> declarationLines(const Set& set);
std::string baseChainLine(const BaseChain& base);

}  // namespace kpol::nft
