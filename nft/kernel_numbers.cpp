// SPDX-License-Identifier: Apache-2.0
#include "nft/kernel_numbers.hpp"

#include "base/error.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace kpol::nft {
namespace {

// nftables include/datatype.h, `enum datatypes`. In a concatenation, each type takes 6 bits.
struct TypeNumber {
  DataType type;
  std::uint32_t number;
};
constexpr std::array kTypeNumbers{
    TypeNumber{DataType::NfProto, 2},      TypeNumber{DataType::Ipv4Addr, 7},
    TypeNumber{DataType::Ipv6Addr, 8},     TypeNumber{DataType::InetProto, 12},
    TypeNumber{DataType::InetService, 13}, TypeNumber{DataType::Mark, 19},
    TypeNumber{DataType::CtState, 26},     TypeNumber{DataType::Icmpv6Type, 29},
    TypeNumber{DataType::CtLabel, 30},     TypeNumber{DataType::IfName, 41},
    TypeNumber{DataType::CtStatus, 28},    TypeNumber{DataType::FibAddrType, 38},
};
constexpr unsigned kTypeBits = 6;

// nftables include/datatype.h, `enum byteorder`.
constexpr std::uint32_t kNoByteOrder = 0;
constexpr std::uint32_t kHostEndian = 1;
constexpr std::uint32_t kBigEndian = 2;

struct VerdictNumber {
  Verdict::Kind kind;
  std::int32_t number;
};
constexpr std::array kVerdicts{
    VerdictNumber{Verdict::Kind::Drop, NF_DROP},
    VerdictNumber{Verdict::Kind::Accept, NF_ACCEPT},
    VerdictNumber{Verdict::Kind::Continue, NFT_CONTINUE},
    VerdictNumber{Verdict::Kind::Return, NFT_RETURN},
    VerdictNumber{Verdict::Kind::Jump, NFT_JUMP},
    VerdictNumber{Verdict::Kind::Goto, NFT_GOTO},
};

struct ChainType {
  BaseChain::Type type;
  std::string_view name;
};
constexpr std::array kChainTypes{ChainType{BaseChain::Type::Filter, "filter"},
                                 ChainType{BaseChain::Type::Nat, "nat"},
                                 ChainType{BaseChain::Type::Route, "route"}};

constexpr auto underlying(BaseChain::Hook hook) {
  return static_cast<unsigned>(hook);
}
static_assert(underlying(BaseChain::Hook::Prerouting) == NF_INET_PRE_ROUTING);
static_assert(underlying(BaseChain::Hook::Input) == NF_INET_LOCAL_IN);
static_assert(underlying(BaseChain::Hook::Forward) == NF_INET_FORWARD);
static_assert(underlying(BaseChain::Hook::Output) == NF_INET_LOCAL_OUT);
static_assert(underlying(BaseChain::Hook::Postrouting) == NF_INET_POST_ROUTING);

constexpr std::uint8_t kIpprotoIcmpv6 = 58;

struct LoadRow {
  Field field;
  FieldLoad load;
};

const std::vector<LoadRow>& loads() {
  using From = FieldLoad::From;
  using enum Dependency;
  static const std::vector<LoadRow> kLoads{
      {Field::IpSaddr, {From::NetworkHeader, 12, 4, {Ipv4}}},
      {Field::IpDaddr, {From::NetworkHeader, 16, 4, {Ipv4}}},
      {Field::Ip6Saddr, {From::NetworkHeader, 8, 16, {Ipv6}}},
      {Field::Ip6Daddr, {From::NetworkHeader, 24, 16, {Ipv6}}},
      {Field::L4Proto, {From::Meta, NFT_META_L4PROTO, 1, {}}},
      {Field::ThSport, {From::TransportHeader, 0, 2, {}}},
      {Field::ThDport, {From::TransportHeader, 2, 2, {}}},
      {Field::IifName, {From::Meta, NFT_META_IIFNAME, 16, {}}},
      {Field::OifName, {From::Meta, NFT_META_OIFNAME, 16, {}}},
      {Field::NfProto, {From::Meta, NFT_META_NFPROTO, 1, {}}},
      {Field::CtState, {From::Ct, NFT_CT_STATE, 4, {}}},
      {Field::CtLabel, {From::Ct, NFT_CT_LABELS, 16, {}}},
      {Field::Icmpv6Type, {From::TransportHeader, 0, 1, {Ipv6, Icmpv6}}},
      {Field::CtStatus, {From::Ct, NFT_CT_STATUS, 4, {}}},
      {Field::FibDaddrType, {From::FibOfDaddr, NFT_FIB_RESULT_ADDRTYPE, 4, {}}},
      {Field::FibSaddrType, {From::FibOfSaddr, NFT_FIB_RESULT_ADDRTYPE, 4, {}}},
  };
  return kLoads;
}

bool isHeader(FieldLoad::From from) {
  return from == FieldLoad::From::NetworkHeader || from == FieldLoad::From::TransportHeader;
}

}  // namespace

