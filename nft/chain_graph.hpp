// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <optional>
#include <string>

// Private to nft/. Pure.
namespace kpol::nft {

// Returns why the kernel rejects the graph of chains, or nullopt: a loop, or more than 16 chains on
// one path from a base chain. Like the kernel, ignores chains that no base chain leads to.
std::optional<std::string> faultOfGraph(const Ruleset& table);

}  // namespace kpol::nft
