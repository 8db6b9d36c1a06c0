// SPDX-License-Identifier: Apache-2.0
#include "nft/kernel_numbers.hpp"

#include "tests/nft/values.hpp"

#include <gtest/gtest.h>
#include <linux/netfilter/nf_tables.h>

namespace kpol::nft {
namespace {

using enum DataType;

constexpr std::array kTypes{Ipv4Addr, Ipv6Addr, InetProto, InetService, IfName,
                            NfProto,  CtState,  CtLabel,   Icmpv6Type,  Mark};

// As `nft --debug=mnl` sends them.
TEST(KernelNumbers, KeyTypesAreNfts) {
  EXPECT_EQ(keyTypeNumber({Ipv4Addr}), 7U);
  EXPECT_EQ(keyTypeNumber({IfName}), 41U);
  EXPECT_EQ(keyTypeNumber({IfName, Ipv4Addr}), 0x0a47U);
  EXPECT_EQ(keyTypeNumber({InetProto, InetService}), 0x030dU);
  EXPECT_EQ(keyTypeNumber({Ipv4Addr, InetProto, InetService}), 0x730dU);
}

TEST(KernelNumbers, KeyTypesAreReadBack) {
  for (const DataType first : kTypes) {
    EXPECT_EQ(keyTypes(keyTypeNumber({first})), std::vector{first});
    for (const DataType second : kTypes)
      EXPECT_EQ(keyTypes(keyTypeNumber({first, second})), (std::vector{first, second}));
  }
}

TEST(KernelNumbers, OtherKeyTypesAreNullopt) {
  EXPECT_EQ(keyTypes(0), std::nullopt);
  EXPECT_EQ(keyTypes(9), std::nullopt);              // ether_addr
  EXPECT_EQ(keyTypes(7U << 6U | 9U), std::nullopt);  // ipv4_addr . ether_addr
  EXPECT_EQ(keyTypes(0xffffff00U), std::nullopt);    // a verdict
}

TEST(KernelNumbers, VerdictsAreReadBack) {
  using enum Verdict::Kind;
  for (const auto kind : {Accept, Drop, Continue, Return, Jump, Goto})
    EXPECT_EQ(verdictKind(verdictNumber(kind)), kind);
  EXPECT_EQ(verdictNumber(Drop), 0);
  EXPECT_EQ(verdictNumber(Accept), 1);
  EXPECT_EQ(verdictKind(3), std::nullopt);  // NF_QUEUE
}

TEST(KernelNumbers, RegistersAreNamedAsNftNamesThem) {
  EXPECT_EQ(registerAt(0), std::uint32_t{NFT_REG_1});
  EXPECT_EQ(registerAt(1), std::uint32_t{NFT_REG32_01});
  EXPECT_EQ(registerAt(4), std::uint32_t{NFT_REG_2});
  EXPECT_EQ(registerAt(5), std::uint32_t{NFT_REG32_05});
  for (std::uint32_t word = 0; word < 16; ++word) EXPECT_EQ(wordOf(registerAt(word)), word);
  EXPECT_EQ(wordOf(NFT_REG32_00), 0U);
  EXPECT_EQ(wordOf(NFT_REG_VERDICT), std::nullopt);
}

TEST(KernelNumbers, EveryFieldHasAUniqueLoad) {
  for (int i = 0; i <= static_cast<int>(Field::Icmpv6Type); ++i) {
    const auto field = static_cast<Field>(i);
    const FieldLoad& load = loadOf(field);
    EXPECT_EQ(loadedField(load.from, load.at, load.length), field) << fieldName(field);
    EXPECT_EQ(load.length, byteLength(typeOf(field))) << fieldName(field);
  }
  EXPECT_EQ(loadedField(FieldLoad::From::NetworkHeader, 16, 2), Field::IpDaddr);  // of a prefix
  EXPECT_EQ(loadedField(FieldLoad::From::NetworkHeader, 8, 1), Field::Ip6Saddr);
  EXPECT_EQ(loadedField(FieldLoad::From::NetworkHeader, 9, 1), std::nullopt);
  EXPECT_EQ(loadedField(FieldLoad::From::TransportHeader, 2, 1), std::nullopt);
  EXPECT_EQ(loadedField(FieldLoad::From::NetworkHeader, 12, 8), std::nullopt);
}

TEST(KernelNumbers, LabelsAreSingleBits) {
  for (unsigned bit = 0; bit < 128; ++bit)
    EXPECT_EQ(onlyBitOf(labelWithBit(static_cast<std::uint8_t>(bit))), bit);
  EXPECT_EQ(onlyBitOf(Key(std::array<std::uint8_t, 16>{})), std::nullopt);
  EXPECT_EQ(onlyBitOf(Key(std::array<std::uint8_t, 16>{3})), std::nullopt);
  EXPECT_EQ(onlyBitOf(Key(std::array<std::uint8_t, 16>{1, 0, 0, 0, 0, 0, 0, 0, 1})), std::nullopt);
  EXPECT_EQ(onlyBitOf(test::byte(1)), std::nullopt);
}

}  // namespace
}  // namespace kpol::nft
