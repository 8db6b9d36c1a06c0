// SPDX-License-Identifier: Apache-2.0
#include "kube/list_watch.hpp"

#include "kube/resource_version.hpp"

#include <gtest/gtest.h>

namespace kpol::kube {
namespace {

using namespace std::chrono_literals;
using Action = ListWatch::Action;
using Event = ListWatch::Event;

// No jitter, and watches of the shortest time.
double none() {
  return 0.0;
}

ListWatch::Options pages() {
  ListWatch::Options options;
  options.streamingLists = false;
  return options;
}

class ListWatchTest : public ::testing::Test {
 protected:
  explicit ListWatchTest(ListWatch::Options options = pages()) : machine(options, none) {}

  Action tell(const Event& event) { return machine.resume(event, now); }
  Action after(ListWatch::Duration time) {
    now += time;
    return tell(ListWatch::Elapsed{});
  }
  // Until the watch has begun, from resourceVersion 7.
  void synced() {
    tell(ListWatch::Started{});
    tell(ListWatch::Answered{});
    ASSERT_EQ(tell(ListWatch::PageRead{"7", ""}), Action(ListWatch::Sweep{}));
    ASSERT_EQ(tell(ListWatch::Swept{}), Action(watch("7")));
    tell(ListWatch::Answered{});
  }
  static ListWatch::List list(std::string token = {}) { return {std::move(token), 500}; }
  static ListWatch::Watch watch(std::string version) { return {std::move(version), false, 300s}; }
  Action wait(ListWatch::Duration time) const { return ListWatch::Wait{now + time}; }

