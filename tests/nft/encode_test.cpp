// SPDX-License-Identifier: Apache-2.0
#include "nft/encode.hpp"

#include "netlink/parse.hpp"
#include "nft/decode.hpp"
#include "nft/key_arithmetic.hpp"
#include "tests/nft/values.hpp"

#include <gtest/gtest.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <set>

namespace kpol::nft {
namespace {

constexpr std::uint16_t kBatchBegin = NFNL_MSG_BATCH_BEGIN;
constexpr std::uint16_t kBatchEnd = NFNL_MSG_BATCH_END;

constexpr std::uint16_t typeOf(int message) {
  return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | message);
}

// A sealed batch of these changes, and its messages.
struct Sealed {
  explicit Sealed(const std::vector<Change>& changes, Declarations known = {}) {
    Encoder encoder(table, known, batch);
    for (std::size_t i = 0; i < changes.size(); ++i) encoder.encode(changes[i], {i, 0});
    std::uint32_t sequence = 99;
    netlink::Messages all(batch.seal([&] { return ++sequence; }));
    while (const auto message = all.next()) messages.push_back(*message);
  }
  std::string table = "kpol";
  Batch batch;
  std::vector<netlink::MessageView> messages;
};

Set plain(std::string name) {
  Set set;
  set.name = std::move(name);
  set.key = {DataType::Ipv4Addr};
  return set;
}

Set blocks() {
  Set set = plain("blocks");
  set.interval = true;
  return set;
}

Key address(std::size_t number) {
  const std::array bytes{std::uint8_t{10}, static_cast<std::uint8_t>(number >> 16U),
                         static_cast<std::uint8_t>(number >> 8U),
                         static_cast<std::uint8_t>(number)};
  return Key(bytes);
}

std::vector<Element> decodedElements(const std::vector<netlink::MessageView>& messages,
                                     const Set& set) {
  ElementDecoder decoder(set);
  for (const auto& message : messages)
    if (message.type == typeOf(NFT_MSG_NEWSETELEM)) decoder.read(message);
  return decoder.finish();
}

TEST(Encode, ABatchHasOneAcknowledgement) {
  const Sealed sealed({AddTable{}, AddCounter{"a"}, AddChain{"c", {}}});
  ASSERT_EQ(sealed.messages.size(), 5U);
  EXPECT_EQ(sealed.messages.front().type, kBatchBegin);
  EXPECT_EQ(sealed.messages.back().type, kBatchEnd);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ((sealed.messages[i].flags & NLM_F_ACK) != 0, i == 3) << i;
    EXPECT_EQ(sealed.messages[i].sequence, 100 + i);
  }
  EXPECT_EQ(sealed.batch.firstSequence(), 100U);
  EXPECT_EQ(sealed.batch.lastSequence(), 103U);
}

TEST(Encode, EveryMessageIsTracedToItsChange) {
  const Sealed sealed({AddTable{}, AddCounter{"a"}, AddChain{"c", {}}});
  EXPECT_EQ(sealed.batch.find(101).origin.change, 0U);
  EXPECT_EQ(sealed.batch.find(103).origin.change, 2U);
  EXPECT_EQ(sealed.batch.find(100).header, nullptr);
  EXPECT_EQ(sealed.batch.find(104).header, nullptr);
}

TEST(Encode, ObjectsAreCreatedExclusively) {
  const Sealed sealed({AddTable{}, AddCounter{"a"}, AddChain{"c", {}}, AddSet{plain("s")},
                       AddElements{"s", {element(address(1))}}});
  for (std::size_t i = 1; i <= 5; ++i) EXPECT_TRUE(sealed.messages[i].flags & NLM_F_EXCL) << i;
}

