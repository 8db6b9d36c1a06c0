// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/asio.hpp"

#include <optional>
#include <utility>

// Asio's `a || b` and `a && b` for coroutines, compiled once, because each use of an operator with
// other types costs the compiler most of a second.
namespace kpol::base {

// Runs both until one has returned, then cancels the other and waits until it ends. Returns whether
// `work` returned first. If one throws, the other one continues. If both throw, rethrows the
// exception that was thrown first.
Task<bool> returnsFirst(Task<> work, Task<> limit);

// Runs both and returns when both have returned. If one throws, cancels the other and rethrows the
// exception of the one that threw first.
Task<> both(Task<> a, Task<> b);

// Stores the result of `task` in `result`, which must outlive the coroutine.
template <class T>
Task<> keep(Task<T> task, std::optional<T>& result) {
  result = co_await std::move(task);
}

// Returns the result of `work`, or nullopt if `limit` returns first.
template <class T>
Task<std::optional<T>> unless(Task<> limit, Task<T> work) {
  std::optional<T> result;
  const bool worked = co_await returnsFirst(keep(std::move(work), result), std::move(limit));
  // A cancelled operation may have returned its error code.
  if (!worked) result.reset();
  co_return result;
}

}  // namespace kpol::base
