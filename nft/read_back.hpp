// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/socket.hpp"
#include "nft/counter_value.hpp"
#include "nft/ruleset.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// Private to nft/: queries to the kernel's nf_tables. Errors are netlink::Error.
namespace kpol::nft {

struct TableHeader {
  std::uint32_t flags = 0;             // NFT_TABLE_F_*
  std::optional<std::uint32_t> owner;  // port ID of the owning socket
};
// Returns nullopt if there is no such table of family inet.
std::optional<TableHeader> readTable(netlink::Socket& socket, const std::string& table);

// The declaration of one set; nullopt if it does not exist.
std::optional<Set> readDeclaration(netlink::Socket& socket, const std::string& table,
                                   const std::string& set);

// All named counters; empty if the table does not exist.
std::vector<CounterValue> readCounters(netlink::Socket& socket, const std::string& table);

// Who can change the table while it is read.
enum class Writers { Anybody, OnlyThisSocket };

// The whole table, in one generation; nullopt if it does not exist. Restarts at most 5 times if any
// transaction was committed meanwhile, then throws Error with EAGAIN. With OnlyThisSocket it does
// not restart as a whole, because transactions of others cannot change the table; they can still
// interrupt single dumps, which netlink::dump() restarts.
std::optional<Ruleset> readRuleset(netlink::Socket& socket, const std::string& table,
                                   Writers writers);

}  // namespace kpol::nft
