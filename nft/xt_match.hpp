// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/foreign.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace kpol::nft {

// Decodes an iptables match from its name and the bytes that the kernel stores for it. Returns
// nullopt if it matches every packet (a comment).
std::optional<ForeignMatch> xtMatch(std::string_view name, std::uint32_t revision,
                                    std::span<const std::uint8_t> bytes);

// The verdict of an iptables target that is not a chain: Drop for REJECT, None for all others.
ForeignRule::Verdict xtVerdict(std::string_view target);

}  // namespace kpol::nft
