// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/prefix.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// Filters of others that forwarded packets pass, as far as it takes to tell what becomes of a
// pod's. Values only; read by nft/foreign_filters.hpp.
namespace kpol::nft {

// Of connection tracking, as nft(8) numbers them (NFT_CT_STATE_BIT).
inline constexpr std::uint32_t kCtStateNew = 8;

// One thing that a rule asks of a packet.
struct ForeignMatch {
  enum class Field : std::uint8_t {
    Unknown,  // kpol cannot judge it
    IifName,
    OifName,
    Source,
    Destination,
    CtState,
    Family,
  };
  Field field = Field::Unknown;
  bool negated = false;
  std::string name = {};  // of interfaces
  bool isPrefix = false;  // the interface's name need only begin so
  std::optional<base::Prefix> prefix = {};
  std::uint32_t states = 0;  // one of them
  base::Family family = base::Family::V4;
  bool operator==(const ForeignMatch&) const = default;
};

struct ForeignRule {
  enum class Verdict : std::uint8_t { None, Accept, Drop, Return, Jump, Goto };  // Drop: or reject
  std::vector<ForeignMatch> matches;                                             // all must hold
  Verdict verdict = Verdict::None;
  std::string target = {};  // of Jump and Goto
  bool operator==(const ForeignRule&) const = default;
};

// A base chain that forwarded packets pass, and the chains that it leads to.
struct ForwardFilter {
  enum class Kind : std::uint8_t { Nftables, LegacyIptables };
  Kind kind = Kind::Nftables;
  std::vector<base::Family> families;
  std::string table;  // "ip filter", "inet firewalld"
  std::string chain;
  bool policyDrops = false;
  // Without those that are too many to be read, of which nothing is known.
  std::map<std::string, std::vector<ForeignRule>> chains;
  bool operator==(const ForwardFilter&) const = default;
};

}  // namespace kpol::nft
