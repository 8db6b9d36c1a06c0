// SPDX-License-Identifier: Apache-2.0
#include "policy/denial.hpp"

#include "policy/compile.hpp"
#include "tests/support/policy_cases.hpp"

#include <gtest/gtest.h>

namespace kpol::policy {
namespace {

using Cause = Denial::Cause;

const test::DualAddress kFirst{base::IpAddress::parse("10.244.1.2").value(),
                               base::IpAddress::parse("fd00:10:244:1::2").value()};

TEST(Denial, IsParsedFromTheCountersName) {
  EXPECT_EQ(denialOf("unknown-endpoint"), Denial{Cause::UnknownEndpoint});
  EXPECT_EQ(denialOf("metadata-guard"), Denial{Cause::Metadata});
  EXPECT_EQ(denialOf("revoked"), Denial{Cause::Revoked});
  EXPECT_EQ(denialOf("in-shop-0123"), (Denial{Cause::Ingress, "in-shop-0123"}));
  EXPECT_EQ(denialOf("eg-shop-0123"), (Denial{Cause::Egress, "eg-shop-0123"}));
  EXPECT_EQ(denialOf("shop"), std::nullopt);
}

TEST(Denial, EveryCounterOfEveryTableIsKnown) {
  std::size_t counters = 0;
  for (const auto& situation : test::policyCases())
    for (const auto& counter :
         compile(test::snapshotOf(situation, test::settingOf(situation, kFirst)))
             .ruleset.counters) {
      EXPECT_TRUE(denialOf(counter)) << counter;
      ++counters;
    }
  EXPECT_GT(counters, 100U);
}

}  // namespace
}  // namespace kpol::policy
