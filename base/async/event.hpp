// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"

#include <chrono>
#include <vector>

namespace kpol::base {

// A condition variable for coroutines of one thread. A waiter tests its condition, waits, and tests
// again. No notification is lost, because no other code runs between the test and the wait. Must
// outlive its waiters.
class Event {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr Time kNever = Time::max();

  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // Wakes all current waiters. They run after the caller has suspended.
  void notify();

  // Returns true when notified, false when `deadline` has passed. Throws
  // boost::system::system_error with operation_aborted when the coroutine is cancelled.
  Task<bool> waitUntil(Time deadline);

 private:
  class Waiter;
  std::vector<Waiter*> waiters_;  // in the frames of the waiting coroutines
};

// Throws like Event::waitUntil.
Task<> sleepUntil(Event::Time deadline);
Task<> sleepFor(std::chrono::steady_clock::duration duration);

}  // namespace kpol::base
