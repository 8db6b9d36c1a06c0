// SPDX-License-Identifier: Apache-2.0
#include "netlink/shaping.hpp"

#include "netlink/error.hpp"
#include "netlink/link.hpp"
#include "tests/netlink/bytes.hpp"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include <cerrno>

namespace kpol::netlink {
namespace {

constexpr int kReplaced = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
constexpr int kAdded = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
constexpr base::IfIndex kLink{7};

// struct tcmsg: family and padding, link, handle, parent, info.
Bytes place(std::int32_t link, std::uint32_t handle, std::uint32_t parent, std::uint32_t info = 0) {
  return join(zeros(4), raw(link), raw(handle), raw(parent), raw(info));
}

// struct tc_tbf_qopt: rate (cell_log, linklayer, overhead, cell_align, mpu, rate), peakrate, limit,
// buffer, mtu.
Bytes parameters(std::uint32_t rate, std::uint32_t limit, std::uint32_t buffer = 0) {
  return join(Bytes{0, 1}, zeros(6), raw(rate), zeros(12), raw(limit), raw(buffer), zeros(4));
}

TEST(EncodeTokenBucket, GivesTheBurstInBytes) {
  EXPECT_EQ(copy(encodeTokenBucket(kLink, {1'000'000, 100'000, 125'000}).bytes()),
            message({RTM_NEWQDISC, kReplaced},
                    join(place(7, 0, 0xffffffff), text(TCA_KIND, "tbf"),
                         nested(TCA_OPTIONS, join(attribute(1, parameters(1'000'000, 125'000)),
                                                  u32(6, 100'000))))));
}

TEST(EncodeTokenBucket, UsesRate64ForLargeRates) {
  const std::uint64_t rate = 5'000'000'000;
  EXPECT_EQ(copy(encodeTokenBucket(kLink, {rate, 9, 10}).bytes()),
            message({RTM_NEWQDISC, kReplaced},
                    join(place(7, 0, 0xffffffff), text(TCA_KIND, "tbf"),
                         nested(TCA_OPTIONS, join(attribute(1, parameters(0xffffffff, 10)),
                                                  attribute(4, raw(rate)), u32(6, 9))))));
}

TEST(EncodeRedirect, RedirectsAllReceivedPacketsToAnotherLink) {
  EXPECT_EQ(copy(encodeIngressQdisc(kLink).bytes()),
            message({RTM_NEWQDISC, kReplaced},
                    join(place(7, 0xffff0000, 0xfffffff1), text(TCA_KIND, "ingress"))));
  const auto selector = join(Bytes{1, 0, 1}, zeros(13), zeros(16));
  // index, capab, action, refcnt, bindcnt, eaction, ifindex
  const auto mirred = join(zeros(8), raw(4), zeros(8), raw(1), raw(9));
  const auto action = join(text(1, "mirred"), nested(2, attribute(2, mirred)));
  EXPECT_EQ(copy(encodeRedirect(kLink, base::IfIndex{9}).bytes()),
            message({RTM_NEWTFILTER, kAdded},
                    join(place(7, 0, 0xffff0000, 0x00010300), text(TCA_KIND, "u32"),
                         nested(TCA_OPTIONS,
                                join(attribute(5, selector), nested(7, nested(1, action)))))));
}

TEST(EncodeIfb, IsALinkOfKindIfb) {
  EXPECT_EQ(
      copy(encodeNewIfb(ifName("kpbw0")).bytes()),
      message({RTM_NEWLINK, kAdded}, join(zeros(16), text(IFLA_IFNAME, "kpbw0"),
                                          nested(IFLA_LINKINFO, text(IFLA_INFO_KIND, "ifb")))));
}

TEST(ParseTokenBucket, ReadsOnlyTheRootQdisc) {
  const auto options = nested(TCA_OPTIONS, attribute(1, parameters(1'000'000, 125'000, 77)));
  const auto bytes = join(place(7, 0x80010000, 0xffffffff), text(TCA_KIND, "tbf"), options);
  EXPECT_EQ(parseTokenBucket(bytes, kLink), (TokenBucket{1'000'000, 0, 125'000}));
  EXPECT_EQ(parseTokenBucket(bytes, base::IfIndex{8}), std::nullopt);
  EXPECT_EQ(parseTokenBucket(join(place(7, 0, 0xffff0000), text(TCA_KIND, "tbf"), options), kLink),
            std::nullopt);
  EXPECT_EQ(parseTokenBucket(join(place(7, 0, 0xffffffff), text(TCA_KIND, "noqueue")), kLink),
            std::nullopt);
}

TEST(ParseTokenBucket, PrefersRate64) {
  const std::uint64_t rate = 5'000'000'000;
  const auto options =
      nested(TCA_OPTIONS, join(attribute(1, parameters(0xffffffff, 10)), attribute(4, raw(rate))));
  EXPECT_EQ(parseTokenBucket(join(place(7, 0, 0xffffffff), text(TCA_KIND, "tbf"), options), kLink),
            (TokenBucket{rate, 0, 10}));
}

TEST(ParseShaping, RejectsShortAttributes) {
  const auto code = [](const auto& parse) {
    try {
      parse();
    } catch (const Error& error) {
      return error.code();
    }
    return 0;
  };
  for (const auto& bytes : {zeros(10), join(place(7, 0, 0xffffffff), text(TCA_KIND, "tbf"),
                                            nested(TCA_OPTIONS, attribute(1, zeros(35))))})
    EXPECT_EQ(code([&] { parseTokenBucket(bytes, kLink); }), EBADMSG);
  const auto action = join(text(1, "mirred"), nested(2, attribute(2, zeros(20))));
  for (const auto& bytes : {zeros(19), join(place(7, 0, 0xffff0000), text(TCA_KIND, "u32"),
                                            nested(TCA_OPTIONS, nested(7, nested(1, action))))})
    EXPECT_EQ(code([&] { parseRedirect(bytes); }), EBADMSG);
}

}  // namespace
}  // namespace kpol::netlink
