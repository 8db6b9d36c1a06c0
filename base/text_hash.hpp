// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kpol::base {

// SipHash-1-3 of `text`: without the key, texts with equal hashes cannot be found.
std::uint64_t sipHash(const std::array<std::uint64_t, 2>& key, std::string_view text) noexcept;

// The hash for tables whose keys are texts that tenants choose: sipHash() with a random key of this
// process. std::hash has a fixed key, so a tenant could put all his texts into one bucket.
std::size_t textHash(std::string_view text) noexcept;

}  // namespace kpol::base
