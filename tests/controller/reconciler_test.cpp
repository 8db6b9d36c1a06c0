// SPDX-License-Identifier: Apache-2.0
#include "controller/reconciler.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace kpol::controller {

std::ostream& operator<<(std::ostream& out, const Reconciler::Action& action) {
  if (const auto* wait = std::get_if<Reconciler::Wait>(&action)) {
    if (!wait->until) return out << "Wait";
    return out << "Wait until " << wait->until->time_since_epoch().count() << " ns";
  }
  if (const auto* read = std::get_if<Reconciler::ReadBack>(&action))
    return out << (read->audit ? "ReadBack for an audit" : "ReadBack");
  return out << (std::holds_alternative<Reconciler::Commit>(action) ? "Commit" : "Finish");
}

namespace {

using namespace std::chrono_literals;
using R = Reconciler;
using State = R::State;

// A machine with round numbers, no jitter, and a clock that the test moves.
class ReconcilerTest : public testing::Test {
 protected:
  static R::Options options() {
    R::Options o;
    o.gather = 1ms;
    o.minInterval = 10ms;
    o.firstRetry = 100ms;
    o.longestRetry = 1s;
    o.retryOnChange = 300ms;
    o.auditInterval = 60s;
    return o;
  }

  R::Action tell(const R::Event& event) { return machine.resume(event, now); }
  R::Action after(R::Clock::duration time, const R::Event& event = R::Elapsed{}) {
    now += time;
    return tell(event);
  }
  R::Time in(R::Clock::duration time) const { return now + time; }

  // To Synced, with the kernel just read and written.
  void synchronise() {
    ASSERT_EQ(tell(R::Changed{true}), R::Action(R::ReadBack{}));
    ASSERT_EQ(tell(R::ReadBackDone{}), R::Action(R::Commit{}));
    ASSERT_EQ(tell(R::Committed{}), R::Action(R::Wait{in(60s)}));
    ASSERT_EQ(machine.state(), State::Synced);
  }

