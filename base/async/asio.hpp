// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

// The only place that includes Asio's coroutine headers. Include it in .cpp files only; headers
// include base/async/task.hpp.
//
// g++ 12.2 miscompiles some expressions that contain co_await. A full expression with a co_await
// must not contain a capturing lambda, an aggregate temporary (T{...}, {...}), a braced list, or a
// ?: with the co_await in a branch. Name the object first and pass it by std::move.
namespace kpol::base {

// Whether `error` means that the operation was cancelled.
inline bool isCancelled(const boost::system::error_code& error) {
  return error == asio::error::operation_aborted;
}

}  // namespace kpol::base
