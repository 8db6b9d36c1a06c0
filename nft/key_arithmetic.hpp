// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <optional>

// Private to nft/.
namespace kpol::nft {

// The key one above or below, as a number in network order; nothing past the greatest or least.
std::optional<Key> next(const Key& key);
std::optional<Key> previous(const Key& key);

// The greatest key of that many bytes.
Key greatest(std::size_t bytes);

// `key` with all but its first `bits` bits cleared.
Key masked(const Key& key, std::size_t bits);
// The mask of that many bits, `bytes` long.
Key maskOf(std::size_t bits, std::size_t bytes);
// The number of leading ones where nothing but zeros follows.
std::optional<std::uint16_t> maskLength(const Key& mask);

}  // namespace kpol::nft
