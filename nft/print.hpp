// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <span>
#include <string>
#include <vector>

namespace kpol::nft {

// The text that `nft list table inet NAME` prints for a table with this ruleset, if the objects
// were added in this order: counters, sets, chains, each by name. All counters are zero. The
// table's own flags (e.g. owner) are not printed.
std::string print(const Ruleset& ruleset);

std::string print(const Set& set);      // the block of one set, indented as in the table
std::string print(const Chain& chain);  // the block of one chain
std::string print(const Rule& rule);    // one line, no indentation, no newline
// One element of a set declared like `set`, as nft prints it in the list of elements.
std::string print(const Element& element, const Set& set);

}  // namespace kpol::nft
