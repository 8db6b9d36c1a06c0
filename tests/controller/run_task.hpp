// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/asio.hpp"
#include "base/async/task_group.hpp"

#include <optional>
#include <utility>

namespace kpol::controller {

template <class T>
base::Task<> keepResult(base::Task<T> task, std::optional<T>& result) {
  result = co_await std::move(task);
}

// Runs `task` alone to its end.
template <class T>
T runTask(base::Task<T> task) {
  base::asio::io_context io;
  base::TaskGroup group(io.get_executor());
  std::optional<T> result;
  group.spawn(keepResult(std::move(task), result));
  io.run();
  return std::move(result).value();
}

}  // namespace kpol::controller
