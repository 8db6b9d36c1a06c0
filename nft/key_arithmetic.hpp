// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <optional>

// Private to nft/.
namespace kpol::nft {

// The next or previous key, as a number in network order; nullopt after the greatest or before the
// least.
std::optional<Key> next(const Key& key);
std::optional<Key> previous(const Key& key);

// The greatest key of this length.
Key greatest(std::size_t bytes);

// `key` with all but its first `bits` bits cleared.
Key masked(const Key& key, std::size_t bits);
// A mask of `bits` leading ones, `bytes` long.
Key maskOf(std::size_t bits, std::size_t bytes);
// The number of leading ones; nullopt unless only zeros follow.
std::optional<std::uint16_t> maskLength(const Key& mask);

}  // namespace kpol::nft