  R machine{options(), [] { return 0.0; }};
  R::Time now{1000s};
};

TEST_F(ReconcilerTest, SmallerChangeIsTriedAtOnceAfterARejection) {
  synchronise();
  tell(R::Changed{true});
  ASSERT_EQ(after(10ms), R::Action(R::Commit{}));
  EXPECT_EQ(tell(R::Narrowed{}), R::Action(R::ReadBack{}));
  EXPECT_EQ(tell(R::ReadBackDone{}), R::Action(R::Commit{}));
  EXPECT_EQ(tell(R::Refused{}), R::Action(R::Wait{in(100ms)}));
  ASSERT_EQ(after(100ms), R::Action(R::ReadBack{}));
  ASSERT_EQ(tell(R::ReadBackDone{}), R::Action(R::Commit{}));
  EXPECT_EQ(tell(R::Narrowed{}), R::Action(R::ReadBack{}));
  EXPECT_EQ(tell(R::ReadBackDone{}), R::Action(R::Commit{}));
  EXPECT_EQ(tell(R::Committed{}), R::Action(R::Wait{in(60s)}));
}

TEST_F(ReconcilerTest, ChangesNothingBeforeTheSourceIsSynced) {
  EXPECT_EQ(tell(R::Elapsed{}), R::Action(R::Wait{}));
  EXPECT_EQ(tell(R::Changed{false}), R::Action(R::Wait{}));
  EXPECT_EQ(after(1h), R::Action(R::Wait{}));
  EXPECT_EQ(tell(R::Doubt{}), R::Action(R::Wait{}));
  EXPECT_EQ(machine.state(), State::Waiting);
}

TEST_F(ReconcilerTest, ReadsTheKernelBeforeTheFirstCommit) {
  EXPECT_EQ(tell(R::Changed{true}), R::Action(R::ReadBack{}));
  EXPECT_EQ(machine.state(), State::Syncing);
  EXPECT_EQ(tell(R::ReadBackDone{}), R::Action(R::Commit{}));
  EXPECT_EQ(machine.state(), State::Syncing);
  EXPECT_EQ(tell(R::Committed{}), R::Action(R::Wait{in(60s)}));
  EXPECT_EQ(machine.state(), State::Synced);
}

TEST_F(ReconcilerTest, LoneChangeIsCommittedAfterTheGatheringTime) {
  synchronise();
  now += 1s;
  EXPECT_EQ(tell(R::Changed{true}), R::Action(R::Wait{in(1ms)}));
  EXPECT_EQ(after(1ms), R::Action(R::Commit{}));
}

TEST_F(ReconcilerTest, BurstIsGatheredFromItsFirstChange) {
  synchronise();
  now += 1s;
  const auto due = in(1ms);
  EXPECT_EQ(tell(R::Changed{true}), R::Action(R::Wait{due}));
  EXPECT_EQ(after(400us, R::Changed{true}), R::Action(R::Wait{due}));
  EXPECT_EQ(after(400us, R::Changed{true}), R::Action(R::Wait{due}));
  EXPECT_EQ(after(200us, R::Changed{true}), R::Action(R::Commit{}));
  EXPECT_EQ(tell(R::Committed{}), R::Action(R::Wait{in(60s - 1s - 1ms)}));
}

TEST_F(ReconcilerTest, CommitsHaveAMinimumInterval) {
  synchronise();
  EXPECT_EQ(tell(R::Changed{true}), R::Action(R::Wait{in(10ms)}));
  EXPECT_EQ(after(10ms), R::Action(R::Commit{}));
}

TEST_F(ReconcilerTest, WakingWithoutAChangeDoesNothing) {
  synchronise();
  const auto audit = in(60s);
  EXPECT_EQ(after(1s), R::Action(R::Wait{audit}));
  EXPECT_EQ(after(1s), R::Action(R::Wait{audit}));
}

TEST_F(ReconcilerTest, RejectionCausesAReadBackAfterADelay) {
  synchronise();
  now += 1s;
  tell(R::Changed{true});
  ASSERT_EQ(after(1ms), R::Action(R::Commit{}));
  EXPECT_EQ(tell(R::Refused{}), R::Action(R::Wait{in(100ms)}));
  EXPECT_EQ(machine.state(), State::Syncing);
  EXPECT_EQ(machine.failures(), 1U);
  EXPECT_EQ(after(100ms), R::Action(R::ReadBack{}));
  EXPECT_EQ(tell(R::ReadBackDone{}), R::Action(R::Commit{}));
  EXPECT_EQ(tell(R::Committed{}), R::Action(R::Wait{in(60s)}));
  EXPECT_EQ(machine.failures(), 0U);
}

TEST_F(ReconcilerTest, WaitsGrowWithEveryFailureOfAnyKind) {
  tell(R::Changed{true});
  EXPECT_EQ(tell(R::Failed{}), R::Action(R::Wait{in(100ms)}));  // of the read-back
  EXPECT_EQ(after(100ms), R::Action(R::ReadBack{}));
  EXPECT_EQ(tell(R::ReadBackDone{}), R::Action(R::Commit{}));
  EXPECT_EQ(tell(R::Refused{}), R::Action(R::Wait{in(200ms)}));
  EXPECT_EQ(after(200ms), R::Action(R::ReadBack{}));
  EXPECT_EQ(tell(R::ReadBackDone{}), R::Action(R::Commit{}));
  EXPECT_EQ(tell(R::Failed{}), R::Action(R::Wait{in(400ms)}));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(after(1s), R::Action(R::ReadBack{}));
    tell(R::Failed{});
  }
  EXPECT_EQ(tell(R::Elapsed{}), R::Action(R::Wait{in(1s)}));
}

TEST_F(ReconcilerTest, ChangeAfterAFailureIsTriedSoonerButNotAtOnce) {
  tell(R::Changed{true});
  for (int i = 0; i < 5; ++i) {
    tell(R::Failed{});
    now += 1s;
  }
  tell(R::Failed{});
  const auto failedAt = now;
  EXPECT_EQ(tell(R::Elapsed{}), R::Action(R::Wait{failedAt + 1s}));
  EXPECT_EQ(after(100ms, R::Changed{true}), R::Action(R::Wait{failedAt + 300ms}));
  EXPECT_EQ(after(100ms, R::Changed{true}), R::Action(R::Wait{failedAt + 300ms}));
  EXPECT_EQ(after(100ms), R::Action(R::ReadBack{}));
}

