// SPDX-License-Identifier: Apache-2.0
#include "netlink/message.hpp"

#include "netlink/error.hpp"
#include "tests/netlink/bytes.hpp"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <functional>

namespace kpol::netlink {
namespace {

TEST(Message, StartsWithOnlyTheHeader) {
  const Message built(RTM_GETLINK, NLM_F_ACK);
  EXPECT_EQ(copy(built.bytes()), message({RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK}, {}));
}

TEST(Message, SequenceAndFlagsCanBeSetLater) {
  Message built(RTM_GETLINK, NLM_F_ACK);
  built.setSequence(0x01020304);
  built.addFlags(NLM_F_DUMP);
  EXPECT_EQ(copy(built.bytes()),
            message({RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_DUMP, 0x01020304}, {}));
}

struct VerbCase {
  Verb verb;
  int type;
  int flags;
};

class MessageVerb : public testing::TestWithParam<VerbCase> {};

TEST_P(MessageVerb, DecidesTypeAndFlags) {
  const auto& [verb, type, flags] = GetParam();
  EXPECT_EQ(copy(Message::forObject(RTM_NEWROUTE, verb).bytes()),
            message({type, NLM_F_REQUEST | NLM_F_ACK | flags}, {}));
}

INSTANTIATE_TEST_SUITE_P(
    All, MessageVerb,
    testing::Values(VerbCase{Verb::Add, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL},
                    VerbCase{Verb::Replace, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE},
                    VerbCase{Verb::Delete, RTM_DELROUTE, 0}));

TEST(Message, AttributesArePaddedButKeepTheirLength) {
  Message built(RTM_NEWLINK, 0);
  built.putHeader(ifinfomsg{});
  built.putU8(1, 7);
  built.putText(2, "eth0");
  built.putU32(3, 1450);
  built.putIndex(4, -1);
  built.put(5, ip("10.0.0.1"));
  built.put(6, mac("02:00:00:00:00:01"));
  EXPECT_EQ(
      copy(built.bytes()),
      message({RTM_NEWLINK, NLM_F_REQUEST},
              join(zeros(16), attribute(1, {7}), text(2, "eth0"), u32(3, 1450), u32(4, 0xFFFFFFFF),
                   attribute(5, {10, 0, 0, 1}), attribute(6, {2, 0, 0, 0, 0, 1}))));
}

TEST(Message, NestsContainAttributesAddedDuringTheirLifetime) {
  Message built(RTM_NEWLINK, 0);
  {
    const Nest outer = built.nest(1);
    {
      const Nest inner = built.nest(2);
      built.putU32(3, 3);
    }
    built.putU32(4, 4);
  }
  built.putU32(5, 5);
  EXPECT_EQ(copy(built.bytes()),
            message({RTM_NEWLINK, NLM_F_REQUEST},
                    join(nested(1, join(nested(2, u32(3, 3)), u32(4, 4))), u32(5, 5))));
}

TEST(Message, EmptyNestIsAHeader) {
  Message built(RTM_NEWLINK, 0);
  { const Nest empty = built.nest(1); }
  EXPECT_EQ(copy(built.bytes()), message({RTM_NEWLINK, NLM_F_REQUEST}, nested(1, {})));
}

int codeOfPut(const std::function<void(Message&)>& put) {
  Message built(RTM_NEWLINK, 0);
  built.put(1, zeros(Message::kCapacity - 16 - 4));  // exactly full
  EXPECT_EQ(built.bytes().size(), Message::kCapacity);
  try {
    put(built);
  } catch (const Error& error) {
    EXPECT_EQ(built.bytes().size(), Message::kCapacity);
    return error.code();
  }
  return 0;
}

TEST(Message, RejectsTooLongAttributes) {
  EXPECT_EQ(codeOfPut([](Message& m) { m.put(2, Bytes{}); }), EMSGSIZE);
  EXPECT_EQ(codeOfPut([](Message& m) { m.putU8(2, 1); }), EMSGSIZE);
  EXPECT_EQ(codeOfPut([](Message& m) { m.putU32(2, 1); }), EMSGSIZE);
  EXPECT_EQ(codeOfPut([](Message& m) { m.putText(2, ""); }), EMSGSIZE);
  EXPECT_EQ(codeOfPut([](Message& m) { m.putHeader(rtmsg{}); }), EMSGSIZE);
  EXPECT_EQ(codeOfPut([](Message& m) { static_cast<void>(m.nest(2)); }), EMSGSIZE);
}

}  // namespace
}  // namespace kpol::netlink
