// SPDX-License-Identifier: Apache-2.0
#include "base/histogram.hpp"

#include <gtest/gtest.h>

namespace kpol::base {
namespace {

using namespace std::chrono_literals;
using Counts = std::vector<std::uint64_t>;

TEST(Histogram, BucketsIncludeTheirUpperBound) {
  Histogram histogram{.001, .01};
  EXPECT_EQ(histogram.counts(), (Counts{0, 0, 0}));
  histogram.observe(0s);
  histogram.observe(1ms);
  histogram.observe(1ms + 1ns);
  histogram.observe(10ms, 5);
  histogram.observe(11ms);
  EXPECT_EQ(histogram.counts(), (Counts{2, 6, 1}));
  EXPECT_EQ(histogram.count(), 9U);
  EXPECT_NEAR(histogram.sum(), .063, 1e-8);
}

}  // namespace
}  // namespace kpol::base
