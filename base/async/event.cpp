// SPDX-License-Identifier: Apache-2.0
#include "base/async/event.hpp"

#include "base/async/asio.hpp"

#include <algorithm>

namespace kpol::base {

// Registered with the event while the waiting coroutine's frame exists.
class Event::Waiter {
 public:
  Waiter(Event& event, const asio::any_io_executor& executor, Time deadline)
      : event_(event), timer_(executor, deadline) {
    event_.waiters_.push_back(this);
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { std::erase(event_.waiters_, this); }

  asio::steady_timer& timer() { return timer_; }

 private:
  Event& event_;
  asio::steady_timer timer_;
};

void Event::notify() {
  for (Waiter* waiter : waiters_) waiter->timer().cancel();
}

Task<bool> Event::waitUntil(Time deadline) {
  Waiter waiter(*this, co_await asio::this_coro::executor, deadline);
  auto [error] = co_await waiter.timer().async_wait(asio::as_tuple(asio::use_awaitable));
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
