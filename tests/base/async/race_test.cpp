// SPDX-License-Identifier: Apache-2.0
#include "base/async/race.hpp"

#include "base/async/asio.hpp"
#include "base/async/event.hpp"
#include "base/async/task_group.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace kpol::base {
namespace {

using namespace std::chrono_literals;

// Waits for `event`, and notes when it was cancelled instead.
Task<> waitFor(Event& event, bool& cancelled) {
  cancelled = true;
  co_await event.waitUntil(Event::kNever);
  cancelled = false;
}

Task<std::string> textAfter(Event& event) {
  co_await event.waitUntil(Event::kNever);
  co_return "text";
}

Task<> throwAtOnce() {
  throw std::runtime_error("failed");
  co_return;
}

class RaceTest : public testing::Test {
 protected:
  template <class T>
  std::optional<T> run(Task<T> task, Event* notified) {
    std::optional<T> result;
    TaskGroup group(io_.get_executor());
    group.spawn(keep(std::move(task), result));
    io_.poll();
    if (notified != nullptr) notified->notify();
    io_.restart();
    io_.run();
    EXPECT_EQ(group.size(), 0U);
    return result;
  }

  asio::io_context io_{1};
  Event a_;
  Event b_;
  bool cancelledA_ = false;
  bool cancelledB_ = false;
};

TEST_F(RaceTest, WorkThatReturnsFirstCancelsTheLimit) {
  EXPECT_EQ(run(returnsFirst(waitFor(a_, cancelledA_), waitFor(b_, cancelledB_)), &a_), true);
  EXPECT_FALSE(cancelledA_);
  EXPECT_TRUE(cancelledB_);
}

TEST_F(RaceTest, LimitThatReturnsFirstCancelsTheWork) {
  EXPECT_EQ(run(returnsFirst(waitFor(a_, cancelledA_), waitFor(b_, cancelledB_)), &b_), false);
  EXPECT_TRUE(cancelledA_);
  EXPECT_FALSE(cancelledB_);
}

TEST_F(RaceTest, ExceptionDoesNotCancelTheOther) {
  EXPECT_EQ(run(returnsFirst(throwAtOnce(), waitFor(b_, cancelledB_)), &b_), false);
  EXPECT_FALSE(cancelledB_);
}

// What `task` throws.
std::string thrownBy(asio::io_context& io, Task<> task) {
  std::string what;
  asio::co_spawn(io, std::move(task), [&](const std::exception_ptr& error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const std::exception& exception) {
      what = exception.what();
    }
  });
  io.run();
  return what;
}

TEST_F(RaceTest, BothRethrowsAnException) {
  EXPECT_EQ(thrownBy(io_, both(throwAtOnce(), waitFor(b_, cancelledB_))), "failed");
  EXPECT_TRUE(cancelledB_);
  io_.restart();
  EXPECT_EQ(thrownBy(io_, both(waitFor(a_, cancelledA_), throwAtOnce())), "failed");
  EXPECT_TRUE(cancelledA_);
}

TEST_F(RaceTest, TheFirstOfTwoExceptionsIsThrown) {
  std::optional<bool> result;
  EXPECT_EQ(thrownBy(io_, keep(returnsFirst(throwAtOnce(), throwAtOnce()), result)), "failed");
}

TEST_F(RaceTest, BothReturnWhenTheSecondHas) {
  std::optional<std::string> a;
  std::optional<std::string> b;
  TaskGroup group(io_.get_executor());
  group.spawn(both(keep(textAfter(a_), a), keep(textAfter(b_), b)));
  io_.poll();
  a_.notify();
  io_.restart();
  io_.poll();
  EXPECT_EQ(group.size(), 1U);
  b_.notify();
  io_.restart();
  io_.run();
  EXPECT_EQ(group.size(), 0U);
  EXPECT_EQ(a, "text");
  EXPECT_EQ(b, "text");
}

TEST_F(RaceTest, ResultOfTheWork) {
  const auto result = run(unless(waitFor(b_, cancelledB_), textAfter(a_)), &a_);
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, "text");
}

TEST_F(RaceTest, NoResultWhenTheLimitReturnsFirst) {
  const auto result = run(unless(waitFor(b_, cancelledB_), textAfter(a_)), &b_);
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, std::nullopt);
}

// With as_tuple a cancelled operation returns its error code instead of throwing.
TEST_F(RaceTest, NoResultOfAnOperationThatTheLimitCancelled) {
  asio::steady_timer timer(io_, Event::kNever);
  auto operation = timer.async_wait(asio::as_tuple(asio::use_awaitable));
  const auto result = run(unless(waitFor(b_, cancelledB_), std::move(operation)), &b_);
  ASSERT_TRUE(result);
  EXPECT_FALSE(*result);
}

}  // namespace
}  // namespace kpol::base
