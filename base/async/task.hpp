// SPDX-License-Identifier: Apache-2.0
#pragma once

// Names of Asio for headers, declared and no more: what starts or awaits a coroutine includes
// base/async/asio.hpp.
namespace boost::asio {
class any_io_executor;
class thread_pool;
template <class T, class Executor>
class awaitable;
}  // namespace boost::asio

namespace kpol::base {

namespace asio = boost::asio;

// A coroutine of kpold. All run on one thread; between two co_awaits nothing else does.
template <class T = void>
using Task = asio::awaitable<T, asio::any_io_executor>;

}  // namespace kpol::base
