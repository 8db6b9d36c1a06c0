// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Private to nft/: the names that nft prints for numbers. Pure.
namespace kpol::nft {

// Return nullopt if nft prints the number.
std::optional<std::string_view> protocolName(std::uint8_t number);
std::optional<std::string_view> icmpv6TypeName(std::uint8_t number);
std::optional<std::string_view> familyName(std::uint8_t number);  // "ipv4", "ipv6"

std::string hexText(std::uint32_t value, int digits);  // "0x00000010" with 8, "0x10" with 1

// The names of the bits, lowest first, joined by `separator`. An unknown bit is printed like
// "0x10"; without any bit the text is "0x0".
std::string ctStateText(std::uint32_t bits, std::string_view separator);
std::string ctStatusText(std::uint32_t bits, std::string_view separator);

std::string fibTypeText(std::uint32_t type);  // "local"; the number if there is no name

// The word before a transport header field: "tcp" in `tcp dport`. Returns nullopt for protocols for
// which nft prints `th dport`.
std::optional<std::string_view> portHeaderName(std::uint8_t protocol);

std::string_view verdictName(Verdict::Kind kind);
std::string_view baseChainTypeName(BaseChain::Type type);
std::string_view hookName(BaseChain::Hook hook);

// "filter", "mangle + 5", "17".
std::string priorityText(const BaseChain& base);

}  // namespace kpol::nft