  ListWatch machine;
  ListWatch::Time now{1h};
};

TEST_F(ListWatchTest, ListsPageByPageThenWatches) {
  EXPECT_EQ(tell(ListWatch::Started{}), Action(list()));
  EXPECT_EQ(tell(ListWatch::Answered{}), Action(ListWatch::Read{30s}));
  EXPECT_EQ(tell(ListWatch::PageRead{"7", "more"}), Action(list("more")));
  EXPECT_EQ(tell(ListWatch::Answered{}), Action(ListWatch::Read{30s}));
  EXPECT_EQ(machine.resourceVersion(), "");
  EXPECT_EQ(tell(ListWatch::PageRead{"7", ""}), Action(ListWatch::Sweep{}));
  EXPECT_EQ(tell(ListWatch::Swept{}), Action(watch("7")));
  EXPECT_EQ(machine.state(), ListWatch::State::Watching);
  EXPECT_EQ(machine.resourceVersion(), "7");
}

TEST_F(ListWatchTest, ResumesWhereTheWatchEnded) {
  synced();
  EXPECT_EQ(tell(ListWatch::ObjectRead{"9"}), Action(ListWatch::Read{330s}));
  EXPECT_EQ(tell(ListWatch::BookmarkRead{"12", false}), Action(ListWatch::Read{150s}));
  EXPECT_EQ(tell(ListWatch::Ended{}), Action(watch("12")));
}

TEST_F(ListWatchTest, BookmarksOutOfOrderDoNotGoBack) {
  synced();
  tell(ListWatch::BookmarkRead{"100", false});
  tell(ListWatch::BookmarkRead{"99", false});
  tell(ListWatch::ObjectRead{"9"});
  EXPECT_EQ(machine.resourceVersion(), "100");
}

TEST_F(ListWatchTest, WatchThatEndsAtOnceIsDelayed) {
  synced();
  EXPECT_EQ(tell(ListWatch::Ended{}), wait(250ms));
  EXPECT_EQ(after(250ms), Action(watch("7")));
  EXPECT_EQ(tell(ListWatch::Ended{}), wait(500ms));
  after(500ms);
  now += 11s;
  EXPECT_EQ(tell(ListWatch::Ended{}), Action(watch("7")));
}

TEST_F(ListWatchTest, GoneListsAgainAtOnceAndKeepsItsVersion) {
  synced();
  EXPECT_EQ(tell(ListWatch::Refused{410, {}}), Action(list()));
  EXPECT_EQ(machine.resourceVersion(), "7");
  EXPECT_EQ(machine.state(), ListWatch::State::Listing);
}

TEST_F(ListWatchTest, RepeatedGoneIncreasesTheDelay) {
  synced();
  EXPECT_EQ(tell(ListWatch::Refused{410, {}}), Action(list()));
  ListWatch::Duration last{};
  for (int i = 0; i < 12; ++i) {
    tell(ListWatch::PageRead{"8", ""});
    EXPECT_EQ(tell(ListWatch::Swept{}), Action(watch("8")));
    const auto action = tell(ListWatch::Refused{410, {}});
    ASSERT_TRUE(std::holds_alternative<ListWatch::Wait>(action)) << i;
    const auto time = std::get<ListWatch::Wait>(action).until - now;
    EXPECT_GE(time, last);
    EXPECT_LE(time, 30s);
    last = time;
    EXPECT_EQ(after(time), Action(list()));
  }
  EXPECT_EQ(last, 30s);
}

TEST_F(ListWatchTest, ExpiredContinueTokenRestartsTheList) {
  tell(ListWatch::Started{});
  tell(ListWatch::PageRead{"7", "more"});
  EXPECT_EQ(tell(ListWatch::Refused{410, {}}), Action(list()));
}

TEST_F(ListWatchTest, FailedPageIsRequestedAgain) {
  tell(ListWatch::Started{});
  tell(ListWatch::PageRead{"7", "more"});
  EXPECT_EQ(tell(ListWatch::Broken{}), wait(250ms));
  EXPECT_EQ(after(250ms), Action(list("more")));
  EXPECT_EQ(tell(ListWatch::Refused{500, {}}), wait(500ms));
  EXPECT_EQ(after(500ms), Action(list("more")));
}

TEST_F(ListWatchTest, ServerErrorsForAMinuteCauseFewRequests) {
  synced();
  int requests = 0;
  Action action = tell(ListWatch::Refused{503, {}});
  for (const auto end = now + 60s; now < end;) {
    ASSERT_TRUE(std::holds_alternative<ListWatch::Wait>(action));
    action = after(std::get<ListWatch::Wait>(action).until - now);
    EXPECT_EQ(action, Action(watch("7")));
    ++requests;
    action = tell(ListWatch::Refused{503, {}});
  }
  EXPECT_GE(requests, 4);
  EXPECT_LE(requests, 12);
  after(30s);
  tell(ListWatch::Answered{});
  tell(ListWatch::ObjectRead{"8"});
  EXPECT_EQ(machine.failures(), 0U);
}

TEST_F(ListWatchTest, RetryAfterIsHonouredUpToALimit) {
  synced();
  EXPECT_EQ(tell(ListWatch::Refused{429, 7s}), wait(7s));
  after(7s);
  EXPECT_EQ(tell(ListWatch::Refused{429, 24h}), wait(5min));
}

TEST_F(ListWatchTest, WaitsIgnoreClockJumps) {
  synced();
  tell(ListWatch::Refused{429, 20s});
  const auto until = now + 20s;
  now -= 30min;  // no steady clock does that; the machine does not care
  EXPECT_EQ(tell(ListWatch::Elapsed{}), Action(ListWatch::Wait{until}));
  now += 24h;
  EXPECT_EQ(tell(ListWatch::Elapsed{}), Action(watch("7")));
}

TEST_F(ListWatchTest, ListWithoutAVersionIsRejected) {
  tell(ListWatch::Started{});
  EXPECT_EQ(tell(ListWatch::PageRead{"", ""}), wait(250ms));
  EXPECT_EQ(after(250ms), Action(list()));
  EXPECT_EQ(tell(ListWatch::PageRead{"0", ""}), wait(500ms));
}

TEST_F(ListWatchTest, DistrustListsAgain) {
  synced();
  EXPECT_EQ(tell(ListWatch::Distrust{}), Action(list()));
  tell(ListWatch::PageRead{"9", "more"});
  EXPECT_EQ(tell(ListWatch::Distrust{}), Action(list()));
  tell(ListWatch::Refused{503, 9s});
  EXPECT_EQ(tell(ListWatch::Distrust{}), wait(9s));
  EXPECT_EQ(after(9s), Action(list()));
}

// After a restore of the server's store from a backup, a watch from our version sends nothing.
TEST_F(ListWatchTest, WatchWithoutItsBookmarksListsAgain) {
  synced();
  tell(ListWatch::BookmarkRead{"12", false});
  EXPECT_EQ(tell(ListWatch::Ended{}), Action(watch("12")));
  EXPECT_EQ(tell(ListWatch::Answered{}), Action(ListWatch::Read{150s}));
  now += 150s;
  EXPECT_EQ(tell(ListWatch::Broken{}), wait(250ms));
  EXPECT_EQ(after(250ms), Action(list()));
  tell(ListWatch::PageRead{"3", ""});
  EXPECT_EQ(tell(ListWatch::Swept{}), Action(watch("3")));
  // This server may send none.
  EXPECT_EQ(tell(ListWatch::Answered{}), Action(ListWatch::Read{330s}));
}

TEST_F(ListWatchTest, WatchThatEndsBeforeItsFirstBookmarkDoesNotListAgain) {
  synced();
  tell(ListWatch::BookmarkRead{"12", false});
  EXPECT_EQ(tell(ListWatch::Ended{}), Action(watch("12")));
  tell(ListWatch::Answered{});
  now += 149s;
  EXPECT_EQ(tell(ListWatch::Ended{}), Action(watch("12")));
  tell(ListWatch::Answered{});
  tell(ListWatch::ObjectRead{"13"});
  now += 300s;
  EXPECT_EQ(tell(ListWatch::Ended{}), Action(watch("13")));
}

TEST_F(ListWatchTest, VersionOfTheListIsUsedEvenIfOlder) {
  synced();
  tell(ListWatch::ObjectRead{"1000"});
  tell(ListWatch::Refused{410, {}});
  tell(ListWatch::PageRead{"990", ""});
  EXPECT_EQ(tell(ListWatch::Swept{}), Action(watch("990")));
}

struct StreamingListTest : ListWatchTest {
  StreamingListTest() : ListWatchTest(ListWatch::Options()) {}
  static Action initial() { return ListWatch::Watch{"", true, 300s}; }
};

TEST_F(StreamingListTest, OneRequestListsAndWatches) {
  EXPECT_EQ(tell(ListWatch::Started{}), initial());
  EXPECT_EQ(tell(ListWatch::Answered{}), Action(ListWatch::Read{30s}));
  EXPECT_EQ(tell(ListWatch::ObjectRead{"3"}), Action(ListWatch::Read{30s}));
  EXPECT_EQ(tell(ListWatch::BookmarkRead{"4", false}), Action(ListWatch::Read{30s}));
  EXPECT_EQ(machine.resourceVersion(), "");
  EXPECT_EQ(tell(ListWatch::BookmarkRead{"7", true}), Action(ListWatch::Sweep{}));
  EXPECT_EQ(tell(ListWatch::Swept{}), Action(ListWatch::Read{150s}));
  EXPECT_EQ(machine.resourceVersion(), "7");
  tell(ListWatch::ObjectRead{"9"});
  EXPECT_EQ(tell(ListWatch::Ended{}), Action(watch("9")));
}

TEST_F(StreamingListTest, FallsBackToPagesIfUnsupported) {
  tell(ListWatch::Started{});
  EXPECT_EQ(tell(ListWatch::Refused{422, {}}), Action(list()));
  tell(ListWatch::PageRead{"7", ""});
  EXPECT_EQ(tell(ListWatch::Swept{}), Action(watch("7")));
  EXPECT_EQ(tell(ListWatch::Refused{410, {}}), Action(list()));
}

TEST_F(StreamingListTest, FallsBackToPagesWhileTheServersCacheIsBehind) {
  tell(ListWatch::Started{});
  EXPECT_EQ(tell(ListWatch::Refused{504, 1s}), Action(list()));
}

TEST_F(StreamingListTest, FallsBackToPagesAfterServerErrors) {
  tell(ListWatch::Started{});
  EXPECT_EQ(tell(ListWatch::Refused{500, {}}), wait(250ms));
  EXPECT_EQ(after(250ms), initial());
  EXPECT_EQ(tell(ListWatch::Refused{500, {}}), Action(list()));
}

// Real servers over an etcd without RequestWatchProgress: 200, and 500 in place of the first event.
TEST_F(StreamingListTest, FallsBackToPagesAtOnceIfTheStreamIsRejected) {
  tell(ListWatch::Started{});
  tell(ListWatch::Answered{});
  EXPECT_EQ(tell(ListWatch::Refused{500, {}}), Action(list()));
}

TEST_F(StreamingListTest, RejectionsThatAlsoConcernPagesAreRetried) {
  tell(ListWatch::Started{});
  for (const unsigned status : {401U, 403U, 429U}) {
    tell(ListWatch::Refused{status, {}});
    EXPECT_EQ(after(30s), initial());
  }
}

TEST_F(StreamingListTest, FallsBackToPagesWhenTheInitialEventsNeverEnd) {
  tell(ListWatch::Started{});
  for (int i = 0; i < 2; ++i) {
    tell(ListWatch::Answered{});
    tell(ListWatch::ObjectRead{"3"});
    const auto action = tell(ListWatch::Broken{});
    ASSERT_TRUE(std::holds_alternative<ListWatch::Wait>(action));
    EXPECT_EQ(after(10s), i == 0 ? initial() : Action(list()));
  }
}

TEST_F(StreamingListTest, UnreachableServerDoesNotFallBackToPages) {
  tell(ListWatch::Started{});
  for (int i = 0; i < 5; ++i) {
    tell(ListWatch::Broken{});
    EXPECT_EQ(after(30s), initial());
  }
}

TEST(ListWatchJitter, WatchesOfManyNodesEndAtDifferentTimes) {
  ListWatch machine(pages(), [] { return 0.5; });
  machine.resume(ListWatch::Started{}, {});
  machine.resume(ListWatch::PageRead{"7", ""}, {});
  const auto action = machine.resume(ListWatch::Swept{}, {});
  EXPECT_EQ(std::get<ListWatch::Watch>(action).timeout, 450s);
}

TEST(ResourceVersion, IsComparedAsANumberWhereItIsOne) {
  EXPECT_TRUE(isNewer("10", "9"));
  EXPECT_FALSE(isNewer("9", "10"));
  EXPECT_FALSE(isNewer("10", "10"));
  EXPECT_TRUE(isNewer("1", ""));
  EXPECT_FALSE(isNewer("", "1"));
  EXPECT_FALSE(isNewer("0", "1"));
  EXPECT_TRUE(isNewer("a", "b"));
  EXPECT_TRUE(isOlder("9", "10"));
  EXPECT_FALSE(isOlder("10", "10"));
  EXPECT_FALSE(isOlder("11", "10"));
  EXPECT_FALSE(isOlder("a", "10"));
  EXPECT_FALSE(isOlder("9", ""));
}

}  // namespace
}  // namespace kpol::kube
