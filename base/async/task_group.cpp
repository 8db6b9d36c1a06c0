// SPDX-License-Identifier: Apache-2.0
#include "base/async/task_group.hpp"

#include "base/async/asio.hpp"

#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/post.hpp>

#include <list>

namespace kpol::base {
namespace {

// If a cancelled `a || b` throws on both sides, Asio throws one multiple_exceptions.
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

struct TaskGroup::State {
  asio::any_io_executor executor;
  std::list<asio::cancellation_signal> running;
  bool cancelled = false;

  void ended(std::list<asio::cancellation_signal>::iterator place,
             std::exception_ptr error) noexcept;
};

TaskGroup::TaskGroup(const asio::any_io_executor& executor) : state_(std::make_unique<State>()) {
  state_->executor = executor;
}
TaskGroup::~TaskGroup() = default;

std::size_t TaskGroup::size() const {
  return state_->running.size();
}

// co_spawn throws out of the event loop if its coroutine is cancelled before its first wait.
// Therefore a task is started before the cancellation or not at all.
void TaskGroup::spawn(Task<> task) {
  if (state_->cancelled) return;
  const auto place = state_->running.emplace(state_->running.end());
  auto ended = [state = state_.get(), place](std::exception_ptr error) {
    state->ended(place, std::move(error));
  };
  asio::co_spawn(state_->executor, std::move(task),
                 asio::bind_cancellation_slot(place->slot(), std::move(ended)));
}

// Emits from the event loop only: co_spawn's handler forwards a signal from outside to the loop,
// and the coroutine may have ended by then (boost/asio/impl/co_spawn.hpp).
void TaskGroup::cancel() {
  state_->cancelled = true;
  asio::post(state_->executor, [state = state_.get()] {
    for (asio::cancellation_signal& signal : state->running)
      signal.emit(asio::cancellation_type::terminal);
  });
}

void TaskGroup::State::ended(std::list<asio::cancellation_signal>::iterator place,
                             std::exception_ptr error) noexcept {
  // Asio still holds the slot while it calls this.
  asio::post(executor, [this, place] { running.erase(place); });
  if (error && !isCancellation(error)) std::rethrow_exception(error);
}

}  // namespace kpol::base
