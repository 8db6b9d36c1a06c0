// SPDX-License-Identifier: Apache-2.0
#include "base/log_limit.hpp"

#include <gtest/gtest.h>

namespace kpol::base {
namespace {

using namespace std::chrono_literals;

TEST(LogLimit, AdmitsSomeLinesInEachPeriodAndCountsTheOthers) {
  LogLimit limit(2, 60s);
  const LogLimit::Time start{1000s};
  EXPECT_EQ(limit.admit(start), 0U);
  EXPECT_EQ(limit.admit(start + 1s), 0U);
  EXPECT_EQ(limit.admit(start + 2s), std::nullopt);
  EXPECT_EQ(limit.admit(start + 59s), std::nullopt);
  EXPECT_EQ(limit.admit(start + 60s), 2U);
  EXPECT_EQ(limit.admit(start + 61s), 0U);
  EXPECT_EQ(limit.admit(start + 62s), std::nullopt);
}

}  // namespace
}  // namespace kpol::base
