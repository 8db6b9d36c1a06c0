// SPDX-License-Identifier: Apache-2.0
#include "base/async/backoff.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace kpol::base {
namespace {

using namespace std::chrono_literals;
using Waits = std::vector<Backoff::Duration>;

Waits waits(Backoff& backoff, int count) {
  Waits result;
  for (int i = 0; i < count; ++i) result.push_back(backoff.next());
  return result;
}

TEST(Backoff, DoublesUpToTheLimit) {
  Backoff backoff(100ms, 1s, [] { return 0.0; });
  EXPECT_EQ(waits(backoff, 6), (Waits{100ms, 200ms, 400ms, 800ms, 1s, 1s}));
  EXPECT_EQ(backoff.failures(), 6U);
}

TEST(Backoff, RestartsAfterReset) {
  Backoff backoff(100ms, 1s, [] { return 0.0; });
  waits(backoff, 3);
  backoff.reset();
  EXPECT_EQ(backoff.failures(), 0U);
  EXPECT_EQ(backoff.next(), 100ms);
}

TEST(Backoff, JitterIsAtMostOneFifth) {
  Backoff backoff(100ms, 1s, [] { return 0.5; });
  EXPECT_EQ(waits(backoff, 2), (Waits{90ms, 180ms}));
}

TEST(Backoff, StaysAtTheLimitForever) {
  Backoff backoff(100ms, 30s, [] { return 0.0; });
  const auto all = waits(backoff, 10000);
  EXPECT_EQ(all.back(), 30s);
}

TEST(SystemRandom, StaysBelowOne) {
  const auto random = systemRandom();
  for (int i = 0; i < 1000; ++i) {
    const double value = random();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
  }
}

}  // namespace
}  // namespace kpol::base
