// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <optional>
#include <string>

// Private to the pure side of this room.
namespace kpol::nft {

// Why the chains that base chains lead to cannot be walked, or nothing: a loop, or more than 16
// chains on one way. Chains that no base chain leads to are not looked at, nor does the kernel.
std::optional<std::string> faultOfGraph(const Ruleset& table);

}  // namespace kpol::nft
