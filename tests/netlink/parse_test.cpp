// SPDX-License-Identifier: Apache-2.0
#include "netlink/parse.hpp"

#include "netlink/error.hpp"
#include "tests/netlink/bytes.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

namespace kpol::netlink {
namespace {

template <class Read>
int codeOf(const Read& read) {
  try {
    read();
  } catch (const Error& error) {
    return error.code();
  }
  return 0;
}

std::vector<std::pair<int, Bytes>> allAttributes(const Bytes& bytes) {
  std::vector<std::pair<int, Bytes>> all;
  Attributes attributes(bytes);
  while (const auto attribute = attributes.next())
    all.emplace_back(attribute->type, copy(attribute->payload));
  return all;
}

std::vector<Bytes> allMessages(const Bytes& datagram) {
  std::vector<Bytes> all;
  Messages messages(datagram);
  while (const auto message = messages.next()) all.push_back(copy(message->payload));
  return all;
}

TEST(Messages, HaveTheFieldsOfTheirHeaders) {
  const auto datagram = message({16, 2, 3, 4}, {9, 9});
  const auto view = Messages(datagram).next();
  ASSERT_TRUE(view);
  EXPECT_EQ(view->type, 16);
  EXPECT_EQ(view->flags, 2);
  EXPECT_EQ(view->sequence, 3U);
  EXPECT_EQ(view->portId, 4U);
  EXPECT_EQ(copy(view->payload), (Bytes{9, 9}));
}

TEST(Messages, AreReturnedInOrder) {
  const auto datagram = join(message({16}, {1}), message({17}, {}), message({18}, {1, 2, 3, 4, 5}));
  EXPECT_EQ(allMessages(datagram), (std::vector<Bytes>{{1}, {}, {1, 2, 3, 4, 5}}));
  EXPECT_EQ(allMessages({}), std::vector<Bytes>{});
}

TEST(Messages, LastOneMayLackItsPadding) {
  auto datagram = message({16}, {1, 2, 3, 4, 5});
  datagram.resize(16 + 5);
  EXPECT_EQ(allMessages(datagram), (std::vector<Bytes>{{1, 2, 3, 4, 5}}));
}

TEST(Messages, EveryTruncationIsRejected) {
  const auto whole = message({16}, zeros(8));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(codeOf([&] { allMessages(part); }), EBADMSG) << size;
  }
}

TEST(Messages, LengthBelowTheHeaderIsRejected) {
  for (std::uint8_t length = 0; length < 16; ++length) {
    auto datagram = message({16}, zeros(8));
    datagram[0] = length;
    EXPECT_EQ(codeOf([&] { allMessages(datagram); }), EBADMSG) << int{length};
  }
}

TEST(Attributes, AreReturnedInOrderWithoutPadding) {
  const auto bytes = join(attribute(1, {7}), attribute(2, {}), text(3, "eth0"));
  EXPECT_EQ(allAttributes(bytes),
            (std::vector<std::pair<int, Bytes>>{{1, {7}}, {2, {}}, {3, {'e', 't', 'h', '0', 0}}}));
  EXPECT_TRUE(allAttributes({}).empty());
}

TEST(Attributes, FlagBitsAreNoPartOfTheType) {
  const auto bytes = join(attribute(5 | NLA_F_NESTED, {}), attribute(6 | NLA_F_NET_BYTEORDER, {}));
  EXPECT_EQ(allAttributes(bytes), (std::vector<std::pair<int, Bytes>>{{5, {}}, {6, {}}}));
}

TEST(Attributes, EveryTruncationIsRejected) {
  const auto whole = attribute(1, zeros(8));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(codeOf([&] { allAttributes(part); }), EBADMSG) << size;
  }
}

TEST(Attributes, WrongLengthIsRejected) {
  for (const int length : {0, 1, 2, 3, 13, 255}) {
    auto bytes = attribute(1, zeros(8));
    bytes[0] = static_cast<std::uint8_t>(length);
    EXPECT_EQ(codeOf([&] { allAttributes(bytes); }), EBADMSG) << length;
  }
}

TEST(Attributes, AreReadAtAnyAlignment) {
  const auto bytes = join(Bytes{0xFF}, u32(1, 0x01020304));
  Attributes attributes(std::span<const std::uint8_t>(bytes).subspan(1));
  EXPECT_EQ(attributes.next()->u32(), 0x01020304U);
}

TEST(Attribute, NumbersMustHaveTheirExactLength) {
  for (std::size_t size = 0; size <= 9; ++size) {
    const auto payload = zeros(size);
    const Attribute attribute{1, payload};
    EXPECT_EQ(codeOf([&] { static_cast<void>(attribute.u8()); }), size == 1 ? 0 : EBADMSG) << size;
    EXPECT_EQ(codeOf([&] { static_cast<void>(attribute.u32()); }), size == 4 ? 0 : EBADMSG) << size;
    EXPECT_EQ(codeOf([&] { static_cast<void>(attribute.i32()); }), size == 4 ? 0 : EBADMSG) << size;
  }
}

TEST(Attribute, AddressesMustBeOfAFamily) {
  for (std::size_t size = 0; size <= 17; ++size) {
    const auto payload = zeros(size);
    const bool whole = size == 4 || size == 16;
    EXPECT_EQ(codeOf([&] {
                static_cast<void>(Attribute{1, payload}.address());
              }),
              whole ? 0 : EBADMSG)
        << size;
  }
}

TEST(Attribute, OtherLinkLayerAddressesAreIgnored) {
  const Bytes ethernet = {2, 0, 0, 0, 0, 1};
  EXPECT_EQ((Attribute{1, ethernet}.mac()), mac("02:00:00:00:00:01"));
  for (const std::size_t size : {0, 4, 5, 7, 8, 16, 20}) {
    const auto payload = zeros(size);
    EXPECT_EQ((Attribute{1, payload}.mac()), std::nullopt) << size;
  }
}

TEST(Attribute, TextEndsAtItsNul) {
  const Bytes name = {'v', 'e', 't', 'h', 0};
  EXPECT_EQ((Attribute{1, name}.text()), "veth");
  const Bytes fixedSize = {'l', 'o', 0, 0, 0, 0};
  EXPECT_EQ((Attribute{1, fixedSize}.text()), "lo");
  const Bytes endless = {'v', 'e', 't', 'h'};
  EXPECT_EQ(codeOf([&] { static_cast<void>(Attribute{1, endless}.text()); }), EBADMSG);
  EXPECT_EQ(codeOf([&] { static_cast<void>(Attribute{1, {}}.text()); }), EBADMSG);
}

TEST(Attribute, NestedOnesAreBoundByTheOuterOne) {
  const auto bytes = join(nested(1, u32(2, 42)), u32(3, 43));
  Attributes outer(bytes);
  auto inner = outer.next()->nested();
  EXPECT_EQ(inner.next()->u32(), 42U);
  EXPECT_FALSE(inner.next());
}

TEST(CutHeader, RequiresTheWholeStruct) {
  const Bytes bytes = {1, 2, 3, 4, 5};
  std::span<const std::uint8_t> rest(bytes);
  EXPECT_EQ(cutHeader<std::uint8_t>(rest), 1);  // and its padding
  EXPECT_EQ(copy(rest), (Bytes{5}));
  EXPECT_EQ(codeOf([&] { cutHeader<std::uint32_t>(rest); }), EBADMSG);
  EXPECT_EQ(copy(rest), (Bytes{5}));
}

}  // namespace
}  // namespace kpol::netlink
