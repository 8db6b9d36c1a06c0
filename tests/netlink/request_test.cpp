// SPDX-License-Identifier: Apache-2.0
#include "netlink/request.hpp"

#include "tests/netlink/bytes.hpp"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

namespace kpol::netlink {
namespace {

constexpr std::uint32_t kSequence = 77;
constexpr std::uint32_t kPort = 4711;

// A request as quoted in the kernel's reply.
Bytes quoted(const Bytes& payload = {}) {
  return message({RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, kSequence, kPort}, payload);
}

Bytes refusal(std::int32_t code, int flags, const Bytes& rest) {
  return message({NLMSG_ERROR, flags, kSequence, kPort}, join(raw(code), rest));
}

Bytes acknowledgement(std::int32_t code) {
  return refusal(code, NLM_F_CAPPED, quoted());
}

Bytes object(int flags = NLM_F_MULTI, std::uint32_t sequence = kSequence,
             std::uint32_t port = kPort) {
  return message({RTM_NEWADDR, flags, sequence, port}, {1, 2, 3, 4});
}

Bytes done(std::int32_t code = 0, int flags = NLM_F_MULTI) {
  return message({NLMSG_DONE, flags, kSequence, kPort}, raw(code));
}

// The result of an exchange for some datagrams.
struct Seen {
  bool complete = false;
  bool interrupted = false;
  std::optional<Refusal> refusal{};
  int objects = 0;
  bool operator==(const Seen&) const = default;
};

void PrintTo(const Seen& seen, std::ostream* out) {
  *out << "complete " << seen.complete << ", interrupted " << seen.interrupted << ", objects "
       << seen.objects;
  if (seen.refusal) *out << ", refusal " << seen.refusal->code << " " << seen.refusal->extack;
}

Seen feed(Exchange::Kind kind, const std::vector<Bytes>& datagrams) {
  Exchange exchange(kind, kSequence, kPort);
  Seen seen;
  for (const auto& datagram : datagrams)
    seen.complete = exchange.feed(datagram, [&](const MessageView&) { ++seen.objects; });
  seen.interrupted = exchange.interrupted();
  seen.refusal = exchange.refusal();
  return seen;
}

int errorOf(const Bytes& datagram) {
  try {
    feed(Exchange::Kind::Acknowledged, {datagram});
  } catch (const Error& error) {
    return error.code();
  }
  return 0;
}

constexpr auto kAck = Exchange::Kind::Acknowledged;
constexpr auto kAnswer = Exchange::Kind::Answered;
constexpr auto kDump = Exchange::Kind::Dump;

TEST(Exchange, ZeroIsTheAcknowledgement) {
  EXPECT_EQ(feed(kAck, {acknowledgement(0)}), (Seen{.complete = true}));
}

TEST(Exchange, NegativeCodeIsTheErrno) {
  EXPECT_EQ(feed(kAck, {acknowledgement(-EINVAL)}),
            (Seen{.complete = true, .refusal = Refusal{EINVAL, ""}}));
  EXPECT_EQ(feed(kAck, {acknowledgement(-4095)}),
            (Seen{.complete = true, .refusal = Refusal{4095, ""}}));
}

TEST(Exchange, InvalidErrorCodesAreMalformed) {
  for (const std::int32_t code : {EINVAL, 1, -4096, std::numeric_limits<std::int32_t>::min(),
                                  std::numeric_limits<std::int32_t>::max()})
    EXPECT_EQ(errorOf(acknowledgement(code)), EBADMSG) << code;
}

TEST(Exchange, ExtackIsTheKernelsMessage) {
  const auto extack = join(u32(NLMSGERR_ATTR_OFFS, 48), text(NLMSGERR_ATTR_MSG, "Bad MTU"));
  const Seen expected{.complete = true, .refusal = Refusal{EINVAL, "Bad MTU"}};
  EXPECT_EQ(feed(kAck, {refusal(-EINVAL, NLM_F_CAPPED | NLM_F_ACK_TLVS, join(quoted(), extack))}),
            expected);
  // Not capped: the whole request lies between the code and the text.
  const auto whole = quoted(join(zeros(16), u32(IFLA_MTU, 10)));
  EXPECT_EQ(feed(kAck, {refusal(-EINVAL, NLM_F_ACK_TLVS, join(whole, extack))}), expected);
}

TEST(Exchange, CappedQuoteKeepsTheLengthOfTheWholeRequest) {
  auto header = quoted();
  header[0] = 200;  // nlmsg_len of the request, of which only the header is here
  EXPECT_EQ(feed(kAck, {refusal(-EPERM, NLM_F_CAPPED | NLM_F_ACK_TLVS,
                                join(header, text(NLMSGERR_ATTR_MSG, "no")))}),
            (Seen{.complete = true, .refusal = Refusal{EPERM, "no"}}));
}

TEST(Exchange, WithoutTheFlagTrailingBytesAreNoExtack) {
  EXPECT_EQ(
      feed(kAck, {refusal(-EPERM, NLM_F_CAPPED, join(quoted(), text(NLMSGERR_ATTR_MSG, "no")))}),
      (Seen{.complete = true, .refusal = Refusal{EPERM, ""}}));
}

TEST(Exchange, WarningInAnAcknowledgementIsNotAnError) {
  EXPECT_EQ(feed(kAck, {refusal(0, NLM_F_CAPPED | NLM_F_ACK_TLVS,
                                join(quoted(), text(NLMSGERR_ATTR_MSG, "deprecated")))}),
            (Seen{.complete = true}));
}

TEST(Exchange, TruncatedErrorsAreMalformed) {
  const auto extack = NLM_F_CAPPED | NLM_F_ACK_TLVS;
  EXPECT_EQ(errorOf(message({NLMSG_ERROR, 0, kSequence, kPort}, {})), EBADMSG);
  EXPECT_EQ(errorOf(message({NLMSG_ERROR, 0, kSequence, kPort}, {1, 0})), EBADMSG);
  EXPECT_EQ(errorOf(refusal(-EPERM, extack, {})), EBADMSG);
  EXPECT_EQ(errorOf(refusal(-EPERM, extack, zeros(12))), EBADMSG);
  EXPECT_EQ(errorOf(refusal(-EPERM, extack, join(quoted(), Bytes{200, 0, 1, 0}))), EBADMSG);
  EXPECT_EQ(errorOf(refusal(-EPERM, extack, join(quoted(), attribute(NLMSGERR_ATTR_MSG, {'x'})))),
            EBADMSG);
  // A quote that claims more than there is.
  auto header = quoted();
  header[0] = 200;
  EXPECT_EQ(errorOf(refusal(-EPERM, NLM_F_ACK_TLVS, header)), EBADMSG);
  auto cut = acknowledgement(-EPERM);
  cut.resize(cut.size() - 4);
  EXPECT_EQ(errorOf(cut), EBADMSG);
}

TEST(Exchange, OtherSequencesAndPortsAreSkipped) {
  const auto late = message({NLMSG_ERROR, 0, kSequence - 1, kPort}, join(raw(-EPERM), quoted()));
  const auto foreign = message({NLMSG_ERROR, 0, kSequence, kPort + 1}, join(raw(-EPERM), quoted()));
  const auto notification = message({RTM_NEWLINK, 0, 0, 0}, zeros(16));
  for (const auto kind : {kAck, kAnswer, kDump}) {
    EXPECT_EQ(feed(kind, {late, foreign, notification}), Seen{});
    EXPECT_EQ(feed(kind, {late, join(foreign, acknowledgement(0))}), (Seen{.complete = true}));
  }
}

TEST(Exchange, InterruptedFlagOfAnotherDumpIsIgnored) {
  EXPECT_EQ(feed(kDump, {object(NLM_F_MULTI | NLM_F_DUMP_INTR, kSequence - 1), done()}),
            (Seen{.complete = true}));
}

TEST(Exchange, NoopIsSkipped) {
  const auto noop = message({NLMSG_NOOP, 0, kSequence, kPort}, {});
  EXPECT_EQ(feed(kAck, {noop, acknowledgement(0)}), (Seen{.complete = true}));
}

TEST(Exchange, OverrunMessageMeansLoss) {
  EXPECT_EQ(errorOf(message({NLMSG_OVERRUN, 0, 0, 0}, {})), ENOBUFS);
}

TEST(Exchange, ReplyIsCompleteWithItsObject) {
  EXPECT_EQ(feed(kAnswer, {object(0)}), (Seen{.complete = true, .objects = 1}));
  EXPECT_EQ(feed(kAnswer, {acknowledgement(-ENODEV)}),
            (Seen{.complete = true, .refusal = Refusal{ENODEV, ""}}));
}

TEST(Exchange, DumpEndsWithDone) {
  EXPECT_EQ(feed(kDump, {join(object(), object()), object()}), (Seen{.objects = 3}));
  EXPECT_EQ(feed(kDump, {join(object(), object()), join(object(), done())}),
            (Seen{.complete = true, .objects = 3}));
  EXPECT_EQ(feed(kDump, {done()}), (Seen{.complete = true}));
}

TEST(Exchange, InterruptedFlagInAnyMessageCounts) {
  constexpr int kFlags = NLM_F_MULTI | NLM_F_DUMP_INTR;
  EXPECT_EQ(feed(kDump, {object(), object(kFlags), object(), done()}),
            (Seen{.complete = true, .interrupted = true, .objects = 3}));
  EXPECT_EQ(feed(kDump, {object(), done(0, kFlags)}),
            (Seen{.complete = true, .interrupted = true, .objects = 1}));
}

TEST(Exchange, DumpErrorAtStartOrEnd) {
  EXPECT_EQ(feed(kDump, {acknowledgement(-EOPNOTSUPP)}),
            (Seen{.complete = true, .refusal = Refusal{EOPNOTSUPP, ""}}));
  const auto flags = NLM_F_MULTI | NLM_F_ACK_TLVS;
  const auto end = message({NLMSG_DONE, flags, kSequence, kPort},
                           join(raw(-ENOENT), text(NLMSGERR_ATTR_MSG, "FIB table does not exist")));
  EXPECT_EQ(
      feed(kDump, {object(), end}),
      (Seen{
          .complete = true, .refusal = Refusal{ENOENT, "FIB table does not exist"}, .objects = 1}));
}

TEST(Exchange, EveryTruncationOfAReplyIsRejectedOrIncomplete) {
  const auto whole = join(object(), refusal(-EINVAL, NLM_F_CAPPED | NLM_F_ACK_TLVS,
                                            join(quoted(), text(NLMSGERR_ATTR_MSG, "Bad MTU"))));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const bool atBoundary = size == 0 || size == object().size();
    if (atBoundary) {
      EXPECT_FALSE(feed(kDump, {part}).complete) << size;
    } else {
      EXPECT_EQ(errorOf(part), EBADMSG) << size;
    }
  }
}

}  // namespace
}  // namespace kpol::netlink
