// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/interface.hpp"
#include "base/ip_address.hpp"
#include "base/protocol.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// The typed value of one nftables table, with the terms of nft(8). Pure: no kernel, no libraries.
// Equal values mean the same table. Handles, counter values and creation order are not included.
namespace kpol::nft {

// ---- data ----------------------------------------------------------------------------------

// nft's data types; typeName() returns their names. The kernel stores nft's numbers for them
// (nftables include/datatype.h) in a set's key type, only for listing.
enum class DataType : std::uint8_t {
  Ipv4Addr,
  Ipv6Addr,
  InetProto,
  InetService,
  IfName,
  NfProto,
  CtState,
  CtLabel,
  Icmpv6Type,
  Mark,
  CtStatus,
  FibAddrType,
};
std::string_view typeName(DataType type);  // "ipv4_addr", ...
std::size_t byteLength(DataType type);     // 4, 16, 1, 2, 16, 1, 4, 16, 1, 4, 4, 4

// The number of 4-byte registers that a value needs.
constexpr std::uint32_t registersOf(std::size_t bytes) {
  return static_cast<std::uint32_t>((bytes + 3) / 4);
}
// The length of a value in registers. Each part of a concatenation fills whole registers.
constexpr std::size_t paddedLength(std::size_t bytes) {
  return registersOf(bytes) * 4;
}

// A value of one or several (concatenated) data types, as the kernel stores it in registers and set
// keys: in network byte order, except mark, ct state, ct status, ct label and fib types, which are
// in host order. Each part of a concatenation is padded with zeros to 4 bytes; a single value is
// not padded. At most 48 bytes (ip6 . ip6 . proto . port needs 40; the kernel's own limit is 64).
class Key {
 public:
  static constexpr std::size_t kCapacity = 48;

  Key() = default;
  explicit Key(std::span<const std::uint8_t> bytes);
  // Single (not concatenated) values.
  static Key of(const base::IpAddress& address);
  static Key of(const base::IfName& name);  // padded with zeros to 16
  static Key of(std::uint8_t value);        // inet_proto, nfproto, icmpv6 type
  static Key of(std::uint16_t port);        // inet_service
  static Key of(base::Protocol protocol);

  // Appends `part` as the next part of a concatenation (pads both to 4 bytes).
  [[nodiscard]] Key dot(const Key& part) const;

  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }
  std::strong_ordering operator<=>(const Key& other) const;  // by bytes, then by length
  bool operator==(const Key& other) const;

 private:
  std::array<std::uint8_t, kCapacity> bytes_{};
  std::uint8_t size_ = 0;
};

struct Verdict {
  enum class Kind : std::uint8_t { Accept, Drop, Continue, Return, Jump, Goto };
  Kind kind = Kind::Accept;
  std::string chain;  // for Jump and Goto, else empty
  auto operator<=>(const Verdict&) const = default;
};

// One element of a set or map. first == last unless the set has the interval flag. Ranges are
// inclusive; in a concatenation, each part is a range of its own.
struct Element {
  Key first;
  Key last;
  std::variant<std::monostate, Verdict, Key> value;  // monostate in sets
  auto operator<=>(const Element&) const = default;
};
Element element(const Key& key);
Element element(const Key& key, Verdict verdict);
Element range(const Key& first, const Key& last);
Element range(const Key& first, const Key& last, Verdict verdict);

// A named set, map or verdict map.
struct Set {
  enum class Kind : std::uint8_t { Set, Map, VerdictMap };
  std::string name;  // unique in the table, <= 255 bytes, [A-Za-z][A-Za-z0-9/_.-]*
  Kind kind = Kind::Set;
  std::vector<DataType> key;          // several types: a concatenation
  std::vector<DataType> value;        // for Map, else empty
  bool interval = false;              // NFT_SET_INTERVAL (and NFT_SET_CONCAT with several types)
  std::optional<std::uint32_t> size;  // capacity; exact sets with a size use the fixed hash
  std::string comment;                // <= 127 bytes
  std::vector<Element> elements;      // sorted by first, unique, ranges disjoint
  auto operator<=>(const Set&) const = default;
};
// Whether two sets differ in their elements only. Otherwise the set must be recreated, because the
// kernel cannot change the type, flags, size or comment of a set.
bool sameDeclaration(const Set& a, const Set& b);
// The set without its elements.
Set declarationOf(const Set& set);

// ---- rules ---------------------------------------------------------------------------------

// A field that a rule matches or looks up. Ip*, Ip6* and Icmpv6Type imply the family or protocol.
// Like nft, the encoder adds that dependency once per rule; the decoder removes it.
enum class Field : std::uint8_t {
  IpSaddr,
  IpDaddr,
  Ip6Saddr,
  Ip6Daddr,
  L4Proto,  // meta l4proto
  ThSport,  // th sport
  ThDport,  // th dport
  IifName,  // iifname
  OifName,  // oifname
  NfProto,  // meta nfproto
  CtState,  // ct state
  CtLabel,  // ct label
  Icmpv6Type,
  CtStatus,      // ct status
  FibDaddrType,  // fib daddr type
  FibSaddrType,  // fib saddr type
};
std::string_view fieldName(Field field);  // "ip saddr", "meta l4proto", ...
DataType typeOf(Field field);

