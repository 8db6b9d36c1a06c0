// SPDX-License-Identifier: Apache-2.0
#include "base/async/task_group.hpp"

#include <boost/asio/post.hpp>

namespace kpol::base {

void TaskGroup::spawn(Task<> task) {
  const auto place = running_.emplace(running_.end());
  asio::co_spawn(executor_, std::move(task),
                 asio::bind_cancellation_slot(place->slot(), [this, place](std::exception_ptr error) {
                   ended(place, std::move(error));
                 }));
  // The coroutine starts from the event loop, so a signal sent now is there when it first waits.
  if (cancelled_) place->emit(asio::cancellation_type::terminal);
}

void TaskGroup::cancel() {
  cancelled_ = true;
  for (asio::cancellation_signal& signal : running_)
    signal.emit(asio::cancellation_type::terminal);
}

void TaskGroup::ended(std::list<asio::cancellation_signal>::iterator place,
                      std::exception_ptr error) {
  // Asio still holds the slot while it calls this.
  asio::post(executor_, [this, place] { running_.erase(place); });
  if (!error) return;
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& failure) {
    if (!isCancelled(failure.code())) throw;
  }
}

}  // namespace kpol::base
