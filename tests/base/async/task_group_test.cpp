// SPDX-License-Identifier: Apache-2.0
#include "base/async/task_group.hpp"

#include "base/async/asio.hpp"
#include "base/async/event.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <gtest/gtest.h>

#include <stdexcept>

namespace kpol::base {
namespace {

using namespace asio::experimental::awaitable_operators;

// Counts coroutine frames that have not ended.
struct Alive {
  explicit Alive(int& counter) : count(counter) { ++count; }
  Alive(const Alive&) = delete;
  Alive& operator=(const Alive&) = delete;
  ~Alive() { --count; }
  int& count;
};

Task<> waitForever(Event& event, int& alive) {
  const Alive self(alive);
  co_await event.waitUntil(Event::kNever);
}

Task<> waitForEither(Event& event, int& alive) {
  const Alive self(alive);
  co_await (event.waitUntil(Event::kNever) || event.waitUntil(Event::kNever));
}

Task<> fail() {
  throw std::logic_error("a bug");
  co_return;
}

TEST(TaskGroup, CancelDestroysAllTasks) {
  asio::io_context io;
  TaskGroup group(io.get_executor());
  Event event;
  int alive = 0;
  group.spawn(waitForever(event, alive));
  group.spawn(waitForEither(event, alive));
  io.poll();
  EXPECT_EQ(alive, 2);
  EXPECT_EQ(group.size(), 2U);
  group.cancel();
  io.run();
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(group.size(), 0U);
}

TEST(TaskGroup, NothingStartsAfterCancel) {
  asio::io_context io;
  TaskGroup group(io.get_executor());
  Event event;
  int alive = 0;
  group.cancel();
  group.spawn(waitForever(event, alive));
  EXPECT_EQ(group.size(), 0U);
  io.run();
  EXPECT_EQ(alive, 0);
}

TEST(TaskGroup, TaskThatWasSpawnedBeforeCancelIsCancelledAtItsFirstWait) {
  asio::io_context io;
  TaskGroup group(io.get_executor());
  Event event;
  int alive = 0;
  group.spawn(waitForever(event, alive));
  group.cancel();
  io.run();
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(group.size(), 0U);
}

TEST(TaskGroupDeathTest, BugInATaskEndsTheProcess) {
  EXPECT_DEATH(
      {
        asio::io_context io;
        TaskGroup group(io.get_executor());
        group.spawn(fail());
        io.run();
      },
      "a bug");
}

}  // namespace
}  // namespace kpol::base
