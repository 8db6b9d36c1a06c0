// SPDX-License-Identifier: Apache-2.0
#include "conf/ip_ranges.hpp"

#include "conf/network_config.hpp"
#include "tests/conf/expect_config_error.hpp"
#include "tests/support/addresses.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kpol::conf {
namespace {

using test::ip;

std::vector<IpRangeSet> parse(const std::string& ranges) {
  return parseNetworkConfig(R"({"cniVersion":"1.0.0","name":"n","ipam":{"type":"kpol","ranges":)" +
                            ranges + "}}")
      .ipam.ranges;
}

IpRange range(const char* subnet, const char* first, const char* last,
              std::optional<base::IpAddress> gateway = std::nullopt) {
  return {base::Prefix::parse(subnet).value(), ip(first), ip(last), gateway};
}

TEST(IpRanges, AreWholeSubnetsWithoutNetworkAndBroadcast) {
  EXPECT_EQ(parse(R"([["10.244.1.0/24"],["fd00:10:244:1::/64"]])"),
            (std::vector<IpRangeSet>{{range("10.244.1.0/24", "10.244.1.1", "10.244.1.254")},
                                     {range("fd00:10:244:1::/64", "fd00:10:244:1::1",
                                            "fd00:10:244:1:ffff:ffff:ffff:ffff")}}));
  EXPECT_EQ(parse(R"([["10.0.0.4/30"],["fd00::4/126"]])"),
            (std::vector<IpRangeSet>{{range("10.0.0.4/30", "10.0.0.5", "10.0.0.6")},
                                     {range("fd00::4/126", "fd00::5", "fd00::7")}}));
}

TEST(IpRanges, AreObjectsWithBounds) {
  EXPECT_EQ(
      parse(R"([[{"subnet":"10.0.0.0/24","rangeStart":"10.0.0.10","rangeEnd":"10.0.0.20",
                       "gateway":"10.0.0.1"},
                      "10.0.1.0/24",{"subnet":"10.0.2.0/24","rangeEnd":"10.0.2.9"}]])"),
      (std::vector<IpRangeSet>{{range("10.0.0.0/24", "10.0.0.10", "10.0.0.20", ip("10.0.0.1")),
                                range("10.0.1.0/24", "10.0.1.1", "10.0.1.254"),
                                range("10.0.2.0/24", "10.0.2.1", "10.0.2.9")}}));
}

TEST(IpRanges, ContainOnlyAssignableAddresses) {
  const auto some = range("10.0.0.0/24", "10.0.0.10", "10.0.0.20", ip("10.0.0.15"));
  for (const char* inside : {"10.0.0.10", "10.0.0.14", "10.0.0.20"})
    EXPECT_TRUE(some.holds(ip(inside))) << inside;
  for (const char* outside : {"10.0.0.9", "10.0.0.15", "10.0.0.21", "fd00::1"})
    EXPECT_FALSE(some.holds(ip(outside))) << outside;
}

TEST(IpRanges, ErrorsNameTheField) {
  struct Case {
    const char* ranges;
    const char* field;
  };
  for (const auto& [ranges, field] : {
           Case{"[]", "ipam.ranges"},
           Case{"null", "ipam.ranges"},
           Case{"{}", "ipam.ranges"},
           Case{R"("10.0.0.0/24")", "ipam.ranges"},
           Case{R"(["10.0.0.0/24"])", "ipam.ranges[0]"},
           Case{R"([["10.0.0.0/24"],[]])", "ipam.ranges[1]"},
           Case{R"([["10.0.0.0/24",7]])", "ipam.ranges[0][1]"},
           Case{R"([["10.0.0.1/24"]])", "ipam.ranges[0][0]"},
           Case{R"([["10.0.0.0"]])", "ipam.ranges[0][0]"},
           Case{R"([["10.0.0.0/31"]])", "ipam.ranges[0][0]"},
           Case{R"([["fd00::/127"]])", "ipam.ranges[0][0]"},
           Case{R"([["10.0.0.0/24","fd00::/64"]])", "ipam.ranges[0][1]"},
           Case{R"([["10.0.0.0/24"],["10.0.0.128/25"]])", "ipam.ranges[1]"},
           Case{R"([["10.0.0.0/24","10.0.0.0/30"]])", "ipam.ranges[0]"},
           Case{R"([[{}]])", "ipam.ranges[0][0].subnet"},
           Case{R"([[{"subnet":1}]])", "ipam.ranges[0][0].subnet"},
           Case{R"([[{"subnet":"10.0.0.0/24","rangeStart":"10.0.0.0"}]])",
                "ipam.ranges[0][0].rangeStart"},
           Case{R"([[{"subnet":"10.0.0.0/24","rangeStart":"10.0.1.1"}]])",
                "ipam.ranges[0][0].rangeStart"},
           Case{R"([[{"subnet":"10.0.0.0/24","rangeEnd":"10.0.0.255"}]])",
                "ipam.ranges[0][0].rangeEnd"},
           Case{R"([[{"subnet":"10.0.0.0/24","rangeStart":"10.0.0.9","rangeEnd":"10.0.0.8"}]])",
                "ipam.ranges[0][0].rangeEnd"},
           Case{R"([[{"subnet":"10.0.0.0/24","rangeEnd":["10.0.0.8"]}]])",
                "ipam.ranges[0][0].rangeEnd"},
           Case{R"([[{"subnet":"10.0.0.0/24","gateway":"10.0.1.1"}]])",
                "ipam.ranges[0][0].gateway"},
           Case{R"([[{"subnet":"10.0.0.0/24","gateway":true}]])", "ipam.ranges[0][0].gateway"},
       }) {
    const auto [found, message] = test::configErrorOf([&] { (void)parse(ranges); });
    EXPECT_EQ(found, field) << ranges;
    EXPECT_THAT(message, testing::StartsWith(std::string(field) + ": ")) << ranges;
  }
}

TEST(IpRanges, KnowTheirSize) {
  const auto size = [](const char* ranges) { return sizeOf(parse(ranges).front().front()); };
  EXPECT_EQ(size(R"([["10.0.0.0/24"]])"), 254U);
  EXPECT_EQ(size(R"([[{"subnet":"10.0.0.0/24","gateway":"10.0.0.1"}]])"), 253U);
  EXPECT_EQ(size(R"([[{"subnet":"10.0.0.0/24","gateway":"10.0.0.1","rangeStart":"10.0.0.5"}]])"),
            250U);
  EXPECT_EQ(size(R"([["fd00::/126"]])"), 3U);
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(size(R"([["fd00::/65"]])"), (std::uint64_t{1} << 63) - 1);
  EXPECT_EQ(size(R"([["fd00::/64"]])"), kMost);
  EXPECT_EQ(size(R"([["fd00::/48"]])"), kMost);
}

TEST(IpRanges, PrintAsTheirSubnets) {
  EXPECT_EQ(toString(parse(R"([["10.0.0.0/24","10.0.1.0/24"]])").front()),
            "10.0.0.0/24, 10.0.1.0/24");
}

}  // namespace
}  // namespace kpol::conf
