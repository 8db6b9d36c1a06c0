// SPDX-License-Identifier: Apache-2.0
#include "base/async/race.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace kpol::base {

using namespace asio::experimental::awaitable_operators;

Task<bool> returnsFirst(Task<> work, Task<> limit) {
  const auto result = co_await (std::move(work) || std::move(limit));
  co_return result.index() == 0;
}

Task<> both(Task<> a, Task<> b) {
  co_await (std::move(a) && std::move(b));
}

}  // namespace kpol::base
