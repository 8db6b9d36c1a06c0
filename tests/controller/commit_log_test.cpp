// SPDX-License-Identifier: Apache-2.0
#include "controller/commit_log.hpp"

#include <gtest/gtest.h>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;
using Line = CommitLog::Line;

constexpr CommitLog::Time kFirstCommit{1000s};

TEST(CommitLog, FirstCommitIsPrintedAtOnce) {
  CommitLog log;
  EXPECT_EQ(log.dueAt(), std::nullopt);
  EXPECT_EQ(log.add({1, 2, 3, 0.5, 7}, kFirstCommit), (Line{1, 2, 3, 0.5, 7}));
  EXPECT_EQ(log.dueAt(), std::nullopt);
  EXPECT_EQ(log.due(kFirstCommit + 1h), std::nullopt);
}

TEST(CommitLog, LaterOnesAreAddedUp) {
  CommitLog log;
  log.add({1, 2, 3, 0.5, 7}, kFirstCommit);
  EXPECT_EQ(log.add({1, 1, 1, 0.25, 8}, kFirstCommit + 1s), std::nullopt);
  EXPECT_EQ(log.add({1, 4, 5, 0.5, 9}, kFirstCommit + 2s), std::nullopt);
  EXPECT_EQ(log.dueAt(), kFirstCommit + CommitLog::kInterval);
  EXPECT_EQ(log.due(kFirstCommit + 4s), std::nullopt);
  EXPECT_EQ(log.due(kFirstCommit + 5s), (Line{2, 5, 6, 0.75, 9}));
  EXPECT_EQ(log.dueAt(), std::nullopt);
}

TEST(CommitLog, AThousandCommitsASecondAreOneLineEachInterval) {
  CommitLog log;
  std::size_t lines = 0;
  std::uint64_t commits = 0;
  for (int i = 0; i < 20'000; ++i)
    if (const auto line = log.add({1, 1, 1, 0.1, 1}, kFirstCommit + i * 1ms)) {
      ++lines;
      commits += line->commits;
    }
  EXPECT_EQ(lines, 4U);
  EXPECT_EQ(commits, 15'001U);
}

TEST(CommitLog, CommitAfterAPauseIsPrintedAtOnce) {
  CommitLog log;
  log.add({1, 2, 3, 0.5, 7}, kFirstCommit);
  EXPECT_EQ(log.add({1, 1, 1, 0.25, 8}, kFirstCommit + 6s), (Line{1, 1, 1, 0.25, 8}));
}

}  // namespace
}  // namespace kpol::controller
