// SPDX-License-Identifier: Apache-2.0
#include "base/async/race.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/multiple_exceptions.hpp>

#include <exception>

namespace kpol::base {
namespace {

using namespace asio::experimental::awaitable_operators;

// Stores the exception of the first task that throws, because Asio joins two exceptions into one
// whose first is that of the left operand, even if that one was only cancelled.
Task<> record(Task<> task, std::exception_ptr& first) {
  try {
    co_await std::move(task);
  } catch (const std::exception&) {
    if (!first) first = std::current_exception();
    throw;
  }
}

}  // namespace

Task<bool> returnsFirst(Task<> work, Task<> limit) {
  std::exception_ptr first;
  try {
    const auto result =
        co_await (record(std::move(work), first) || record(std::move(limit), first));
    co_return result.index() == 0;
  } catch (const asio::multiple_exceptions&) {
    if (!first) throw;
  }
  std::rethrow_exception(first);
}

Task<> both(Task<> a, Task<> b) {
  std::exception_ptr first;
  try {
    co_await (record(std::move(a), first) && record(std::move(b), first));
    co_return;
  } catch (const asio::multiple_exceptions&) {
    if (!first) throw;
  }
  std::rethrow_exception(first);
}

}  // namespace kpol::base