TEST(Encode, EachChangeIsOneMessageOfItsType) {
  const std::vector<Change> changes{AddTable{},
                                    AddCounter{"a"},
                                    AddChain{"c", {}},
                                    AddSet{plain("s")},
                                    AddElements{"s", {element(address(1))}},
                                    AddRule{"c", {{test::accept()}, {}}},
                                    FlushChain{"c"},
                                    DeleteElements{"s", {element(address(1))}},
                                    FlushSet{"s"},
                                    DeleteSet{"s"},
                                    DeleteChain{"c"},
                                    DeleteCounter{"a"},
                                    DeleteTable{}};
  const std::vector<std::uint16_t> expected{
      kBatchBegin,
      typeOf(NFT_MSG_NEWTABLE),
      typeOf(NFT_MSG_NEWOBJ),
      typeOf(NFT_MSG_NEWCHAIN),
      typeOf(NFT_MSG_NEWSET),
      typeOf(NFT_MSG_NEWSETELEM),
      typeOf(NFT_MSG_NEWRULE),
      typeOf(NFT_MSG_DELRULE),
      typeOf(NFT_MSG_DELSETELEM),
      typeOf(NFT_MSG_DELSETELEM),
      typeOf(NFT_MSG_DELSET),
      typeOf(NFT_MSG_DELCHAIN),
      typeOf(NFT_MSG_DELOBJ),
      typeOf(NFT_MSG_DELTABLE),
      kBatchEnd,
  };
  std::vector<std::uint16_t> types;
  for (const auto& message : Sealed(changes).messages) types.push_back(message.type);
  EXPECT_EQ(types, expected);
}

// A list longer than its 16-bit length would be cut by the kernel without a word.
TEST(Encode, ElementsAreSpreadOverMessagesThatHoldThem) {
  std::vector<Element> elements;
  for (std::size_t i = 0; i < 20000; ++i) elements.push_back(element(address(i)));
  const Sealed sealed({AddSet{plain("s")}, AddElements{"s", elements}});
  EXPECT_GT(sealed.messages.size(), 5U);
  for (const auto& message : sealed.messages) EXPECT_LT(message.payload.size(), 65536U);
  EXPECT_EQ(decodedElements(sealed.messages, plain("s")), elements);
  // The messages know which of the elements is their first.
  std::set<std::size_t> starts;
  for (const auto& message : sealed.messages) {
    const auto origin = sealed.batch.find(message.sequence).origin;
    if (message.type == typeOf(NFT_MSG_NEWSETELEM)) starts.insert(origin.firstElement);
  }
  EXPECT_EQ(starts.size(), sealed.messages.size() - 3);
  EXPECT_EQ(*starts.begin(), 0U);
}

// Cut between them, the kernel would see a range without an end.
TEST(Encode, BothEndsOfARangeAreInOneMessage) {
  std::vector<Element> elements;
  for (std::size_t i = 0; i < 20000; ++i)
    elements.push_back(range(address(i * 4), address(i * 4 + 1)));
  const Sealed sealed({AddElements{"blocks", elements}}, {{"blocks", blocks()}});
  std::size_t ranges = 0;
  for (const auto& message : sealed.messages)
    if (message.type == typeOf(NFT_MSG_NEWSETELEM)) {
      const auto part = decodedElements({message}, blocks());
      EXPECT_EQ(part.back().last, next(part.back().first)) << "open";
      ranges += part.size();
    }
  EXPECT_EQ(ranges, elements.size());
}

TEST(Encode, RangesAreReadAsTheyWere) {
  const auto ip = test::ip;
  const std::vector<Element> elements{
      element(ip("0.0.0.0")), range(ip("0.0.0.1"), ip("9.255.255.255")),
      range(ip("10.0.0.0"), ip("10.0.0.9")), range(ip("224.0.0.0"), ip("255.255.255.255"))};
  const Sealed sealed({AddElements{"blocks", elements}}, {{"blocks", blocks()}});
  EXPECT_EQ(decodedElements(sealed.messages, blocks()), elements);
}

TEST(Encode, DeclarationsFollowTheChanges) {
  Declarations known{{"old", plain("old")}};
  Batch batch;
  const std::string table = "kpol";
  Encoder encoder(table, known, batch);
  Set filled = plain("new");
  encoder.encode(AddSet{filled}, {});
  encoder.encode(DeleteSet{"old"}, {});
  EXPECT_EQ(known, (Declarations{{"new", plain("new")}}));
  encoder.encode(DeleteTable{}, {});
  EXPECT_TRUE(known.empty());
}

}  // namespace
}  // namespace kpol::nft
