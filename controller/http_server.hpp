// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task_group.hpp"
#include "base/unique_fd.hpp"
#include "controller/http_message.hpp"

#include <functional>

namespace kpol::controller {

using HttpHandler = std::function<base::Task<Response>(Request)>;

// Connections that one listener has at a time; more are closed at once. Clients of the metrics port
// must not use up the descriptors that pod starts need; only root reaches the Unix socket.
inline constexpr long kMostTcpConnections = 32;
inline constexpr long kMostLocalConnections = 1000;

// Accepts connections at `listener`, a listening stream socket, until cancelled; each is served by
// a coroutine in `connections`, which must outlive them. A connection that does not send a whole
// request, or does not take the answer, within 30 s is closed. When the client closes before the
// answer, the handler is cancelled.
base::Task<> serve(base::UniqueFd listener, HttpHandler handler, base::TaskGroup& connections,
                   long mostConnections);

}  // namespace kpol::controller
