// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <vector>

namespace kpol::test {

// Sets, maps and verdict maps of every kind, with elements; verdicts lead to the chain "other".
std::vector<nft::Set> setCases();

}  // namespace kpol::test
