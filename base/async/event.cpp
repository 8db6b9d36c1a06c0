// SPDX-License-Identifier: Apache-2.0
#include "base/async/event.hpp"

#include <algorithm>

namespace kpol::base {

// Keeps a timer among an event's waiters for as long as the waiting frame lives.
class Event::Registration {
 public:
  Registration(Event& event, asio::steady_timer& timer) : event_(event), timer_(&timer) {
    event_.waiters_.push_back(timer_);
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration() { std::erase(event_.waiters_, timer_); }

 private:
  Event& event_;
  asio::steady_timer* timer_;
};

void Event::notify() {
  for (asio::steady_timer* timer : waiters_) timer->cancel();
}

Task<bool> Event::waitUntil(Time deadline) {
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
  const Registration registration(*this, timer);
  auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  // notify() and a cancelled coroutine end the wait with the same error code.
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none)
    throw boost::system::system_error(asio::error::operation_aborted);
  co_return isCancelled(error);
}

Task<> sleepUntil(Event::Time deadline) {
  asio::steady_timer timer(co_await asio::this_coro::executor, deadline);
  co_await timer.async_wait(asio::use_awaitable);
}

Task<> sleepFor(std::chrono::steady_clock::duration duration) {
  return sleepUntil(std::chrono::steady_clock::now() + duration);
}

}  // namespace kpol::base
