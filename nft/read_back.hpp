// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/socket.hpp"
#include "nft/counter_value.hpp"
#include "nft/ruleset.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// Private to nft/: questions to the kernel's nf_tables. Errors are netlink::Error.
namespace kpol::nft {

struct TableHeader {
  std::uint32_t flags = 0;             // NFT_TABLE_F_*
  std::optional<std::uint32_t> owner;  // port ID of the socket that owns it
};
// Nothing when there is no such table of family inet.
std::optional<TableHeader> readTable(netlink::Socket& socket, const std::string& table);

// The declaration of one set; nothing when there is none.
std::optional<Set> readDeclaration(netlink::Socket& socket, const std::string& table,
                                   const std::string& set);

// All named counters; none when there is no such table.
std::vector<CounterValue> readCounters(netlink::Socket& socket, const std::string& table);

// Who can change the table while it is read.
enum class Writers { Anybody, OnlyThisSocket };

// The whole table, of one generation; nothing when there is none. Starts again when a transaction
// of anybody's came in between, at most 5 times, then Error with EAGAIN; a table that only this
// socket can change is the same in every generation, so that others' traffic does not hold it up.
std::optional<Ruleset> readRuleset(netlink::Socket& socket, const std::string& table,
                                   Writers writers);

}  // namespace kpol::nft
