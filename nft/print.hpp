// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <span>
#include <string>
#include <vector>

namespace kpol::nft {

// The text that `nft list table inet NAME` prints for a table holding this ruleset, created in this
// value's order (counters, sets, chains, each by name), all counters at zero.
std::string print(const Ruleset& ruleset);

std::string print(const Set& set);      // the block of one set, indented as in the table
std::string print(const Chain& chain);  // the block of one chain
std::string print(const Rule& rule);    // one line, no indentation, no newline
// One element of a set declared like `set`, as nft prints it between braces.
std::string print(const Element& element, const Set& set);

}  // namespace kpol::nft
