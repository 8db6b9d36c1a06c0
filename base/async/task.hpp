// SPDX-License-Identifier: Apache-2.0
#pragma once

// Forward declarations of Asio names for headers. Files that start or await a coroutine include
// base/async/asio.hpp.
namespace boost::asio {
class any_io_executor;
class thread_pool;
template <class T, class Executor>
class awaitable;
}  // namespace boost::asio

namespace kpol::base {

namespace asio = boost::asio;

// A coroutine of kpold. All coroutines run on one thread; none runs between two co_awaits of
// another.
template <class T = void>
using Task = asio::awaitable<T, asio::any_io_executor>;

}  // namespace kpol::base
