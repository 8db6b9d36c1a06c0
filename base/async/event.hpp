// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"

#include <chrono>
#include <vector>

namespace kpol::base {

// Wakes coroutines that wait for a condition to change: a condition variable for one thread.
// A waiter tests its condition, waits, and tests again; since nothing runs between the test and the
// wait, no notification is lost. Outlives its waiters.
class Event {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr Time kNever = Time::max();

  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // Wakes all that wait now; they run after the caller has suspended.
  void notify();

  // True when notified, false when `deadline` has passed. Throws boost::system::system_error with
  // operation_aborted when the coroutine is cancelled.
  Task<bool> waitUntil(Time deadline);

 private:
  class Waiter;
  std::vector<Waiter*> waiters_;  // in the frames of the waiting coroutines
};

// Lets time pass; throws as Event::waitUntil does.
Task<> sleepUntil(Event::Time deadline);
Task<> sleepFor(std::chrono::steady_clock::duration duration);

}  // namespace kpol::base
