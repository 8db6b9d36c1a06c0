// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/foreign.hpp"

#include <cstdint>
#include <span>

namespace kpol::node {

// A `filter` table of iptables-legacy as the kernel gives it: entries one behind the other, and the
// places of two of them.
struct LegacyTable {
  std::span<const std::uint8_t> entries;  // struct ipt_entry or ip6t_entry
  std::uint32_t begin = 0;                // the first rule of FORWARD
  std::uint32_t policy = 0;               // the last one, which is its policy
};

// Its chains, FORWARD's first. Throws base::SystemError with EBADMSG at bytes that are no table.
nft::ForwardFilter parseLegacyTable(const LegacyTable& table, base::Family family);

}  // namespace kpol::node
