// SPDX-License-Identifier: Apache-2.0
#include "base/prefix.hpp"

#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kpol::base {
namespace {

using test::ip;
using test::prefix;

// strict and lenient: the canonical text, or nullopt if this form is rejected.
struct PrefixCase {
  std::string text;
  std::optional<std::string> strict;
  std::optional<std::string> sloppy;
};

std::optional<std::string> text(const std::optional<Prefix>& prefix) {
  if (!prefix) return std::nullopt;
  return toString(*prefix);
}

class PrefixText : public testing::TestWithParam<PrefixCase> {};

TEST_P(PrefixText, ParsesStrictlyAndLeniently) {
  const auto& expected = GetParam();
  EXPECT_EQ(text(Prefix::parse(expected.text)), expected.strict);
  EXPECT_EQ(text(Prefix::parseSloppy(expected.text)), expected.sloppy);
}

// The cases of net.ParseCIDR in Go and of k8s.io/utils/net ParseCIDRSloppy, which keeps what Go
// read before 1.17: leading zeros are decimal.
INSTANTIATE_TEST_SUITE_P(
    Same, PrefixText,
    testing::Values(PrefixCase{"10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/8"},
                    PrefixCase{"0.0.0.0/0", "0.0.0.0/0", "0.0.0.0/0"},
                    PrefixCase{"10.1.2.3/32", "10.1.2.3/32", "10.1.2.3/32"},
                    PrefixCase{"::/0", "::/0", "::/0"},
                    PrefixCase{"fd00::/64", "fd00::/64", "fd00::/64"},
                    PrefixCase{"ABCD:2345::/33", "abcd:2345::/33", "abcd:2345::/33"},
                    PrefixCase{"2001:DB8::/48", "2001:db8::/48", "2001:db8::/48"},
                    PrefixCase{"::1/128", "::1/128", "::1/128"},
                    PrefixCase{"::ffff:10.0.0.0/104", "::ffff:10.0.0.0/104",
                               "::ffff:10.0.0.0/104"}));

INSTANTIATE_TEST_SUITE_P(
    OnlySloppy, PrefixText,
    testing::Values(
        PrefixCase{"10.1.2.3/8", {}, "10.0.0.0/8"}, PrefixCase{"10.1.2.3/0", {}, "0.0.0.0/0"},
        PrefixCase{"10.1.2.3/31", {}, "10.1.2.2/31"}, PrefixCase{"fd00::1/64", {}, "fd00::/64"},
        PrefixCase{"010.000.0.0/8", {}, "10.0.0.0/8"},
        PrefixCase{"192.168.010.00/24", {}, "192.168.10.0/24"},
        PrefixCase{"0000010.0.0.0/8", {}, "10.0.0.0/8"}, PrefixCase{"00.0.0.0/0", {}, "0.0.0.0/0"},
        PrefixCase{"09.08.0.0/16", {}, "9.8.0.0/16"}, PrefixCase{"10.0.0.0/08", {}, "10.0.0.0/8"},
        PrefixCase{"0.0.0.0/00", {}, "0.0.0.0/0"}, PrefixCase{"00db8::/16", {}, "db8::/16"},
        PrefixCase{"::ffff:010.0.0.1/128", {}, "::ffff:10.0.0.1/128"}));

INSTANTIATE_TEST_SUITE_P(
    Neither, PrefixText,
    testing::Values(PrefixCase{"", {}, {}}, PrefixCase{"/", {}, {}}, PrefixCase{"/8", {}, {}},
                    PrefixCase{"10.0.0.0", {}, {}}, PrefixCase{"10.0.0.0/", {}, {}},
                    PrefixCase{"10.0.0.0/33", {}, {}}, PrefixCase{"10.0.0.0/-1", {}, {}},
                    PrefixCase{"10.0.0.0/+8", {}, {}}, PrefixCase{"10.0.0.0/8 ", {}, {}},
                    PrefixCase{"10.0.0.0/ 8", {}, {}}, PrefixCase{"10.0.0.0/8x", {}, {}},
                    PrefixCase{"10.0.0.0/8/8", {}, {}}, PrefixCase{"10.0.0/8", {}, {}},
                    PrefixCase{"10.0.0.256/8", {}, {}}, PrefixCase{"10..0.0/8", {}, {}},
                    PrefixCase{"10.0.0.0/4294967304", {}, {}}, PrefixCase{"fd00::/129", {}, {}},
                    PrefixCase{"fd00::%eth0/64", {}, {}}, PrefixCase{"fd00::/", {}, {}},
                    PrefixCase{"10.0.0.0/255.0.0.0", {}, {}}, PrefixCase{"0x0a.0.0.0/8", {}, {}}));

struct RangeCase {
  std::string prefix;
  std::string first;
  std::string last;
};

class PrefixRange : public testing::TestWithParam<RangeCase> {};

TEST_P(PrefixRange, ContainsExactlyItsBounds) {
  const auto& [text, first, last] = GetParam();
  const auto range = prefix(text);
  EXPECT_EQ(range.first(), ip(first));
  EXPECT_EQ(range.last(), ip(last));
  EXPECT_TRUE(range.contains(range.first()));
  EXPECT_TRUE(range.contains(range.last()));
  if (const auto below = range.first().previous()) {
    EXPECT_FALSE(range.contains(*below));
  }
  if (const auto above = range.last().next()) {
    EXPECT_FALSE(range.contains(*above));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Lengths, PrefixRange,
    testing::Values(RangeCase{"0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
                    RangeCase{"128.0.0.0/1", "128.0.0.0", "255.255.255.255"},
                    RangeCase{"10.0.0.0/8", "10.0.0.0", "10.255.255.255"},
                    RangeCase{"10.244.1.0/25", "10.244.1.0", "10.244.1.127"},
                    RangeCase{"10.244.1.4/31", "10.244.1.4", "10.244.1.5"},
                    RangeCase{"10.244.1.5/32", "10.244.1.5", "10.244.1.5"},
                    RangeCase{"::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
                    RangeCase{"fc00::/7", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
                    RangeCase{"fd00:0:0:8000::/49",
                              "fd00:0:0:8000::", "fd00::ffff:ffff:ffff:ffff:ffff"},
                    RangeCase{"fd00::5/128", "fd00::5", "fd00::5"}));

TEST(Prefix, MakeMasksAndChecksTheLength) {
  EXPECT_EQ(Prefix::make(ip("10.1.2.3"), 16), prefix("10.1.0.0/16"));
  EXPECT_EQ(Prefix::make(ip("10.1.2.3"), 33), std::nullopt);
  EXPECT_EQ(Prefix::make(ip("fd00::1"), 33), prefix("fd00::/33"));
  EXPECT_EQ(Prefix::make(ip("fd00::1"), 129), std::nullopt);
}

TEST(Prefix, HostIsTheWholeAddress) {
  EXPECT_EQ(Prefix::host(ip("10.1.2.3")), prefix("10.1.2.3/32"));
  EXPECT_EQ(Prefix::host(ip("fd00::1")), prefix("fd00::1/128"));
}

TEST(Prefix, ContainsNarrowerPrefixesAndItself) {
  const auto wide = prefix("10.0.0.0/8");
  EXPECT_TRUE(wide.contains(wide));
  EXPECT_TRUE(wide.contains(prefix("10.128.0.0/9")));
  EXPECT_FALSE(wide.contains(prefix("8.0.0.0/7")));
  EXPECT_FALSE(wide.contains(prefix("11.0.0.0/8")));
}

TEST(Prefix, NeverContainsTheOtherFamily) {
  EXPECT_FALSE(prefix("0.0.0.0/0").contains(ip("::")));
  EXPECT_FALSE(prefix("::/0").contains(ip("10.0.0.1")));
  EXPECT_FALSE(prefix("::/0").contains(prefix("0.0.0.0/0")));
}

TEST(Prefix, SortsByAddressThenLength) {
  EXPECT_LT(prefix("10.0.0.0/8"), prefix("10.0.0.0/9"));
  EXPECT_LT(prefix("10.0.0.0/32"), prefix("11.0.0.0/8"));
  EXPECT_LT(prefix("255.0.0.0/8"), prefix("::/0"));
}

}  // namespace
}  // namespace kpol::base