std::uint32_t keyTypeNumber(const std::vector<DataType>& types) {
  std::uint32_t number = 0;
  for (const DataType type : types) {
    const auto* row = std::ranges::find(kTypeNumbers, type, &TypeNumber::type);
    base::expects(row != kTypeNumbers.end(), "every data type has a number");
    number = number << kTypeBits | row->number;
  }
  return number;
}

std::optional<std::vector<DataType>> keyTypes(std::uint32_t number) {
  std::vector<DataType> types;
  for (; number != 0; number >>= kTypeBits) {
    const std::uint32_t last = number & ((1U << kTypeBits) - 1);
    const auto* row = std::ranges::find(kTypeNumbers, last, &TypeNumber::number);
    if (row == kTypeNumbers.end()) return std::nullopt;
    types.insert(types.begin(), row->type);
  }
  if (types.empty()) return std::nullopt;
  return types;
}

std::uint32_t byteOrderNumber(const std::vector<DataType>& types) {
  if (types.size() != 1) return kNoByteOrder;
  switch (types.front()) {
    case DataType::Ipv4Addr:
    case DataType::Ipv6Addr:
    case DataType::InetProto:
    case DataType::InetService:
    case DataType::Icmpv6Type: return kBigEndian;
    case DataType::IfName:
    case DataType::CtState:
    case DataType::CtLabel:
    case DataType::CtStatus:
    case DataType::FibAddrType:
    case DataType::Mark: return kHostEndian;
    case DataType::NfProto: return kNoByteOrder;
  }
  return kNoByteOrder;
}

std::int32_t verdictNumber(Verdict::Kind kind) {
  return std::ranges::find(kVerdicts, kind, &VerdictNumber::kind)->number;
}

std::optional<Verdict::Kind> verdictKind(std::int32_t number) {
  const auto* row = std::ranges::find(kVerdicts, number, &VerdictNumber::number);
  return row == kVerdicts.end() ? std::nullopt : std::optional(row->kind);
}

std::string_view chainTypeName(BaseChain::Type type) {
  return std::ranges::find(kChainTypes, type, &ChainType::type)->name;
}

std::optional<BaseChain::Type> chainType(std::string_view name) {
  const auto* row = std::ranges::find(kChainTypes, name, &ChainType::name);
  return row == kChainTypes.end() ? std::nullopt : std::optional(row->type);
}

const Match& dependencyMatch(Dependency dependency) {
  const auto exact = [](Field field, std::uint8_t value) {
    return Match{{field}, false, Exact{Key::of(value)}};
  };
  static const std::array kMatches{exact(Field::NfProto, NFPROTO_IPV4),
                                   exact(Field::NfProto, NFPROTO_IPV6),
                                   exact(Field::L4Proto, kIpprotoIcmpv6)};
  return kMatches.at(static_cast<std::size_t>(dependency));
}

const FieldLoad& loadOf(Field field) {
  const auto row = std::ranges::find(loads(), field, &LoadRow::field);
  base::expects(row != loads().end(), "every field has a load");
  return row->load;
}

std::optional<Field> loadedField(FieldLoad::From from, std::uint32_t at, std::uint32_t length) {
  const auto fits = [&](const LoadRow& row) {
    if (row.load.from != from || row.load.at != at) return false;
    const bool trimmed = from == FieldLoad::From::NetworkHeader && length < row.load.length;
    return !isHeader(from) || trimmed || row.load.length == length;
  };
  const auto row = std::ranges::find_if(loads(), fits);
  return row == loads().end() ? std::nullopt : std::optional(row->field);
}

std::uint32_t registerAt(std::uint32_t word) {
  return word % 4 == 0 ? NFT_REG_1 + word / 4 : NFT_REG32_00 + word;
}

std::optional<std::uint32_t> wordOf(std::uint32_t reg) {
  if (reg >= NFT_REG_1 && reg <= NFT_REG_4) return (reg - NFT_REG_1) * 4;
  if (reg >= NFT_REG32_00 && reg <= NFT_REG32_15) return reg - NFT_REG32_00;
  return std::nullopt;
}

// include/linux/bitops.h: bit n is bit n % 64 of word n / 64. Words are in host order.
Key labelWithBit(std::uint8_t bit) {
  base::expects(bit < 128, "a connection has 128 labels");
  std::array<std::uint64_t, 2> words{};
  words[bit / 64U] = std::uint64_t{1} << (bit % 64U);
  std::array<std::uint8_t, sizeof words> bytes;
  std::memcpy(bytes.data(), words.data(), sizeof words);
  return Key(bytes);
}

std::optional<std::uint8_t> onlyBitOf(const Key& label) {
  std::array<std::uint64_t, 2> words{};
  if (label.bytes().size() != sizeof words) return std::nullopt;
  std::memcpy(words.data(), label.bytes().data(), sizeof words);
  if (std::popcount(words[0]) + std::popcount(words[1]) != 1) return std::nullopt;
  const int low = std::countr_zero(words[0]);  // 64 if the bit is in the other word
  return static_cast<std::uint8_t>(low < 64 ? low : 64 + std::countr_zero(words[1]));
}

}  // namespace kpol::nft
