// SPDX-License-Identifier: Apache-2.0
#include "base/async/task_group.hpp"

#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/post.hpp>

namespace kpol::base {
namespace {

// Both sides of an `a || b` that was cancelled may throw; Asio then joins the two.
bool isCancellation(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& failure) {
    return isCancelled(failure.code());
  } catch (const asio::multiple_exceptions& failures) {
    return isCancellation(failures.first_exception());
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

// co_spawn throws out of the event loop when its coroutine is cancelled before it has waited once,
// so a task is either started before the cancellation or not at all.
void TaskGroup::spawn(Task<> task) {
  if (cancelled_) return;
  const auto place = running_.emplace(running_.end());
  asio::co_spawn(
      executor_, std::move(task),
      asio::bind_cancellation_slot(place->slot(), [this, place](std::exception_ptr error) {
        ended(place, std::move(error));
      }));
}

// From the event loop, never from outside: what co_spawn installs hands a signal that comes from
// outside on to the loop, and by then its coroutine may have ended (boost/asio/impl/co_spawn.hpp).
void TaskGroup::cancel() {
  cancelled_ = true;
  asio::post(executor_, [this] {
    for (asio::cancellation_signal& signal : running_)
      signal.emit(asio::cancellation_type::terminal);
  });
}

void TaskGroup::ended(std::list<asio::cancellation_signal>::iterator place,
                      std::exception_ptr error) noexcept {
  // Asio still holds the slot while it calls this.
  asio::post(executor_, [this, place] { running_.erase(place); });
  if (error && !isCancellation(error)) std::rethrow_exception(error);
}

}  // namespace kpol::base
