// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The words nft prints for numbers. Private to the pure side of this room.
namespace kpol::nft {

// Nothing when nft prints the number.
std::optional<std::string_view> protocolName(std::uint8_t number);
std::optional<std::string_view> icmpv6TypeName(std::uint8_t number);
std::optional<std::string_view> familyName(std::uint8_t number);  // "ipv4", "ipv6"

std::string hexText(std::uint32_t value, int digits);  // "0x00000010" with 8, "0x10" with 1

// The bits, lowest first, joined by `separator`; an unknown bit as "0x10", no bit at all as "0x0".
std::string ctStateText(std::uint32_t bits, std::string_view separator);
std::string ctStatusText(std::uint32_t bits, std::string_view separator);

std::string fibTypeText(std::uint32_t type);  // "local"; the number where there is no name

// The word before the field of a transport header: "tcp" of `tcp dport`; nothing for protocols that
// have no ports, of which nft prints `th dport`.
std::optional<std::string_view> portHeaderName(std::uint8_t protocol);

std::string_view verdictName(Verdict::Kind kind);
std::string_view baseChainTypeName(BaseChain::Type type);
std::string_view hookName(BaseChain::Hook hook);

// "filter", "mangle + 5", "17".
std::string priorityText(const BaseChain& base);

}  // namespace kpol::nft
