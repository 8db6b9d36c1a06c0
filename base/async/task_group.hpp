// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"

#include <cstddef>
#include <memory>

namespace kpol::base {

// Coroutines that are stopped together. A coroutine that ends by cancellation has ended well; any
// other exception that leaves one is a bug and ends the process (std::terminate names it).
// Lives until all of its coroutines have ended (size() == 0).
class TaskGroup {
 public:
  explicit TaskGroup(const asio::any_io_executor& executor);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts `task`, or drops it when cancel() was called before.
  void spawn(Task<> task);
  // Asks all to end, from the event loop: what they wait for ends with operation_aborted.
  void cancel();
  [[nodiscard]] std::size_t size() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::base
