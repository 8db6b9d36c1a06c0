// SPDX-License-Identifier: Apache-2.0
#include "plugin/bandwidth.hpp"

#include "tests/plugin/requests.hpp"

#include <gtest/gtest.h>

namespace kpol::plugin {
namespace {

using netlink::TokenBucket;
using test::requestFor;

TEST(TokenBucketOf, IsInBytesWithAQueueOf25Milliseconds) {
  EXPECT_EQ(tokenBucketOf({8'000'000, 800'000}, 1450), (TokenBucket{1'000'000, 100'000, 125'000}));
}

TEST(TokenBucketOf, FitsAtLeastOnePacketOfTheLink) {
  EXPECT_EQ(tokenBucketOf({8'000'000, 8}, 1450), (TokenBucket{1'000'000, 1464, 26'464}));
  EXPECT_EQ(tokenBucketOf({8, 1}, 9000), (TokenBucket{1, 9014, 9014}));
}

TEST(TokenBucketOf, DoesNotQueueAHugeBurst) {
  EXPECT_EQ(tokenBucketOf({8'000'000, 4'294'967'295}, 1450),
            (TokenBucket{1'000'000, 536'870'911, 25'000 + 131'072}));
}

TEST(TokenBucketOf, DoesNotWrap) {
  EXPECT_EQ(tokenBucketOf({8'000'000'000'000'000, 34'359'738'359}, 1450),
            (TokenBucket{1'000'000'000'000'000, 4'294'967'294, 4'294'967'295}));
}

TEST(Plan, HasNoBandwidthWithoutLimits) {
  const auto plan = planFor(requestFor("0a1b", R"({"cniVersion":"1.0.0","name":"pods",
      "runtimeConfig":{"bandwidth":{"ingressRate":0,"ingressBurst":0}}})"),
                            {test::ip("10.244.1.5")});
  EXPECT_FALSE(plan.bandwidth);
}

TEST(Plan, NamesTheIfbAfterTheAttachment) {
  const auto plan = planFor(requestFor("0a1b", R"({"cniVersion":"1.0.0","name":"pods",
      "runtimeConfig":{"bandwidth":{"egressRate":1000,"egressBurst":2000}}})"),
                            {test::ip("10.244.1.5")});
  ASSERT_TRUE(plan.bandwidth);
  // The name is of pods that run while kpol is replaced by a newer one.
  EXPECT_EQ(plan.bandwidth->ifb.text(), "kpbwe8bb033d7a2");
  EXPECT_EQ(plan.bandwidth->alias, plan.alias);
  EXPECT_EQ(plan.bandwidth->limits, (conf::Bandwidth{{}, conf::RateLimit{1000, 2000}}));
}

}  // namespace
}  // namespace kpol::plugin