TEST_F(ReconcilerTest, ChangeLongAfterAFailureIsTriedAtOnce) {
  tell(R::Changed{true});
  for (int i = 0; i < 5; ++i) tell(R::Failed{});
  EXPECT_EQ(after(500ms, R::Changed{true}), R::Action(R::ReadBack{}));
}

TEST_F(ReconcilerTest, ChangeDoesNotDelayARetry) {
  tell(R::Changed{true});
  tell(R::Failed{});
  const auto due = in(100ms);
  EXPECT_EQ(after(50ms, R::Changed{true}), R::Action(R::Wait{due}));
}

TEST_F(ReconcilerTest, AuditComesWhenItsTimeHasPassed) {
  synchronise();
  EXPECT_EQ(after(60s), R::Action(R::ReadBack{true}));
  EXPECT_EQ(machine.state(), State::Syncing);
  EXPECT_EQ(tell(R::ReadBackDone{}), R::Action(R::Commit{}));
  EXPECT_EQ(tell(R::Committed{}), R::Action(R::Wait{in(60s)}));
}

TEST_F(ReconcilerTest, ChangesDoNotDelayTheAudit) {
  synchronise();
  const auto audit = in(60s);
  now += 59s;
  tell(R::Changed{true});
  ASSERT_EQ(after(1ms), R::Action(R::Commit{}));
  EXPECT_EQ(tell(R::Committed{}), R::Action(R::Wait{audit}));
}

TEST_F(ReconcilerTest, ChangeGoesBeforeADueAudit) {
  synchronise();
  now += 61s;
  EXPECT_EQ(tell(R::Changed{true}), R::Action(R::Wait{in(1ms)}));
  EXPECT_EQ(after(1ms), R::Action(R::Commit{}));
  EXPECT_EQ(tell(R::Committed{}), R::Action(R::ReadBack{true}));
}

TEST_F(ReconcilerTest, FailedAuditIsRetriedLikeAnyFailure) {
  synchronise();
  ASSERT_EQ(after(60s), R::Action(R::ReadBack{true}));
  EXPECT_EQ(tell(R::Failed{}), R::Action(R::Wait{in(100ms)}));
  EXPECT_EQ(after(100ms), R::Action(R::ReadBack{}));
}

TEST_F(ReconcilerTest, DoubtCausesAReadBackAtOnce) {
  synchronise();
  EXPECT_EQ(after(1s, R::Doubt{}), R::Action(R::ReadBack{}));
  EXPECT_EQ(machine.state(), State::Syncing);
}

TEST_F(ReconcilerTest, DoubtAfterTheReadBackReadsAgain) {
  tell(R::Changed{true});
  ASSERT_EQ(tell(R::ReadBackDone{}), R::Action(R::Commit{}));
  EXPECT_EQ(tell(R::Doubt{}), R::Action(R::ReadBack{}));
}

TEST_F(ReconcilerTest, DoubtDoesNotShortenTheWaitAfterAFailure) {
  tell(R::Changed{true});
  tell(R::Failed{});
  EXPECT_EQ(tell(R::Doubt{}), R::Action(R::Wait{in(100ms)}));
}

TEST_F(ReconcilerTest, StopFinishesInEveryState) {
  const auto stopped = [](std::initializer_list<R::Event> events) {
    R m{options(), [] { return 0.0; }};
    for (const auto& event : events) m.resume(event, R::Time(1000s));
    return m.resume(R::Stop{}, R::Time(1000s));
  };
  EXPECT_EQ(stopped({}), R::Action(R::Finish{}));
  EXPECT_EQ(stopped({R::Changed{true}}), R::Action(R::Finish{}));
  EXPECT_EQ(stopped({R::Changed{true}, R::ReadBackDone{}, R::Committed{}}), R::Action(R::Finish{}));
  EXPECT_EQ(stopped({R::Changed{true}, R::Failed{}}), R::Action(R::Finish{}));
}

TEST(ReconcilerOptions, LoneChangeIsDelayedByNoMoreThanAMillisecond) {
  EXPECT_EQ(R::Options().gather, std::chrono::milliseconds(0));
  EXPECT_LE(R::Options().minInterval, std::chrono::milliseconds(1));
}

}  // namespace
}  // namespace kpol::controller
