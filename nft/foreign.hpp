// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/prefix.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// Third-party filters of forwarded packets and of packets to the node, in as much detail as needed
// to decide whether they drop a pod's packets, or VXLAN packets. Values only;
// nft/foreign_filters.hpp and node/legacy_iptables.hpp read them.
namespace kpol::nft {

// The conntrack state `new` in nft's numbering (NFT_CT_STATE_BIT).
inline constexpr std::uint32_t kCtStateNew = 8;

// One condition of a rule.
struct ForeignMatch {
  enum class Field : std::uint8_t {
    Unknown,  // kpol cannot evaluate it
    IifName,
    OifName,
    Source,
    Destination,
    CtState,
    Family,
    Protocol,
    DestinationPort,  // of any protocol with ports
  };
  Field field = Field::Unknown;
  bool negated = false;
  std::string name = {};  // interface name
  bool isPrefix = false;  // `name` is a prefix of the interface's name
  std::optional<base::Prefix> prefix = {};
  std::uint32_t states = 0;  // bits; the packet's state is one of them
  base::Family family = base::Family::V4;
  std::uint8_t protocol = 0;
  std::uint16_t firstPort = 0;
  std::uint16_t lastPort = 65535;
  bool operator==(const ForeignMatch&) const = default;
};

struct ForeignRule {
  enum class Verdict : std::uint8_t { None, Accept, Drop, Return, Jump, Goto };  // Drop: or reject
  std::vector<ForeignMatch> matches;                                             // all must match
  Verdict verdict = Verdict::None;
  std::string target = {};  // for Jump and Goto
  bool operator==(const ForeignRule&) const = default;
};

// A base chain, and the chains reachable from it.
struct ForeignFilter {
  enum class Kind : std::uint8_t { Nftables, LegacyIptables };
  enum class Hook : std::uint8_t { Forward, Input };
  Kind kind = Kind::Nftables;
  std::vector<base::Family> families;
  std::string table;  // "ip filter", "inet firewalld"
  std::string chain;
  bool policyDrops = false;
  // By name. Incomplete if a filter has too many chains or rules to read; missing ones are unknown.
  std::map<std::string, std::vector<ForeignRule>> chains;
  Hook hook = Hook::Forward;
  bool operator==(const ForeignFilter&) const = default;
};

}  // namespace kpol::nft
