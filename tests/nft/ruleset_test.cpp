// SPDX-License-Identifier: Apache-2.0
#include "nft/ruleset.hpp"

#include "tests/nft/values.hpp"

#include <gtest/gtest.h>

namespace kpol::test {
namespace {

using nft::DataType;
using nft::Key;
using Bytes = std::vector<std::uint8_t>;

Bytes bytesOf(const Key& key) {
  return {key.bytes().begin(), key.bytes().end()};
}

TEST(Key, StoresSingleValuesInRegisterFormat) {
  EXPECT_EQ(bytesOf(ip("10.0.0.1")), (Bytes{10, 0, 0, 1}));
  EXPECT_EQ(bytesOf(ip("fe80::1")), (Bytes{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(bytesOf(port(0x1234)), (Bytes{0x12, 0x34}));
  EXPECT_EQ(bytesOf(byte(58)), Bytes{58});
  EXPECT_EQ(bytesOf(kTcp), Bytes{6});
  EXPECT_EQ(bytesOf(interface("lo")), (Bytes{'l', 'o', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(Key, PadsEveryPartOfAConcatenation) {
  EXPECT_EQ(bytesOf(kTcp.dot(port(80))), (Bytes{6, 0, 0, 0, 0, 80, 0, 0}));
  EXPECT_EQ(bytesOf(ip("10.0.0.1").dot(kUdp).dot(port(53))),
            (Bytes{10, 0, 0, 1, 17, 0, 0, 0, 0, 53, 0, 0}));
}

TEST(Key, HoldsTheLongestConcatenationOfAPeerAndAPort) {
  const Key key = ip("::1").dot(ip("::2")).dot(kTcp).dot(port(1));
  EXPECT_EQ(key.bytes().size(), 40U);
}

TEST(Key, OrdersByBytesThenByLength) {
  EXPECT_LT(ip("9.255.255.255"), ip("10.0.0.0"));
  EXPECT_LT(port(255), port(256));
  EXPECT_LT(Key(Bytes{1}), Key(Bytes{1, 0}));
  EXPECT_NE(Key(Bytes{1}), Key(Bytes{1, 0}));
  EXPECT_LT(Key(), Key(Bytes{0}));
  EXPECT_EQ(Key(Bytes{1, 2}), Key(Bytes{1, 2}));
}

TEST(KeyDeathTest, HasAtMost48Bytes) {
  EXPECT_DEATH(Key(Bytes(49, 0)), "48 bytes");
  EXPECT_DEATH(static_cast<void>(Key(Bytes(48, 0)).dot(byte(1))), "48 bytes");
}

TEST(Names, AreThoseOfNft) {
  EXPECT_EQ(typeName(DataType::Ipv4Addr), "ipv4_addr");
  EXPECT_EQ(typeName(DataType::NfProto), "nf_proto");
  EXPECT_EQ(typeName(DataType::Mark), "mark");
  EXPECT_EQ(fieldName(nft::Field::IpSaddr), "ip saddr");
  EXPECT_EQ(fieldName(nft::Field::L4Proto), "meta l4proto");
  EXPECT_EQ(fieldName(nft::Field::Icmpv6Type), "icmpv6 type");
}

TEST(Names, EveryFieldHasTheTypeOfItsWidth) {
  EXPECT_EQ(byteLength(typeOf(nft::Field::IpDaddr)), 4U);
  EXPECT_EQ(byteLength(typeOf(nft::Field::Ip6Daddr)), 16U);
  EXPECT_EQ(byteLength(typeOf(nft::Field::ThDport)), 2U);
  EXPECT_EQ(byteLength(typeOf(nft::Field::L4Proto)), 1U);
  EXPECT_EQ(byteLength(typeOf(nft::Field::IifName)), 16U);
  EXPECT_EQ(byteLength(typeOf(nft::Field::CtState)), 4U);
  EXPECT_EQ(byteLength(typeOf(nft::Field::CtLabel)), 16U);
}

TEST(Set, DeclarationHasAllExceptElements) {
  nft::Set set;
  set.name = "s";
  set.key = {DataType::Ipv4Addr};
  nft::Set other = set;
  other.elements = {nft::element(ip("10.0.0.1"))};
  EXPECT_TRUE(sameDeclaration(set, other));

  const std::vector<void (*)(nft::Set&)> changes{
      [](nft::Set& s) { s.name = "t"; },
      [](nft::Set& s) { s.kind = nft::Set::Kind::VerdictMap; },
      [](nft::Set& s) { s.key = {DataType::Ipv6Addr}; },
      [](nft::Set& s) { s.value = {DataType::Mark}; },
      [](nft::Set& s) { s.interval = true; },
      [](nft::Set& s) { s.size = 1; },
      [](nft::Set& s) { s.comment = "c"; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    nft::Set changed = set;
    changes[i](changed);
    EXPECT_FALSE(sameDeclaration(set, changed)) << "change " << i;
  }
}

TEST(RulesetDeathTest, AddsByNewNames) {
  nft::Ruleset table;
  nft::Set set;
  set.name = "s";
  const nft::Set* added = &table.add(set);
  EXPECT_EQ(added, &table.sets.at("s"));
  const nft::Chain* chain = &table.add(nft::Chain{"c", {}, {}});
  EXPECT_EQ(chain, &table.chains.at("c"));
  EXPECT_DEATH(table.add(set), "new");
}

}  // namespace
}  // namespace kpol::test
