// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/asio.hpp"

#include <optional>
#include <utility>

// Asio's `a || b` and `a && b` of coroutines, compiled once: each use of the operator with other
// types takes the compiler most of a second.
namespace kpol::base {

// Runs both until one has returned, then cancels the other and waits for its end. Whether `work`
// was the one. One that throws is as if it went on; throws when both do, and when it is cancelled.
Task<bool> returnsFirst(Task<> work, Task<> limit);

// Runs both and returns when both have. When one throws, cancels the other and throws what it
// threw.
Task<> both(Task<> a, Task<> b);

// Keeps what `task` returns; both must outlive the coroutine.
template <class T>
Task<> keep(Task<T> task, std::optional<T>& result) {
  result = co_await std::move(task);
}

// What `work` returns, or nullopt when `limit` returns first.
template <class T>
Task<std::optional<T>> unless(Task<> limit, Task<T> work) {
  std::optional<T> result;
  const bool worked = co_await returnsFirst(keep(std::move(work), result), std::move(limit));
  // A cancelled operation may have returned its error code.
  if (!worked) result.reset();
  co_return result;
}

}  // namespace kpol::base
