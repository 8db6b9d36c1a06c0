// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

// Private to nft/: maps enums of this library to numbers of the kernel and of nft, and back.
namespace kpol::nft {

// A set's NFTA_SET_KEY_TYPE or NFTA_SET_DATA_TYPE. The kernel only stores it; nft uses it to list
// the set.
std::uint32_t keyTypeNumber(const std::vector<DataType>& types);
std::optional<std::vector<DataType>> keyTypes(std::uint32_t number);

// nft's `enum byteorder`, stored in a set's userdata: host order or network order for a single
// type, neither for nf_proto and concatenations.
std::uint32_t byteOrderNumber(const std::vector<DataType>& types);

std::int32_t verdictNumber(Verdict::Kind kind);  // NF_DROP, NFT_JUMP, ...
std::optional<Verdict::Kind> verdictKind(std::int32_t number);

std::string_view chainTypeName(BaseChain::Type type);  // "filter", ...
std::optional<BaseChain::Type> chainType(std::string_view name);

// A match that nft adds to a rule, once, before a field that only some packets have.
enum class Dependency : std::uint8_t { Ipv4, Ipv6, Icmpv6 };
// The match that nft adds for `dependency`.
const Match& dependencyMatch(Dependency dependency);

// How a field is loaded into a register.
struct FieldLoad {
  enum class From : std::uint8_t {
    Meta,
    Ct,
    FibOfDaddr,
    FibOfSaddr,
    NetworkHeader,
    TransportHeader
  };
  From from;
  std::uint32_t at;      // meta key, ct key, fib result, or byte offset in the header
  std::uint32_t length;  // bytes
  std::vector<Dependency> needs;
};
const FieldLoad& loadOf(Field field);
// The field that such an expression loads. A load from the network header may be shorter than the
// field (`length`), as nft generates it for prefixes of whole bytes.
std::optional<Field> loadedField(FieldLoad::From from, std::uint32_t at, std::uint32_t length);

// The register that starts at the 4-byte word `word` of the register file. Like nft, prefers the
// numbers of 16-byte registers.
std::uint32_t registerAt(std::uint32_t word);
// The reverse of registerAt; nullopt for the verdict register.
std::optional<std::uint32_t> wordOf(std::uint32_t reg);

// A conntrack label with one bit set: 16 bytes in the layout of the kernel's bit array.
Key labelWithBit(std::uint8_t bit);
// The bit that is set; nullopt unless exactly one is set.
std::optional<std::uint8_t> onlyBitOf(const Key& label);

}  // namespace kpol::nft
