// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/asio.hpp"

#include <cstddef>
#include <list>

namespace kpol::base {

// Coroutines that are stopped together. A coroutine that ends by cancellation has ended well; any
// other exception that leaves one is a bug and ends the process (std::terminate names it).
// Lives until all of its coroutines have ended (size() == 0).
class TaskGroup {
 public:
  explicit TaskGroup(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts `task`, or drops it when cancel() was called before.
  void spawn(Task<> task);
  // Asks all to end, from the event loop: what they wait for ends with operation_aborted.
  void cancel();
  [[nodiscard]] std::size_t size() const { return running_.size(); }

 private:
  void ended(std::list<asio::cancellation_signal>::iterator place,
             std::exception_ptr error) noexcept;

  asio::any_io_executor executor_;
  std::list<asio::cancellation_signal> running_;
  bool cancelled_ = false;
};

}  // namespace kpol::base
