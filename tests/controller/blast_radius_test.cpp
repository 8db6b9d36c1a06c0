// SPDX-License-Identifier: Apache-2.0
#include "controller/blast_radius.hpp"

#include "tests/support/seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>

namespace kpol::controller {
namespace {

using Profiles = BlastRadius::Profiles;

Profiles operator-(const Profiles& all, const Profiles& some) {
  Profiles rest;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(),
                      std::inserter(rest, rest.end()));
  return rest;
}

Profiles blamedBy(const BlastRadius& radius) {
  Profiles profiles;
  for (const auto& [profile, message] : radius.blamed()) profiles.insert(profile);
  return profiles;
}

Profiles numbered(std::uint64_t count) {
  Profiles all;
  for (std::uint64_t i = 0; i < count; ++i) all.insert("p" + std::to_string(i));
  return all;
}

// A kernel that rejects a commit in which one of `bad` is not denied, and names it or not.
struct Kernel {
  Profiles changed;
  Profiles bad;
  bool names = false;

  // Commits until nothing more is tried; returns the number of commits.
  unsigned settle(BlastRadius& radius) const {
    for (unsigned commits = 1;; ++commits) {
      EXPECT_TRUE((radius.denied() - changed).empty()) << "only suspects are denied";
      const auto culprits = bad - radius.denied();
      const bool again = culprits.empty() ? radius.committed() : radius.refused(refusal(culprits));
      if (!again || commits > 10000) return commits;
    }
  }
  [[nodiscard]] BlastRadius::Refusal refusal(const Profiles& culprits) const {
    BlastRadius::Refusal refusal{"no such thing", {}, changed};
    if (names) refusal.concerned = {*culprits.begin()};
    return refusal;
  }
};

TEST(BlastRadius, DeniesNothingWithoutRejections) {
  BlastRadius radius;
  EXPECT_FALSE(radius.committed());
  EXPECT_EQ(radius.denied(), Profiles());
}

TEST(BlastRadius, DeniesTheProfileThatTheKernelNames) {
  BlastRadius radius;
  EXPECT_TRUE(radius.refused({"too many links", {"a", "b"}, {}}));
  EXPECT_EQ(radius.denied(), (Profiles{"a", "b"}));
  EXPECT_EQ(radius.blamed().at("a"), "too many links");
  EXPECT_FALSE(radius.committed());
  EXPECT_EQ(radius.denied(), (Profiles{"a", "b"}));
}

TEST(BlastRadius, FindsExactlyTheRejectedProfiles) {
  std::mt19937_64 random(test::seedOfThisRun());
  for (int round = 0; round < 500; ++round) {
    const auto all = numbered(1 + random() % 200);
    Kernel kernel{all, {}, random() % 2 == 0};
    const auto wanted = random() % 4;
    for (const auto& profile : all)
      if (kernel.bad.size() < wanted && random() % all.size() < 2) kernel.bad.insert(profile);
    BlastRadius radius;
    const auto commits = kernel.settle(radius);
    ASSERT_EQ(blamedBy(radius), kernel.bad) << "round " << round;
    ASSERT_EQ(radius.denied(), kernel.bad) << "round " << round;
    // For each rejected profile the search halves at most 200 suspects.
    ASSERT_LE(commits, 3 + kernel.bad.size() * 18) << "round " << round;
  }
}

TEST(BlastRadius, GivesUpIfNoProfileIsTheCause) {
  BlastRadius radius;
  const BlastRadius::Refusal refusal{"out of memory", {}, {"a", "b", "c"}};
  EXPECT_TRUE(radius.refused(refusal));
  EXPECT_EQ(radius.denied(), (Profiles{"a", "b", "c"}));
  EXPECT_FALSE(radius.refused(refusal));
  EXPECT_EQ(radius.denied(), Profiles());
  EXPECT_FALSE(radius.refused({"out of memory", {}, {}}));
}

TEST(BlastRadius, KeepsKnownProfilesDuringTheSearch) {
  BlastRadius radius;
  EXPECT_TRUE(radius.refused({"first", {"a"}, {}}));
  EXPECT_FALSE(radius.committed());
  Kernel kernel{{"a", "b", "c", "d"}, {"a", "c"}, false};
  kernel.settle(radius);
  EXPECT_EQ(blamedBy(radius), (Profiles{"a", "c"}));
  EXPECT_EQ(radius.blamed().at("a"), "first");
}

TEST(BlastRadius, RetriesWithoutAffectingOthers) {
  BlastRadius radius;
  Kernel kernel{numbered(50), {"p7", "p9"}, false};
  kernel.settle(radius);
  radius.retry({"p7", "p8"});
  EXPECT_EQ(radius.denied(), Profiles{"p9"});
  // Still rejected without a name, so only the retried ones are suspects.
  EXPECT_TRUE(radius.refused({"still", {}, numbered(50)}));
  EXPECT_EQ(radius.denied(), (Profiles{"p7", "p9"}));
  EXPECT_FALSE(radius.committed());
  kernel.bad = {"p9"};
  radius.retry({"p7"});
  kernel.settle(radius);
  EXPECT_EQ(radius.denied(), Profiles{"p9"});
  radius.retry({"p7", "p9"});
  kernel.bad = {};
  kernel.settle(radius);
  EXPECT_EQ(radius.denied(), Profiles());
}

TEST(BlastRadius, ForgetsDeletedProfiles) {
  BlastRadius radius;
  EXPECT_TRUE(radius.refused({"no", {"a", "b"}, {}}));
  radius.forget({"a"});
  EXPECT_EQ(radius.denied(), Profiles{"b"});
  radius.retry({"b"});
  radius.forget({"b"});
  EXPECT_FALSE(radius.committed());
  EXPECT_EQ(radius.denied(), Profiles());
}

}  // namespace
}  // namespace kpol::controller
