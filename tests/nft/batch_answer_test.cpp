// SPDX-License-Identifier: Apache-2.0
#include "nft/batch_answer.hpp"

#include "netlink/error.hpp"

#include <gtest/gtest.h>
#include <linux/netlink.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace kpol::nft {
namespace {

using Bytes = std::vector<std::uint8_t>;

template <class T>
void put(Bytes& bytes, const T& value) {
  const auto* start = reinterpret_cast<const std::uint8_t*>(&value);
  bytes.insert(bytes.end(), start, start + sizeof value);
  bytes.resize(NLMSG_ALIGN(bytes.size()));
}

void putAttribute(Bytes& bytes, std::uint16_t type, const Bytes& payload) {
  put(bytes, nlattr{static_cast<std::uint16_t>(sizeof(nlattr) + payload.size()), type});
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  bytes.resize(NLMSG_ALIGN(bytes.size()));
}

// One NLMSG_ERROR in the format of netlink_ack.
struct Answer {
  std::uint32_t sequence = 0;
  int error = 0;  // 0 or -errno
  std::string extack = {};
  std::optional<std::uint32_t> offset = {};
  std::size_t quoted = 0;  // bytes of the rejected message after its header, if not capped
};

Bytes datagram(const Answer& answer) {
  Bytes bytes;
  put(bytes, nlmsghdr{});
  put(bytes, answer.error);
  nlmsghdr refused{};
  refused.nlmsg_len = static_cast<std::uint32_t>(sizeof refused + answer.quoted);
  put(bytes, refused);
  bytes.resize(bytes.size() + NLMSG_ALIGN(answer.quoted), 0xEE);
  Bytes text(answer.extack.begin(), answer.extack.end());
  text.push_back(0);
  if (!answer.extack.empty()) putAttribute(bytes, NLMSGERR_ATTR_MSG, text);
  if (answer.offset) {
    Bytes number;
    put(number, *answer.offset);
    putAttribute(bytes, NLMSGERR_ATTR_OFFS, number);
  }
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(bytes.size());
  header.nlmsg_type = NLMSG_ERROR;
  header.nlmsg_seq = answer.sequence;
  if (answer.quoted == 0) header.nlmsg_flags |= NLM_F_CAPPED;
  if (!answer.extack.empty() || answer.offset) header.nlmsg_flags |= NLM_F_ACK_TLVS;
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

// A batch whose BATCH_BEGIN is 10, with messages 11 to 14.
BatchAnswer fed(const std::vector<Answer>& answers) {
  BatchAnswer answer(10, 14);
  for (const Answer& one : answers) answer.feed(datagram(one));
  return answer;
}

TEST(BatchAnswer, IsCompleteWithTheAcknowledgement) {
  EXPECT_FALSE(fed({}).complete());
  const auto answer = fed({{14, 0}});
  EXPECT_TRUE(answer.complete());
  EXPECT_EQ(answer.refusal(), std::nullopt);
}

TEST(BatchAnswer, WaitsForTheLastMessageAfterARejection) {
  EXPECT_FALSE(fed({{12, -EEXIST}}).complete());
  const auto answer = fed({{12, -EEXIST, "in the way", 24}, {13, -ENOENT}, {14, 0}});
  EXPECT_TRUE(answer.complete());
  EXPECT_EQ(answer.refusal(), (MessageRefusal{12, EEXIST, "in the way", 24}));
}

TEST(BatchAnswer, LastMessageMayBeRejected) {
  const auto answer = fed({{14, -EPERM}});
  EXPECT_TRUE(answer.complete());
  EXPECT_EQ(answer.refusal(), (MessageRefusal{14, EPERM, {}, {}}));
}

// Without privilege the kernel replies to BATCH_BEGIN and reads no further.
TEST(BatchAnswer, RejectionOfTheWholeBatchTakesPrecedence) {
  EXPECT_TRUE(fed({{10, -EPERM}}).complete());
  EXPECT_EQ(fed({{12, -EEXIST}, {10, -ENOMEM}}).refusal(), (MessageRefusal{10, ENOMEM, {}, {}}));
}

TEST(BatchAnswer, SkipsRepliesToOtherBatches) {
  const auto answer = fed({{9, -EPERM}, {15, -EPERM}, {0, -EPERM}});
  EXPECT_FALSE(answer.complete());
  EXPECT_EQ(answer.refusal(), std::nullopt);
}

TEST(BatchAnswer, FindsTheExtackAfterAQuotedMessage) {
  const auto answer = fed({{12, -EINVAL, "not so", {}, 30}});
  EXPECT_EQ(answer.refusal(), (MessageRefusal{12, EINVAL, "not so", {}}));
}

TEST(BatchAnswer, SequencesMayWrap) {
  BatchAnswer answer(0xFFFFFFFFU, 3);
  answer.feed(datagram({2, -EEXIST}));
  answer.feed(datagram({0xFFFFFFFEU, -EPERM}));
  answer.feed(datagram({3, 0}));
  EXPECT_TRUE(answer.complete());
  EXPECT_EQ(answer.refusal(), (MessageRefusal{2, EEXIST, {}, {}}));
}

TEST(BatchAnswer, SeveralRepliesMayShareADatagram) {
  Bytes both = datagram({12, -EEXIST});
  const Bytes acknowledgement = datagram({14, 0});
  both.insert(both.end(), acknowledgement.begin(), acknowledgement.end());
  BatchAnswer answer(10, 14);
  answer.feed(both);
  EXPECT_TRUE(answer.complete());
  EXPECT_TRUE(answer.refusal());
}

TEST(BatchAnswer, ThrowsOnCodesThatTheKernelNeverSends) {
  for (const int code : {1, -4096, std::numeric_limits<int>::min()})
    EXPECT_THROW(fed({{12, code}}), netlink::Error) << code;
}

TEST(BatchAnswer, ThrowsOnTruncatedBytes) {
  const Bytes whole = datagram({12, -EEXIST, "in the way", 24});
  for (std::size_t size = 1; size < whole.size(); ++size) {
    BatchAnswer answer(10, 14);
    EXPECT_THROW(answer.feed(std::span(whole).first(size)), netlink::Error) << size;
  }
}

}  // namespace
}  // namespace kpol::nft
