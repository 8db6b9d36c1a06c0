// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"

#include <cstddef>
#include <memory>

namespace kpol::base {

// Coroutines that are cancelled together. Cancellation is a normal end of a coroutine. Any other
// uncaught exception is a bug and terminates the process (std::terminate prints it). Must live
// until all of its coroutines have ended (size() == 0).
class TaskGroup {
 public:
  explicit TaskGroup(const asio::any_io_executor& executor);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts `task`. Discards it if cancel() was called before.
  void spawn(Task<> task);
  // Cancels all coroutines, from the event loop: their waits end with operation_aborted.
  void cancel();
  [[nodiscard]] std::size_t size() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::base