// Bits of `ct state`, as in the kernel (nf_conntrack_common.h NF_CT_STATE_BIT).
namespace ct_state {
inline constexpr std::uint32_t kInvalid = 1, kEstablished = 2, kRelated = 4, kNew = 8,
                               kUntracked = 64;
}

// Bits of `ct status`, as in the kernel (nf_conntrack_common.h enum ip_conntrack_status).
namespace ct_status {
inline constexpr std::uint32_t kSeenReply = 2, kSourceNat = 16, kDestinationNat = 32;
}
// Values of `fib daddr type` and `fib saddr type`: the kernel's route types (rtnetlink.h RTN_*).
namespace fib_type {
inline constexpr std::uint32_t kUnicast = 1, kLocal = 2;
}

// The right side of a match.
struct Exact {
  Key value;
  auto operator<=>(const Exact&) const = default;
};
struct Wildcard {  // the first `bits` bits of value: a prefix, or an interface name ending in '*'
  Key value;       // masked
  std::uint16_t bits = 0;
  auto operator<=>(const Wildcard&) const = default;
};
struct Between {  // inclusive
  Key first;
  Key last;
  auto operator<=>(const Between&) const = default;
};
struct AnyBit {  // ct state, ct status: at least one of these bits is set
  std::uint32_t bits = 0;
  auto operator<=>(const AnyBit&) const = default;
};
struct LabelBit {  // ct label: this bit (0..127) is set
  std::uint8_t bit = 0;
  auto operator<=>(const LabelBit&) const = default;
};
struct InSet {
  std::string set;
  auto operator<=>(const InSet&) const = default;
};

// `ip saddr @x`, `iifname "kpol*"`, `iifname . ip saddr != @endpoints4`, `ct state a,b`.
struct Match {
  std::vector<Field> left;  // several fields: a concatenation, only with InSet
  bool negated = false;     // != ; not with AnyBit and LabelBit
  std::variant<Exact, Wildcard, Between, AnyBit, LabelBit, InSet> right;
  auto operator<=>(const Match&) const = default;
};
// `ip saddr vmap @x`. If no element matches, evaluation continues with the next rule.
struct VerdictMapLookup {
  std::vector<Field> key;
  std::string map;
  auto operator<=>(const VerdictMapLookup&) const = default;
};
// `dnat ip to ip daddr . meta l4proto . th dport map @x`, in a nat chain. The map's value for the
// key, an address of the family and a port, becomes the destination. If no element matches, or for
// packets of another family, evaluation continues with the next rule.
struct DestinationNat {
  base::Family family = base::Family::V4;
  std::vector<Field> key;
  std::string map;
  auto operator<=>(const DestinationNat&) const = default;
};
struct SourceNat {  // `snat ip to ADDRESS`: in a nat postrouting chain; only for its own family
  base::IpAddress address;
  auto operator<=>(const SourceNat&) const = default;
};
struct Masquerade {  // `masquerade`: in a nat postrouting chain
  auto operator<=>(const Masquerade&) const = default;
};
struct CounterReference {  // `counter name "x"`
  std::string counter;
  auto operator<=>(const CounterReference&) const = default;
};
struct AnonymousCounter {  // `counter`; its values are not part of the ruleset
  auto operator<=>(const AnonymousCounter&) const = default;
};
struct SetCtLabel {  // `ct label set N`
  std::uint8_t bit = 0;
  auto operator<=>(const SetCtLabel&) const = default;
};
struct Log {           // `log prefix "x" group N`
  std::string prefix;  // <= 127 bytes
  std::optional<std::uint16_t> group;
  auto operator<=>(const Log&) const = default;
};
// An unknown statement of a rule that was read from the kernel. compile() never generates one, so
// the rule always differs from the desired one and is replaced.
struct UnknownStatement {
  std::string text;
  auto operator<=>(const UnknownStatement&) const = default;
};

using Statement =
    std::variant<Match, VerdictMapLookup, DestinationNat, SourceNat, Masquerade, Verdict,
                 CounterReference, AnonymousCounter, SetCtLabel, Log, UnknownStatement>;

struct Rule {
  std::vector<Statement> statements;  // in order
  std::string comment;                // <= 127 bytes
  auto operator<=>(const Rule&) const = default;
};

struct BaseChain {
  enum class Type : std::uint8_t { Filter, Nat, Route };
  enum class Hook : std::uint8_t { Prerouting, Input, Forward, Output, Postrouting };
  Type type = Type::Filter;
  Hook hook = Hook::Forward;
  std::int32_t priority = 0;                     // 0 is "filter"
  Verdict::Kind policy = Verdict::Kind::Accept;  // Accept or Drop
  auto operator<=>(const BaseChain&) const = default;
};

struct Chain {
  std::string name;
  std::optional<BaseChain> base;
  std::vector<Rule> rules;
  auto operator<=>(const Chain&) const = default;
};

// ---- table ---------------------------------------------------------------------------------

// One table of family inet.
struct Ruleset {
  std::string table = "kpol";
  std::set<std::string> counters;       // named counters, without values
  std::map<std::string, Set> sets;      // sets, maps and verdict maps, by name
  std::map<std::string, Chain> chains;  // by name
  auto operator<=>(const Ruleset&) const = default;

  Set& add(Set set);        // expects the name to be new
  Chain& add(Chain chain);  // expects the name to be new
};

}  // namespace kpol::nft
