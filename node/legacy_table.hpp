// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/foreign.hpp"

#include <cstdint>
#include <span>

namespace kpol::node {

// A `filter` table of iptables-legacy as returned by the kernel: consecutive entries, and the
// offsets of two of them.
struct LegacyTable {
  std::span<const std::uint8_t> entries;  // struct ipt_entry or ip6t_entry
  std::uint32_t begin = 0;                // offset of the first rule of FORWARD or INPUT
  std::uint32_t policy = 0;               // offset of its last rule, which is its policy
  nft::ForeignFilter::Hook hook = nft::ForeignFilter::Hook::Forward;
};

// Returns the table as a filter that starts at FORWARD or INPUT. Throws base::SystemError with
// EBADMSG if the bytes are not a valid table.
nft::ForeignFilter parseLegacyTable(const LegacyTable& table, base::Family family);

}  // namespace kpol::node
