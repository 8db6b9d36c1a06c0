// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task_group.hpp"
#include "base/unique_fd.hpp"
#include "controller/http_message.hpp"

#include <cstddef>
#include <functional>

namespace kpol::controller {

using HttpHandler = std::function<base::Task<Response>(Request)>;

// The maximum number of connections of one listener. Clients of the metrics port must not use up
// the file descriptors that pod starts need. Only root can reach the Unix socket.
inline constexpr std::size_t kMostTcpConnections = 32;
inline constexpr std::size_t kMostLocalConnections = 1000;

// Accepts connections at `listener`, a listening stream socket, until cancelled. Each connection is
// a coroutine in `connections`, which outlives them. A connection is closed if it does not send a
// whole request, or does not read the response, within 30 s. If the client closes its connection,
// or only its sending side, before the response, the handler is cancelled.
//
// If there are `mostConnections`, a new one takes the place of the one that has waited longest for
// its client, so that idle clients cannot keep the kubelet's probes out. If all handlers run, the
// new one is closed.
base::Task<> serve(base::UniqueFd listener, HttpHandler handler, base::TaskGroup& connections,
                   std::size_t mostConnections);

}  // namespace kpol::controller
