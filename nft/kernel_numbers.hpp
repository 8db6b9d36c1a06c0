// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

// Private to nft/: the kernel's and nft's numbers for our words, each table read both ways.
namespace kpol::nft {

// A set's NFTA_SET_KEY_TYPE and NFTA_SET_DATA_TYPE. The kernel only keeps them; nft lists by them.
std::uint32_t keyTypeNumber(const std::vector<DataType>& types);
std::optional<std::vector<DataType>> keyTypes(std::uint32_t number);

// nft's `enum byteorder`, as kept in a set's userdata: whether a lone key of the type is a number
// in host order, in network order, or (concatenations) neither.
std::uint32_t byteOrderNumber(const std::vector<DataType>& types);

std::int32_t verdictNumber(Verdict::Kind kind);  // NF_DROP, NFT_JUMP, ...
std::optional<Verdict::Kind> verdictKind(std::int32_t number);

std::string_view chainTypeName(BaseChain::Type type);  // "filter", ...
std::optional<BaseChain::Type> chainType(std::string_view name);

// What nft adds to a rule, once, before a field that only some packets have.
enum class Dependency : std::uint8_t { Ipv4, Ipv6, Icmpv6 };
// The match that nft adds for it.
const Match& dependencyMatch(Dependency dependency);

// How a field gets into a register.
struct FieldLoad {
  enum class From : std::uint8_t { Meta, Ct, FibOfDaddr, NetworkHeader, TransportHeader };
  From from;
  std::uint32_t at;      // meta or ct key, result of fib, or byte offset in the header
  std::uint32_t length;  // bytes
  std::vector<Dependency> needs;
};
const FieldLoad& loadOf(Field field);
// The field that such an expression loads; a header load may be shorter than the field (`length`),
// as nft makes it for prefixes of whole bytes.
std::optional<Field> loadedField(FieldLoad::From from, std::uint32_t at, std::uint32_t length);

// The register that starts at the 4-byte word `word` of the register file, as nft names it: the
// 16-byte registers where it can.
std::uint32_t registerAt(std::uint32_t word);
// And back; nothing for the verdict register.
std::optional<std::uint32_t> wordOf(std::uint32_t reg);

// A conntrack label as the kernel's bit array of two unsigned longs has it in 16 bytes.
Key labelWithBit(std::uint8_t bit);
// The bit, where exactly one is set.
std::optional<std::uint8_t> onlyBitOf(const Key& label);

}  // namespace kpol::nft
