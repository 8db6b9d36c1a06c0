// SPDX-License-Identifier: Apache-2.0
#include "base/async/event.hpp"

#include "base/async/asio.hpp"
#include "base/async/task_group.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kpol::base {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

Task<> waitOnce(Event& event, Event::Time deadline, std::vector<std::string>& log) {
  const bool notified = co_await event.waitUntil(deadline);
  log.push_back(notified ? "notified" : "timed out");
}

Task<> notifyLater(Event& event) {
  event.notify();
  co_return;
}

TEST(Event, WakesAllWaiters) {
  asio::io_context io;
  TaskGroup group(io.get_executor());
  Event event;
  std::vector<std::string> log;
  group.spawn(waitOnce(event, Event::kNever, log));
  group.spawn(waitOnce(event, Event::kNever, log));
  group.spawn(notifyLater(event));
  io.run();
  EXPECT_EQ(log, (std::vector<std::string>{"notified", "notified"}));
}

TEST(Event, NotificationIsNotStored) {
  asio::io_context io;
  TaskGroup group(io.get_executor());
  Event event;
  std::vector<std::string> log;
  event.notify();
  group.spawn(waitOnce(event, Clock::now(), log));
  io.run();
  EXPECT_EQ(log, std::vector<std::string>{"timed out"});
}

TEST(Event, DistinguishesTimeoutFromNotification) {
  asio::io_context io;
  TaskGroup group(io.get_executor());
  Event event;
  std::vector<std::string> log;
  group.spawn(waitOnce(event, Clock::now() - 1s, log));
  group.spawn(waitOnce(event, Event::kNever, log));
  io.poll();
  event.notify();
  io.run();
  EXPECT_EQ(log, (std::vector<std::string>{"timed out", "notified"}));
}

TEST(Event, CancelledWaitIsNoNotification) {
  asio::io_context io;
  TaskGroup group(io.get_executor());
  Event event;
  std::vector<std::string> log;
  group.spawn(waitOnce(event, Event::kNever, log));
  io.poll();
  group.cancel();
  io.run();
  EXPECT_EQ(log, std::vector<std::string>{});
  EXPECT_EQ(group.size(), 0U);
}

TEST(Event, ToleratesDestroyedWaiters) {
  asio::io_context io;
  TaskGroup group(io.get_executor());
  Event event;
  std::vector<std::string> log;
  group.spawn(waitOnce(event, Clock::now(), log));
  io.run();
  event.notify();
  EXPECT_EQ(log, std::vector<std::string>{"timed out"});
}

}  // namespace
}  // namespace kpol::base
