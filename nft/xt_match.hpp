// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/foreign.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace kpol::nft {

// What a match of iptables asks, of its name and the bytes that the kernel keeps of it; nothing: of
// no packet anything (a comment).
std::optional<ForeignMatch> xtMatch(std::string_view name, std::uint32_t revision,
                                    std::span<const std::uint8_t> bytes);

// The verdict of a target that is no chain: REJECT drops, others let the packet go on.
ForeignRule::Verdict xtVerdict(std::string_view target);

}  // namespace kpol::nft
