// SPDX-License-Identifier: Apache-2.0
#include "base/port_range.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace kpol::base {
namespace {

constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
constexpr auto kMax = std::numeric_limits<std::int64_t>::max();

struct BoundsCase {
  std::int64_t first;
  std::int64_t last;
  bool valid;
};

class PortRangeBounds : public testing::TestWithParam<BoundsCase> {};

TEST_P(PortRangeBounds, AreWithin1And65535AndOrdered) {
  const auto [first, last, valid] = GetParam();
  const auto range = PortRange::make(first, last);
  ASSERT_EQ(range.has_value(), valid);
  if (!range) return;
  EXPECT_EQ(range->first(), first);
  EXPECT_EQ(range->last(), last);
}

INSTANTIATE_TEST_SUITE_P(All, PortRangeBounds,
                         testing::Values(BoundsCase{1, 1, true}, BoundsCase{1, 65535, true},
                                         BoundsCase{65535, 65535, true}, BoundsCase{80, 443, true},
                                         BoundsCase{0, 80, false}, BoundsCase{80, 65536, false},
                                         BoundsCase{81, 80, false}, BoundsCase{-1, 80, false},
                                         BoundsCase{65537, 65538, false},
                                         BoundsCase{kMin, kMax, false}));

TEST(PortRange, SingleHoldsOnePort) {
  const auto https = PortRange::single(443).value();
  EXPECT_EQ(https, PortRange::make(443, 443));
  EXPECT_FALSE(https.contains(442));
  EXPECT_TRUE(https.contains(443));
  EXPECT_FALSE(https.contains(444));
  EXPECT_EQ(PortRange::single(0), std::nullopt);
  EXPECT_EQ(PortRange::single(65536), std::nullopt);
}

TEST(PortRange, AllHoldsEveryPortButZero) {
  EXPECT_EQ(PortRange::all(), PortRange::make(1, 65535));
  EXPECT_FALSE(PortRange::all().contains(0));
}

TEST(PortRange, ContainsItsBounds) {
  const auto range = PortRange::make(8000, 8010).value();
  EXPECT_FALSE(range.contains(7999));
  EXPECT_TRUE(range.contains(8000));
  EXPECT_TRUE(range.contains(8010));
  EXPECT_FALSE(range.contains(8011));
}

TEST(PortRange, SortsByFirstThenLast) {
  EXPECT_LT(PortRange::make(80, 90), PortRange::make(80, 91));
  EXPECT_LT(PortRange::make(80, 91), PortRange::make(81, 81));
}

}  // namespace
}  // namespace kpol::base
