// SPDX-License-Identifier: Apache-2.0
#include "controller/arrivals.hpp"

#include <gtest/gtest.h>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;
using Counts = std::vector<std::uint64_t>;

const Arrivals::Time kStart{1h};

TEST(Arrivals, EachChangeHasItsOwnLatency) {
  Arrivals arrivals;
  base::Histogram latency{.001, .01};
  arrivals.add(1, kStart);
  arrivals.add(2, kStart + 9ms);
  arrivals.add(0, kStart + 9ms);
  arrivals.settle(latency, kStart + 10ms);
  EXPECT_EQ(latency.counts(), (Counts{2, 1, 0}));
  EXPECT_DOUBLE_EQ(latency.sum(), .012);
  arrivals.settle(latency, kStart + 1s);
  EXPECT_EQ(latency.count(), 3U) << "they are settled once";
}

TEST(Arrivals, ForgottenOnesAreNotMeasured) {
  Arrivals arrivals;
  base::Histogram latency{.001};
  arrivals.add(1, kStart);
  arrivals.forget();
  arrivals.settle(latency, kStart + 1s);
  EXPECT_EQ(latency.count(), 0U);
}

TEST(Arrivals, NoneIsLostDuringLongFailures) {
  Arrivals arrivals;
  base::Histogram latency{1, 60};
  for (int i = 0; i < 50000; ++i) arrivals.add(1, kStart + i * 1ms);
  arrivals.settle(latency, kStart + 50s);
  EXPECT_EQ(latency.count(), 50000U);
  EXPECT_EQ(latency.counts()[2], 0U);
}

}  // namespace
}  // namespace kpol::controller
